"""A copy of a database while it is being written: consistent, and made beside everything else. Knows no table."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from pathlib import Path

_PAGES_AT_ONCE = 256
"""Pages (of 4 KiB) between which others may read and write."""
_RETRY_SECONDS = 0.001
"""Until the transaction that is open is likely to be committed."""


class BackupError(Exception):
    """There is no copy; the message says why."""


class Backups:
    """Copies a database, in any thread, one copy at a time, until this is closed."""

    def __init__(self) -> None:
        self._copying = threading.Lock()
        self._is_closed = False

    def copy(self, db: sqlite3.Connection, path: Path) -> None:
        """Write to a file, in place of its contents, all that is committed when this returns. Raises BackupError.

        It takes its time; call it in a thread of its own.
        """
        if sqlite3.threadsafety < 3:
            raise BackupError("the SQLite of this Python cannot be used by two threads, which a backup needs")
        try:
            with self._copying, contextlib.closing(sqlite3.connect(path, isolation_level=None)) as target:
                # The last step would else wait for the disk, and the engine for the last step.
                target.execute("PRAGMA synchronous = OFF")
                target.execute("PRAGMA journal_mode = OFF")
                self._go_on()
                # What the same connection writes meanwhile is written to the copy as well.
                db.backup(target, pages=_PAGES_AT_ONCE, progress=self._go_on, sleep=_RETRY_SECONDS)
        except sqlite3.Error as error:
            raise BackupError(f"the copy cannot be written: {error}") from error

    def _go_on(self, *_: object) -> None:
        if self._is_closed:
            raise BackupError("the engine stops")

    def close(self) -> None:
        """Give up the copy that is being made, if there is one, and wait until it has ended."""
        self._is_closed = True
        with self._copying:
            pass
