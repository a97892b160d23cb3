"""How much of the past is kept: ended runs and events by count and age, so that memory and file stay bounded.

What has not ended, and events that are waited for by a debounce or a batch, are never removed.
"""

from __future__ import annotations

from dataclasses import dataclass

from .database import Database

EVERY = 200
"""Runs that end, and events that come in, between two looks at what is too much."""
_AT_ONCE = 1000
"""Rows that one look removes at most, so that it takes some milliseconds only."""
_NEEDED = """
    EXISTS (SELECT 1 FROM runs WHERE runs.event_id = events.internal_id)
    OR EXISTS (SELECT 1 FROM runs WHERE ended_at IS NULL AND batch != event_id AND instr(batch, events.internal_id))
    OR internal_id IN (SELECT event_id FROM debounces) OR internal_id IN (SELECT event_id FROM batched_events)
"""


@dataclass(frozen=True, slots=True)
class Keep:
    """runs: how many ended runs, and events that started none, are kept; seconds: for how long."""

    runs: int = 10_000
    seconds: float = 30 * 86_400.0


class Retention:
    def __init__(self, database: Database, keep: Keep) -> None:
        self._db = database
        self._keep = keep
        self._noted = 0

    def note(self, now: float, count: int = 1) -> None:
        """Count what came to the past just now, and remove what is too much from time to time."""
        self._noted += count
        if self._noted >= EVERY:
            self._noted = 0
            self.prune(now)

    def prune(self, now: float) -> None:
        """Remove the oldest ended runs, with all that is known of them, and the oldest events without a run."""
        (ended,) = self._db.one("SELECT count(*) FROM runs WHERE ended_at IS NOT NULL")
        oldest = "SELECT id FROM runs WHERE ended_at IS NOT NULL ORDER BY ended_at LIMIT ?"
        gone = self._db.all(oldest, (min(max(ended - self._keep.runs, 0), _AT_ONCE),))
        too_old = "SELECT id FROM runs WHERE ended_at < ? ORDER BY ended_at LIMIT ?"
        gone += self._db.all(too_old, (now - self._keep.seconds, _AT_ONCE))
        for (run_id,) in gone:
            for table in ("memos", "history", "inputs", "metadata"):
                self._db.write(f"DELETE FROM {table} WHERE run_id = ?", (run_id,))  # noqa: S608
            self._db.write("DELETE FROM runs WHERE id = ?", (run_id,))
        self._prune_events(now)

    def _prune_events(self, now: float) -> None:
        (count,) = self._db.one("SELECT count(*) FROM events")
        # Every kept run has an event, and engines send one or two of their own for each.
        excess = min(max(count - 3 * self._keep.runs, 0), 3 * _AT_ONCE)
        gone = self._db.all("SELECT internal_id, received_at FROM events ORDER BY internal_id LIMIT ?", (3 * _AT_ONCE,))
        for number, (event_id, received_at) in enumerate(gone):
            if number < excess or received_at < now - self._keep.seconds:
                sql = f"DELETE FROM events WHERE internal_id = ? AND NOT ({_NEEDED})"  # noqa: S608
                self._db.write(sql, (event_id,))
