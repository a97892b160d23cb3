"""docs/engine-file.md names every table and column of the engine's file, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from inngest_devserver.runs.journal import Happening
from inngest_devserver.runs.run import PauseKind, Status
from inngest_devserver.scheduling.queue import JobKind
from inngest_devserver.storage.database import Database

from .pages import DOCS

PAGE = (DOCS / "engine-file.md").read_text(encoding="utf-8")


def columns_in_the_file(path: Path) -> dict[str, set[str]]:
    database = Database(path)
    try:
        tables = [name for (name,) in database.all("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: {row[1] for row in database.all(f"PRAGMA table_info({name})")} for name in tables}
    finally:
        database.close()


def columns_on_the_page() -> Iterator[tuple[str, set[str]]]:
    for section in re.split(r"^### ", PAGE, flags=re.MULTILINE)[1:]:
        first_cells = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
        yield section.split("`")[1], {name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)}


def test_every_table_and_column_is_documented(tmp_path: Path) -> None:
    assert dict(columns_on_the_page()) == columns_in_the_file(tmp_path / "engine.db")


def test_every_kind_of_row_is_documented() -> None:
    kinds = [*JobKind, *PauseKind, *Status, *Happening]
    assert [kind for kind in kinds if f"`{kind}`" not in PAGE] == []
