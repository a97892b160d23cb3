"""Says why a file cannot be used, and what to do about it, which SQLite's own words leave out. Opens nothing."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

_KIND = 0xFF
"""The bits of SQLite's error code that tell the kind of the error; the others tell more of it."""
_ROOM = "see whether there is room on its disk, and start again: what the file holds is kept"


def why_unusable(error: sqlite3.Error, path: Path) -> str:
    """Return why the file at *path* cannot be opened or brought up to date, given what SQLite raised."""
    match error.sqlite_errorcode & _KIND:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return "another engine has this file open; end that one, or give this one a file of its own"
        case sqlite3.SQLITE_NOTADB:
            return "file is not a database; give the engine a file of its own, which it makes itself"
        case sqlite3.SQLITE_CORRUPT:
            return f"{error}: the file is damaged; go on with a backup of it, or with a new file"
        case sqlite3.SQLITE_FULL:
            return f"{error}; {_ROOM}"
        case sqlite3.SQLITE_IOERR:  # a journal that cannot be made may be called so, too
            return _about_access(path) or f"{error}; {_ROOM}"
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_READONLY:
            return _about_access(path) or f"{error}; see whether the file system is mounted read-only"
        case _:
            return str(error)


def _about_access(path: Path) -> str:
    """Return what keeps this user from the file; empty when nothing does."""
    folder = path.absolute().parent
    if path.is_dir():
        return f"it is a directory; name a file in it, such as {path / 'engine.db'}"
    if not folder.is_dir():
        return f"there is no directory {folder}"
    if path.exists() and not os.access(path, os.R_OK | os.W_OK):
        return "this user may not read and write the file; change its permissions, or give the engine another file"
    if not os.access(folder, os.W_OK | os.X_OK):
        return (
            f"this user may not write in its directory, {folder}, where SQLite keeps a journal next to the file; "
            "change its permissions, or give the engine a file elsewhere"
        )
    return ""
