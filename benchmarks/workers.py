"""The same app called over HTTP and over Connect, each by a bundled engine of its own, in turns; a worker at rest."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import os
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterator
from pathlib import Path

from .connection import Connection
from .engine import AT_A_TIME, RUNS, run_seconds, running_engine
from .engine_app import STEPS
from .measure import QUICK, Effort, Row, best, bounded, compared, failed, interleave, middle, portion, skipped

TARGET = "benchmarks.engine_app:make_starlette()"
CALL_LIMIT = 1.0
STEPS_LIMIT = 0.15
IDLE_LIMIT = 0.001
IDLE_SECONDS = 30.0


def rows(effort: Effort) -> Iterator[Row]:
    if importlib.util.find_spec("websockets") is None:
        yield skipped("workers", "the extra connect is not installed")
        return
    try:
        with running_engine(TARGET) as over_http, _engine_with_worker() as (over_connect, process_id):
            calls, reference = interleave(
                functools.partial(run_seconds, over_connect, "bench/one-call", 1, 1),
                functools.partial(run_seconds, over_http, "bench/one-call", 1, 1),
                rounds=effort.rounds,
            )
            stepped, stepped_over_http = interleave(
                functools.partial(run_seconds, over_connect, "bench/many-steps", 1, 1),
                functools.partial(run_seconds, over_http, "bench/many-steps", 1, 1),
                rounds=max(3, effort.long_rounds // 3),
            )
            flood, flood_over_http = interleave(
                functools.partial(run_seconds, over_connect, "bench/one-call", RUNS, AT_A_TIME),
                functools.partial(run_seconds, over_http, "bench/one-call", RUNS, AT_A_TIME),
                rounds=max(3, effort.long_rounds // 3),
            )
            idle = _busy_portion(process_id, IDLE_SECONDS / (3 if effort is QUICK else 1))
    except RuntimeError as error:
        yield failed("worker, async", str(error))
        return
    yield compared("worker, async: a run of one call, against HTTP", middle(calls), middle(reference), CALL_LIMIT)
    what = f"worker, async: {RUNS} runs of one call, {AT_A_TIME} at a time, against HTTP"
    yield compared(what, middle(flood), middle(flood_over_http), CALL_LIMIT)
    yield bounded(f"worker, async: a run of {STEPS} steps", best(stepped), STEPS_LIMIT, best(stepped_over_http))
    what = "worker that is idle: of one core"
    yield skipped(what, "this system has no /proc") if idle is None else portion(what, idle, IDLE_LIMIT)


def _busy_portion(process_id: int, seconds: float) -> float | None:
    """Return which part of some seconds a process ran, in its own code and in the system's."""
    threads = Path(f"/proc/{process_id}/task")
    if not any(threads.glob("*/schedstat")):
        return None
    before, started = _nanoseconds(threads), time.perf_counter()
    time.sleep(seconds)
    return (_nanoseconds(threads) - before) / 1e9 / (time.perf_counter() - started)


def _nanoseconds(threads: Path) -> int:
    """Return how long the threads of a process ran: the process itself is told of in hundredths of a second only."""
    return sum(int(each.read_text().split()[0]) for each in threads.glob("*/schedstat"))


@contextlib.contextmanager
def _engine_with_worker() -> Generator[tuple[Connection, int]]:
    """Start an engine and a worker; return a connection to the engine, and the worker's process id."""
    with running_engine() as connection:
        environ = {name: value for name, value in os.environ.items() if not name.startswith("INNGEST_")}
        process = subprocess.Popen(
            [sys.executable, "-m", "inngest_cli", "worker", TARGET],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env={**environ, "INNGEST_DEV": f"http://127.0.0.1:{connection.port}"},
        )
        try:
            if process.stderr is None or not any("connected to" in line for line in process.stderr):
                raise RuntimeError("the worker did not connect")
            threading.Thread(target=process.stderr.read, daemon=True).start()
            yield connection, process.pid
        finally:
            process.kill()
            process.wait()
