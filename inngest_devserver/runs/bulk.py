"""Bulk cancellations: which runs of a function are cancelled because of when they began. Ends no run itself.

A cancellation counts for the runs that are under way when it is made, and for those that begin later, as long as its
window is open. It is kept until it is deleted, so that a restart forgets none.
"""

from __future__ import annotations

from collections.abc import Iterator

from inngest_devserver.matcher import Expression, holds
from inngest_devserver.scheduling.clock import Clock
from inngest_devserver.storage.flow import FlowStore
from inngest_devserver.storage.flow_tables import CancellationRow

from .run import Run

MOST_KEPT = 1000
"""Cancellations that are kept. Of more than these, the oldest are forgotten whose windows are over."""


class BulkCancellations:
    def __init__(self, store: FlowStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._rows: dict[str, CancellationRow] = {}
        """By id, oldest first."""
        self._of_function: dict[str, list[CancellationRow]] = {}

    def load(self) -> None:
        """Take in what the store knows."""
        for row in reversed(self._store.cancellations()):
            self._keep(row)

    def __iter__(self) -> Iterator[CancellationRow]:
        """Yield every cancellation, newest first."""
        return reversed(self._rows.values())

    def get(self, cancellation_id: str) -> CancellationRow | None:
        return self._rows.get(cancellation_id)

    def add(self, row: CancellationRow) -> None:
        """Keep a cancellation."""
        self._store.add_cancellation(row)
        self._keep(row)
        self._forget_oldest()

    def reason_of(self, row: CancellationRow, run: Run) -> str:
        """Return why a cancellation cancels a run; "" when it does not."""
        return _reason(row) if self._means(row, run) else ""

    def remove(self, cancellation_id: str) -> bool:
        """Forget a cancellation; return whether there was one. Runs that it has cancelled stay so."""
        row = self._rows.pop(cancellation_id, None)
        if row is None:
            return False
        self._store.delete_cancellation(cancellation_id)
        self._of_function[row.function_id].remove(row)
        return True

    def reason(self, run: Run) -> str:
        """Return why a run that begins is cancelled at once; "" when it is not."""
        rows = self._of_function.get(run.function.id, ())
        return next((_reason(row) for row in rows if self._means(row, run)), "")

    def _keep(self, row: CancellationRow) -> None:
        self._rows[row.id] = row
        self._of_function.setdefault(row.function_id, []).append(row)

    def _forget_oldest(self) -> None:
        excess, now = len(self._rows) - MOST_KEPT, self._clock.now()
        over = [row.id for row in self._rows.values() if row.started_before <= now]
        for cancellation_id in over[: max(excess, 0)]:
            self.remove(cancellation_id)

    def _means(self, row: CancellationRow, run: Run) -> bool:
        if run.function.id != row.function_id or run.row.started_at >= row.started_before:
            return False
        if row.started_after is not None and run.row.started_at <= row.started_after:
            return False
        expression = Expression(row.expression) if row.expression else None
        return holds(expression, run.events.first, now=self._clock.now())


def _reason(row: CancellationRow) -> str:
    return f"bulk cancellation {row.id}"
