"""The same app called over HTTP and over Connect, each by a bundled engine of its own, in turns."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import os
import subprocess
import sys
import threading
from collections.abc import Iterator

from .connection import Connection
from .engine import run_seconds, running_engine
from .engine_app import STEPS
from .measure import Effort, Row, best, bounded, compared, failed, interleave, middle, skipped

TARGET = "benchmarks.engine_app:make_starlette()"
CALL_LIMIT = 1.0
STEPS_LIMIT = 0.15


def rows(effort: Effort) -> Iterator[Row]:
    if importlib.util.find_spec("websockets") is None:
        yield skipped("workers", "the extra connect is not installed")
        return
    try:
        with running_engine(TARGET) as over_http, _engine_with_worker() as over_connect:
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
    except RuntimeError as error:
        yield failed("worker, async", str(error))
        return
    yield compared("worker, async: a run of one call, against HTTP", middle(calls), middle(reference), CALL_LIMIT)
    yield bounded(f"worker, async: a run of {STEPS} steps", best(stepped), STEPS_LIMIT, best(stepped_over_http))


@contextlib.contextmanager
def _engine_with_worker() -> Iterator[Connection]:
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
            yield connection
        finally:
            process.kill()
            process.wait()
