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

LONGEST_SEARCHED = 16_384
"""Bytes of an event or an output in which text is looked for; larger ones are left out, so that a look is quick."""

Place = tuple[float, str]
"""Where a run stands in an order: its time, and its id."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text to look for, in any case of ASCII letters.

    json: as it stands in JSON. functions: engine's ids of those whose names have it.
    """

    plain: str
    json: str
    functions: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs are asked for.

    statuses, functions: one of these, if there are any. functions: engine's ids. event: the internal id of one that
    started it. since, until: Unix seconds. after: the place of the last run of the page before. through: of the last
    one that is looked at. text: in ids, names, the first event, the output.
    """

    statuses: Sequence[str] = ()
    functions: Sequence[str] | None = None
    event: str | None = None
    since: float | None = None
    until: float | None = None
    time_field: str = "QUEUED_AT"
    ascending: bool = False
    after: Place | None = None
    through: Place | None = None
    text: Text | None = None


class _Conditions:
    """The conditions of a query, and their values."""

    def __init__(self) -> None:
        self._sql: list[str] = []
        self.values: list[Any] = []

    def add(self, sql: str, *values: Any) -> None:
        self._sql.append(sql)
        self.values.extend(values)

    def __str__(self) -> str:
        return " AND ".join(self._sql)


def run_page(database: Database, wanted: RunFilter, limit: int) -> list[RunRow]:
    """Return at most *limit* runs."""
    where = _where(wanted)
    if wanted.text is not None:
        _add_text(where, wanted.text)
    sql = f"SELECT {RUN_COLUMNS} FROM runs WHERE {where} ORDER BY {_order(wanted)} LIMIT ?"  # noqa: S608
    return [run_row(row) for row in database.all(sql, (*where.values, limit))]


def place_after(database: Database, wanted: RunFilter, count: int) -> Place | None:
    """Return the place of the last of the next *count* runs, whatever text they have; None when there are fewer."""
    where, column = _where(wanted), TIME_FIELDS[wanted.time_field]
    sql = f"SELECT {column}, id FROM runs WHERE {where} ORDER BY {_order(wanted)} LIMIT 1 OFFSET ?"  # noqa: S608
    place: Place | None = database.one(sql, (*where.values, count - 1))
    return place


def place_of(run: RunRow, time_field: str) -> Place:
    """Return what `after` is for the page that follows *run*."""
    value: float | None = getattr(run, TIME_FIELDS[time_field])
    return (value or 0.0, run.id)


def related_runs(database: Database, run_id: str) -> list[RunRow]:
    """Return the runs that a run invoked, and those that do it again, oldest first."""
    columns = ("parent_run", "rerun_of")
    sql = " UNION ".join(
        f"SELECT {RUN_COLUMNS} FROM runs WHERE {column} = ? AND {column} != ''"  # noqa: S608 - columns only
        for column in columns
    )
    return [run_row(row) for row in database.all(f"{sql} ORDER BY started_at, id", (run_id,) * len(columns))]


def _where(wanted: RunFilter) -> _Conditions:
    column = TIME_FIELDS[wanted.time_field]
    where = _Conditions()
    where.add(f"{column} IS NOT NULL")
    if wanted.statuses:
        where.add(f"status IN ({_marks(wanted.statuses)})", *wanted.statuses)
    if wanted.functions is not None:
        where.add(f"function_id IN ({_marks(wanted.functions)})", *wanted.functions)
    if wanted.event is not None:
        where.add("event_id = ?", wanted.event)
    if wanted.since is not None:
        where.add(f"{column} >= ?", wanted.since)
    if wanted.until is not None:
        where.add(f"{column} < ?", wanted.until)
    if wanted.after is not None:
        where.add(f"({column}, id) {'>' if wanted.ascending else '<'} (?, ?)", *wanted.after)
    if wanted.through is not None:
        where.add(f"({column}, id) {'<=' if wanted.ascending else '>='} (?, ?)", *wanted.through)
    return where


def _add_text(where: _Conditions, text: Text) -> None:
    plain, in_json = like(text.plain), like(text.json)
    any_of = (
        "id LIKE ? ESCAPE '~'",
        "event_key LIKE ? ESCAPE '~'",
        "batch LIKE ? ESCAPE '~'",
        f"function_id IN ({_marks(text.functions)})",
        # The length of a value is known without reading it.
        "(length(output) <= ? AND CAST(output AS TEXT) LIKE ? ESCAPE '~')",
        "EXISTS (SELECT 1 FROM events WHERE internal_id = event_id AND length(body) <= ? "
        "AND CAST(body AS TEXT) LIKE ? ESCAPE '~')",
    )
    values = (plain, plain, plain, *text.functions, LONGEST_SEARCHED, in_json, LONGEST_SEARCHED, in_json)
    where.add(f"({' OR '.join(any_of)})", *values)


def like(text: str) -> str:
    """Return the pattern of LIKE for values that have a text in them, with ~ as its escape."""
    for special in "~%_":
        text = text.replace(special, f"~{special}")
    return f"%{text}%"


def _order(wanted: RunFilter) -> str:
    direction = "ASC" if wanted.ascending else "DESC"
    return f"{TIME_FIELDS[wanted.time_field]} {direction}, id {direction}"


def _marks(values: Sequence[str]) -> str:
    return ",".join("?" * len(values))
