"""Debounces: each event of a key starts the period again, and the last one starts a run when the period is over.

With a time-out, the run starts at the latest a second after it; events that come in its last half second, or later,
belong to the next debounce, whose time-out counts from the last event before. Rows are kept until their run starts.
"""

from __future__ import annotations

from collections.abc import Callable

from inngest_devserver import ids
from inngest_devserver.apps.flow_options import Debounce
from inngest_devserver.scheduling.clock import Clock
from inngest_devserver.scheduling.queue import JobKind, Queue
from inngest_devserver.storage.flow import FlowStore
from inngest_devserver.storage.flow_tables import DebounceRow
from inngest_devserver.storage.tables import EventRow, JobRow

_GRACE_SECONDS = 1.0
"""Engines start a debounced run a second after its period."""
_LAST_MOMENT_SECONDS = 0.5


class Debounces:
    """begin: starts the run of a function, given its id and the internal ids of its events."""

    def __init__(self, store: FlowStore, clock: Clock, queue: Queue, begin: Callable[[str, list[str]], None]) -> None:
        self._store = store
        self._clock = clock
        self._queue = queue
        self._begin = begin
        self._rows: dict[str, DebounceRow] = {}
        self._open: dict[tuple[str, str], str] = {}

    def load(self) -> None:
        """Take in what the store knows."""
        for row in self._store.debounces():
            self._keep(row)

    def add(self, function_id: str, options: Debounce, key: str, event: EventRow) -> float:
        """Let an event start the period again, or begin one; return when its run starts, as things stand."""
        now = self._clock.now()
        row = self._rows.get(self._open.get((function_id, key), ""))
        since = now
        if row is not None and row.latest is not None and now > row.latest - _LAST_MOMENT_SECONDS:
            since = row.last_at
            self._change(row._replace(closed=True))
            row = None
        if row is None:
            latest = None if options.timeout is None else since + options.timeout
            row = DebounceRow(ids.random_uuid(), function_id, key, event.internal_id, now, now, latest)
        due = now + options.period if row.latest is None else min(now + options.period, row.latest)
        row = row._replace(event_id=event.internal_id, last_at=now, due=due + _GRACE_SECONDS)
        self._change(row)
        return row.due

    def _change(self, row: DebounceRow) -> None:
        self._store.put_debounce(row)
        self._keep(row)

    def _keep(self, row: DebounceRow) -> None:
        place = (row.function_id, row.key)
        self._rows[row.id] = row
        if not row.closed:
            self._open[place] = row.id
        elif self._open.get(place) == row.id:
            del self._open[place]
        self._queue.restore(JobRow(row.id, row.id, JobKind.DEBOUNCE, "", row.due, 0, 0))

    def fire(self, job: JobRow) -> None:
        """Start the run of a debounce that is over."""
        row = self._rows.pop(job.id)
        self._queue.done(job)
        self._store.delete_debounce(row.id)
        if self._open.get((row.function_id, row.key)) == row.id:
            del self._open[row.function_id, row.key]
        self._begin(row.function_id, [row.event_id])
