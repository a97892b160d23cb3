"""The bundled engine in a test: in this process and in memory, with apps that are called in process, in virtual time.

`AsyncEngine` is for async tests and runs on their loop. `sync_engine.py` gives the same to tests that are not async.
Nothing happens between two calls of its methods: the engine works only while one of them is awaited.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, Self, TypeVar, overload

from inngest_core.events.event import Event
from inngest_core.function import Function
from inngest_core.protocol.signing import SigningKey
from inngest_core.runtime.interceptors import intercepting
from inngest_devserver.intake import EventInvalidError
from inngest_devserver.scheduling.clock import ManualClock
from inngest_devserver.scheduling.virtual_time import VirtualTime
from inngest_devserver.storage.tables import EventRow

from .ahead import Ahead
from .arguments import as_engines_keep, check_path, check_replay, events_of, moment_of, seconds_of, started_by
from .calls import Calls
from .description import description
from .errors import RunNotEndedError, TestingError
from .faults import Faults
from .history import History
from .incoming import Incoming
from .machine import make_machine
from .portal import call_on_loop, check_runs_here, running_loop
from .recording import Recorder, current_run
from .registration import Registration
from .replaying import ReplayCheck, Replaying
from .results import Result
from .sending import InProcessSender
from .stubs import SentBy, Stubs
from .substitutes import Substitutes
from .targets import Threads, client_of, in_a_thread
from .working import Working

T = TypeVar("T")

__tracebackhide__ = True

LONGEST = datetime.timedelta(days=400)
"""How long a run may take, in the engine's time: longer than any step may sleep or wait."""


class AsyncEngine:
    """An engine, and the apps that it calls.

    Use it as an asynchronous context manager, or call `close`. It starts there, or with the first method that is
    awaited, on the loop that runs then.

    ```python
    async with testing.AsyncEngine([on_signup]) as engine:
        event = await engine.send(inngest.Event(name="user/signed.up"))
        run = await engine.wait(engine.runs_of(event)[0])
        assert run.output == "welcome"
    ```
    """

    def __init__(
        self,
        *apps: object,
        steps: Mapping[str, object] | None = None,
        replay: Replaying = True,
        now: datetime.datetime | None = None,
        signing_key: str | None = None,
        path: str = "/api/inngest",
        threads: Threads = in_a_thread,
        faults: Faults | None = None,
    ) -> None:
        """Nothing is started yet.

        apps: what it calls: functions, lists of functions, and apps of Flask, Starlette, FastAPI, Django, Tornado, or
            any ASGI or WSGI application that serves functions.
        steps: stubs by step id, for all runs.
        replay: whether functions are called again from their memos after each step, and must do the same again;
            "in-order" leaves out another order of parallel steps.
        now: the engine's time at the start; that of this machine by default.
        signing_key: what requests to apps of frameworks are signed with, for apps in cloud mode.
        path: where apps of frameworks serve functions.
        threads: how plain functions are called from the loop.
        faults: what goes wrong, once each.
        """
        self._apps: list[object] = list(apps)
        self._now = moment_of(now)
        self._key = None if signing_key is None else SigningKey(signing_key)
        self._path = check_path(path)
        self._recorder = Recorder(Stubs(steps))
        self._faults = Faults() if faults is None else faults
        ahead = Ahead(lambda: self._machine.active, fails=lambda: bool(self._recorder.problems))
        check = ReplayCheck(self._recorder, replay) if check_replay(replay) else None
        self._sender = InProcessSender(self, threads, self._recorder, Calls(check, self._faults, ahead))
        self._sent: list[tuple[Event, str]] = []
        self._exit = contextlib.ExitStack()
        self._open = self._closed = False

    # Life

    async def _start(self) -> None:
        """Make the engine on the running loop, once; raises RuntimeError when it was closed."""
        self._check_not_closed()
        if self._open:
            check_runs_here(self._loop)
            return
        self._loop: asyncio.AbstractEventLoop = running_loop()
        self._open = True
        self._clock = ManualClock(self._now)
        substitutes = Substitutes(
            self._recorder,
            self._clock.now,
            self._start_other,
            is_known=lambda slug: bool(self._apps) or self._machine.registry.by_slug(slug) is not None,
        )
        self._machine = make_machine(self._clock, self._sender, substitutes)
        self._time = VirtualTime(self._machine.scheduler, self._clock)
        self._registration = Registration(
            self._machine.registry, self._sender, self._recorder, key=self._key, path=self._path
        )
        self._history = History(self._machine, self._recorder, lambda do: call_on_loop(self._loop, do))
        self._machine.scheduler.pause()
        self._machine.start()
        self._exit.callback(self._recorder.close)
        incoming = Incoming(self, self._machine, self._loop, self._recorder, self._faults)
        self._exit.enter_context(intercepting(incoming.intercept))
        try:
            await self._add_all()
        except BaseException:
            await self.close()
            raise

    async def _add_all(self) -> None:
        for app in self._apps:
            await self._registration.add(app)
        for other in self._recorder.stubs.senders():
            if self._machine.registry.by_slug(other.function.id) is None:
                await self._registration.add(other.function, on_demand=True)

    def _check_not_closed(self) -> None:
        if self._closed:
            raise RuntimeError("this engine is closed; use it within its with block, and make another one after that")

    async def close(self) -> None:
        """Stop the engine; results that it gave stay as they are."""
        self._closed = True
        if self._open:
            self._open = False
            self._exit.close()
            self._history.refresh()
            await self._machine.stop()
            self._let_go()

    def _let_go(self) -> None:
        """Hold what results need, and no more: parts that know each other would wait for the garbage collector."""
        self._history.let_go()
        self._machine.let_go()
        del self._machine, self._time, self._registration, self._sender

    def abandon(self) -> None:
        """Let go of everything, where the loop that it ran on has ended."""
        self._closed = True
        if self._open:
            self._open = False
            self._exit.close()
            with contextlib.suppress(sqlite3.ProgrammingError):  # where that loop was in another thread
                self._machine.store.close()

    async def __aenter__(self) -> Self:
        await self._start()
        return self

    async def __aexit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        await self.explain(error)
        await self.close()

    # Apps

    async def add(self, *apps: object) -> None:
        """Have the engine call more apps.

        apps: as for the constructor.
        Raises AppError: one of them is not an app, or did not register.
        """
        if not self._open and not self._closed:
            self._apps.extend(apps)
            return await self._start()
        await self._start()
        for app in apps:
            await self._registration.add(app)
        return None

    # What tests do

    @property
    def now(self) -> datetime.datetime:
        """The engine's time, in UTC."""
        now = self._clock.now() if self._open else self._now
        return datetime.datetime.fromtimestamp(now, datetime.UTC)

    async def send(self, event: Event) -> Event:
        """Send an event; return it with its id. Runs that it starts do nothing before time may pass.

        event: the event.
        Raises ValueError: the engine refuses it.
        """
        await self._start()
        try:
            row = self._machine.intake.take(as_engines_keep(event, self._clock.now()))
        except EventInvalidError as error:
            raise ValueError(str(error)) from None
        self._sent.append((event, row.internal_id))
        sent = event.model_copy(update={"id": row.id})
        self._sent.append((sent, row.internal_id))
        return sent

    def runs_of(self, event: Event | str) -> list[Result[Any]]:
        """Return the runs that an event started, in order.

        event: what `send` was given or returned, or the id of an event.
        """
        self._check_not_closed()
        event = started_by(event)
        if not self._open:
            return []
        ids = [event] if isinstance(event, str) else [key for each, key in self._sent if each is event]
        if not ids and isinstance(event, Event) and event.id:
            ids = [event.id]
        rows = [row for key in ids if (row := self._machine.store.event(key)) is not None]
        return [result for row in rows for result in self._history.of_event(row.internal_id)]

    @overload
    def runs(self, function: None = None) -> list[Result[Any]]: ...
    @overload
    def runs(self, function: Function[T]) -> list[Result[T]]: ...
    def runs(self, function: Function[Any] | None = None) -> list[Result[Any]]:
        """Return all runs, in the order in which they began.

        function: only its runs.
        """
        self._check_not_closed()
        if function is not None:
            client_of(function)
        return self._history.all(function) if self._open else []

    async def wait(self, run: Result[T], *, within: datetime.timedelta = LONGEST) -> Result[T]:
        """Let time pass until a run has ended; return it.

        run: one of this engine's.
        within: how long it may take, in the engine's time.
        Raises RunNotEndedError: it has not ended by then. What a run fails with is raised by its `output`.
        """
        seconds = seconds_of(within, "within")
        async with await self._working():
            self._history.check_own(run)
            ended = await self._time.run_until(lambda: self._has_ended(run.id), seconds=seconds)
        if not ended:
            raise RunNotEndedError(
                f"the run did not end within {within}; give wait or run more time, or a stub for what it waits for\n"
                f"{run!r}"
            )
        return run

    async def settle(self) -> None:
        """Let everything happen that is due now."""
        async with await self._working():
            await self._time.settle()

    async def advance(self, duration: datetime.timedelta) -> None:
        """Let time pass, and everything happen that is due meanwhile, each thing at its time.

        duration: how much time.
        """
        seconds = seconds_of(duration, "duration")
        async with await self._working():
            await self._time.advance(seconds)

    async def cancel(self, run: Result[Any]) -> None:
        """Cancel a run, as through the API; one that has ended stays as it is.

        run: one of this engine's.
        """
        async with await self._working():
            self._history.check_own(run)
            active = self._machine.active.get(run.id)
            if active is not None:
                self._machine.executor.cancel(active, "asked for by the test")
            await self._time.settle()

    async def start(self, function: Function[T], events: Sequence[Event]) -> Result[T]:
        """Start a run of a function with these events, whatever its triggers and its flow control; return it."""
        await self._start()
        client_of(function)
        known = self._machine.registry.by_slug(function.id)
        if known is None:
            await self._registration.add(function, on_demand=True)
            known = self._machine.registry.by_slug(function.id)
        if known is None:
            raise AssertionError("a function that was registered is known")
        rows = [self._kept(event) for event in events_of(events)]
        run = self._machine.executor.start(known, rows)
        return self._history.result(run.id)

    def check_stubs(self, run: Result[Any] | None = None) -> None:
        """Raise StubError when a stub was given for a step that was not met.

        run: the run to show in the message.
        """
        self._recorder.stubs.check_used(self._recorder.met(), run, None if run is None else run.error)
        self._faults.check_happened(self._recorder.met())

    def describe(self) -> str:
        """Return what it was sent in vain, for people who look why a test failed; empty when there is no such thing."""
        return description(self._machine, "\n".join(map(repr, self.runs()))) if self._open else ""

    async def explain(self, error: BaseException | None) -> None:
        """Note with what a test fails what may explain it; one function that is run for itself answers no events."""
        if self._apps and isinstance(error, Exception):
            with contextlib.suppress(Exception):  # the failure of the test is what counts
                told = self.describe()
                if told and told not in getattr(error, "__notes__", ()):
                    error.add_note(told)

    def _kept(self, event: Event) -> EventRow:
        return self._machine.intake.keep(as_engines_keep(event, self._clock.now()))

    def _start_other(self, other: SentBy) -> None:
        known = self._machine.registry.by_slug(other.function.id)
        if known is not None:
            self._machine.executor.start(known, [self._kept(other.event)])

    def report(self, problem: TestingError) -> None:
        """Have the test fail with a problem of the run that is called at the moment, whatever comes of that."""
        self._recorder.note(problem, current_run.get())

    def _has_ended(self, run_id: str) -> bool:
        """Tell whether a run is over, or need not go on because the test fails already."""
        return self._machine.active.get(run_id) is None or bool(self._recorder.problems)

    async def _working(self) -> Working:
        """Return the block in which the engine works, and which raises what has to fail the test."""
        await self._start()
        return Working(self._machine.scheduler, self._history, self._recorder)
