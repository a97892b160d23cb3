"""The SQLite database under the store: opened, brought up to date, and written in transactions of one turn of the loop.

What is written waits until its turn ends, or until something is read; in memory, where nothing is safer than elsewhere,
until something is read. One connection, one writer, used by one thread; only a backup reads beside it. Knows no table
but by its migrations, and makes no decisions.
"""

from __future__ import annotations

import contextlib
import functools
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .backup import Backups
from .complaints import why_unusable
from .memory import STATEMENTS, MemoryDatabases
from .tables import MIGRATIONS

Schedule = Callable[[Callable[[], None]], object]

_LOCK_SECONDS = 1.0
"""How long to wait for an engine that is just letting go of the file."""
_MOST_WAITING = 256
"""Writes that wait for the end of their turn, or for a read, before they are made anyway."""
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
        self._schedule = None if path is None else schedule
        self._path = path
        self._turn: list[tuple[str, tuple[Any, ...]]] = []
        """What is written in this turn; the first `_made` of it is in the transaction already."""
        self._made = 0
        self._when_kept: list[Callable[[], object]] = []
        self.trouble = ""
        """Why what was written last is not in the file, such as a full disk; empty when all is well."""
        self.on_trouble: Callable[[], object] = str
        """Called when trouble begins."""
        self.backups = Backups()
        self._made_db: sqlite3.Connection | None = None
        self._closed = False
        if path is not None:
            self._open()

    @property
    def is_new(self) -> bool:
        """Whether nothing was ever kept here."""
        return self._made_db is None and not self._turn

    @property
    def _db(self) -> sqlite3.Connection:
        """The connection; in memory it is made with the first read: some tests read nothing."""
        return self._made_db or self._open()

    def _open(self) -> sqlite3.Connection:
        if self._closed:
            raise sqlite3.ProgrammingError("the store is closed")
        self._made_db = _MEMORY.take() if self._path is None else _open_file(self._path)
        return self._made_db

    def close(self) -> None:
        self.backups.close()
        try:
            self.commit()
        finally:
            db, self._made_db, self._closed = self._made_db, None, True
            if db is not None and self._path is None:
                _MEMORY.give_back(db)
            elif db is not None:
                db.close()

    def commit(self) -> None:
        """End the transaction of this turn, if there is one; when it cannot be written, `trouble` says why."""
        if self._path is None or not self._turn or self.trouble:
            return
        self._make()
        self._end_transaction()

    def _end_transaction(self) -> None:
        if self.trouble:
            return
        try:
            self._db.execute("COMMIT")
        except sqlite3.OperationalError as error:
            self._fail(error)
        else:
            self._is_kept()

    def _is_kept(self) -> None:
        """Note that all that was written is in the file."""
        self._turn.clear()
        self._made = 0
        waiting, self._when_kept = self._when_kept, []
        for call in waiting:
            call()

    def when_kept(self, call: Callable[[], object]) -> None:
        """Call this once all that was written until now is in the file; at once in memory, where nothing can fail."""
        if self._path is None or not self._turn:
            call()
        else:
            self._when_kept.append(call)

    def _fail(self, error: sqlite3.OperationalError) -> None:
        """Take back the transaction, and keep what it was to write: memory is ahead of the file until it is written."""
        self.trouble = str(error)
        self._roll_back()
        self.on_trouble()

    def _roll_back(self) -> None:
        self._made = 0
        if self._db.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")

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
            self._roll_back()
            return False
        self.trouble = ""
        self._is_kept()
        return True

    def _commit_quietly(self) -> None:
        # The store may have been closed between the turn and its end.
        with contextlib.suppress(sqlite3.ProgrammingError):
            self.commit()

    def write(self, sql: str, values: tuple[Any, ...] = ()) -> None:
        """Change something, in the transaction of this turn."""
        if not self._turn and self._schedule is not None:
            self._schedule(self._commit_quietly)
        self._turn.append((sql, values))
        if len(self._turn) - self._made >= _MOST_WAITING:
            self._make()

    def change(self, sql: str, values: tuple[Any, ...] = ()) -> int:
        """As `write`, but at once; return how many rows are concerned."""
        self.write(sql, values)
        return self._make()

    def backup(self) -> Callable[[Path], None]:
        """Return what copies all that was written until now to a file, in any thread; it raises BackupError."""
        self._make()
        self.commit()
        return functools.partial(self.backups.copy, self._db)

    def _make(self) -> int:
        """Make the writes that wait; return how many rows the last of them concerned."""
        if self.trouble or self._made == len(self._turn):
            return 1
        rows, broken = 0, None
        try:
            if not self._made:
                self._db.execute("BEGIN")
            execute = self._db.execute
            for sql, values in self._turn[self._made :]:
                try:
                    rows = execute(sql, values).rowcount
                except sqlite3.OperationalError:
                    raise
                except Exception as error:  # a row that cannot be kept must not keep others from being kept
                    broken = broken or error
        except sqlite3.OperationalError as error:
            self._fail(error)
            return 1
        self._made = len(self._turn)
        if self._path is None:
            self._end_transaction()
        if broken is not None:
            raise broken
        return rows

    def one(self, sql: str, values: tuple[Any, ...] = ()) -> Any:
        self._make()
        return self._db.execute(sql, values).fetchone()

    def all(self, sql: str, values: tuple[Any, ...] = ()) -> list[Any]:
        self._make()
        return self._db.execute(sql, values).fetchall()


def _open_file(path: Path) -> sqlite3.Connection:
    try:
        db = sqlite3.connect(
            str(path),
            isolation_level=None,
            timeout=_LOCK_SECONDS,
            cached_statements=STATEMENTS,
            check_same_thread=False,  # for the backups
        )
    except sqlite3.Error as error:
        raise FileUnusableError(why_unusable(error, path)) from error
    try:
        _prepare(db, path)
    except sqlite3.Error as error:
        db.close()
        raise FileUnusableError(why_unusable(error, path)) from error
    except BaseException:
        db.close()
        raise
    return db


def _prepare(db: sqlite3.Connection, path: Path) -> None:
    # One engine per file: two would do the same jobs twice.
    db.execute("PRAGMA locking_mode = EXCLUSIVE")
    db.execute("BEGIN EXCLUSIVE")
    version = _format(db, path)
    db.execute("COMMIT")
    db.execute("PRAGMA journal_mode = WAL")
    # Safe against a crash of this process; a power cut may lose the last transactions, never the file.
    db.execute("PRAGMA synchronous = NORMAL")
    db.execute(f"PRAGMA journal_size_limit = {_LARGEST_JOURNAL}")
    _migrate(db, version)


def _format(db: sqlite3.Connection, path: Path) -> int:
    """Return the number of the file's format, 0 of a new one. Raises FileUnusableError."""
    version: int = db.execute("PRAGMA user_version").fetchone()[0]
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if tables and ("runs" not in tables or not version):
        raise FileUnusableError(
            f"it is another program's database, with tables such as {min(tables)}; give the engine its own file"
        )
    if version > len(MIGRATIONS):
        raise StoreVersionError(
            f"{path} was written by a newer version of the engine (format {version}; this one knows formats up to "
            f"{len(MIGRATIONS)}); start that version, or give this one a file of its own"
        )
    return version


def _migrate(db: sqlite3.Connection, version: int = 0) -> None:
    """Bring a database of this version up to date."""
    for number, script in enumerate(MIGRATIONS[version:], version + 1):
        db.executescript(f"BEGIN; {script} PRAGMA user_version = {number}; COMMIT;")


_MEMORY = MemoryDatabases(_migrate)
