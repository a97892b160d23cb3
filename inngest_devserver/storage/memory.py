"""Databases in memory, used again when their engine has ended: a suite of tests starts thousands of engines.

In a new one, SQLite has to read its schema and to prepare every statement, which takes longer than all that a test
keeps in it. So one that is given back is emptied, and waits for the next engine in its thread.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import weakref
from collections.abc import Callable

STATEMENTS = 256
"""Prepared statements that a connection keeps."""
_MOST_IDLE = 4
_MOST_PAGES = 2000
"""A database that has grown larger is let go: its memory would not be given back."""


class MemoryDatabases(threading.local):
    """Those that are idle, of each thread its own."""

    def __init__(self, migrate: Callable[[sqlite3.Connection], None]) -> None:
        """migrate: makes the tables in an empty database."""
        self._migrate = migrate
        self._idle: list[sqlite3.Connection] = []
        self._thread = _Thread()
        weakref.finalize(self._thread, _close_all, self._idle)

    def take(self) -> sqlite3.Connection:
        """Return a database whose tables are empty."""
        if self._idle:
            return self._idle.pop()
        db = sqlite3.connect(":memory:", isolation_level=None, cached_statements=STATEMENTS, check_same_thread=False)
        self._migrate(db)
        return db

    def give_back(self, db: sqlite3.Connection) -> None:
        """Take a database whose engine has ended."""
        if len(self._idle) < _MOST_IDLE and _emptied(db):
            self._idle.append(db)
        else:
            db.close()


class _Thread:
    """Goes when its thread ends."""


def _close_all(idle: list[sqlite3.Connection]) -> None:
    while idle:
        with contextlib.suppress(sqlite3.Error):
            idle.pop().close()


def _emptied(db: sqlite3.Connection) -> bool:
    """Empty all tables; return whether the database can be used again."""
    try:
        (pages,) = db.execute("PRAGMA page_count").fetchone()
        if db.in_transaction or pages > _MOST_PAGES:
            return False
        tables = db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        db.execute("BEGIN")
        for (name,) in tables:
            db.execute(f"DELETE FROM {name}")  # noqa: S608  # a name of ours
        db.execute("COMMIT")
    except sqlite3.Error:
        return False
    return True
