"""The exports and their parts, in SQLite; each call opens the file for itself, so any thread may ask."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Generator
from pathlib import Path

SCHEMA = """
CREATE TABLE IF NOT EXISTS exports (id INTEGER PRIMARY KEY, year INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS parts (export INTEGER, month INTEGER, csv TEXT NOT NULL, PRIMARY KEY (export, month));
"""


class Database:
    """The file at *path*; its tables are made when they are missing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self.connected() as connection:
            connection.executescript(SCHEMA)

    @contextlib.contextmanager
    def connected(self) -> Generator[sqlite3.Connection]:
        """Open the file; what was done is committed at the end."""
        connection = sqlite3.connect(self.path)
        try:
            with connection:
                yield connection
        finally:
            connection.close()

    def begin(self, year: int) -> int:
        """Add an export; return its number."""
        with self.connected() as connection:
            return connection.execute("INSERT INTO exports (year) VALUES (?)", (year,)).lastrowid or 0

    def keep(self, export: int, month: int, csv: str) -> None:
        """Keep a part; keeping it twice is keeping it once."""
        with self.connected() as connection:
            connection.execute("INSERT OR REPLACE INTO parts VALUES (?, ?, ?)", (export, month, csv))

    def months(self, export: int) -> int:
        """Return how many parts there are."""
        with self.connected() as connection:
            found: tuple[int] = connection.execute("SELECT count(*) FROM parts WHERE export = ?", (export,)).fetchone()
            return found[0]

    def text(self, export: int) -> str:
        """Return the parts, one after the other."""
        with self.connected() as connection:
            rows = connection.execute("SELECT csv FROM parts WHERE export = ? ORDER BY month", (export,))
            return "".join(row[0] for row in rows)
