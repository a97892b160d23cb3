"""Events a page at a time, filtered, newest first: reads only."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from .database import Database
from .run_pages import LONGEST_SEARCHED, Text, like
from .tables import EventRow

_COLUMNS = "internal_id, id, name, ts, received_at, body"


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events are asked for.

    name: exactly. internal: with those that the engine sent. since, until: Unix seconds. before: the internal id of the
    last one of the page before. through: of the last one that is looked at. text: in ids, the name or the body.
    """

    name: str = ""
    internal: bool = False
    since: float | None = None
    until: float | None = None
    before: str = ""
    through: str = ""
    text: Text | None = None


def event_page(database: Database, wanted: EventFilter, limit: int) -> list[EventRow]:
    """Return at most *limit* events."""
    where, values = _where(wanted)
    sql = f"SELECT {_COLUMNS} FROM events WHERE {where} ORDER BY internal_id DESC LIMIT ?"  # noqa: S608 - no values
    return [EventRow(*row) for row in database.all(sql, (*values, limit))]


def event_after(database: Database, wanted: EventFilter, count: int) -> str:
    """Return the id of the last of the next *count* events, whatever text they have; empty when there are fewer."""
    where, values = _where(dataclasses.replace(wanted, text=None))
    sql = f"SELECT internal_id FROM events WHERE {where} ORDER BY internal_id DESC LIMIT 1 OFFSET ?"  # noqa: S608
    row = database.one(sql, (*values, count - 1))
    return str(row[0]) if row else ""


def event_names(database: Database, most: int) -> dict[str, float]:
    """Return the names of events that are kept, but for those that the engine sends, and when each came last."""
    # The names and the latest ids are in an index; the times are read of the latest events only.
    sql = (
        "SELECT name, received_at FROM events JOIN (SELECT max(internal_id) AS latest FROM events "
        "WHERE name NOT LIKE 'inngest/%' GROUP BY name) ON internal_id = latest ORDER BY internal_id DESC LIMIT ?"
    )
    return dict(database.all(sql, (most,)))


def _where(wanted: EventFilter) -> tuple[str, list[Any]]:
    conditions: list[tuple[str, tuple[Any, ...]]] = [("TRUE", ())]
    if wanted.name:
        conditions.append(("name = ?", (wanted.name,)))
    elif not wanted.internal:
        conditions.append(("name NOT LIKE 'inngest/%'", ()))
    for condition, value in (
        ("received_at >= ?", wanted.since),
        ("received_at < ?", wanted.until),
        ("internal_id < ?", wanted.before or None),
        ("internal_id >= ?", wanted.through or None),
    ):
        if value is not None:
            conditions.append((condition, (value,)))
    if wanted.text is not None:
        plain, in_json = like(wanted.text.plain), like(wanted.text.json)
        conditions.append(
            (
                "(internal_id LIKE ? ESCAPE '~' OR id LIKE ? ESCAPE '~' OR name LIKE ? ESCAPE '~' "
                "OR (length(body) <= ? AND CAST(body AS TEXT) LIKE ? ESCAPE '~'))",
                (plain, plain, plain, LONGEST_SEARCHED, in_json),
            )
        )
    return " AND ".join(sql for sql, _ in conditions), [value for _, values in conditions for value in values]
