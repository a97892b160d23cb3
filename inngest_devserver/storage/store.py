"""What the engine keeps, in SQLite: the only place with SQL. One connection, one writer, used by one thread.

Writes of one turn of the event loop share a transaction: the first opens it, and `schedule` is asked to call
`commit` once the turn is over. No decisions, no clock, no JSON.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from .tables import MIGRATIONS, AppRow, EventRow, FunctionRow, HistoryRow, JobRow, PauseRow, RunRow

Schedule = Callable[[Callable[[], None]], object]

_EVENT = "internal_id, id, name, ts, received_at, body"
_RUN = (
    "id, function_id, event_id, event_key, batch, status, started_at, ended_at, output, version, trace_id, "
    "parent_run, parent_step, plan_only"
)
_JOB = "id, run_id, kind, step_id, due, attempt, position"
_PAUSE = "run_id, step_id, kind, name, since, race, event, expression, request"

_LOCK_SECONDS = 1.0
"""How long to wait for an engine that is just letting go of the file."""


class StoreVersionError(ValueError):
    """The file was written by a newer version of the engine."""


class Store:
    """path: of the file, or None to keep everything in memory. schedule: such as `loop.call_soon`."""

    def __init__(self, path: Path | None = None, schedule: Schedule | None = None) -> None:
        self._db = sqlite3.connect(
            ":memory:" if path is None else str(path),
            isolation_level=None,
            timeout=_LOCK_SECONDS,
            cached_statements=256,
        )
        self._schedule = schedule
        self._open = False
        try:
            self._prepare(path)
        except BaseException:
            self._db.close()
            raise

    def _prepare(self, path: Path | None) -> None:
        if path is not None:
            # One engine per file: two would do the same jobs twice. The second gets "database is locked".
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("BEGIN EXCLUSIVE")
            self._db.execute("COMMIT")
            # Safe against a crash of this process; a power cut may lose the last transactions, never the file.
            self._db.execute("PRAGMA synchronous = NORMAL")
        version: int = self._one("PRAGMA user_version", ())[0]
        if version > len(MIGRATIONS):
            raise StoreVersionError(
                f"{path} was written by a newer version of the engine (format {version}; this one knows formats up to "
                f"{len(MIGRATIONS)})"
            )
        for number, script in enumerate(MIGRATIONS[version:], version + 1):
            self._db.executescript(f"BEGIN; {script} PRAGMA user_version = {number}; COMMIT;")

    def close(self) -> None:
        self.commit()
        self._db.close()

    # --- transactions

    def commit(self) -> None:
        """End the transaction of this turn, if there is one."""
        if self._open:
            self._open = False
            self._db.execute("COMMIT")

    def _write(self, sql: str, values: tuple[Any, ...]) -> int:
        if not self._open:
            self._open = True
            self._db.execute("BEGIN")
            if self._schedule is not None:
                self._schedule(self._commit_quietly)
        return self._db.execute(sql, values).rowcount

    def _commit_quietly(self) -> None:
        # The store may have been closed between the turn and its end.
        with contextlib.suppress(sqlite3.ProgrammingError):
            self.commit()

    def _one(self, sql: str, values: tuple[Any, ...]) -> Any:
        return self._db.execute(sql, values).fetchone()

    def _all(self, sql: str, values: tuple[Any, ...]) -> list[Any]:
        return self._db.execute(sql, values).fetchall()

    # --- apps and functions

    def put_app(self, row: AppRow) -> None:
        self._write("INSERT OR REPLACE INTO apps VALUES (?,?,?,?,?,?,?,?)", row)

    def archive_app(self, app_id: str, now: float) -> None:
        self._write("UPDATE apps SET archived_at = ? WHERE id = ?", (now, app_id))
        self.archive_functions(app_id, now)

    def apps(self) -> list[AppRow]:
        """Return the apps that are not archived."""
        return [AppRow(*row) for row in self._all("SELECT * FROM apps WHERE archived_at IS NULL", ())]

    def put_function(self, row: FunctionRow) -> None:
        self._write(
            "INSERT INTO functions VALUES (?,?,?,?,?,?) ON CONFLICT (id) DO UPDATE SET "
            "config = excluded.config, archived_at = NULL",
            row,
        )

    def archive_functions(self, app_id: str, now: float) -> None:
        self._write(
            "UPDATE functions SET archived_at = ? WHERE app_id = ? AND archived_at IS NULL",
            (now, app_id),
        )

    def functions(self) -> list[FunctionRow]:
        """Return all functions, archived ones too: runs may still need them."""
        return [FunctionRow(*row) for row in self._all("SELECT * FROM functions", ())]

    # --- events

    def add_event(self, row: EventRow) -> bool:
        """Keep an event; return whether it is new."""
        return self._write("INSERT OR IGNORE INTO events VALUES (?,?,?,?,?,?)", row) > 0

    def event(self, event_id: str) -> EventRow | None:
        """Return the event of this internal id, else the newest whose sender gave it this id."""
        row = self._one(f"SELECT {_EVENT} FROM events WHERE internal_id = ?", (event_id,)) or self._one(  # noqa: S608
            f"SELECT {_EVENT} FROM events WHERE id = ? ORDER BY internal_id DESC LIMIT 1",  # noqa: S608
            (event_id,),
        )
        return EventRow(*row) if row else None

    def events(self, *, name: str | None, before: str | None, internal: bool, limit: int) -> list[EventRow]:
        """Return events, newest first. before: an internal id. internal: with those that the engine sent."""
        where = ["TRUE"]
        values: list[Any] = []
        if name is not None:
            where.append("name = ?")
            values.append(name)
        elif not internal:
            where.append("name NOT LIKE 'inngest/%'")
        if before is not None:
            where.append("internal_id < ?")
            values.append(before)
        sql = f"SELECT {_EVENT} FROM events WHERE {' AND '.join(where)} ORDER BY internal_id DESC LIMIT ?"  # noqa: S608
        return [EventRow(*row) for row in self._all(sql, (*values, limit))]

    # --- runs

    def add_run(self, row: RunRow) -> None:
        self._write(f"INSERT INTO runs ({_RUN}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)", row)  # noqa: S608

    def set_protocol(self, run_id: str, version: int, plan_only: bool) -> None:
        self._write("UPDATE runs SET version = ?, plan_only = ? WHERE id = ?", (version, plan_only, run_id))

    def end_run(self, run_id: str, status: str, now: float, output: bytes) -> None:
        """Close a run and forget what it waits for."""
        self._write("UPDATE runs SET status = ?, ended_at = ?, output = ? WHERE id = ?", (status, now, output, run_id))
        self._write("DELETE FROM pauses WHERE run_id = ?", (run_id,))

    def run(self, run_id: str) -> RunRow | None:
        row = self._one(f"SELECT {_RUN} FROM runs WHERE id = ?", (run_id,))  # noqa: S608
        return _run_row(row) if row else None

    def has_run(self, function_id: str, event_key: str) -> bool:
        sql = "SELECT 1 FROM runs WHERE function_id = ? AND event_key = ?"
        return self._one(sql, (function_id, event_key)) is not None

    def runs_of_event(self, event_id: str) -> list[RunRow]:
        sql = f"SELECT {_RUN} FROM runs WHERE event_id = ? ORDER BY id"  # noqa: S608
        return [_run_row(row) for row in self._all(sql, (event_id,))]

    def runs(self, *, before: str | None, limit: int) -> list[RunRow]:
        """Return runs, newest first."""
        sql = f"SELECT {_RUN} FROM runs WHERE id < ? ORDER BY id DESC LIMIT ?"  # noqa: S608
        return [_run_row(row) for row in self._all(sql, (before or "~", limit))]

    def active_runs(self) -> list[RunRow]:
        sql = f"SELECT {_RUN} FROM runs WHERE ended_at IS NULL ORDER BY id"  # noqa: S608
        return [_run_row(row) for row in self._all(sql, ())]

    # --- what a run knows, waits for, and is to do

    def add_memo(self, run_id: str, position: int, step_id: str, body: bytes) -> None:
        self._write("INSERT INTO memos VALUES (?,?,?,?)", (run_id, position, step_id, body))

    def memos(self, run_id: str) -> list[tuple[str, bytes]]:
        """Return (step id, memo) in the order of the stack."""
        return self._all("SELECT step_id, body FROM memos WHERE run_id = ? ORDER BY position", (run_id,))

    def add_pause(self, row: PauseRow) -> None:
        self._write(f"INSERT INTO pauses ({_PAUSE}) VALUES (?,?,?,?,?,?,?,?,?)", row)  # noqa: S608

    def delete_pause(self, run_id: str, step_id: str) -> None:
        self._write("DELETE FROM pauses WHERE run_id = ? AND step_id = ?", (run_id, step_id))

    def pauses(self) -> Iterable[PauseRow]:
        for row in self._all(f"SELECT {_PAUSE} FROM pauses", ()):  # noqa: S608
            yield PauseRow(*row)._replace(race=bool(row[5]))

    def put_job(self, row: JobRow) -> None:
        self._write("INSERT OR REPLACE INTO jobs VALUES (?,?,?,?,?,?,?)", row)

    def delete_job(self, job_id: str) -> None:
        self._write("DELETE FROM jobs WHERE id = ?", (job_id,))

    def delete_jobs_of(self, run_id: str) -> None:
        self._write("DELETE FROM jobs WHERE run_id = ?", (run_id,))

    def jobs(self, run_id: str | None = None) -> list[JobRow]:
        """Return jobs in the order they are due, of one run or of all."""
        where = "TRUE" if run_id is None else "run_id = ?"
        sql = f"SELECT {_JOB} FROM jobs WHERE {where} ORDER BY due"  # noqa: S608
        return [JobRow(*row) for row in self._all(sql, () if run_id is None else (run_id,))]

    # --- history

    def add_history(self, row: HistoryRow) -> None:
        self._write(
            "INSERT INTO history (run_id, at, kind, step_id, name, attempt, detail) VALUES (?,?,?,?,?,?,?)",
            row,
        )

    def history(self, run_id: str) -> list[HistoryRow]:
        sql = "SELECT run_id, at, kind, step_id, name, attempt, detail FROM history WHERE run_id = ? ORDER BY number"
        return [HistoryRow(*row) for row in self._all(sql, (run_id,))]


def _run_row(row: tuple[Any, ...]) -> RunRow:
    return RunRow(*row)._replace(plan_only=bool(row[-1]))
