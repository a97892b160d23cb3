"""Workers of the bundled engine, in processes that get killed: who gets a call, and who gets it when a lease ends."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import httpx
import pytest

from inngest_devserver.engine import Options
from inngest_devserver.server import DevServer
from tests.stage.servers import free_port

PATIENCE_SECONDS = 50.0
LEASE_SECONDS = 8.0
WORKER = textwrap.dedent(
    """
    import asyncio, os, pathlib, sys, time
    import inngest
    from inngest.connect import connect

    seen = pathlib.Path(sys.argv[1])
    client = inngest.Inngest(app_id="shop", is_production=False)

    def note(text):
        with (seen / text).open("a") as file:
            file.write(f"{os.getpid()}\\n")

    @client.create_function(fn_id="chain", trigger=inngest.TriggerEvent(event="chain"), retries=0)
    async def chain(ctx):
        await ctx.step.run("a", note, "a")
        await ctx.step.ai.wrap("ask", lambda **asked: {"usage": {"input_tokens": 3, "output_tokens": 4}}, model="m")
        await ctx.step.sleep("nap", 20)
        await ctx.step.run("b", note, "b")
        return "done"

    @client.create_function(fn_id="slow", trigger=inngest.TriggerEvent(event="slow"), retries=0)
    def slow(ctx):
        def work():
            note("slow")
            while not (seen / "go").exists():
                time.sleep(0.02)
            return os.getpid()
        return ctx.step.run("work", work)

    @client.create_function(fn_id="busy", trigger=inngest.TriggerEvent(event="busy"), retries=0)
    async def busy(ctx):
        note("busy")
        time.sleep(1.5 * LEASE_SECONDS)
        return os.getpid()

    connect([(client, [chain, slow, busy])], instance_id=f"worker-{os.getpid()}").run()
    """
).replace("LEASE_SECONDS", str(LEASE_SECONDS))

pytestmark = pytest.mark.live


@pytest.fixture
def engine() -> Iterator[DevServer]:
    with DevServer(Options(sink=None, lease_seconds=LEASE_SECONDS), port=0) as server:
        yield server


@pytest.fixture
def start(engine: DevServer, tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Start workers; they are ended after the test."""
    workers: list[subprocess.Popen[bytes]] = []
    program = tmp_path / "worker.py"
    program.write_text(WORKER)

    def start_worker() -> subprocess.Popen[bytes]:
        environment = {**os.environ, "INNGEST_DEV": engine.origin}
        workers.append(subprocess.Popen([sys.executable, str(program), str(tmp_path)], env=environment))
        return workers[-1]

    yield start_worker
    for worker in workers:
        worker.kill()
        worker.wait()


def until(what: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not what():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.05)


def send(engine: DevServer, name: str) -> str:
    return send_to(engine.origin, name)


def send_to(origin: str, name: str) -> str:
    until(lambda: httpx.get(f"{origin}/v1/apps/shop/functions", timeout=60).status_code == 200)
    answer = httpx.post(f"{origin}/e/key", json={"name": name, "data": {}}, timeout=60)
    event_id: str = answer.json()["ids"][0]
    return event_id


def outcome(engine: DevServer, event_id: str) -> tuple[str, object]:
    return outcome_at(engine.origin, event_id)


def outcome_at(origin: str, event_id: str) -> tuple[str, object]:
    runs = httpx.get(f"{origin}/v1/events/{event_id}/runs", timeout=60).json()["data"]
    return (runs[0]["status"], runs[0]["output"]) if runs else ("", None)


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def test_a_worker_runs_functions(
    engine: DevServer, start: Callable[[], subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    start()
    event_id = send(engine, "chain")
    until(lambda: outcome(engine, event_id)[0] == "Completed")
    assert outcome(engine, event_id) == ("Completed", "done")
    assert (len(lines(tmp_path / "a")), len(lines(tmp_path / "b"))) == (1, 1)
    run = httpx.get(f"{engine.origin}/v1/events/{event_id}/runs").json()["data"][0]["run_id"]
    steps = httpx.get(f"{engine.origin}/api/v2/runs/{run}/trace").json()["data"]["rootSpan"]["children"]
    (metadata,) = (step["metadata"] for step in steps if step["name"] == "ask")
    assert (metadata[0]["kind"], metadata[0]["values"]["output_tokens"]) == ("inngest.ai", "4")


def test_the_work_of_a_killed_worker_is_given_to_another_one(
    engine: DevServer, start: Callable[[], subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    first = start()
    event_id = send(engine, "slow")
    until(lambda: lines(tmp_path / "slow"))
    second = start()
    os.kill(first.pid, signal.SIGKILL)
    (tmp_path / "go").touch()
    until(lambda: outcome(engine, event_id)[0] == "Completed")
    assert outcome(engine, event_id) == ("Completed", second.pid)  # though it has no retries
    assert lines(tmp_path / "slow") == [str(first.pid), str(second.pid)]


def test_a_function_that_blocks_the_loop_for_longer_than_a_lease_is_not_given_to_another_worker(
    engine: DevServer, start: Callable[[], subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    workers = [start(), start()]
    event_id = send(engine, "busy")
    until(lambda: outcome(engine, event_id)[0] == "Completed")
    assert outcome(engine, event_id)[1] in [worker.pid for worker in workers]
    assert len(lines(tmp_path / "busy")) == 1


def test_sigterm_ends_a_worker_after_its_step(
    engine: DevServer, start: Callable[[], subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    worker = start()
    event_id = send(engine, "slow")
    until(lambda: lines(tmp_path / "slow"))
    worker.send_signal(signal.SIGTERM)
    (tmp_path / "go").touch()
    assert worker.wait(PATIENCE_SECONDS) == 0
    until(lambda: outcome(engine, event_id)[0] == "Completed")
    assert outcome(engine, event_id) == ("Completed", worker.pid)  # the step was finished, and its result kept


PROGRAM_THAT_GIVES_UP = textwrap.dedent(
    """
    import atexit, logging, select, sys, threading
    import inngest
    from inngest.connect import connect

    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s")
    client = inngest.Inngest(app_id="shop", is_production=False)

    @client.create_function(fn_id="slow", trigger=inngest.TriggerEvent(event="slow"), retries=0)
    def slow(ctx):
        print("blocked", flush=True)
        threading.Event().wait(600)

    @client.create_function(fn_id="loop", trigger=inngest.TriggerEvent(event="loop"), retries=0)
    async def loop(ctx):
        print("blocked", flush=True)
        # Not in one wait: a signal that came just before it would be handled after it, as Python has it.
        while not select.select([sys.stdin], [], [], 0.1)[0]:
            pass

    connect([(client, [slow, loop])], shutdown_timeout=int(sys.argv[1])).run()
    atexit.register(print, "the program ended as programs do", flush=True)
    sys.exit(7)
    """
)


def blocked_program(engine: DevServer, folder: Path, event: str, timeout: int = 300) -> subprocess.Popen[str]:
    """Start a worker with that shutdown_timeout, and have it run the function of that event."""
    (folder / "blocked.py").write_text(PROGRAM_THAT_GIVES_UP)
    worker = subprocess.Popen(
        [sys.executable, str(folder / "blocked.py"), str(timeout)],
        env={**os.environ, "INNGEST_DEV": engine.origin},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    send(engine, event)
    said_until(worker, "blocked")
    return worker


def said_until(worker: subprocess.Popen[str], text: str) -> str:
    """Read what a program says until a line holds that text."""
    assert worker.stdout is not None
    said = ""
    while text not in said:
        line = worker.stdout.readline()
        assert line, f"the program ended: {said}"
        said += line
    return said


@pytest.mark.parametrize(("timeout", "signals"), [(300, 1), (600_000, 2)])
def test_a_program_does_not_wait_for_a_plain_function_that_was_given_up(
    tmp_path: Path, timeout: int, signals: int
) -> None:
    with DevServer(Options(sink=None), port=0) as engine, blocked_program(engine, tmp_path, "slow", timeout) as worker:
        said = ""
        for _ in range(signals):  # the second one when the first was heard, for two at once are one
            worker.send_signal(signal.SIGTERM)
            said += said_until(worker, "SIGTERM: shutting down, waiting up to")
        said += said_until(worker, "the program ended")  # not by `communicate`, which misses what was read ahead
    assert f"waiting up to {timeout / 1000:g} s" in said
    assert "still run in threads, which end with the program: shop-slow" in said
    assert said.splitlines()[-1] == "the program ended as programs do"
    assert worker.returncode == 7


PROGRAM_AT_REST = textwrap.dedent(
    """
    import signal, threading, time
    import inngest
    from inngest.connect import ConnectionState, connect

    client = inngest.Inngest(app_id="shop", is_production=False)

    @client.create_function(fn_id="slow", trigger=inngest.TriggerEvent(event="slow"))
    async def slow(ctx):
        pass

    def disturb():
        time.sleep(0.3)  # until nothing happens in the main thread
        signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

    def on_state(state):
        if state is ConnectionState.ACTIVE:
            threading.Thread(target=disturb).start()

    connect([(client, [slow])], on_state=on_state).run()
    """
)


def test_a_signal_that_does_not_wake_the_main_thread_is_heard(tmp_path: Path) -> None:
    """As one that comes at the moment at which the loop begins to wait."""
    (tmp_path / "resting.py").write_text(PROGRAM_AT_REST)
    with DevServer(Options(sink=None), port=0) as engine:
        environ = {**os.environ, "INNGEST_DEV": engine.origin}
        ended = subprocess.run([sys.executable, str(tmp_path / "resting.py")], env=environ, timeout=PATIENCE_SECONDS)
    assert ended.returncode == 0


def test_a_signal_is_heard_while_a_function_blocks_the_loop(tmp_path: Path) -> None:
    with DevServer(Options(sink=None), port=0) as engine, blocked_program(engine, tmp_path, "loop") as worker:
        worker.send_signal(signal.SIGTERM)
        said_until(worker, "was given up")
        assert worker.poll() is None  # the function still blocks the loop
        assert worker.stdin is not None
        worker.stdin.write("\n")
        worker.stdin.flush()
        assert worker.wait(PATIENCE_SECONDS) == 7


def test_workers_reconnect_to_an_engine_that_was_restarted(tmp_path: Path) -> None:
    program = tmp_path / "worker.py"
    program.write_text(WORKER)
    port = free_port()
    with DevServer(Options(sink=None), port=port) as engine:
        environment = {**os.environ, "INNGEST_DEV": engine.origin}
        worker = subprocess.Popen([sys.executable, str(program), str(tmp_path)], env=environment)
        event_id = send(engine, "chain")
        until(lambda: outcome(engine, event_id)[0] == "Completed")
    try:
        with DevServer(Options(sink=None), port=port) as engine:
            event_id = send(engine, "chain")
            until(lambda: outcome(engine, event_id)[0] == "Completed")
    finally:
        worker.kill()
        worker.wait()
    assert len(lines(tmp_path / "b")) == 2


@contextlib.contextmanager
def engine_process(folder: Path, port: int) -> Generator[tuple[subprocess.Popen[str], str]]:
    """Run `inngest dev` with its data in a file; return it and its origin. It is killed after the block."""
    with subprocess.Popen(
        [sys.executable, "-m", "inngest_cli", "dev", "--port", str(port), "--persist", str(folder / "engine.db")],
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            found = None
            while found is None:
                found = re.search(r"engine +(http://[^ ]+:\d+)", process.stdout.readline())
            threading.Thread(target=process.stdout.read, daemon=True).start()
            yield process, found[1]
        finally:
            process.kill()


def test_an_engine_that_is_killed_and_restarted_loses_nothing(tmp_path: Path) -> None:
    program = tmp_path / "worker.py"
    program.write_text(WORKER)
    port = free_port()
    with engine_process(tmp_path, port) as (process, origin):
        worker = subprocess.Popen(
            [sys.executable, str(program), str(tmp_path)], env={**os.environ, "INNGEST_DEV": origin}
        )
        chained = send_to(origin, "chain")
        until(lambda: outcome_at(origin, chained)[0] == "Completed")
        slow = send_to(origin, "slow")
        until(lambda: lines(tmp_path / "slow"))
        process.kill()
    try:
        with engine_process(tmp_path, port):
            until(lambda: len(lines(tmp_path / "slow")) == 2)  # the engine cannot know whether anybody is at it
            (tmp_path / "go").touch()
            until(lambda: outcome_at(origin, slow)[0] == "Completed")
            assert outcome_at(origin, slow) == ("Completed", worker.pid)
            assert outcome_at(origin, chained) == ("Completed", "done")
    finally:
        worker.kill()
        worker.wait()
    assert [len(lines(tmp_path / name)) for name in ("a", "b")] == [1, 1]  # what was acknowledged did not run again


@pytest.mark.parametrize(
    ("path", "body", "status"), [("/v0/connect/start", b"\xff\xff", 400), ("/v0/connect/flush", b"", 400)]
)
def test_bodies_that_are_no_messages_are_refused(engine: DevServer, path: str, body: bytes, status: int) -> None:
    assert httpx.post(engine.origin + path, content=body, timeout=60).status_code == status
