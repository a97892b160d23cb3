"""The engine is killed again and again, at random moments, under a load of everything: nothing is lost or repeated.

With TESTS_LONG=1 it is killed 200 times.
"""

from __future__ import annotations

import base64
import contextlib
import os
import random
import subprocess
import threading
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from tests.cli.commands import Dev, dev
from tests.stage.effects import News
from tests.stage.effort import LONG
from tests.stage.servers import by_uvicorn, free_port
from tests.stage.sockets import NO_TLS

from .engine_client import EngineClient
from .framework_apps import PATH
from .killed_app import Record, make_app

KILLS = 200 if LONG else 5
PAUSE_SECONDS = 0.2
"""Between two rounds of events."""
LONGEST_LIFE_SECONDS = 0.4
"""Of an engine that is ready."""
START_SECONDS = 0.8
"""About what an engine takes to start: a quarter of the kills fall into this time."""
PATIENCE_SECONDS = 120.0 if LONG else 90.0
PER_RUN = ["steps", "saved", "sleep", "retry", "invoke", "group", "wait", "send", "throttle", "limited"]
"""Events that start one run each, which completes."""


class Load:
    """Sends events until it is told to stop, each until the engine has accepted it. accepted: (event, number) → id."""

    def __init__(self, origin: str, record: Record) -> None:
        self.accepted: dict[tuple[str, int], str] = {}
        self._record = record
        self._over = threading.Event()
        self._over_at = 0.0
        self._http = httpx.Client(base_url=origin, trust_env=False, verify=NO_TLS, timeout=30)
        self._thread = threading.Thread(target=self._run, daemon=True)

    @contextlib.contextmanager
    def going_on(self) -> Generator[None]:
        self._thread.start()
        try:
            yield
        finally:
            self._over_at = time.monotonic()
            self._over.set()

    def finish(self) -> None:
        """Return when what was begun is accepted."""
        self._thread.join(PATIENCE_SECONDS)
        assert not self._thread.is_alive()

    def close(self) -> None:
        self._http.close()

    def _run(self) -> None:
        number = 0
        while not self._over.wait(PAUSE_SECONDS):
            self._round(number)
            self.tell_waiting_runs()
            number += 1
        self._post([("stopped", {"n": number - 1})])

    def _round(self, number: int) -> None:
        own: dict[str, Any] = {"n": number}
        events = [(name, own) for name in (*PER_RUN, "fail", "stop", "batch")]
        events += [("debounce", {"n": number, "group": number // 5}), ("once", {"n": number, "group": number // 2})]
        ids = self._post(events)
        self.accepted |= {(name, number): event_id for (name, _), event_id in zip(events, ids, strict=True)}
        if number:
            self._post([("stopped", {"n": number - 1})])

    def tell_waiting_runs(self) -> None:
        """Send what the runs wait for that wait by now."""
        numbers, self._record.ready = self._record.ready, []
        if numbers:
            self._post([("go", {"n": number}) for number in numbers])

    def _post(self, events: list[tuple[str, dict[str, Any]]]) -> list[str]:
        """Send events as an SDK does, with the same seed in each try; return their ids once they are accepted."""
        seed = f"{int(time.time() * 1000)},{base64.b64encode(os.urandom(10)).decode()}"
        body = [{"name": f"k/{name}", "data": data} for name, data in events]
        # On a busy machine, many engines are killed before they take anything.
        while not self._over.is_set() or time.monotonic() < self._over_at + PATIENCE_SECONDS:
            with contextlib.suppress(httpx.TransportError):
                answer = self._http.post("/e/key", json=body, headers={"x-inngest-event-id-seed": seed})
                assert answer.status_code == 200, answer.text
                return list(answer.json()["ids"])
            self._over.wait(0.02)
        raise AssertionError("no engine has taken the events")


def end_at(process: subprocess.Popen[str], seconds: float) -> None:
    """Kill a process that has gone on for so long."""
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(seconds)
    process.kill()


def kill_again_and_again(arguments: tuple[str, ...], folder: Path, moments: random.Random) -> None:
    for number in range(KILLS):
        with dev(*arguments, folder=folder) as it:
            if number % 4 == 3:
                end_at(it.process, moments.uniform(0, START_SECONDS))
            else:
                it.until("engine  ")
                end_at(it.process, moments.uniform(0, LONGEST_LIFE_SECONDS))
            assert "Traceback" not in it.rest()


def due(load: Load) -> set[tuple[str, object]]:
    """Return what functions must begin with whose runs an event does not tell."""
    numbers = {number for _, number in load.accepted}
    last = {number // 5: number for number in sorted(numbers)}
    begins: set[tuple[str, object]] = {(function, number) for function in ("batch", "sent") for number in numbers}
    return begins | {("once", number // 2) for number in numbers} | {("debounce", number) for number in last.values()}


class Outcome:
    """What came of all events, read from the engine, with what is wrong about it."""

    def __init__(self, engine: EngineClient, load: Load, record: Record) -> None:
        self.wrong: list[str] = []
        self._engine = engine
        self._record = record
        for (name, _), event_id in load.accepted.items():
            if name in PER_RUN:
                self._one_run(name, event_id, "Completed")
            elif name == "fail":
                run = self._one_run(name, event_id, "Failed")
                self._check(record.executions[run, "mourn"], f"no handler of the failed run {run}")
            elif name == "stop":
                self._one_run(name, event_id, "Cancelled")
        for function, what in due(load):
            self._check((function, what) in record.began, f"{function} has not begun a run with {what}")
        for (function, what), runs in record.began.items():
            self._check(len(runs) == 1, f"{function} began {len(runs)} runs with {what}")
        self.wrong += record.wrong

    def _check(self, holds: object, what: str) -> None:
        if not holds:
            self.wrong.append(what)

    def _one_run(self, name: str, event_id: str, status: str) -> str:
        runs = self._engine.runs(event_id)
        if [run.status for run in runs] != [status]:
            self.wrong.append(f"the event k/{name} {event_id} has the runs {runs}, expected one: {status}")
            return ""
        if isinstance(runs[0].output, list):
            self._record.returned(runs[0].id, cast("list[str]", runs[0].output))
        return runs[0].id


def all_ended(engine: EngineClient, load: Load, record: Record, it: Dev) -> None:
    """Wait until no run of any event goes on."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    going_on = [event_id for (name, _), event_id in load.accepted.items() if name in (*PER_RUN, "fail", "stop")]
    while going_on or due(load) - record.began.keys():
        load.tell_waiting_runs()
        going_on = [each for each in going_on if any(run.status == "Running" for run in engine.runs(each))]
        with contextlib.suppress(subprocess.TimeoutExpired):
            it.process.wait(0.2)
        if time.monotonic() > deadline:
            return  # what is missing will be found


@pytest.mark.timeout(1200 if LONG else 300)
def test_an_engine_that_is_killed_loses_nothing_and_repeats_nothing(tmp_path: Path) -> None:
    port, record = free_port(), Record()
    origin = f"http://127.0.0.1:{port}"
    load = Load(origin, record)
    with contextlib.closing(load), by_uvicorn(make_app(origin, record), lifespan="off") as app_port:
        url = f"http://127.0.0.1:{app_port}{PATH}"
        engine_options = ("--port", str(port), "--persist", "kept.db", "--quiet", "--keep", "1000000")
        arguments = ("-u", url, "--no-poll", "--retry-interval", "0.05", *engine_options)
        with dev(*arguments, folder=tmp_path) as it:
            it.until("ready:")  # the functions are known from now on
        with load.going_on():
            kill_again_and_again(arguments, tmp_path, random.Random(KILLS))  # noqa: S311 - moments, not secrets
        with dev(*arguments, folder=tmp_path) as it, EngineClient(origin, News()) as engine:
            load.finish()
            all_ended(engine, load, record, it)
            outcome = Outcome(engine, load, record)
    assert outcome.wrong == []
    assert len(load.accepted) > KILLS
