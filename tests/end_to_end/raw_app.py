"""Apps without an SDK, registered by hand: one answers the bytes that a test gives it, one answers by script."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import urllib.parse
from collections.abc import Callable, Generator
from dataclasses import dataclass
from http import server as http_server
from typing import Any

from inngest_core.protocol.wire import hash_id

from .engine_client import EngineClient

Answer = Callable[[socket.socket], None]


def http(
    status: str, body: bytes, *headers: str, sdk: bool = True, length: int | None = None, version: str = "2"
) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body) if length is None else length}", "connection: close"]
    if sdk:
        lines += ["x-inngest-sdk: inngest-py:v0.1.0", f"x-inngest-req-version: {version}"]
    return "\r\n".join([*lines, *headers, "", ""]).encode() + body


def says(content: bytes) -> Answer:
    return lambda connection: connection.sendall(content)


@dataclass(frozen=True, slots=True)
class Asked:
    """One call request. step: the name of the step that it asks for, or "" for discovery."""

    step: str
    plan_only: bool
    known: frozenset[str]


class ScriptedApp:
    """Answers each call request with the ops, or the value, that *script* gives; several at the same time.

    steps: the names of all steps, so that calls can be told apart. version: of requests, as the app names it.
    asked: every call, in the order of arrival.
    """

    def __init__(self, steps: list[str], script: Callable[[Asked], Any], *, version: str = "2") -> None:
        self.asked: list[Asked] = []
        names = {hash_id(name): name for name in steps}
        asked = self.asked

        class Handler(http_server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                target = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)["stepId"][0]
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                plan_only = body["ctx"]["disable_immediate_execution"]
                call = Asked(names.get(target, ""), plan_only, frozenset(names[each] for each in body["steps"]))
                asked.append(call)
                answer = script(call)
                status = "206 Partial Content" if isinstance(answer, list) else "200 OK"
                self.wfile.write(http(status, json.dumps(answer).encode(), version=version))

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
                pass

        self._server = http_server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/x"

    @contextlib.contextmanager
    def up(self, engine: EngineClient) -> Generator[None, None, None]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            register(engine, self.url)
            yield
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()


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
    try:
        register(engine, app.url, retries)
        yield app
    finally:
        app.close()


def register(engine: EngineClient, url: str, retries: int = 0) -> None:
    """Register the app at *url* by hand, with one function "raw-f", started by "raw/f"."""
    runtime = {"type": "http", "url": f"{url}?fnId=raw-f&stepId=step"}
    step = {"id": "step", "name": "step", "runtime": runtime, "retries": {"attempts": retries}}
    function: dict[str, Any] = {
        "id": "raw-f",
        "name": "f",
        "triggers": [{"event": "raw/f"}],
        "steps": {"step": step},
    }
    registration = {"appName": "raw", "url": url, "functions": [function]}
    answer = engine.request("POST", "/fn/register", json=registration)
    assert answer.status_code == 200, answer.text
