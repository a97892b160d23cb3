"""The event loop that async functions share under WSGI: what one function does to it, others do not notice."""

from __future__ import annotations

import asyncio
import gc
import http.client
import json
import selectors
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import flask
import pytest
from werkzeug.serving import make_server

import inngest
import inngest.flask
from inngest_core.errors import InngestError
from inngest_core.runtime.drivers import Resources
from inngest_core.runtime.loop_thread import LoopThread
from inngest_core.web.messages import Request
from tests.cases.case import APP_ID, Call
from tests.stage.logs import silent_logger

PATIENCE = 20.0
ROOT = Path(__file__).parent.parent.parent
ENDS = pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])


async def raises(error: type[BaseException]) -> None:
    await asyncio.sleep(0)
    raise error("asked for")


async def returns(value: object) -> object:
    await asyncio.sleep(0)
    return value


@contextmanager
def a_loop_thread(new_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop) -> Generator[LoopThread]:
    thread = LoopThread(new_loop)
    try:
        yield thread
    finally:
        thread.close()


def in_thread(work: Callable[[], object]) -> Future[object]:
    """Do *work* in a thread that Python does not wait for when it ends: it may hang."""
    outcome: Future[object] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:
            outcome.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return outcome


# Direct


@ENDS
def test_what_a_coroutine_raises_to_end_its_loop_reaches_the_caller_as_our_error(error: type[BaseException]) -> None:
    with a_loop_thread() as thread:
        for _ in range(2):
            with pytest.raises(InngestError, match=f"the function raised {error.__name__}") as caught:
                thread.run(lambda: raises(error))
            assert isinstance(caught.value.__cause__, error)
        assert thread.run(lambda: returns(7)) == 7


@ENDS
def test_a_task_that_nobody_awaits_ends_alone(error: type[BaseException], caplog: pytest.LogCaptureFixture) -> None:
    going_on = threading.Event()

    async def other() -> str:
        await asyncio.to_thread(going_on.wait, PATIENCE)
        return "other"

    async def main() -> str:
        task = asyncio.create_task(raises(error))
        await asyncio.wait([task])
        assert isinstance(task.exception(), error)
        return "main"

    with a_loop_thread() as thread:
        beside = in_thread(lambda: thread.run(other))
        assert thread.run(main) == "main"
        going_on.set()
        assert beside.result(PATIENCE) == "other"
    assert f"a task of an async function raised {error.__name__}; it ended that task" in caplog.text


def test_stopping_the_loop_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> str:
        asyncio.get_running_loop().stop()
        await asyncio.sleep(0)
        return "went on"

    with a_loop_thread() as thread:
        assert thread.run(main) == "went on"
    assert "an async function stopped the event loop" in caplog.text


def test_a_coroutine_that_was_cancelled_before_it_began_is_answered() -> None:
    def main() -> Any:
        asyncio.get_running_loop().call_soon(lambda: [task.cancel() for task in asyncio.all_tasks()])
        return returns(1)

    with a_loop_thread() as thread:
        outcome = in_thread(lambda: thread.run(main))
        with pytest.raises(InngestError, match="cancelled by its own code"):
            outcome.result(PATIENCE)


def test_a_coroutine_that_cannot_be_made_is_answered() -> None:
    def main() -> Any:
        raise ValueError("no coroutine")

    with a_loop_thread() as thread:
        outcome = in_thread(lambda: thread.run(main))
        with pytest.raises(ValueError, match="no coroutine"):
            outcome.result(PATIENCE)
        assert thread.run(lambda: returns(1)) == 1


def test_who_waits_for_a_loop_that_breaks_gets_the_cause(caplog: pytest.LogCaptureFixture) -> None:
    class Breaking(selectors.DefaultSelector):
        broken = False

        def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
            if self.broken:
                raise OSError(9, "the selector is broken")
            return super().select(timeout)

    selector = Breaking()

    async def main() -> None:
        selector.broken = True
        await asyncio.Event().wait()

    thread = LoopThread(lambda: asyncio.SelectorEventLoop(selector))
    outcome = in_thread(lambda: thread.run(main))
    with pytest.raises(InngestError, match=r"ended before the function did: .*the selector is broken") as caught:
        outcome.result(PATIENCE)
    assert isinstance(caught.value.__cause__, OSError)
    assert not thread.is_alive()
    with pytest.raises(InngestError, match="the selector is broken"):
        thread.run(lambda: returns(1))
    thread.close()
    assert "the event loop of async functions broke" in caplog.text


def test_a_loop_that_cannot_be_made_is_the_callers_error() -> None:
    def no_loop() -> asyncio.AbstractEventLoop:
        raise OSError(24, "Too many open files")

    made = in_thread(lambda: LoopThread(no_loop))
    with pytest.raises(OSError, match="Too many open files"):
        made.result(PATIENCE)


def test_a_loop_that_has_ended_is_replaced() -> None:
    resources = Resources()
    try:
        first = resources.loop_thread()
        assert resources.loop_thread() is first
        first.close()
        assert resources.loop_thread().run(lambda: returns(1)) == 1
    finally:
        resources.close()


def served_once_by_a_client_that_nobody_closes() -> None:
    client = inngest.Inngest(app_id=APP_ID, is_production=False, logger=silent_logger())

    @client.create_function(fn_id="fn", trigger=inngest.TriggerEvent(event="test/go"))
    async def fn(ctx: inngest.Context) -> str:
        return "done"

    call = Call()
    url = f"http://shop.example/api/inngest?{call.query()}"
    answer = inngest.App(client, [fn], framework="test").handle_sync(Request("POST", url, {}, call.body()))
    assert answer.content == b'"done"'


def test_a_client_that_is_dropped_leaves_no_thread_behind() -> None:
    """As in a test suite that makes an app for each test: a thread and three open files for each."""
    before = set(threading.enumerate())
    for _ in range(3):
        served_once_by_a_client_that_nobody_closes()
    gc.collect()
    for thread in set(threading.enumerate()) - before:
        thread.join(PATIENCE)
        assert not thread.is_alive()


def test_a_loop_thread_that_nobody_needs_ends_once() -> None:
    before = set(threading.enumerate())
    thread = LoopThread()
    (started,) = set(threading.enumerate()) - before
    thread.dismiss()
    thread.dismiss()
    started.join(PATIENCE)
    assert not started.is_alive()
    thread.dismiss()
    thread.close()
    with pytest.raises(InngestError, match="the client was closed"):
        thread.run(lambda: returns(1))


def test_closing_does_not_wait_for_ever_for_code_that_blocks_the_loop(caplog: pytest.LogCaptureFixture) -> None:
    blocked, released = threading.Event(), threading.Event()

    async def main() -> None:
        blocked.set()
        released.wait(PATIENCE)

    thread = LoopThread(close_seconds=0.1)
    outcome = in_thread(lambda: thread.run(main))
    assert blocked.wait(PATIENCE)
    thread.close()
    assert "held its event loop for more than 0.1 s" in caplog.text
    released.set()
    assert outcome.result(PATIENCE) is None


_IN_A_FORK = """
    import asyncio, os, sys
    from inngest_core.errors import InngestError
    from inngest_core.runtime.loop_thread import LoopThread

    async def slow():
        await asyncio.sleep(1.2)  # longer than it takes to look at the thread
        return "slow"

    thread = LoopThread()
    child = os.fork()
    if child == 0:
        for _ in range(2):
            try:
                thread.run(slow)
            except InngestError as error:
                assert "its thread is gone" in str(error), error
                assert not thread.is_alive()
            else:
                os._exit(3)
        os._exit(0)
    assert thread.run(slow) == "slow"
    _, status = os.waitpid(child, 0)
    assert status == 0, status
    thread.close()
    print("both went on")
"""
_PATCHED = "from gevent import monkey; monkey.patch_all()\n"


@pytest.mark.parametrize("first", ["", _PATCHED], ids=["threads", "gevent"])
def test_who_waits_for_a_thread_that_is_gone_is_told(first: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", first + textwrap.dedent(_IN_A_FORK)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "both went on\n", "")


# Under Flask, over sockets


@contextmanager
def serving_flask(*handlers: Callable[..., Any]) -> Generator[int]:
    """Serve functions that are named after their handlers; give the port."""
    app = flask.Flask(__name__)
    with inngest.Inngest(app_id=APP_ID, is_production=False, logger=silent_logger()) as client:
        functions = [client.create_function(fn_id=handler.__name__)(handler) for handler in handlers]
        inngest.flask.serve(app, client, functions)
        server = make_server("127.0.0.1", 0, app, threaded=True)
        server.daemon_threads = True  # type: ignore[attr-defined]  # a threaded server is a ThreadingMixIn
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def ask(port: int, fn_id: str) -> tuple[int, Any]:
    call = Call(fn_id=f"{APP_ID}-{fn_id}")
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection:
        connection.request("POST", f"/api/inngest?{call.query()}", call.body(), {"content-type": "application/json"})
        response = connection.getresponse()
        return response.status, json.loads(response.read())


@pytest.mark.live
@ENDS
def test_an_exit_in_a_task_beside_a_step_under_flask(
    error: type[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    async def left_alone(ctx: inngest.Context) -> object:
        task = asyncio.create_task(raises(error))
        await asyncio.wait([task])
        assert isinstance(task.exception(), error)
        return await ctx.step.run("a", lambda: "charged")

    async def gathered(ctx: inngest.Context) -> object:
        return await asyncio.gather(ctx.step.run("a", lambda: 1), raises(error))

    async def slow(ctx: inngest.Context) -> object:
        begun.set()
        await asyncio.to_thread(go_on.wait, PATIENCE)
        return {"slow": "done"}

    with serving_flask(left_alone, gathered, slow) as port, ThreadPoolExecutor(1) as pool:
        beside = pool.submit(ask, port, "slow")
        assert begun.wait(PATIENCE)
        for _ in range(2):
            status, ops = ask(port, "left_alone")
            assert (status, ops[0]["op"], ops[0]["data"]) == (206, "StepRun", "charged")
            status, body = ask(port, "gathered")
            assert status == 500
            assert error.__name__ in (body["name"], body["message"].rpartition(" ")[2])
        go_on.set()
        assert beside.result(PATIENCE) == (200, {"slow": "done"})
    assert "error of the SDK itself" not in caplog.text
    assert f"raised {error.__name__}" in caplog.text


@pytest.mark.live
def test_a_closed_client_does_not_keep_a_request_waiting_under_flask() -> None:
    begun = threading.Event()

    async def waits(ctx: inngest.Context) -> None:
        begun.set()
        await asyncio.Event().wait()

    with ThreadPoolExecutor(1) as pool:
        with serving_flask(waits) as port:
            asked = pool.submit(ask, port, "waits")
            assert begun.wait(PATIENCE)
        status, body = asked.result(PATIENCE)
    assert (status, body["message"]) == (500, "the client was closed while the function ran")
