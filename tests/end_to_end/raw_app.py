"""An app that answers bytes as a test gives them, right or wrong; registered by hand. One answer per connection."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Generator
from typing import Any

from .engine_client import EngineClient

Answer = Callable[[socket.socket], None]


def http(status: str, body: bytes, *headers: str, sdk: bool = True, length: int | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body) if length is None else length}", "connection: close"]
    if sdk:
        lines += ["x-inngest-sdk: inngest-py:v0.1.0", "x-inngest-req-version: 2"]
    return "\r\n".join([*lines, *headers, "", ""]).encode() + body


def says(content: bytes) -> Answer:
    return lambda connection: connection.sendall(content)


class RawApp:
    """answers: one for each call, the last one again and again. calls: how many there were."""

    def __init__(self, answers: list[Answer]) -> None:
        self.calls = 0
        self._answers = answers
        self._ending = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}/x"
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            connection, _ = self._listening.accept()
            with connection, contextlib.suppress(OSError):
                if self._ending.is_set():
                    return
                connection.settimeout(10)
                _read_request(connection)
                answer = self._answers[min(self.calls, len(self._answers) - 1)]
                self.calls += 1
                answer(connection)

    def close(self) -> None:
        self._ending.set()
        with contextlib.suppress(OSError):
            socket.create_connection(self._listening.getsockname(), timeout=5).close()
        self._thread.join(20)
        self._listening.close()
        assert not self._thread.is_alive()


def _read_request(connection: socket.socket) -> None:
    content = b""
    while b"\r\n\r\n" not in content:
        chunk = connection.recv(65536)
        if not chunk:
            return
        content += chunk
    head, _, body = content.partition(b"\r\n\r\n")
    size = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
    while len(body) < size:
        body += connection.recv(65536)


@contextlib.contextmanager
def raw_app(engine: EngineClient, *answers: Answer, retries: int = 0) -> Generator[RawApp, None, None]:
    """Run a raw app with one function "raw-f", started by "raw/f"."""
    app = RawApp(list(answers))
    runtime = {"type": "http", "url": f"{app.url}?fnId=raw-f&stepId=step"}
    step = {"id": "step", "name": "step", "runtime": runtime, "retries": {"attempts": retries}}
    function: dict[str, Any] = {
        "id": "raw-f",
        "name": "f",
        "triggers": [{"event": "raw/f"}],
        "steps": {"step": step},
    }
    registration = {"appName": "raw", "url": app.url, "functions": [function]}
    answer = engine.request("POST", "/fn/register", json=registration)
    assert answer.status_code == 200, answer.text
    try:
        yield app
    finally:
        app.close()
