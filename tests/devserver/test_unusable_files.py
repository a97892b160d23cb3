"""Files that an engine cannot use when it starts: it says why and what to do, and leaves them as they are."""

from __future__ import annotations

import contextlib
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from inngest_devserver.storage.database import FileUnusableError, StoreVersionError
from inngest_devserver.storage.store import Store
from inngest_devserver.storage.tables import MIGRATIONS
from tests.stage.effort import LONG

OPEN_AS_A_USER = """
import os, resource, sys
from pathlib import Path
from inngest_devserver.storage.store import Store
if os.getuid() == 0:
    os.setuid(65534)  # nobody: root may write to everything
limit = int(sys.argv[2])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    Store(Path(sys.argv[1])).close()
except Exception as error:
    print(f"{type(error).__name__}: {error}")
"""
OPEN = """
import sys
from pathlib import Path
from inngest_devserver.storage.store import Store
print("ready", flush=True)
Store(Path(sys.argv[1])).close()
print("done", flush=True)
"""
ROWS = 20_000
KILLS = 60 if LONG else 5


def opened_by_a_user(path: Path, *, limit: int = 0) -> str:
    """Return what an engine of an ordinary user says about a file. limit: bytes that any file of it may have."""
    command = [sys.executable, "-c", OPEN_AS_A_USER, str(path), str(limit)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=150).stdout.strip()


@pytest.fixture
def folder() -> Iterator[Path]:
    """A directory in which every user may write."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        path.chmod(0o777)
        yield path


def old_file(path: Path, format_: int = 1) -> None:
    """Make a file of an older engine, with some rows."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        for script in MIGRATIONS[:format_]:
            database.executescript(script)
        database.executemany(
            "INSERT INTO history (run_id, at, kind, step_id, name, attempt, detail) VALUES (?, 1, '', '', '', 0, '')",
            ((f"run {number}",) for number in range(ROWS)),
        )
        database.executemany(
            "INSERT INTO runs VALUES (?, 'f', 'e', 'k', 'e', 'Completed', 1, 2, NULL, 1, 't', '', '')",
            ((f"run {number}",) for number in range(ROWS)),
        )
        database.execute(f"PRAGMA user_version = {format_}")
        database.commit()


def test_a_file_or_a_directory_that_may_not_be_written_to(folder: Path) -> None:
    file = folder / "engine.db"
    assert opened_by_a_user(file) == ""
    file.chmod(0o444)
    if os.getuid() == 0:
        os.chown(file, 0, 0)
    before = file.read_bytes()
    assert opened_by_a_user(file).startswith("FileUnusableError: this user may not read and write the file; change its")
    assert file.read_bytes() == before
    file.chmod(0o666)
    folder.chmod(0o555)
    said = f"FileUnusableError: this user may not write in its directory, {folder}, where SQLite keeps a journal"
    assert opened_by_a_user(file).startswith(said)
    assert opened_by_a_user(folder / "other.db").startswith(said)
    folder.chmod(0o777)
    assert opened_by_a_user(file) == ""


def test_a_directory_a_text_and_a_damaged_file(tmp_path: Path) -> None:
    with pytest.raises(FileUnusableError, match=re.escape(f"it is a directory; name a file in it, such as {tmp_path}")):
        Store(tmp_path)
    text = tmp_path / "text"
    text.write_text("no database " * 100)
    with pytest.raises(FileUnusableError, match="not a database; give the engine a file of its own"):
        Store(text)
    damaged = tmp_path / "damaged.db"
    old_file(damaged)
    content = damaged.read_bytes()
    damaged.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
    with pytest.raises(FileUnusableError, match="the file is damaged; go on with a backup of it"):
        Store(damaged)


def test_a_file_of_a_newer_version_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "engine.db"
    Store(path).close()
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    before = path.read_bytes()
    with pytest.raises(StoreVersionError, match="start that version, or give this one a file of its own"):
        Store(path)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["engine.db"]


def test_no_room_on_the_disk(folder: Path) -> None:
    """A limit for the sizes of files is met as a full disk is: in the middle of what is written."""
    assert opened_by_a_user(folder / "new.db", limit=8192).startswith("FileUnusableError: disk I/O error; see whether")
    path = folder / "old.db"
    old_file(path)
    path.chmod(0o666)
    said = opened_by_a_user(path, limit=100_000)
    assert said.startswith("FileUnusableError: disk I/O error; see whether there is room on its disk")
    assert opened_by_a_user(path) == ""
    holds_all(path)


def holds_all(path: Path) -> None:
    store = Store(path)
    try:
        assert store.database.one("PRAGMA user_version")[0] == len(MIGRATIONS)
        assert store.database.one("PRAGMA integrity_check")[0] == "ok"
        for table in ("runs", "history"):
            assert store.database.one(f"SELECT count(*) FROM {table}")[0] == ROWS  # noqa: S608
        row = store.history("run 7")[0]
        assert (row.op, row.since, row.position) == ("", None, -1)
    finally:
        store.close()


def test_an_engine_that_is_killed_while_it_brings_a_file_up_to_date(tmp_path: Path) -> None:
    """At any moment: the file has had some of the steps, each of them completely, and the next engine goes on."""
    old = tmp_path / "old.db"
    old_file(old)
    moments, formats = random.Random(KILLS), set[int]()  # noqa: S311 - moments, not secrets
    for number in range(KILLS):
        path = tmp_path / f"{number}.db"
        shutil.copy(old, path)
        command = [sys.executable, "-c", OPEN, str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(moments.uniform(0, 0.15))
            process.kill()
        with contextlib.closing(sqlite3.connect(path)) as database:
            formats.add(database.execute("PRAGMA user_version").fetchone()[0])
        holds_all(path)
    assert formats <= set(range(1, len(MIGRATIONS) + 1))
