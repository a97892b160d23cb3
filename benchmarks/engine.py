"""The bundled engine as users start it, `inngest dev module:app`: engine and app in a process each, and this one.

A run's time goes from the moment before its event is sent to the end that the engine notes for it.
"""

from __future__ import annotations

import contextlib
import datetime
import importlib.util
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterator
from typing import IO, Any

from .connection import Connection
from .engine_app import STEPS
from .measure import Effort, Row, best, bounded, failed, rated, skipped
from .requests import Post

STEPS_LIMIT = 0.12
RATE_LIMIT = 200.0
RUNS = 500
AT_A_TIME = 50
_APPS = {"flask": "make_flask", "starlette": "make_starlette"}
_PATIENCE_SECONDS = 15.0


def rows(effort: Effort) -> Iterator[Row]:
    if importlib.util.find_spec("inngest_devserver.server") is None:
        yield skipped("bundled engine", "there is none yet")
        return
    for framework, app in _APPS.items():
        what = f"bundled engine, {framework} app"
        try:
            stepped, flood = _measure(f"benchmarks.engine_app:{app}", max(3, effort.long_rounds // 3))
        except RuntimeError as error:  # a run that does not end is the worst of numbers, but other rows follow
            yield failed(what, str(error))
            continue
        yield bounded(f"{what}: a run of {STEPS} steps", stepped, STEPS_LIMIT)
        yield rated(f"{what}: {RUNS} one-call runs", RUNS / flood, RATE_LIMIT)


def _measure(target: str, rounds: int) -> tuple[float, float]:
    """Return the seconds of one run with many steps, and those of many runs with one call."""
    with running_engine(target) as connection:
        run_seconds(connection, "bench/one-call", AT_A_TIME, AT_A_TIME)  # warms up
        stepped = [run_seconds(connection, "bench/many-steps", 1, 1) for _ in range(rounds)]
        flood = [run_seconds(connection, "bench/one-call", RUNS, AT_A_TIME) for _ in range(rounds)]
    return best(stepped), best(flood)


@contextlib.contextmanager
def running_engine(*target: str) -> Generator[Connection]:
    """Start an engine, and the app if there is one; return a connection to it once the app has registered."""
    with engine_process(*target) as (_, connection):
        yield connection


@contextlib.contextmanager
def engine_process(*target: str) -> Generator[tuple[subprocess.Popen[str], Connection]]:
    """As `running_engine`, with the process of the engine. target: arguments of `inngest dev`."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("INNGEST_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "inngest_cli", "dev", *target, "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        env={**environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        if process.stdout is None:
            raise RuntimeError("the engine has no standard output")
        connection = Connection(_port(process.stdout))
        # It tells of each run and step, as it does for users; somebody has to listen.
        threading.Thread(target=process.stdout.read, daemon=True).start()
        yield process, connection
        connection.close()
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


def _port(lines: IO[str]) -> int:
    port, heard = 0, list[str]()
    for line in lines:
        heard.append(line)
        found = re.search(r"engine\s+http://[^:]+:(\d+)", line)
        if found is not None:
            port = int(found[1])
        if line.strip().startswith(("ready", "no app")):
            return port
    raise RuntimeError(f"the engine did not become ready: {''.join(heard)}")


def run_seconds(connection: Connection, name: str, count: int, at_a_time: int) -> float:
    """Send *count* events and return the seconds until the last of their runs ended."""
    started = time.time()
    ids: list[str] = []
    for first in range(0, count, at_a_time):
        events = [{"name": name, "data": {"number": first + number}} for number in range(at_a_time)]
        body = json.dumps(events).encode()
        status, answer = connection.exchange(
            connection.dump(Post("/e/bench", {"content-type": "application/json"}, body))
        )
        if status != 200:
            raise RuntimeError(f"the engine answered {status}: {answer.decode()}")
        ids.extend(json.loads(answer)["ids"])
    return max(_end(connection, event_id, started) for event_id in reversed(ids)) - started


def _end(connection: Connection, event_id: str, started: float) -> float:
    """Return when the run of an event ended, in Unix seconds; asks seldom, for asking is work of the engine too."""
    request = connection.dump(Post(f"/v1/events/{event_id}/runs", {}, b""), method="GET")
    while time.time() < started + _PATIENCE_SECONDS:
        found: list[dict[str, Any]] = json.loads(connection.exchange(request)[1])["data"]
        if len(found) == 1 and found[0].get("ended_at"):
            if found[0]["status"] != "Completed":
                raise RuntimeError(f"a run ended as {found[0]}")
            return datetime.datetime.fromisoformat(found[0]["ended_at"]).timestamp()
        time.sleep(0.05)
    raise RuntimeError(f"the run of event {event_id} did not end in {_PATIENCE_SECONDS:g} s")
