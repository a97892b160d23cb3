"""What a bundled engine bears: steps, floods of runs, sleepers, waits and queues, in memory and with `--persist`.

Engine and app are a process each, and this one asks. With `--persist` the file is in WAL mode, `synchronous=NORMAL`,
in a temporary directory. A time is the median (p50); the row below tells the 99th percentile (p99).
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

from .connection import Connection
from .engine import engine_process, run_seconds
from .engine_app import STEPS
from .measure import FULL, Effort, Row, best, bounded, compared, failed, rated, show, skipped
from .requests import Post

APP = "benchmarks.engine_app:make_starlette"
MEMORY, FILE = "in memory", "--persist (WAL, synchronous=NORMAL)"
STEPS_LIMITS = {MEMORY: 0.12, FILE: 0.20}
SAVED_STEPS_LIMIT = 0.13
RATE_LIMITS = {MEMORY: 800.0, FILE: 300.0}
START_LIMIT = 0.7
QUEUED_LIMIT = 0.05
MEMORY_LIMIT_MB = 300.0
SLOWER_LIMIT = 1.5
"""How much longer a run may take beside all the sleepers: their number must not matter, noise may."""
FLOOD, AT_A_TIME = 2000, 100
QUEUED = 10_000
RESTING = 100_000
_PATIENCE_SECONDS = 600.0


def rows(effort: Effort) -> Iterator[Row]:
    for where in (MEMORY, FILE):
        try:
            yield from _speeds(where, effort)
        except RuntimeError as error:  # a run that does not end is the worst of numbers, but other rows follow
            yield failed(f"engine, {where}", str(error))
    yield bounded("engine: start-up, until it is ready", best([_start_up() for _ in range(5)]), START_LIMIT)
    try:
        yield from _queued(effort)
        for where in (MEMORY, FILE):
            yield from _resting(where, "bench/nap", "that sleep", effort, MEMORY_LIMIT_MB)
        yield from _resting(MEMORY, "bench/waits", "that wait for an event", effort, None)
    except RuntimeError as error:
        yield failed("engine, many runs", str(error))


@contextlib.contextmanager
def _engine(where: str) -> Generator[tuple[int, Connection]]:
    with tempfile.TemporaryDirectory() as folder:
        persist = ["--persist", str(Path(folder, "engine.db"))] if where == FILE else []
        with engine_process(APP, "--quiet", "--keep", "1000000", *persist) as (process, connection):
            run_seconds(connection, "bench/one-call", AT_A_TIME, AT_A_TIME)  # warms up
            yield process.pid, connection


def _speeds(where: str, effort: Effort) -> Iterator[Row]:
    with _engine(where) as (_, connection):
        rounds = 2 * effort.rounds
        plain = [run_seconds(connection, "bench/plain-steps", 1, 1) for _ in range(rounds)]
        yield from _percentiles(f"engine, {where}: {STEPS} steps, a call each", plain, STEPS_LIMITS[where])
        saved = [run_seconds(connection, "bench/many-steps", 1, 1) for _ in range(rounds)]
        limit = SAVED_STEPS_LIMIT if where == FILE else None
        yield from _percentiles(f"engine, {where}: {STEPS} steps, with checkpointing", saved, limit)
        floods = [run_seconds(connection, "bench/one-call", FLOOD, AT_A_TIME) for _ in range(effort.long_rounds // 3)]
        yield rated(f"engine, {where}: {FLOOD} one-call runs", FLOOD / best(floods), RATE_LIMITS[where])


def _percentiles(what: str, seconds: Sequence[float], limit: float | None) -> Iterator[Row]:
    half = statistics.median(seconds)
    yield Row(f"{what}, p50", show(half)) if limit is None else bounded(f"{what}, p50", half, limit)
    yield Row(f"{what}, p99", show(_slowest(seconds)))


def _slowest(seconds: Sequence[float]) -> float:
    """Return the 99th percentile."""
    return sorted(seconds)[min(len(seconds) - 1, int(len(seconds) * 0.99))]


def _start_up() -> float:
    """Return the seconds from the start of the process to its ready line."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("INNGEST_")}
    started = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "inngest_cli", "dev", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        env={**environ, "PYTHONUNBUFFERED": "1"},
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip().startswith("no app"):
                break
        seconds = time.perf_counter() - started
        process.terminate()
    return seconds


def _queued(effort: Effort) -> Iterator[Row]:
    with _engine(MEMORY) as (_, connection):
        _send(connection, "bench/limited", QUEUED)
        beside = [run_seconds(connection, "bench/one-call", 1, 1) for _ in range(2 * effort.rounds)]
        yield from _percentiles(f"engine: a one-call run while {QUEUED:,} of another wait", beside, QUEUED_LIMIT)


def _resting(where: str, event: str, doing: str, effort: Effort, limit: float | None) -> Iterator[Row]:
    """Measure other runs before, while and after many are started by this event, all sent at once, and the memory.

    limit: of the most memory that the engine took, in MB.
    """
    count = RESTING if effort == FULL else RESTING // 10
    with _engine(where) as (pid, connection):
        alone = [run_seconds(connection, "bench/one-call", 1, 1) for _ in range(4 * effort.rounds)]
        last, meanwhile = _send(connection, event, count)[-1], list[float]()
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not _is_at_rest(connection, last):
            if time.monotonic() > deadline:
                raise RuntimeError(f"the runs were not all at rest in {_PATIENCE_SECONDS:g} s")
            meanwhile.append(run_seconds(connection, "bench/one-call", 1, 1))
            time.sleep(0.2)
        beside = [run_seconds(connection, "bench/one-call", 1, 1) for _ in range(4 * effort.rounds)]
        what = f"engine, {where}: a one-call run beside {count:,} {doing}, against none"
        yield compared(f"{what}, p50", statistics.median(beside), statistics.median(alone), SLOWER_LIMIT)
        yield Row(f"{what}, p99", show(_slowest(beside)), show(_slowest(alone)))
        if meanwhile:
            halfway = f"{show(statistics.median(meanwhile))}, p99 {show(_slowest(meanwhile))}"
            yield Row(f"engine, {where}: a one-call run while {count:,} are started that were sent at once", halfway)
        yield _memory_row(f"engine, {where}: most memory with {count:,} runs {doing}", _most_memory_mb(pid), limit)


def _memory_row(what: str, used: float | None, limit: float | None) -> Row:
    if used is None:
        return skipped(what, "known on Linux only")
    measured = f"{used:.0f} MB"
    return Row(what, measured) if limit is None else Row(what, measured, limit=f"{limit:.0f} MB", ok=used < limit)


def _send(connection: Connection, name: str, count: int) -> list[str]:
    """Send so many events; return their ids."""
    ids: list[str] = []
    for first in range(0, count, 1000):
        events = [{"name": name, "data": {"number": number}} for number in range(first, min(first + 1000, count))]
        request = connection.dump(Post("/e/bench", {"content-type": "application/json"}, json.dumps(events).encode()))
        status, answer = connection.exchange(request)
        if status != 200:
            raise RuntimeError(f"the engine answered {status}: {answer.decode()}")
        ids += json.loads(answer)["ids"]
    return ids


def _is_at_rest(connection: Connection, event_id: str) -> bool:
    runs: list[dict[str, Any]] = _get(connection, f"/v1/events/{event_id}/runs")
    run: dict[str, Any] = _get(connection, f"/v1/runs/{runs[0]['run_id']}")
    return any(" until " in reason for reason in run.get("waits_for", ()))


def _get(connection: Connection, path: str) -> Any:
    return json.loads(connection.exchange(connection.dump(Post(path, {}, b""), method="GET"))[1])["data"]


def _most_memory_mb(pid: int) -> float | None:
    """Return the most resident memory that a process has had, in MB."""
    with contextlib.suppress(OSError):
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))
    return None
