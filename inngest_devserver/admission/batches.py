"""Batches: events of a key are collected until there are enough of them, or the first one has waited long enough."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from inngest_devserver import ids
from inngest_devserver.apps.flow_options import Batch
from inngest_devserver.scheduling.clock import Clock
from inngest_devserver.scheduling.queue import JobKind, Queue
from inngest_devserver.storage.flow import FlowStore
from inngest_devserver.storage.flow_tables import BatchRow
from inngest_devserver.storage.tables import EventRow, JobRow

_GRACE_SECONDS = 0.25
"""Engines start a batch a moment after its time-out."""
LARGEST_BATCH_BYTES = 10 * 1024 * 1024
"""A batch whose events are larger than this together is full, however few they are."""


@dataclass(slots=True)
class _Open:
    row: BatchRow
    events: list[str] = field(default_factory=list[str])
    size: int = 0


class Batches:
    """begin: starts the run of a function, given its id and the internal ids of its events."""

    def __init__(self, store: FlowStore, clock: Clock, queue: Queue, begin: Callable[[str, list[str]], None]) -> None:
        self._store = store
        self._clock = clock
        self._queue = queue
        self._begin = begin
        self._open: dict[tuple[str, str], _Open] = {}
        self._by_id: dict[str, _Open] = {}

    def load(self, size_of: Callable[[str], int]) -> None:
        """Take in what the store knows. size_of: tells how large an event is."""
        for row in self._store.batches():
            events = self._store.batched_events(row.id)
            self._keep(_Open(row, events, sum(map(size_of, events))))

    def _keep(self, batch: _Open) -> None:
        row = batch.row
        self._open[row.function_id, row.key] = batch
        self._by_id[row.id] = batch
        self._queue.restore(JobRow(row.id, row.id, JobKind.BATCH, "", row.due, 0, 0))

    def add(self, function_id: str, options: Batch, key: str, event: EventRow) -> None:
        """Put an event in the batch of its key; start its run when that is full."""
        batch = self._open.get((function_id, key))
        if batch is None:
            due = self._clock.now() + options.timeout + _GRACE_SECONDS
            batch = _Open(BatchRow(ids.random_uuid(), function_id, key, due))
            self._store.add_batch(batch.row)
            self._keep(batch)
        self._store.add_batched_event(batch.row.id, len(batch.events), event.internal_id)
        batch.events.append(event.internal_id)
        batch.size += len(event.body)
        if len(batch.events) >= options.size or batch.size >= LARGEST_BATCH_BYTES:
            self._close(batch)

    def fire(self, job: JobRow) -> None:
        """Start the run of a batch whose time is over."""
        self._close(self._by_id[job.id])

    def _close(self, batch: _Open) -> None:
        row = batch.row
        del self._open[row.function_id, row.key], self._by_id[row.id]
        self._queue.drop(row.id, row.id)
        self._store.delete_batch(row.id)
        self._begin(row.function_id, batch.events)
