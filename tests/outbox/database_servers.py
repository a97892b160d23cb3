"""PostgreSQL and MariaDB as processes of the tests, on sockets in a folder of their own; SQLite as a file.

They are those of the system's packages. Where one is not installed its tests are skipped, unless TESTS_DATABASES=1
says that they have to run.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Generator, Sequence
from pathlib import Path

import pytest

PATIENCE = 120.0
"""Seconds within which a server has to answer."""
INSTALL_ATTEMPTS = 3


def _missing(name: str, packages: str) -> None:
    said = f"{name} is not installed here: its tests are left out (apt-get install {packages})"
    if os.environ.get("TESTS_DATABASES") == "1":
        pytest.fail(said)
    pytest.skip(said)


def _postgres_folder() -> Path | None:
    """Return where its programs are; Debian's packages do not put them on the path."""
    of_debian = max(Path("/usr/lib/postgresql").glob("*/bin"), default=None, key=lambda path: path.parent.name)
    on_the_path = shutil.which("pg_isready")
    return of_debian or (Path(on_the_path).parent if on_the_path is not None else None)


def _owner(name: str) -> str | None:
    """Return who shall run a server: servers refuse to be run by root."""
    return name if os.geteuid() == 0 else None


@contextlib.contextmanager
def _folder(owner: str | None) -> Generator[Path]:
    with tempfile.TemporaryDirectory(prefix="outbox-") as name:
        if owner is not None:
            shutil.chown(name, owner)
        yield Path(name)


@contextlib.contextmanager
def running_postgres() -> Generator[str]:
    """Run PostgreSQL; yield the part of an URL behind the driver: "//…"."""
    programs = _postgres_folder()
    if programs is None:
        _missing("PostgreSQL", "postgresql")
        raise AssertionError
    owner = _owner("postgres")
    with _folder(owner) as folder:
        data = folder / "data"
        run = functools.partial(subprocess.run, check=True, capture_output=True, user=owner, cwd=folder)
        run([programs / "initdb", "--pgdata", data, "--username", "tests", "--auth", "trust", "--no-sync"])
        options = ["-c", "listen_addresses=", "-k", str(folder), "-c", "fsync=off"]
        with _process([programs / "postgres", "-D", data, *options], owner, folder, signal.SIGINT):
            url = f"//tests@/postgres?host={folder}"
            _wait([programs / "pg_isready", "--host", folder, "--username", "tests"])
            yield url


@contextlib.contextmanager
def running_mariadb() -> Generator[str]:
    """Run MariaDB; yield the part of an URL behind the driver: "//…"."""
    install, server = shutil.which("mariadb-install-db"), shutil.which("mariadbd") or "/usr/sbin/mariadbd"
    if install is None or not Path(server).exists():
        _missing("MariaDB", "mariadb-server")
        raise AssertionError
    owner = _owner("mysql")
    with _folder(owner) as folder:
        socket = folder / "socket"
        # Asynchronous I/O of the system is shared by all of the machine, where several servers may be starting.
        where = ["--no-defaults", f"--datadir={folder / 'data'}", "--innodb-use-native-aio=0"]
        _install_mariadb([install, *where, "--auth-root-authentication-method=normal"], owner, folder)
        command = [server, *where, f"--socket={socket}", "--skip-networking", f"--pid-file={folder / 'pid'}"]
        with _process(command, owner, folder):
            _wait(["mariadb-admin", "--no-defaults", f"--socket={socket}", "--user=root", "ping"])
            create = [
                "mariadb",
                "--no-defaults",
                f"--socket={socket}",
                "--user=root",
                "--execute=CREATE DATABASE tests",
            ]
            subprocess.run(create, check=True)
            yield f"//root@localhost/tests?unix_socket={socket}"


def _install_mariadb(command: Sequence[str], owner: str | None, folder: Path) -> None:
    """Make the system tables, which may need a second attempt where servers start on a machine that is busy."""
    said = ""
    for _ in range(INSTALL_ATTEMPTS):
        made = subprocess.run(command, capture_output=True, text=True, user=owner, cwd=folder)
        if made.returncode == 0:
            return
        said = made.stdout + made.stderr
        shutil.rmtree(folder / "data", ignore_errors=True)
        time.sleep(1)
    raise AssertionError(f"mariadb-install-db failed {INSTALL_ATTEMPTS} times: {said}")


@contextlib.contextmanager
def _process(
    command: Sequence[object], owner: str | None, folder: Path, stop: signal.Signals = signal.SIGTERM
) -> Generator[None]:
    with (folder / "log").open("wb") as log:
        words = [str(word) for word in command]
        process = subprocess.Popen(words, user=owner, stdout=log, stderr=log, cwd=folder)
    try:
        yield
    finally:
        process.send_signal(stop)
        process.wait(PATIENCE)


def _wait(command: Sequence[object]) -> None:
    """Ask until the server answers."""
    deadline = time.monotonic() + PATIENCE
    words = [str(word) for word in command]
    while subprocess.run(words, check=False, capture_output=True).returncode:
        assert time.monotonic() < deadline, f"{words[0]}: no server answers"
        time.sleep(0.05)
