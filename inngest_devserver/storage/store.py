"""What the engine keeps, as rows: each is written and read here. Writes of one turn of the loop share a transaction.

No decisions, no clock, no JSON.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

from .database import Database, Schedule
from .tables import AppRow, EventRow, FunctionRow, HistoryRow, JobRow, MetadataRow, PauseRow, RunRow

_EVENT = "internal_id, id, name, ts, received_at, body"
RUN_COLUMNS = (
    "id, function_id, event_id, event_key, batch, status, started_at, ended_at, output, version, trace_id, "
    "parent_run, parent_step, plan_only, rerun_of"
)
_JOB = "id, run_id, kind, step_id, due, attempt, position"
_HISTORY = "run_id, at, kind, step_id, name, attempt, detail, op, since, queued, position, error"
_PAUSE = "run_id, step_id, kind, name, since, race, event, expression, request, position"


class Store:
    """path: of the file, or None to keep everything in memory. schedule: such as `loop.call_soon`.

    Raises FileUnusableError.
    """

    def __init__(self, path: Path | None = None, schedule: Schedule | None = None) -> None:
        self.database = Database(path, schedule)
        self._lasts = path is not None
        self._write = self.database.write
        self._one = self.database.one
        self._all = self.database.all

    def commit(self) -> None:
        """End the transaction of this turn: what was written until now is safe from here on."""
        self.database.commit()

    def close(self) -> None:
        self.database.close()

    # --- apps and functions

    def put_app(self, row: AppRow) -> None:
        self._write("INSERT OR REPLACE INTO apps VALUES (?,?,?,?,?,?,?,?,?)", row)

    def archive_app(self, app_id: str, now: float) -> None:
        self._write("UPDATE apps SET archived_at = ? WHERE id = ?", (now, app_id))
        self.archive_functions(app_id, now)

    def apps(self) -> list[AppRow]:
        """Return the apps that are not archived."""
        return [AppRow(*row) for row in self._all("SELECT * FROM apps WHERE archived_at IS NULL", ())]

    def app_names(self) -> dict[str, str]:
        """Return the names of all apps by their ids, archived ones too."""
        return dict(self._all("SELECT id, name FROM apps", ()))

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

    def add_event(self, row: EventRow) -> None:
        """Keep an event whose internal id is new."""
        self._write("INSERT INTO events VALUES (?,?,?,?,?,?)", row)

    def add_event_once(self, row: EventRow) -> bool:
        """Keep an event, unless one of this internal id is kept; return whether it is new."""
        return self.database.change("INSERT OR IGNORE INTO events VALUES (?,?,?,?,?,?)", row) > 0

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
        self._write(f"INSERT INTO runs ({RUN_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)", row)  # noqa: S608

    def set_protocol(self, run_id: str, version: int, plan_only: bool) -> None:
        self._write("UPDATE runs SET version = ?, plan_only = ? WHERE id = ?", (version, plan_only, run_id))

    def end_run(self, run_id: str, status: str, now: float, output: bytes) -> None:
        """Close a run and forget what it waits for."""
        self._write("UPDATE runs SET status = ?, ended_at = ?, output = ? WHERE id = ?", (status, now, output, run_id))
        self._write("DELETE FROM pauses WHERE run_id = ?", (run_id,))

    def run(self, run_id: str) -> RunRow | None:
        row = self._one(f"SELECT {RUN_COLUMNS} FROM runs WHERE id = ?", (run_id,))  # noqa: S608
        return run_row(row) if row else None

    def run_ids(self) -> list[str]:
        """Return the ids of all runs that are kept, in the order in which they began."""
        return [run_id for (run_id,) in self._all("SELECT id FROM runs ORDER BY started_at, id", ())]

    def runs_of_event(self, event_id: str) -> list[RunRow]:
        sql = f"SELECT {RUN_COLUMNS} FROM runs WHERE event_id = ? ORDER BY id"  # noqa: S608
        return [run_row(row) for row in self._all(sql, (event_id,))]

    def active_runs(self) -> list[RunRow]:
        sql = f"SELECT {RUN_COLUMNS} FROM runs WHERE ended_at IS NULL ORDER BY id"  # noqa: S608
        return [run_row(row) for row in self._all(sql, ())]

    # --- what a run knows, waits for, and is to do

    def add_memo(self, run_id: str, position: int, step_id: str, body: bytes) -> None:
        self._write("INSERT INTO memos VALUES (?,?,?,?)", (run_id, position, step_id, body))

    def memos(self, run_id: str) -> list[tuple[str, bytes]]:
        """Return (step id, memo) in the order of the stack."""
        return self._all("SELECT step_id, body FROM memos WHERE run_id = ? ORDER BY position", (run_id,))

    def memo(self, run_id: str, step_id: str) -> bytes | None:
        row = self._one("SELECT body FROM memos WHERE run_id = ? AND step_id = ?", (run_id, step_id))
        return row[0] if row else None

    def add_input(self, run_id: str, step_id: str, arguments: bytes) -> None:
        self._write("INSERT OR REPLACE INTO inputs VALUES (?,?,?)", (run_id, step_id, arguments))

    def inputs(self, run_id: str) -> list[tuple[str, bytes]]:
        """Return (step id, arguments) of the steps whose arguments are known: recorded, or given by hand."""
        return self._all("SELECT step_id, body FROM inputs WHERE run_id = ?", (run_id,))

    def put_metadata(self, row: MetadataRow) -> None:
        """Keep what is known of a step, or of a run, in place of what was known; forget it when that is empty."""
        if row.body:
            self._write("INSERT OR REPLACE INTO metadata VALUES (?,?,?,?,?,?)", row)
        else:
            sql = "DELETE FROM metadata WHERE run_id = ? AND step_id = ? AND scope = ? AND kind = ?"
            self._write(sql, row[:4])

    def metadata(self, run_id: str) -> list[MetadataRow]:
        """Return what is known of a run and of its steps, besides their results."""
        sql = "SELECT * FROM metadata WHERE run_id = ? ORDER BY step_id, scope, kind"
        return [MetadataRow(*row) for row in self._all(sql, (run_id,))]

    def metadata_of_step(self, run_id: str, step_id: str) -> list[MetadataRow]:
        """Return what is known of one step, and of the run itself."""
        sql = "SELECT * FROM metadata WHERE run_id = ? AND step_id IN (?, '')"
        return [MetadataRow(*row) for row in self._all(sql, (run_id, step_id))]

    def metadata_size(self, run_id: str) -> tuple[int, int]:
        """Return how many rows there are of a run and its steps, and the bytes of their kinds and bodies."""
        sql = "SELECT count(*), coalesce(sum(length(body) + length(kind)), 0) FROM metadata WHERE run_id = ?"
        return cast("tuple[int, int]", self._one(sql, (run_id,)))

    def add_pause(self, row: PauseRow) -> None:
        self._write(f"INSERT INTO pauses ({_PAUSE}) VALUES (?,?,?,?,?,?,?,?,?,?)", row)  # noqa: S608

    def delete_pause(self, run_id: str, step_id: str) -> None:
        self._write("DELETE FROM pauses WHERE run_id = ? AND step_id = ?", (run_id, step_id))

    def pauses(self, run_id: str | None = None) -> Iterable[PauseRow]:
        """Yield the pauses of one run, or of all."""
        where = "TRUE" if run_id is None else "run_id = ?"
        for row in self._all(f"SELECT {_PAUSE} FROM pauses WHERE {where}", () if run_id is None else (run_id,)):  # noqa: S608
            yield PauseRow(*row)._replace(race=bool(row[5]))

    # Nobody takes up the jobs of an engine in memory once that has ended, so they are kept in a file only.

    def put_job(self, row: JobRow) -> None:
        if self._lasts:
            self._write("INSERT OR REPLACE INTO jobs VALUES (?,?,?,?,?,?,?)", row)

    def delete_job(self, job_id: str) -> None:
        if self._lasts:
            self._write("DELETE FROM jobs WHERE id = ?", (job_id,))

    def delete_jobs_of(self, run_id: str) -> None:
        if self._lasts:
            self._write("DELETE FROM jobs WHERE run_id = ?", (run_id,))

    def jobs(self) -> list[JobRow]:
        """Return the jobs of an earlier engine, in the order in which they are due."""
        return [JobRow(*row) for row in self._all(f"SELECT {_JOB} FROM jobs ORDER BY due")]  # noqa: S608

    # --- history

    def add_history(self, row: HistoryRow) -> None:
        self._write(
            f"INSERT INTO history ({_HISTORY}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",  # noqa: S608
            row,
        )

    def history(self, run_id: str) -> list[HistoryRow]:
        sql = f"SELECT {_HISTORY} FROM history WHERE run_id = ? ORDER BY number"  # noqa: S608
        return [HistoryRow(*row) for row in self._all(sql, (run_id,))]


def run_row(row: tuple[Any, ...]) -> RunRow:
    """Return the run in a row of RUN_COLUMNS."""
    run = RunRow(*row)
    return run._replace(plan_only=bool(run.plan_only))
