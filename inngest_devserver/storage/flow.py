"""What flow control keeps, written and read: meters, known events, debounces, batches, crons, bulk cancellations.

In the same database and the same transactions as the store. No decisions, no clock.
"""

from __future__ import annotations

from .database import Database
from .flow_tables import BatchRow, CancellationRow, CronRow, DebounceRow, MeterRow


class FlowStore:
    def __init__(self, database: Database) -> None:
        self._db = database

    # --- meters

    def put_meter(self, row: MeterRow) -> None:
        self._db.write("INSERT OR REPLACE INTO meters VALUES (?,?,?,?)", row)

    def delete_meters(self, before: float) -> None:
        """Forget the meters that are empty at a moment: they admit what they always do."""
        self._db.write("DELETE FROM meters WHERE full_at <= ?", (before,))

    def meters(self) -> list[MeterRow]:
        return [MeterRow(*row) for row in self._db.all("SELECT * FROM meters")]

    # --- events that were met

    def know_event(self, function_id: str, event_key: str, until: float) -> None:
        self._db.write("INSERT OR REPLACE INTO known_events VALUES (?,?,?)", (function_id, event_key, until))

    def known_until(self, function_id: str, event_key: str) -> float | None:
        sql = "SELECT until FROM known_events WHERE function_id = ? AND event_key = ?"
        row = self._db.one(sql, (function_id, event_key))
        return row[0] if row else None

    def forget_events(self, before: float) -> None:
        self._db.write("DELETE FROM known_events WHERE until <= ?", (before,))

    # --- debounces

    def put_debounce(self, row: DebounceRow) -> None:
        self._db.write("INSERT OR REPLACE INTO debounces VALUES (?,?,?,?,?,?,?,?)", row)

    def delete_debounce(self, debounce_id: str) -> None:
        self._db.write("DELETE FROM debounces WHERE id = ?", (debounce_id,))

    def debounces(self) -> list[DebounceRow]:
        rows = [DebounceRow(*row) for row in self._db.all("SELECT * FROM debounces")]
        return [row._replace(closed=bool(row.closed)) for row in rows]

    # --- batches

    def add_batch(self, row: BatchRow) -> None:
        self._db.write("INSERT INTO batches VALUES (?,?,?,?)", row)

    def add_batched_event(self, batch_id: str, position: int, event_id: str) -> None:
        self._db.write("INSERT INTO batched_events VALUES (?,?,?)", (batch_id, position, event_id))

    def delete_batch(self, batch_id: str) -> None:
        self._db.write("DELETE FROM batches WHERE id = ?", (batch_id,))
        self._db.write("DELETE FROM batched_events WHERE batch_id = ?", (batch_id,))

    def batches(self) -> list[BatchRow]:
        return [BatchRow(*row) for row in self._db.all("SELECT * FROM batches")]

    def batched_events(self, batch_id: str) -> list[str]:
        """Return the internal ids of the events of a batch, in their order."""
        sql = "SELECT event_id FROM batched_events WHERE batch_id = ? ORDER BY position"
        return [row[0] for row in self._db.all(sql, (batch_id,))]

    # --- crons

    def put_cron(self, row: CronRow) -> None:
        self._db.write("INSERT OR REPLACE INTO crons VALUES (?,?,?)", row)

    def delete_cron(self, function_id: str, cron: str) -> None:
        self._db.write("DELETE FROM crons WHERE function_id = ? AND cron = ?", (function_id, cron))

    def crons(self) -> list[CronRow]:
        return [CronRow(*row) for row in self._db.all("SELECT * FROM crons")]

    # --- bulk cancellations

    def add_cancellation(self, row: CancellationRow) -> None:
        self._db.write("INSERT INTO cancellations VALUES (?,?,?,?,?,?,?,?)", row)

    def delete_cancellation(self, cancellation_id: str) -> bool:
        """Forget a cancellation; return whether there was one."""
        return self._db.change("DELETE FROM cancellations WHERE id = ?", (cancellation_id,)) > 0

    def cancellations(self) -> list[CancellationRow]:
        """Return the cancellations, newest first."""
        return [CancellationRow(*row) for row in self._db.all("SELECT * FROM cancellations ORDER BY id DESC")]
