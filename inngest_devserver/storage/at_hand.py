"""A store in memory that gives back what belongs to a run without a query, for engines that keep all and end soon.

What it is given is written for queries as well; but a database in memory is made with its first query, so an engine
that is only asked for runs that it has driven needs none. Nothing may be removed from it: retention is to keep all.
"""

from __future__ import annotations

from .store import Store
from .tables import EventRow, HistoryRow, MetadataRow, RunRow


class StoreAtHand(Store):
    """Answers by the id of a run, and by the internal id of an event, from rows that it holds."""

    def __init__(self) -> None:
        super().__init__()
        self._events: dict[str, EventRow] = {}
        self._runs: dict[str, RunRow] = {}
        self._memos: dict[str, list[tuple[str, bytes]]] = {}
        self._metadata: dict[str, dict[tuple[str, str, str], MetadataRow]] = {}
        self._history: dict[str, list[HistoryRow]] = {}

    def add_event(self, row: EventRow) -> None:
        super().add_event(row)
        self._events[row.internal_id] = row

    def add_event_once(self, row: EventRow) -> bool:
        is_new = super().add_event_once(row)
        if is_new:
            self._events[row.internal_id] = row
        return is_new

    def event(self, event_id: str) -> EventRow | None:
        return self._events.get(event_id) or super().event(event_id)

    def add_run(self, row: RunRow) -> None:
        super().add_run(row)
        self._runs[row.id] = row

    def set_protocol(self, run_id: str, version: int, plan_only: bool) -> None:
        super().set_protocol(run_id, version, plan_only)
        self._runs[run_id] = self._runs[run_id]._replace(version=version, plan_only=plan_only)

    def end_run(self, run_id: str, status: str, now: float, output: bytes) -> None:
        super().end_run(run_id, status, now, output)
        self._runs[run_id] = self._runs[run_id]._replace(status=status, ended_at=now, output=output)

    def run(self, run_id: str) -> RunRow | None:
        return self._runs.get(run_id)

    def add_memo(self, run_id: str, position: int, step_id: str, body: bytes) -> None:
        super().add_memo(run_id, position, step_id, body)
        self._memos.setdefault(run_id, []).append((step_id, body))

    def memos(self, run_id: str) -> list[tuple[str, bytes]]:
        return list(self._memos.get(run_id, ()))

    def put_metadata(self, row: MetadataRow) -> None:
        super().put_metadata(row)
        of_run = self._metadata.setdefault(row.run_id, {})
        if row.body:
            of_run[row.step_id, row.scope, row.kind] = row
        else:
            of_run.pop((row.step_id, row.scope, row.kind), None)

    def metadata(self, run_id: str) -> list[MetadataRow]:
        of_run = self._metadata.get(run_id, {})
        return [of_run[key] for key in sorted(of_run)]

    def add_history(self, row: HistoryRow) -> None:
        super().add_history(row)
        self._history.setdefault(row.run_id, []).append(row)

    def history(self, run_id: str) -> list[HistoryRow]:
        return list(self._history.get(run_id, ()))
