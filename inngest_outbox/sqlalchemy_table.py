"""The table of an outbox in SQLAlchemy: its columns, and what a relay does with its rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa

from .entries import Entry

SKIP_LOCKED = frozenset({"postgresql", "mysql", "mariadb", "oracle"})
"""Dialects in which several relays can claim at once without waiting for one another."""

_KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_BODY = sa.Text().with_variant(sa.Text(2**24), "mysql", "mariadb")
"""An event may have 3 MiB; MySQL's plain TEXT holds 64 KiB."""


def make_table(name: str, metadata: sa.MetaData) -> sa.Table:
    """Return the table, as part of the metadata."""
    return sa.Table(
        name,
        metadata,
        sa.Column("id", _KEY, primary_key=True, autoincrement=True),
        sa.Column("event_id", sa.String(255), nullable=False),
        sa.Column("name", sa.String(512), nullable=False),
        sa.Column("body", _BODY, nullable=False),
        sa.Column("written_at", sa.Double, nullable=False),
        sa.Column("due_at", sa.Double, nullable=True, index=True),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("claim", sa.String(32), nullable=True, index=True),
        sa.Column("error", sa.Text, nullable=True),
    )


class Table:
    """The table of an outbox as a relay uses it.

    transact: runs a function of a connection in a transaction; or returns an awaitable that does.
    """

    def __init__(
        self, table: sa.Table, transact: Callable[[Callable[[sa.Connection], Any]], Any], dialect: str
    ) -> None:
        self._table, self._transact = table, transact
        self.table, self.how_to_create = table.name, "create it with metadata.create_all(engine) or a migration"
        self._skips_locked = dialect in SKIP_LOCKED

    def claim(self, claim: str, limit: int, now: float, until: float) -> Any:
        columns = self._table.c
        due = sa.select(columns.id).where(columns.due_at <= now).order_by(columns.id).limit(limit)
        mine = sa.update(self._table).values(due_at=until, claim=claim, attempts=columns.attempts + 1)
        taken = sa.select(columns.id, columns.body, columns.attempts, columns.written_at).where(columns.claim == claim)

        def work(connection: sa.Connection) -> list[Entry]:
            # One statement where the whole table gets locked: SQLite cannot go on to write in a transaction that
            # began with reading, if somebody else wrote meanwhile.
            keys = connection.scalars(due.with_for_update(skip_locked=True)).all() if self._skips_locked else due
            connection.execute(mine.where(columns.id.in_(keys)))
            rows = connection.execute(taken.order_by(columns.id))
            return [Entry(key, body, attempts - 1, written_at) for key, body, attempts, written_at in rows]

        return self._transact(work)

    def remove(self, claim: str, keys: Sequence[int]) -> Any:
        return self._run(sa.delete(self._table).where(*self._mine(claim, keys)))

    def postpone(self, claim: str, keys: Sequence[int], until: float, error: str) -> Any:
        changed = sa.update(self._table).where(*self._mine(claim, keys))
        return self._run(changed.values(due_at=until, claim=None, error=error))

    def set_aside(self, claim: str, keys: Sequence[int], error: str) -> Any:
        changed = sa.update(self._table).where(*self._mine(claim, keys))
        return self._run(changed.values(due_at=None, claim=None, error=error))

    def forget(self, before: float) -> Any:
        columns = self._table.c
        return self._run(sa.delete(self._table).where(columns.due_at.is_(None), columns.written_at < before))

    def _mine(self, claim: str, keys: Sequence[int]) -> list[sa.ColumnElement[bool]]:
        return [self._table.c.id.in_(keys), self._table.c.claim == claim]

    def _run(self, statement: sa.Executable) -> Any:
        def work(connection: sa.Connection) -> None:
            connection.execute(statement)

        return self._transact(work)
