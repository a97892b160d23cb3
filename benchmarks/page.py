"""The engine's page over 10,000 runs, as a browser asks for it: the list, filtered lists, a search, an older page."""

from __future__ import annotations

import http.client
import json
import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from inngest_devserver.apps.registry import Registry
from inngest_devserver.engine import Options
from inngest_devserver.ids import Ulids
from inngest_devserver.scheduling.clock import SystemClock
from inngest_devserver.server import DevServer
from inngest_devserver.storage.store import Store
from inngest_devserver.storage.tables import EventRow, RunRow

from .measure import Effort, Row, best, bounded

RUNS = 10_000
LIMIT = 0.3
_URL = "http://127.0.0.1:9/api/inngest"


def rows(effort: Effort) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "engine.db"
        _fill(file)
        with DevServer(Options(sink=None, persist=file), port=0) as server:
            connection = http.client.HTTPConnection("127.0.0.1", server.port)
            older = _get(connection, "/runs")[1]
            cursor = re.search(r'href="(\?cursor=[^"]+)"', older)
            asked = {
                "the list": "/runs",
                "failed ones": "/runs?status=failed",
                "an older page": f"/runs{cursor[1] if cursor else ''}",
                "a search that finds nothing": "/runs?q=nothing-like-this",
            }
            for what, path in asked.items():
                seconds = [_get(connection, path)[0] for _ in range(max(3, effort.long_rounds))]
                yield bounded(f"page over {RUNS:,} runs: {what}", best(seconds), LIMIT)
            connection.close()


def _get(connection: http.client.HTTPConnection, path: str) -> tuple[float, str]:
    started = time.perf_counter()
    connection.request("GET", path)
    answer = connection.getresponse()
    text = answer.read().decode()
    if answer.status != 200:
        raise RuntimeError(f"{path} was answered with {answer.status}")
    return time.perf_counter() - started, text


def _fill(file: Path) -> None:
    """Write runs as an engine has kept them: one in ten has failed."""
    store, clock, ulids = Store(file), SystemClock(), Ulids()
    runtime = {"type": "http", "url": f"{_URL}?fnId=bench-f&stepId=step"}
    config = {
        "id": "bench-f",
        "name": "f",
        "triggers": [{"event": "bench/event"}],
        "steps": {"step": {"id": "step", "name": "step", "runtime": runtime}},
    }
    registered = Registry(store, clock).register({"appName": "bench", "url": _URL, "functions": [config]})
    function = registered.functions[0].id
    began = clock.now() - RUNS
    for number in range(RUNS):
        at = began + number
        event, run = ulids.new(at), ulids.new(at)
        data = {
            "name": "bench/event",
            "data": {"order": f"A{number}", "item": "teapot"},
            "id": event,
            "ts": int(at * 1000),
        }
        store.add_event(EventRow(event, event, "bench/event", int(at * 1000), at, json.dumps(data).encode()))
        status = "Completed" if number % 10 else "Failed"
        output: object = {"number": number} if number % 10 else {"name": "ValueError", "message": "no such card"}
        key = f"bench/event\n{event}"
        store.add_run(RunRow(run, function, event, key, event, "Running", at, None, None, 2, "0" * 32, "", ""))
        store.end_run(run, status, at + 0.5, json.dumps(output).encode())
    store.close()
