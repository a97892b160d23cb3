"""The SQLite database under the store: opened, brought up to date, and written in transactions of one turn of the loop.

One connection, one writer, used by one thread. Knows no table but by its migrations, and makes no decisions.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .tables import MIGRATIONS

Schedule = Callable[[Callable[[], None]], object]

_LOCK_SECONDS = 1.0
"""How long to wait for an engine that is just letting go of the file."""
_LARGEST_JOURNAL = 16 * 1024 * 1024
"""Bytes that the write-ahead log keeps on disk when it has been larger for a while."""


class FileUnusableError(Exception):
    """The file cannot be used; the message says why."""


class StoreVersionError(FileUnusableError):
    """The file was written by a newer version of the engine."""


class Database:
    """path: of the file, or None to keep everything in memory. schedule: such as `loop.call_soon`.

    Raises FileUnusableError.
    """

    def __init__(self, path: Path | None = None, schedule: Schedule | None = None) -> None:
        self._schedule = schedule
        self._open = False
        try:
            self._db = sqlite3.connect(
                ":memory:" if path is None else str(path),
                isolation_level=None,
                timeout=_LOCK_SECONDS,
                cached_statements=256,
            )
        except sqlite3.Error as error:
            raise FileUnusableError(_why(error)) from error
        try:
            self._prepare(path)
        except sqlite3.Error as error:
            self._db.close()
            raise FileUnusableError(_why(error)) from error
        except BaseException:
            self._db.close()
            raise

    def _prepare(self, path: Path | None) -> None:
        if path is not None:
            # One engine per file: two would do the same jobs twice.
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("BEGIN EXCLUSIVE")
            self._db.execute("COMMIT")
            # Safe against a crash of this process; a power cut may lose the last transactions, never the file.
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.execute(f"PRAGMA journal_size_limit = {_LARGEST_JOURNAL}")
        version: int = self.one("PRAGMA user_version")[0]
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

    def commit(self) -> None:
        """End the transaction of this turn, if there is one."""
        if self._open:
            self._open = False
            self._db.execute("COMMIT")

    def _commit_quietly(self) -> None:
        # The store may have been closed between the turn and its end.
        with contextlib.suppress(sqlite3.ProgrammingError):
            self.commit()

    def write(self, sql: str, values: tuple[Any, ...] = ()) -> int:
        """Change something, in the transaction of this turn; return how many rows are concerned."""
        if not self._open:
            self._open = True
            self._db.execute("BEGIN")
            if self._schedule is not None:
                self._schedule(self._commit_quietly)
        return self._db.execute(sql, values).rowcount

    def one(self, sql: str, values: tuple[Any, ...] = ()) -> Any:
        return self._db.execute(sql, values).fetchone()

    def all(self, sql: str, values: tuple[Any, ...] = ()) -> list[Any]:
        return self._db.execute(sql, values).fetchall()


def _why(error: sqlite3.Error) -> str:
    if error.sqlite_errorcode in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return "another engine has this file open; end that one, or give this one a file of its own"
    return str(error)
