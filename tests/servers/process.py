"""A server in a process of its own: started on a free port, asked over sockets, stopped by the test that started it."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.stage.sockets import PATIENCE, ask
from tests.targets.target import Answer, Headers

from .endpoints import PATH

ROOT = Path(__file__).parents[2]
SETTINGS = "tests.servers.apps.django_settings"


@dataclass(frozen=True, slots=True)
class Server:
    """How to start a server.

    command: the arguments after `python`; "{fd}" stands for a listening socket that it inherits, "{port}" for a port
    that it opens. framework: the name on the wire.
    ready: what it says when it listens, if the socket is not handed over; a group in it is the port.
    ending: what it says when it begins to shut down, if anything. at_once: it serves several calls at a time.
    finishes: after SIGTERM it finishes the calls that run. chunked: it reads chunked bodies.
    cancels: it cancels an async function whose client went away. tells: what is logged then.
    """

    name: str
    command: Sequence[str]
    framework: str
    ready: str | None = None
    ending: str | None = None
    at_once: bool = True
    finishes: bool = True
    cancels: bool = False
    tells: str | None = "the answer to a POST is lost"
    chunked: bool = True


class Running:
    """A server that runs. log: the lines it wrote so far, of which the app's are a part."""

    def __init__(self, server: Server, process: subprocess.Popen[str], port: int) -> None:
        self.server = server
        self.process = process
        self.port = port
        self.log: list[str] = []
        self.kill = weakref.finalize(self, _kill_session, process.pid)
        """Ends it and the workers it started, once; at the latest when the tests end, whatever became of them."""
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._news:
                self.log.append(line)
                self._news.notify_all()
        with self._news:
            self.log.append("")
            self._news.notify_all()

    def until(self, pattern: str) -> re.Match[str] | None:
        """Wait for a line that holds *pattern*; None when the process ended without."""
        try:
            return self._until(pattern, PATIENCE)
        except TimeoutError:
            raise AssertionError(f"{self.server.name} never said {pattern!r}:\n{self.text()}") from None

    def says_soon(self, pattern: str) -> bool:
        """Wait a moment for a line that holds *pattern*; tell whether it came, now or before."""
        try:
            return self._until(pattern, 1.0) is not None
        except TimeoutError:
            return False

    def _until(self, pattern: str, seconds: float) -> re.Match[str] | None:
        seen = 0
        end = time.monotonic() + seconds
        with self._news:
            while True:
                for line in self.log[seen:]:
                    found = re.search(pattern, line)
                    if found or not line:
                        return found
                seen = len(self.log)
                if not self._news.wait(end - time.monotonic()):
                    raise TimeoutError

    def text(self) -> str:
        return "".join(self.log)

    def ask(
        self, method: str, query: str = "", body: bytes = b"", headers: Headers | None = None, *, path: str = PATH
    ) -> Answer:
        """Ask once, on a connection of its own."""
        return ask(self.port, path)(method, query, {"content-type": "application/json", **(headers or {})}, body)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def is_ready(self) -> bool:
        """Wait for the first answer; tell whether one came, and the process did not end before it could listen."""
        if self.server.ready is not None:
            said = self.until(self.server.ready)
            if said is None:
                return False
            if said.groups():
                self.port = int(said[1])
        self._until_it_answers()
        return True

    def _until_it_answers(self) -> None:
        """Ask until there is an answer: some say that they listen, and do so a little later."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                answer = self.ask("GET")
            except ConnectionRefusedError:
                assert time.monotonic() < end, self.text()
                assert self.process.poll() is None, self.text()
                time.sleep(0.02)
            else:
                assert answer.status == 200, (answer, self.text())
                return

    def until_it_ends(self, idle: socket.socket | None) -> None:
        """Wait until the shutdown has begun: the server says so, or closes a connection that waits for a request."""
        if self.server.ending is not None:
            assert self.until(self.server.ending) is not None, self.text()
        elif idle is not None:
            assert idle.recv(1) == b""

    def until_ended(self) -> int:
        """Wait for the end; return the exit code."""
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return code


@contextmanager
def running(server: Server, engine_origin: str, *more: str, **variables: str) -> Generator[Running]:
    """Start a server, and end it. more: further arguments. It answers when this yields.

    variables: more of its environment.
    """
    started = _start(server, more, {**_environ(engine_origin), **variables})
    try:
        yield started
    except BaseException as error:
        error.add_note(f"{server.name} wrote:\n{started.text()}")
        raise
    finally:
        _end(started)


def _start(server: Server, more: Sequence[str], environ: dict[str, str]) -> Running:
    for tries_left in (2, 1, 0):  # a port that was free may be taken by somebody else
        started = _launch(server, more, environ)
        try:
            if started.is_ready():
                return started
            assert tries_left, f"{server.name} did not start:\n{started.text()}"
        except BaseException:
            _end(started)
            raise
        _end(started)
    raise AssertionError("the last try returns or raises")


def _launch(server: Server, more: Sequence[str], environ: dict[str, str]) -> Running:
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
        port: int = listening.getsockname()[1]
        places = {"{fd}": str(listening.fileno()), "{port}": str(port)}
        hands_over = any("{fd}" in each for each in server.command)
        arguments = [_fill(each, places) for each in [*server.command, *more]]
        if not hands_over:
            listening.close()
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            pass_fds=[listening.fileno()] if hands_over else [],
            start_new_session=True,
        )
    return Running(server, process, port)


def _fill(argument: str, places: dict[str, str]) -> str:
    for name, value in places.items():
        argument = argument.replace(name, value)
    return argument


def _environ(engine_origin: str) -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("INNGEST_", "PYTEST_", "COV_"))}
    return {
        **plain,
        "DJANGO_SETTINGS_MODULE": SETTINGS,
        "INNGEST_BASE_URL": engine_origin,
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": str(ROOT),
    }


def _kill_session(leader: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


def _end(started: Running) -> None:
    """End the server and the workers it started."""
    started.kill()
    started.until_ended()
    assert started.process.stdout is not None
    started.process.stdout.close()


class Holder:
    """Where held steps call: it tells when one begins, lets it go on, and tells whether it came to its end."""

    def __init__(self, listening: socket.socket) -> None:
        self._listening = listening
        self.port: int = listening.getsockname()[1]

    def accept(self) -> Held:
        """Wait for a step to begin."""
        connection, _ = self._listening.accept()
        connection.settimeout(PATIENCE)
        assert connection.recv(1) == b"b"
        return Held(connection)

    def has_more(self) -> bool:
        """Tell whether another step has begun, as far as it is known without waiting."""
        self._listening.setblocking(False)
        try:
            connection, _ = self._listening.accept()
        except BlockingIOError:
            return False
        finally:
            self._listening.settimeout(PATIENCE)
        connection.close()
        return True


class Held:
    """A step that waits."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def until_cancelled(self) -> None:
        """Wait for its end, without letting it go on."""
        with self._connection as connection:
            assert connection.recv(1) == b""

    def release(self) -> bool:
        """Let it go on; return whether it came to its end, and was not cancelled meanwhile."""
        with self._connection as connection, contextlib.suppress(OSError):
            connection.sendall(b"g")
            return connection.recv(1) == b"e"
        return False


@contextmanager
def holder() -> Generator[Holder]:
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
        listening.settimeout(PATIENCE)
        yield Holder(listening)
