"""What tests give to the kit, checked, and as the engine takes it. Knows no engine."""

from __future__ import annotations

import datetime
import time
from collections.abc import Sequence
from typing import Any, cast

from inngest_core.events.event import Event, event_as_json
from inngest_devserver.intake import parse_event

from .replaying import Replaying

__tracebackhide__ = True


def check_replay(replay: Replaying) -> Replaying:
    """Return *replay*; raises ValueError when it is something else."""
    if cast("object", replay) not in (True, False, "in-order"):
        raise ValueError(f'replay is {replay!r}; give True, False or "in-order"')
    return replay


def check_path(path: str) -> str:
    """Return where apps serve functions; raises ValueError when it is no path."""
    if not isinstance(cast("object", path), str) or not path.startswith("/"):
        raise ValueError(f'path is {path!r}; give a path that begins with a slash, such as "/api/inngest"')
    return path


def moment_of(now: datetime.datetime | None) -> float:
    """Return when an engine starts, in Unix seconds; raises TypeError."""
    if now is None:
        return time.time()
    if not isinstance(cast("object", now), datetime.datetime):
        raise TypeError(f"now is {now!r}; give a datetime, best with a time zone: one without is in local time")
    return now.timestamp()


def seconds_of(duration: datetime.timedelta, name: str) -> float:
    """Return a duration in seconds. name: of the argument. Raises TypeError, and ValueError when it is negative."""
    if not isinstance(cast("object", duration), datetime.timedelta):
        raise TypeError(f"{name} is {duration!r}; give a datetime.timedelta")
    if duration < datetime.timedelta(0):
        raise ValueError(f"{name} is {duration!r}; give a duration that is not negative: the engine's time only passes")
    return duration.total_seconds()


def events_of(events: Sequence[Event]) -> Sequence[Event]:
    """Return the events that a run is started with; raises TypeError when they are something else."""
    if not isinstance(cast("object", events), list | tuple) or not events:
        raise TypeError(f"events is {events!r}; give a list of events")
    return events


def started_by(event: Event | str) -> Event | str:
    """Return an event whose runs are asked for, or its id; raises TypeError when it is something else."""
    if not isinstance(cast("object", event), Event | str):
        raise TypeError(f"event is {event!r}; give an event that was sent, or its id")
    return event


def as_engines_keep(event: Event, now: float) -> dict[str, Any]:
    """Return an event as an engine keeps it; those that only engines send may be given, too.

    now: the engine's time. Raises TypeError, and EventInvalidError.
    """
    if not isinstance(cast("object", event), Event):
        raise TypeError(f"event is {event!r}; give an inngest.Event; send each of several by itself")
    body = event_as_json(event, f'event "{event.name}"')
    own = event.name.startswith("inngest/")
    parsed = parse_event({**body, "name": "own"} if own else body, now)
    return {**parsed, "name": event.name}
