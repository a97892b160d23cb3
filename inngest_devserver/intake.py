"""Takes in events: checks them, keeps them, and matches them with runs and functions, within one turn of the loop.

An event is matched with existing runs first (waits and cancellations) and starts new ones after that, so that it
never cancels what it has started.
What an event may hold: docs/protocol.md, "Sending events".
"""

from __future__ import annotations

import collections
from collections.abc import Mapping
from typing import Any, cast

from inngest_core.protocol.limits import MAX_EVENT_BYTES, MAX_EVENT_NAME
from inngest_core.protocol.wire import json_kind

from . import fragments
from .admission.admission import Admission
from .apps.functions import Cancel
from .apps.registry import OWN_PREFIX, Registry
from .changes import Changes
from .ids import Ulids
from .matcher import Expression, holds
from .runs.active import ActiveRuns
from .runs.executor import Executor
from .scheduling.clock import Clock
from .storage.store import Store
from .storage.tables import EventRow

_FIRST_TS, _LAST_TS = 315_532_800_000, 4_102_444_800_000
"""1980 and 2100 in milliseconds; a time outside was most likely given in another unit."""
_EXTRA: dict[str, type] = {"user": dict, "v": str, "meta": dict}


class EventInvalidError(ValueError):
    """An event that is refused."""


def parse_event(value: object, now: float) -> dict[str, Any]:
    """Return a sender's event as it is kept: name, data, ts, and id, user, v, meta when given.

    Raises EventInvalidError.
    """
    if not isinstance(value, dict):
        raise EventInvalidError(f"event is a JSON {json_kind(value)}; expected an object")
    given = cast("dict[str, Any]", value)
    name = given.get("name")
    if name is None or name == "":
        raise EventInvalidError("event name is empty")
    if not isinstance(name, str):
        raise EventInvalidError(f"event name is a JSON {json_kind(name)}; expected a string")
    if len(name) > MAX_EVENT_NAME:
        raise EventInvalidError(f"event name is {len(name)} characters long; at most {MAX_EVENT_NAME} are allowed")
    _check_unicode(name, "name")
    if name.startswith(OWN_PREFIX):
        raise EventInvalidError(f'event name is reserved for the engine: it starts with "{OWN_PREFIX}"')
    data = given.get("data")
    if data is not None and not isinstance(data, dict):
        raise EventInvalidError(f"event data is a JSON {json_kind(data)}; expected an object")
    event: dict[str, Any] = {"name": name, "data": data or {}, "ts": _timestamp(given.get("ts"), now)}
    event_id = given.get("id")
    if event_id is not None and not isinstance(event_id, str):
        raise EventInvalidError(f"event id is a JSON {json_kind(event_id)}; expected a string")
    if event_id:
        _check_unicode(event_id, "id")
        event["id"] = event_id
    event.update(_extra(given))
    return event


def _check_unicode(text: str, field: str) -> None:
    if fragments.text(text) != text:
        raise EventInvalidError(f"event {field} is not valid Unicode: it contains a lone surrogate")


def _timestamp(ts: object, now: float) -> int:
    if ts is None or ts == 0:
        return int(now * 1000)
    if isinstance(ts, float) and ts.is_integer():
        ts = int(ts)
    if not isinstance(ts, int) or isinstance(ts, bool):
        raise EventInvalidError(f"event ts is {ts!r}; expected milliseconds since 1970")
    if not _FIRST_TS <= ts <= _LAST_TS:
        raise EventInvalidError(f"event ts is {ts}; expected milliseconds since 1970, between 1980 and 2100")
    return ts


def _extra(given: Mapping[str, Any]) -> dict[str, Any]:
    extra: dict[str, Any] = {}
    for key, kind in _EXTRA.items():
        value = given.get(key)
        if value is None:
            continue
        if not isinstance(value, kind):
            raise EventInvalidError(f"event {key} is a JSON {json_kind(value)}, which is not allowed there")
        extra[key] = value
    return extra


class Intake:
    """executor: set once, right after both are made, because each needs the other."""

    executor: Executor

    def __init__(
        self,
        store: Store,
        clock: Clock,
        ulids: Ulids,
        registry: Registry,
        active: ActiveRuns,
        admission: Admission,
        changes: Changes,
    ) -> None:
        self._store = store
        self._clock = clock
        self._ulids = ulids
        self._registry = registry
        self._active = active
        self._admission = admission
        self._changes = changes
        self._unmatched: collections.deque[tuple[dict[str, Any], EventRow]] = collections.deque()
        self._matching = False

    def keep(self, event: dict[str, Any]) -> EventRow:
        """Keep an event of the engine's own that only one function is to get."""
        row = self._row(event, self._ulids.new(self._clock.now()))
        self._store.add_event(row)
        self._changes.tell("event", row.internal_id, name=row.name)
        return row

    def take(self, event: dict[str, Any], internal_id: str | None = None) -> EventRow:
        """Keep a checked event and match it; one whose internal id is known was taken before (a retried send).

        Raises EventInvalidError: too large.
        """
        row = self._row(event, internal_id or self._ulids.new(self._clock.now()))
        if len(row.body) > MAX_EVENT_BYTES and not row.name.startswith(OWN_PREFIX):
            raise EventInvalidError(f"event is {len(row.body)} bytes long; at most {MAX_EVENT_BYTES} are allowed")
        if internal_id is None:
            self._store.add_event(row)
        elif not self._store.add_event_once(row):
            return row
        self._changes.tell("event", row.internal_id, name=row.name)
        self._unmatched.append((event, row))
        self._match_all()
        return row

    def _match_all(self) -> None:
        """Match what has come in. Runs that end send events, which may end runs: one after another, not nested."""
        if self._matching:
            return
        self._matching = True
        try:
            while self._unmatched:
                self._match(*self._unmatched.popleft())
        finally:
            self._matching = False

    def _row(self, event: dict[str, Any], internal_id: str) -> EventRow:
        event_id = str(event.get("id") or internal_id)
        try:
            body = fragments.dump({**event, "id": event_id})
        except ValueError as error:
            raise EventInvalidError(str(error)) from None
        return EventRow(internal_id, event_id, event["name"], event["ts"], self._clock.now(), body)

    def _match(self, event: dict[str, Any], row: EventRow) -> None:
        seen = {**event, "id": row.id}
        memo, now = b"", self._clock.now()

        def meets(expression: Expression | None, first: Mapping[str, Any]) -> bool:
            return holds(expression, first, seen, now=now)

        def cancels(rule: Cancel, started_at: float, first: Mapping[str, Any]) -> bool:
            return rule.counts(started_at, now) and holds(rule.expression, first, seen, now=now)

        for run, pause in self._active.waiting_for(row.name, meets):
            memo = memo or fragments.dump({**seen, "user": event.get("user") or {}})
            self.executor.resume(run, pause, memo)
        for run in self._active.cancelled_by(row.name, cancels):
            self.executor.cancel(run, f'event "{row.name}"')
        for function in self._registry.started_by(row.name, seen):
            # An id that the sender chose makes an event the same as another one: it starts a function once.
            self._admission.offer(function, row, seen, has_own_id="id" in event)
