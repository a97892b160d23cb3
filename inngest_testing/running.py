"""`run` and `run_async`: one function, run to its end on an engine of its own."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from inngest_core.events.event import Event
from inngest_core.function import Function
from inngest_core.options.options import TriggerCron, TriggerEvent
from inngest_core.protocol.wire import EventName

from .async_engine import LONGEST, AsyncEngine
from .faults import Faults
from .portal import Portal
from .replaying import Replaying
from .results import Result
from .targets import Threads, client_of, in_a_thread

__tracebackhide__ = True

T = TypeVar("T")

Started = Event | Sequence[Event] | Mapping[str, object] | None
"""What a run is started with: an event, the events of a batch, the data of an event, or nothing."""


def run(
    function: Function[T],
    event: Started = None,
    *,
    steps: Mapping[str, object] | None = None,
    replay: Replaying = True,
    now: datetime.datetime | None = None,
    within: datetime.timedelta = LONGEST,
    crash_after: str | None = None,
    duplicate: str | None = None,
    save_fails: str | None = None,
) -> Result[T]:
    """Run a function to its end: on the bundled engine's own logic, in this process, in virtual time.

    Sleeps, time-outs, retries and the pauses between them take no time. A plain function runs in this thread. It does
    not matter whether a loop is running here.

    function: what `create_function` returned.
    event: what starts the run: an event, a list of events for a function that takes batches, or the data of an event
        that is named as the function's first trigger says.
    steps: stubs by step id, or by pattern such as "fetch-*": a value, an exception, a callable with the step's
        arguments, `testing.sequence`, an event or `testing.TIMEOUT` for a wait.
    replay: whether the function is called again from its memos after each step, and must do the same again, also when
        parallel steps end in another order; "in-order" leaves that order out.
    now: the time at which the run starts; that of this machine by default.
    within: how long the run may take, in virtual time.
    crash_after: id of a step; the app dies when this has run for the first time, before the engine knows.
    duplicate: id of a step; the request that runs it is delivered twice.
    save_fails: id of a step; the engine refuses to save its result while the call goes on. Functions save as they do
        live only with replay=False, which this needs.
    Returns the run. If it has failed, its `output` raises what it failed with.
    Raises StubError: a stub or a fault was not used, or does not fit its step. ReplayError: the function did not do the
    same again. RunNotEndedError: it did not end within that time.
    """
    settings = _Settings(steps, replay, now, within, Faults(crash_after, duplicate, save_fails))
    portal = Portal()
    return portal.run(lambda: _run(function, event, settings, cast("Threads", portal.call_in_waiting_thread)))


async def run_async(
    function: Function[T],
    event: Started = None,
    *,
    steps: Mapping[str, object] | None = None,
    replay: Replaying = True,
    now: datetime.datetime | None = None,
    within: datetime.timedelta = LONGEST,
    crash_after: str | None = None,
    duplicate: str | None = None,
    save_fails: str | None = None,
) -> Result[T]:
    """Run a function to its end on the running loop; otherwise as `run`. A plain function runs in a thread of its own.

    function, event, steps, replay, now, within, crash_after, duplicate, save_fails: as for `run`.
    Returns and raises what `run` does.
    """
    settings = _Settings(steps, replay, now, within, Faults(crash_after, duplicate, save_fails))
    return await _run(function, event, settings, in_a_thread)


@dataclass(frozen=True, slots=True)
class _Settings:
    """What both ways to run a function are given."""

    steps: Mapping[str, object] | None
    replay: Replaying
    now: datetime.datetime | None
    within: datetime.timedelta
    faults: Faults

    def __post_init__(self) -> None:
        if self.faults.save_fails and self.replay:
            raise ValueError("save_fails needs replay=False: only then are results saved while a call goes on")


async def _run(function: Function[T], event: Started, settings: _Settings, threads: Threads) -> Result[T]:
    client_of(function)
    events = _events(function, event)
    async with AsyncEngine(
        steps=settings.steps, replay=settings.replay, now=settings.now, threads=threads, faults=settings.faults
    ) as engine:
        started = await engine.start(function, events)
        await engine.wait(started, within=settings.within)
        engine.check_stubs(started)
        return started


def _events(function: Function[Any], given: Started) -> Sequence[Event]:
    if isinstance(given, Event):
        return [given]
    if given is None or isinstance(given, Mapping):
        name, data = _usual(function)
        return [Event(name=name, data={**data, **(given or {})})]
    if not isinstance(cast("object", given), list | tuple) or not given or not all(map(_is_event, given)):
        raise TypeError(f"event is {given!r}; give an Event, a list of events, or the data of one as a dict")
    return list(given)


def _is_event(value: object) -> bool:
    return isinstance(value, Event)


def _usual(function: Function[Any]) -> tuple[str, dict[str, object]]:
    """Return the name and the data of the event that usually starts a function."""
    for trigger in function.triggers:
        if isinstance(trigger, TriggerEvent):
            return trigger.event, {}
    for trigger in function.triggers:
        if isinstance(trigger, TriggerCron):
            return EventName.SCHEDULED_TIMER.value, {"cron": trigger.cron}
    return EventName.FUNCTION_INVOKED.value, {}
