"""The SQLite database under the store: opened, brought up to date, and written in transactions of one turn of the loop.

One connection, one writer, used by one thread; only a backup reads beside it. Knows no table but by its migrations, and
makes no decisions.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .backup import Backups
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
        self._turn: list[tuple[str, tuple[Any, ...]]] = []
        self.trouble = ""
        """Why what was written last is not in the file, such as a full disk; empty when all is well."""
        self.on_trouble: Callable[[], object] = str
        """Called when trouble begins."""
        try:
            self._db = sqlite3.connect(
                ":memory:" if path is None else str(path),
                isolation_level=None,
                timeout=_LOCK_SECONDS,
                cached_statements=256,
                check_same_thread=False,  # for the backups
            )
        except sqlite3.Error as error:
            raise FileUnusableError(_why(error)) from error
        self.backups = Backups(self._db)
        try:
            self._prepare(path)
        except sqlite3.Error as error:
            self._db.close()
            raise FileUnusableError(_why(error)) from error
        except BaseException:
            self._db.close()
            raise

    def _prepare(self, path: Path | None) -> None:
        if path is None:
            _TEMPLATE.copy_to(self._db)
            return
        # One engine per file: two would do the same jobs twice.
        self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._db.execute("BEGIN EXCLUSIVE")
        version = self._format(path)
        self._db.execute("COMMIT")
        self._db.execute("PRAGMA journal_mode = WAL")
        # Safe against a crash of this process; a power cut may lose the last transactions, never the file.
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute(f"PRAGMA journal_size_limit = {_LARGEST_JOURNAL}")
        _migrate(self._db, version)

    def _format(self, path: Path) -> int:
        """Return the number of the file's format, 0 of a new one. Raises FileUnusableError."""
        version: int = self.one("PRAGMA user_version")[0]
        tables = {name for (name,) in self.all("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if tables and ("runs" not in tables or not version):
            raise FileUnusableError(
                f"it is another program's database, with tables such as {min(tables)}; give the engine its own file"
            )
        if version > len(MIGRATIONS):
            raise StoreVersionError(
                f"{path} was written by a newer version of the engine (format {version}; this one knows formats up to "
                f"{len(MIGRATIONS)})"
            )
        return version

    def close(self) -> None:
        self.backups.close()
        try:
            self.commit()
        finally:
            self._db.close()

    def commit(self) -> None:
        """End the transaction of this turn, if there is one; when it cannot be written, `trouble` says why."""
        if self._open and not self.trouble:
            try:
                self._db.execute("COMMIT")
            except sqlite3.OperationalError as error:
                self._fail(error)
            else:
                self._open = False
                self._turn.clear()

    def _fail(self, error: sqlite3.OperationalError) -> None:
        """Take back the transaction, and keep what it was to write: memory is ahead of the file until it is written."""
        self.trouble = str(error)
        if self._db.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")
        self.on_trouble()

    def try_again(self) -> bool:
        """Write what could not be written, all of it or nothing; return whether the file is as it should be."""
        if not self.trouble:
            return True
        try:
            self._db.execute("BEGIN")
            for sql, values in self._turn:
                self._db.execute(sql, values)
            self._db.execute("COMMIT")
        except sqlite3.OperationalError as error:
            self.trouble = str(error)
            if self._db.in_transaction:
                with contextlib.suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")
            return False
        self.trouble, self._open = "", False
        self._turn.clear()
        return True

    def _commit_quietly(self) -> None:
        # The store may have been closed between the turn and its end.
        with contextlib.suppress(sqlite3.ProgrammingError):
            self.commit()

    def write(self, sql: str, values: tuple[Any, ...] = ()) -> int:
        """Change something, in the transaction of this turn; return how many rows are concerned."""
        self._turn.append((sql, values))
        if self.trouble:
            return 1
        try:
            if not self._open:
                self._open = True
                self._db.execute("BEGIN")
                if self._schedule is not None:
                    self._schedule(self._commit_quietly)
            return self._db.execute(sql, values).rowcount
        except sqlite3.OperationalError as error:
            self._fail(error)
            return 1

    def one(self, sql: str, values: tuple[Any, ...] = ()) -> Any:
        return self._db.execute(sql, values).fetchone()

    def all(self, sql: str, values: tuple[Any, ...] = ()) -> list[Any]:
        return self._db.execute(sql, values).fetchall()


class _Template:
    """An empty database in memory, made once: to copy it takes a sixth of the time, and test suites need thousands."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._db: sqlite3.Connection | None = None

    def copy_to(self, target: sqlite3.Connection) -> None:
        with self._lock:
            if self._db is None:
                self._db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
                _migrate(self._db, 0)
            self._db.backup(target)


_TEMPLATE = _Template()


def _migrate(db: sqlite3.Connection, version: int) -> None:
    """Bring a database of this version up to date."""
    for number, script in enumerate(MIGRATIONS[version:], version + 1):
        db.executescript(f"BEGIN; {script} PRAGMA user_version = {number}; COMMIT;")


def _why(error: sqlite3.Error) -> str:
    if error.sqlite_errorcode in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return "another engine has this file open; end that one, or give this one a file of its own"
    return str(error)
