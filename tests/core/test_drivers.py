"""What two drivers must not get wrong, each by its name; and what owns threads and loops."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import re
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import inngest
from inngest_core.runtime.drivers import Resources, run_async, run_sync
from inngest_core.runtime.effects import Call as CallEffect
from inngest_core.runtime.effects import Flow, Invoke, Now, Random, Sleep
from inngest_core.runtime.held_loop import HELD_LOOP_SECONDS
from inngest_core.serving.app import App
from inngest_core.web.messages import Response
from tests.cases.case import Call
from tests.stage.one_function import ops, request_of, serving, shown

ROOT = Path(__file__).parent.parent.parent
tenant: contextvars.ContextVar[str] = contextvars.ContextVar("tenant", default="nobody")


def ask_sync(app: App, call: Call | None = None) -> Response:
    return app.handle_sync(request_of(call))


def ask_async(app: App, call: Call | None = None) -> Response:
    return asyncio.run(app.handle_async(request_of(call)))


Ask = Callable[..., Response]
BOTH = pytest.mark.parametrize("ask", [ask_sync, ask_async])


# StopIteration


def stop_iteration() -> None:
    raise StopIteration("end")


async def awaits_stop_iteration(ctx: inngest.Context) -> object:
    return await ctx.step.run("s", stop_iteration)


@BOTH
def test_stop_iteration_in_a_sync_function(ask: Ask) -> None:
    def handler(ctx: inngest.ContextSync) -> None:
        stop_iteration()

    with serving(handler) as app:
        status, body = shown(ask(app))
    assert (status, body["name"], body["message"]) == (500, "StopIteration", "end")


@BOTH
def test_stop_iteration_in_a_step_of_a_sync_function(ask: Ask) -> None:
    def handler(ctx: inngest.ContextSync) -> object:
        return ctx.step.run("s", stop_iteration)

    with serving(handler) as app:
        status, [op] = shown(ask(app))
    assert (status, op["op"], op["error"]["name"]) == (206, "StepError", "StopIteration")


@BOTH
def test_stop_iteration_in_a_callback_of_an_async_function(ask: Ask) -> None:
    with serving(awaits_stop_iteration) as app:
        status, [op] = shown(ask(app))
    assert (status, op["op"], op["error"]["name"]) == (206, "StepError", "StopIteration")


@BOTH
def test_stop_iteration_in_a_branch(ask: Ask) -> None:
    def handler(ctx: inngest.ContextSync) -> object:
        return ctx.group.parallel((lambda: next(iter(())),))

    with serving(handler) as app:
        status, body = shown(ask(app))
    assert (status, body["name"]) == (500, "StopIteration")


@BOTH
def test_stop_async_iteration_in_an_async_function(ask: Ask) -> None:
    async def handler(ctx: inngest.Context) -> None:
        raise StopAsyncIteration("end")

    with serving(handler) as app:
        status, body = shown(ask(app))
    assert (status, body["name"]) == (500, "StopAsyncIteration")


# A running loop in the thread of the sync driver


def test_an_async_function_under_the_sync_driver_while_a_loop_runs_in_its_thread() -> None:
    async def handler(ctx: inngest.Context) -> object:
        await asyncio.sleep(0)
        return {"loop": "another"}

    async def main() -> Response:
        return app.handle_sync(request_of())

    with serving(handler) as app:
        assert shown(asyncio.run(main())) == (200, {"loop": "another"})


def test_async_functions_under_the_sync_driver_share_one_loop_thread() -> None:
    seen: list[tuple[int, str]] = []

    async def handler(ctx: inngest.Context) -> None:
        seen.append((id(asyncio.get_running_loop()), threading.current_thread().name))

    with serving(handler) as app:
        threads = [threading.Thread(target=ask_sync, args=(app,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        ask_sync(app)
    assert len(seen) == 9
    assert len(set(seen)) == 1


def test_async_functions_under_the_sync_driver_run_side_by_side() -> None:
    both = threading.Barrier(2, timeout=20)

    async def handler(ctx: inngest.Context) -> None:
        await asyncio.to_thread(both.wait)

    with serving(handler) as app:
        other = threading.Thread(target=ask_sync, args=(app,))
        other.start()
        assert ask_sync(app).status == 200
        other.join()


def test_a_sync_function_under_the_async_driver_never_blocks_the_loop() -> None:
    released = threading.Event()

    def handler(ctx: inngest.ContextSync) -> object:
        return {"released": released.wait(20)}

    async def main() -> Response:
        asked = asyncio.create_task(app.handle_async(request_of()))
        await asyncio.sleep(0)
        released.set()  # reached only when the loop is free
        return await asked

    with serving(handler) as app:
        assert shown(asyncio.run(main())) == (200, {"released": True})


def test_sync_functions_under_the_async_driver_run_in_a_bounded_pool() -> None:
    most, now_running = [0], [0]
    lock = threading.Lock()
    full = threading.Barrier(2, timeout=20)

    def handler(ctx: inngest.ContextSync) -> None:
        with lock:
            now_running[0] += 1
            most[0] = max(most[0], now_running[0])
        full.wait()
        with lock:
            now_running[0] -= 1

    async def main() -> list[Response]:
        return await asyncio.gather(*(app.handle_async(request_of()) for _ in range(6)))

    with serving(handler, thread_pool_max_workers=2) as app:
        assert [response.status for response in asyncio.run(main())] == [200] * 6
    assert most == [2]


# Context variables


def test_a_function_sees_the_callers_context_variables() -> None:
    def sync(ctx: inngest.ContextSync) -> object:
        return [tenant.get(), ctx.step.run("s", tenant.get)]

    async def asynchronous(ctx: inngest.Context) -> object:
        async def read() -> str:
            return tenant.get()

        return [tenant.get(), await ctx.step.run("s", read)]

    def with_tenant(ask: Ask, app: App) -> Response:
        tenant.set("acme")
        return ask(app)

    for handler in (sync, asynchronous):
        for ask in (ask_sync, ask_async):
            with serving(handler) as app:
                _, [op] = shown(contextvars.Context().run(with_tenant, ask, app))
                assert op["data"] == "acme"


@BOTH
def test_what_a_function_sets_does_not_reach_the_caller(ask: Ask) -> None:
    """A server's thread goes on to another run: what one run sets must not be seen in the next."""

    def sync(ctx: inngest.ContextSync) -> None:
        tenant.set("leaked")

    async def asynchronous(ctx: inngest.Context) -> None:
        tenant.set("leaked")

    def ask_and_read(app: App) -> str:
        ask(app)
        return tenant.get()

    for handler in (sync, asynchronous):
        with serving(handler) as app:
            assert contextvars.Context().run(ask_and_read, app) == "nobody"


@BOTH
def test_inside_a_step_is_a_context_variable_not_a_flag(ask: Ask) -> None:
    """A step that runs while another task meets one: only the step's own code is inside."""

    async def handler(ctx: inngest.Context) -> object:
        meet = asyncio.Event()

        async def one() -> str:
            meet.set()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            return "one"

        async def later() -> str:
            await meet.wait()
            return await ctx.step.run("two", lambda: "two")

        return await asyncio.gather(ctx.step.run("one", one), later())

    with serving(handler) as app:
        assert ops(ask(app)) == [("StepRun", "one")]


# Task groups and interrupts


@BOTH
def test_steps_in_a_task_group(ask: Ask) -> None:
    async def handler(ctx: inngest.Context) -> object:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(ctx.step.run(name, lambda: 1)) for name in "ab"]
        return [task.result() for task in tasks]

    with serving(handler) as app:
        assert ops(ask(app)) == [("StepPlanned", "a"), ("StepPlanned", "b")]
        done = Call(steps={"a": {"data": 5}, "b": {"data": 6}})
        assert shown(ask(app, done)) == (200, [5, 6])
        assert ops(ask(app, Call(target="b", plan_only=True))) == [("StepRun", "b")]


@BOTH
def test_a_task_group_whose_function_swallows_everything(ask: Ask) -> None:
    async def handler(ctx: inngest.Context) -> object:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(ctx.step.run("a", lambda: 1))
                group.create_task(ctx.step.run("b", lambda: 1))
        except BaseException:
            return "swallowed"
        return "done"

    with serving(handler) as app:
        assert ops(ask(app)) == [("StepPlanned", "a"), ("StepPlanned", "b")]


@BOTH
def test_a_failed_branch_in_a_task_group_does_not_cancel_the_target(ask: Ask) -> None:
    async def handler(ctx: inngest.Context) -> object:
        async with asyncio.TaskGroup() as group:
            group.create_task(ctx.step.run("bad", lambda: 1))
            group.create_task(ctx.step.run("t", lambda: 2))
        return None

    bad = {"bad": {"error": {"name": "E", "message": "bad"}}}
    with serving(handler) as app:
        assert ops(ask(app, Call(target="t", plan_only=True, steps=bad))) == [("StepRun", "t")]


# SystemExit and cancellation


@BOTH
@pytest.mark.parametrize("asynchronous", [False, True])
def test_system_exit_in_a_function(ask: Ask, asynchronous: bool) -> None:
    def sync(ctx: inngest.ContextSync) -> None:
        sys.exit(3)

    async def coroutine(ctx: inngest.Context) -> None:
        sys.exit(3)

    with serving(coroutine if asynchronous else sync) as app:
        for _ in range(2):  # whatever it ended, the second call finds it alive
            status, body = shown(ask(app))
            assert (status, body["name"], body["message"]) == (500, "SystemExit", "3")


@BOTH
@pytest.mark.parametrize("callback", ["plain", "async"])
def test_system_exit_in_a_step(ask: Ask, callback: str) -> None:
    async def bad() -> None:
        sys.exit(3)

    async def handler(ctx: inngest.Context) -> None:
        await (ctx.step.run("s", bad) if callback == "async" else ctx.step.run("s", sys.exit, 3))

    with serving(handler) as app:
        for _ in range(2):
            status, [op] = shown(ask(app))
            assert (status, op["op"], op["error"]["name"]) == (206, "StepError", "SystemExit")


def tasks_but_this() -> set[asyncio.Task[Any]]:
    return {task for task in asyncio.all_tasks() if task is not asyncio.current_task()}


async def turn_the_loop(turns: int = 30) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)


@pytest.mark.parametrize("where", ["function", "step", "branches"])
def test_cancelling_the_requests_task_leaves_no_task_behind(where: str) -> None:
    ended: list[str] = []

    async def hold(name: str, started: asyncio.Event) -> None:
        try:
            started.set()
            await asyncio.Event().wait()
        finally:
            ended.append(name)

    async def main() -> None:
        started = asyncio.Event()

        async def handler(ctx: inngest.Context) -> None:
            if where == "function":
                await hold("function", started)
            elif where == "step":
                await ctx.step.run("s", hold, "step", started)
            else:
                await asyncio.gather(ctx.step.run("memo", lambda: 1), hold("branch", started))

        with serving(handler) as app:
            call = Call(target="gone", steps={"memo": {"data": 1}}) if where == "branches" else Call()
            asked = asyncio.create_task(app.handle_async(request_of(call)))
            await started.wait()
            asked.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asked
            await turn_the_loop()
            assert tasks_but_this() == set()

    asyncio.run(main())
    assert ended == [{"function": "function", "step": "step", "branches": "branch"}[where]]


def test_a_call_that_ends_leaves_no_task_behind() -> None:
    async def handler(ctx: inngest.Context) -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(5):
                group.create_task(ctx.step.run(f"s{number}", lambda: 1))

    async def main() -> None:
        with serving(handler) as app:
            assert len(ops(await app.handle_async(request_of()))) == 5
            await turn_the_loop()
            assert tasks_but_this() == set()

    asyncio.run(main())


def test_orphaned_tasks_that_met_a_step_are_cancelled() -> None:
    async def handler(ctx: inngest.Context) -> None:
        orphan = asyncio.create_task(ctx.step.run("orphan", lambda: 1))
        await asyncio.sleep(0)
        assert not orphan.done()

    async def main() -> None:
        with serving(handler) as app:
            await app.handle_async(request_of())
            await turn_the_loop()
            assert tasks_but_this() == set()

    asyncio.run(main())


@BOTH
def test_a_function_that_cancels_itself_is_answered(ask: Ask) -> None:
    async def handler(ctx: inngest.Context) -> None:
        raise asyncio.CancelledError

    with serving(handler) as app:
        status, body = shown(ask(app))
    assert status == 500
    assert "cancelled" in body["message"]


@BOTH
def test_a_step_that_cancels_itself_is_answered(ask: Ask) -> None:
    async def bad() -> None:
        raise asyncio.CancelledError

    async def handler(ctx: inngest.Context) -> None:
        await ctx.step.run("s", bad)

    with serving(handler) as app:
        status, [op] = shown(ask(app))
    assert (status, op["op"]) == (206, "StepError")
    assert 'step "s"' in op["error"]["message"]


def test_a_callback_that_holds_the_loop_is_named(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> object:
        return await run_async(one_effect(CallEffect(slow, what='step "slow"')), Resources())

    def slow() -> int:
        time.sleep(HELD_LOOP_SECONDS + 0.05)
        return 7

    with caplog.at_level(logging.WARNING, logger="inngest"):
        assert asyncio.run(main()) == 7
    held = re.search(r'step "slow" held the event loop for (\d+) ms', caplog.text)
    assert held is not None
    assert int(held[1]) >= HELD_LOOP_SECONDS * 1000


# Outcomes and effects


def one_effect(effect: Any) -> Flow[object]:
    result: object = yield effect
    return result


def fails_then_goes_on() -> Flow[str]:
    try:
        yield CallEffect(stop_iteration)
    except StopIteration as error:
        return f"{type(error).__name__} was carried"
    return "nothing was raised"


def test_an_outcome_is_carried_into_the_flow() -> None:
    assert run_sync(fails_then_goes_on(), Resources()) == "StopIteration was carried"
    assert asyncio.run(run_async(fails_then_goes_on(), Resources())) == "StopIteration was carried"


@pytest.mark.parametrize("is_async", [False, True])
def test_what_an_inner_flow_raises_reaches_the_outer_one(is_async: bool) -> None:
    def inner() -> Flow[None]:
        yield CallEffect(lambda: 1 / 0)

    def outer() -> Flow[str]:
        try:
            yield Invoke(inner(), is_async)
        except ZeroDivisionError:
            return "reached"
        return "lost"

    resources = Resources()
    try:
        assert run_sync(outer(), resources) == "reached"
        assert asyncio.run(run_async(outer(), resources)) == "reached"
    finally:
        resources.close()


@pytest.mark.parametrize("effect", [Now(), Random(10), Sleep(0)])
def test_both_drivers_perform_the_same_effects(effect: object) -> None:
    first, second = run_sync(one_effect(effect), Resources()), asyncio.run(run_async(one_effect(effect), Resources()))
    assert type(first) is type(second)


# Owners: close and fork


def test_close_ends_every_thread_and_what_follows_makes_them_anew() -> None:
    def sync(ctx: inngest.ContextSync) -> None:
        pass

    async def coroutine(ctx: inngest.Context) -> None:
        pass

    before = set(threading.enumerate())  # those of other tests may end meanwhile

    def made() -> set[threading.Thread]:
        return set(threading.enumerate()) - before

    with serving(sync) as one, serving(coroutine) as two:
        for _ in range(2):
            assert ask_async(one).status == ask_sync(two).status == 200
            assert made() != set()
            one.client.close()
            two.client.close()
            assert made() == set()
            two.client.close()


def test_close_while_an_async_function_runs_does_not_leave_its_caller_waiting() -> None:
    started = threading.Event()
    answers: list[Response] = []

    async def handler(ctx: inngest.Context) -> None:
        started.set()
        await asyncio.Event().wait()

    with serving(handler) as app:
        caller = threading.Thread(target=lambda: answers.append(ask_sync(app)), daemon=True)
        caller.start()
        assert started.wait(20)
        app.client.close()
        caller.join(20)
        assert not caller.is_alive(), "the thread that called waits for ever"


def test_a_fork_makes_its_own_threads() -> None:
    script = """
        import asyncio, os, sys
        import inngest
        from inngest_core.serving.app import App
        from tests.stage.one_function import request_of, serving

        def sync(ctx): return {"pid": os.getpid()}
        async def coroutine(ctx): return {"pid": os.getpid()}

        def ask():
            assert str(os.getpid()) in one.handle_sync(request_of()).body.decode()
            assert str(os.getpid()) in asyncio.run(two.handle_async(request_of())).body.decode()

        with serving(coroutine) as one, serving(sync) as two:
            ask()
            child = os.fork()
            if child == 0:
                ask()
                one.client.close()
                two.client.close()
                os._exit(0)
            _, status = os.waitpid(child, 0)
            assert status == 0, status
            ask()
        print("both went on")
    """
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", textwrap.dedent(script)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "both went on\n", "")
