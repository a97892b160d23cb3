"""The one way from an event, an invocation or a cron to a run: what admits it now, holds it back, or drops it.

In this order: an event that was met, batch, rate limit and idempotency, debounce, singleton. What a run that was made
still waits for is the dispatcher's matter. What each option admits when: docs/flow-control.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from inngest_devserver import fragments
from inngest_devserver.apps.functions import Function
from inngest_devserver.apps.registry import Registry
from inngest_devserver.runs.active import ActiveRuns
from inngest_devserver.runs.executor import Executor
from inngest_devserver.runs.progress import NotStartedError
from inngest_devserver.runs.reruns import Again
from inngest_devserver.runs.run import Run
from inngest_devserver.scheduling.clock import Clock
from inngest_devserver.scheduling.meters import Metered, Meters
from inngest_devserver.scheduling.queue import Queue
from inngest_devserver.storage.flow import FlowStore
from inngest_devserver.storage.store import Store
from inngest_devserver.storage.tables import EventRow

from .batches import Batches
from .debounces import Debounces
from .keys import Keys, label
from .known_events import KnownEvents
from .singletons import Singletons


class Admission:
    """executor: set once, right after both are made, because each needs the other."""

    executor: Executor

    def __init__(
        self,
        store: Store,
        flow_store: FlowStore,
        clock: Clock,
        registry: Registry,
        active: ActiveRuns,
        queue: Queue,
        meters: Meters,
        keys: Keys,
        say: Callable[[str], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._registry = registry
        self._active = active
        self._meters = meters
        self._keys = keys
        self._say = say
        self._known = KnownEvents(flow_store, clock)
        self._singletons = Singletons(active)
        self.debounces = Debounces(flow_store, clock, queue, self._after_debounce)
        self.batches = Batches(flow_store, clock, queue, self._after_batch)

    def load(self) -> None:
        """Take in what the store knows; the runs have been taken up already."""
        self.debounces.load()
        self.batches.load(self._size_of)
        for run in self._active.awake():
            if run.function.flow.singleton is not None:
                self._singletons.put(self._singleton_key(run.function, run.events.first), run)

    def _size_of(self, event_id: str) -> int:
        event = self._store.event(event_id)
        return 0 if event is None else len(event.body)

    # --- the ways in

    def offer(self, function: Function, row: EventRow, event: Mapping[str, Any], *, has_own_id: bool) -> None:
        """Let an event start a function, now or later, or drop it. has_own_id: whether the sender chose its id."""
        if has_own_id and not self._known.meet(function.id, row):
            self._dropped(function, row, "an event of this name and id has started it in the last 24 hours")
            return
        batch = function.flow.batch
        if batch is not None and self._keys.holds(function, "batchEvents.if", batch.condition, event):
            key = self._keys.text(function, "batchEvents.key", batch.key, event)
            self.batches.add(function.id, batch, key, row)
            return
        self._schedule(function, [row], event)

    def invoke(self, function: Function, row: EventRow, parent: tuple[str, str] = ("", "")) -> Run:
        """Start a run that somebody waits for: it is neither batched nor debounced. Raises NotStartedError.

        parent: the run and the step that invoke it.
        """
        event: Mapping[str, Any] = fragments.load(row.body)
        self._check_rate(function, event)
        return self._begin(function, [row], event, parent=parent)

    def rerun(self, function: Function, rows: list[EventRow], again: Again) -> Run:
        """Start a run that does another one again. Raises NotStartedError.

        It was asked for by hand, with events that were counted already: no rate limit or idempotency holds it back.
        """
        return self._begin(function, rows, fragments.load(rows[0].body), again=again)

    # --- one mechanism after another

    def _after_batch(self, function_id: str, events: list[str]) -> None:
        found = self._found(function_id, events)
        if found is not None:
            self._schedule(*found)

    def _after_debounce(self, function_id: str, events: list[str]) -> None:
        found = self._found(function_id, events)
        if found is not None:
            self._begin_or_drop(*found)

    def _found(self, function_id: str, events: list[str]) -> tuple[Function, list[EventRow], Mapping[str, Any]] | None:
        function = self._registry.function(function_id)
        rows = [row for event_id in events if (row := self._store.event(event_id)) is not None]
        if function is None or not rows:
            return None
        if self._registry.by_slug(function.slug) is None:
            self._dropped(function, rows[0], "the function is not registered any more")
            return None
        return function, rows, fragments.load(rows[0].body)

    def _schedule(self, function: Function, rows: list[EventRow], event: Mapping[str, Any]) -> None:
        try:
            self._check_rate(function, event)
        except NotStartedError as error:
            self._dropped(function, rows[0], str(error))
            return
        debounce = function.flow.debounce
        if debounce is None or len(rows) > 1:
            self._begin_or_drop(function, rows, event)
            return
        key = self._keys.text(function, "debounce.key", debounce.key, event)
        self.debounces.add(function.id, debounce, key, rows[0])

    def _check_rate(self, function: Function, event: Mapping[str, Any]) -> None:
        rate = function.flow.rate_limit
        if rate is None:
            return
        idempotent = bool(function.config.get("idempotency"))
        key = self._keys.text(function, "idempotency" if idempotent else "rateLimit.key", rate.key, event)
        meter = Metered(function.id, "rate", key, rate.interval, rate.slack, rate.margin)
        if not self._meters.take(meter, self._clock.now()):
            what = "idempotency: it has run in the last 24 hours" if idempotent else "the rate limit is used up"
            raise NotStartedError(f"{what}{_for(key)}")

    def _begin_or_drop(self, function: Function, rows: list[EventRow], event: Mapping[str, Any]) -> None:
        try:
            self._begin(function, rows, event)
        except NotStartedError as error:
            self._dropped(function, rows[0], str(error))

    def _begin(
        self,
        function: Function,
        rows: list[EventRow],
        event: Mapping[str, Any],
        *,
        parent: tuple[str, str] = ("", ""),
        again: Again | None = None,
    ) -> Run:
        singleton = function.flow.singleton
        if singleton is None:
            return self.executor.start(function, rows, parent=parent, again=again)
        key = self._singleton_key(function, event)
        old = self._singletons.current(function.id, key)
        if old is not None and not singleton.cancels:
            raise NotStartedError(f"singleton: run {old.id} has not ended{_for(key)}")
        if old is not None:
            self.executor.cancel(old, f"singleton: a newer run begins{_for(key)}")
        run = self.executor.start(function, rows, parent=parent, again=again)
        self._singletons.put(key, run)
        return run

    def _singleton_key(self, function: Function, event: Mapping[str, Any]) -> str:
        singleton = function.flow.singleton
        return self._keys.text(function, "singleton.key", singleton.key if singleton is not None else None, event)

    def _dropped(self, function: Function, row: EventRow, reason: str) -> None:
        self._say(f'{function.slug}: event "{row.name}" {row.id} starts no run: {reason}')


def _for(key: str) -> str:
    return f" for {label(key, '')}" if key else ""
