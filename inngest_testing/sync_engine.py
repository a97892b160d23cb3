"""The test engine for tests that are not async: each method waits for that of `AsyncEngine`. Holds no logic."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any, Self, TypeVar, overload

from inngest_core.events.event import Event
from inngest_core.function import Function

from .async_engine import LONGEST, AsyncEngine
from .portal import Portal
from .replaying import Replaying
from .results import Result

__tracebackhide__ = True

T = TypeVar("T")


class Engine:
    """An engine, and the apps that it calls. Works inside and outside of a running loop.

    Plain functions run in the thread of the test, so they share its database transaction; `async def` functions run on
    a loop in a thread of the kit's own. Use it as a context manager, or call `close`.

    ```python
    with testing.Engine([on_signup]) as engine:
        event = engine.send(inngest.Event(name="user/signed.up"))
        run = engine.wait(engine.runs_of(event)[0])
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
    ) -> None:
        """Nothing is started yet; a `with` block starts it, or the first method that is called.

        apps, steps, replay, now, signing_key, path: as for `AsyncEngine`.
        """
        self._portal = Portal()
        self._engine = AsyncEngine(
            *apps,
            steps=steps,
            replay=replay,
            now=now,
            signing_key=signing_key,
            path=path,
            threads=self._portal.call_in_waiting_thread,
        )

    def __enter__(self) -> Self:
        self._portal.run(self._engine.__aenter__)
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if error is not None:
            self._portal.run(lambda: self._engine.explain(error))
        self.close()

    @property
    def now(self) -> datetime.datetime:
        """The engine's time, in UTC."""
        return self._engine.now

    def close(self) -> None:
        """Stop the engine; results that it gave stay as they are."""
        self._portal.run(self._engine.close)

    def add(self, *apps: object) -> None:
        """Have the engine call more apps.

        apps: as for the constructor.
        Raises AppError: one of them is not an app, or did not register.
        """
        self._portal.run(lambda: self._engine.add(*apps))

    def send(self, event: Event) -> Event:
        """Send an event; return it with its id. Runs that it starts do nothing before time may pass.

        event: the event.
        Raises ValueError: the engine refuses it.
        """
        return self._portal.run(lambda: self._engine.send(event))

    def runs_of(self, event: Event | str) -> list[Result[Any]]:
        """Return the runs that an event started, in order.

        event: what `send` was given or returned, or the id of an event.
        """
        return self._portal.run(lambda: _ready(self._engine.runs_of(event)))

    @overload
    def runs(self, function: None = None) -> list[Result[Any]]: ...
    @overload
    def runs(self, function: Function[T]) -> list[Result[T]]: ...
    def runs(self, function: Function[Any] | None = None) -> list[Result[Any]]:
        """Return all runs, in the order in which they began.

        function: only its runs.
        """
        return self._portal.run(lambda: _ready(self._engine.runs(function)))

    def wait(self, run: Result[T], *, within: datetime.timedelta = LONGEST) -> Result[T]:
        """Let time pass until a run has ended; return it.

        run: one of this engine's.
        within: how long it may take, in the engine's time.
        Raises RunNotEndedError: it has not ended by then. What a run fails with is raised by its `output`.
        """
        return self._portal.run(lambda: self._engine.wait(run, within=within))

    def settle(self) -> None:
        """Let everything happen that is due now."""
        self._portal.run(self._engine.settle)

    def advance(self, duration: datetime.timedelta) -> None:
        """Let time pass, and everything happen that is due meanwhile, each thing at its time.

        duration: how much time.
        """
        self._portal.run(lambda: self._engine.advance(duration))

    def cancel(self, run: Result[Any]) -> None:
        """Cancel a run, as through the API; one that has ended stays as it is.

        run: one of this engine's.
        """
        self._portal.run(lambda: self._engine.cancel(run))

    def check_stubs(self) -> None:
        """Raise StubError when a stub was given for a step that was not met."""
        self._engine.check_stubs()

    def describe(self) -> str:
        """Return what it was sent in vain, for people who look why a test failed; empty when there is no such thing."""
        return self._portal.run(lambda: _ready(self._engine.describe()))

    def start(self, function: Function[T], events: Sequence[Event]) -> Result[T]:
        """Start a run of a function with these events, whatever its triggers and its flow control; return it.

        function: the function.
        events: what it is started with.
        """
        return self._portal.run(lambda: self._engine.start(function, events))


async def _ready(value: T) -> T:
    return value
