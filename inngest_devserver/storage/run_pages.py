"""Runs a page at a time, filtered and in order: reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .database import Database
from .store import RUN_COLUMNS, run_row
from .tables import RunRow

TIME_FIELDS = {"QUEUED_AT": "started_at", "STARTED_AT": "started_at", "ENDED_AT": "ended_at"}
"""What runs can be ordered and bounded by, and the column that holds it."""


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs are asked for.

    statuses, functions: one of these, if there are any. functions: engine's ids. event: the internal id of one that
    started it. since, until: Unix seconds. after: value and id of the last run of the page before.
    """

    statuses: Sequence[str] = ()
    functions: Sequence[str] | None = None
    event: str | None = None
    since: float | None = None
    until: float | None = None
    time_field: str = "QUEUED_AT"
    ascending: bool = False
    after: tuple[float, str] | None = None


def run_page(database: Database, wanted: RunFilter, limit: int) -> list[RunRow]:
    """Return at most *limit* runs."""
    column = TIME_FIELDS[wanted.time_field]
    where = [f"{column} IS NOT NULL"]
    values: list[Any] = []

    def condition(sql: str, *given: Any) -> None:
        where.append(sql)
        values.extend(given)

    if wanted.statuses:
        condition(f"status IN ({_marks(wanted.statuses)})", *wanted.statuses)
    if wanted.functions is not None:
        condition(f"function_id IN ({_marks(wanted.functions)})", *wanted.functions)
    if wanted.event is not None:
        condition("event_id = ?", wanted.event)
    if wanted.since is not None:
        condition(f"{column} >= ?", wanted.since)
    if wanted.until is not None:
        condition(f"{column} < ?", wanted.until)
    if wanted.after is not None:
        condition(f"({column}, id) {'>' if wanted.ascending else '<'} (?, ?)", *wanted.after)
    order = "ASC" if wanted.ascending else "DESC"
    sql = (
        f"SELECT {RUN_COLUMNS} FROM runs WHERE {' AND '.join(where)} "  # noqa: S608 - columns and marks only
        f"ORDER BY {column} {order}, id {order} LIMIT ?"
    )
    return [run_row(row) for row in database.all(sql, (*values, limit))]


def related_runs(database: Database, run_id: str) -> list[RunRow]:
    """Return the runs that a run invoked, and those that do it again, oldest first."""
    columns = ("parent_run", "rerun_of")
    sql = " UNION ".join(
        f"SELECT {RUN_COLUMNS} FROM runs WHERE {column} = ? AND {column} != ''"  # noqa: S608 - columns only
        for column in columns
    )
    return [run_row(row) for row in database.all(f"{sql} ORDER BY started_at, id", (run_id,) * len(columns))]


def place_of(run: RunRow, time_field: str) -> tuple[float, str]:
    """Return what `after` is for the page that follows *run*."""
    value: float | None = getattr(run, TIME_FIELDS[time_field])
    return (value or 0.0, run.id)


def _marks(values: Sequence[str]) -> str:
    return ",".join("?" * len(values))
