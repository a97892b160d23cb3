"""A tiny real engine on a loopback socket: it records what it is asked and answers from a script."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, slots=True)
class Recorded:
    """A request that came. path: with query; headers: lower-case names."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body) if self.body else None


Answer = tuple[int, object]
"""Status and JSON; bytes are sent as they are."""
CUT_OFF: Answer = (0, None)
"""The connection is closed without an answer."""
Script = dict[str, list[Answer | Callable[[Recorded], Answer]]]
"""By "METHOD /path" without query, or "*" for all else: one answer after another; the last one is given again."""


class EngineDouble:
    """Set a script with `reset`, ask, look at `requests`."""

    def __init__(self) -> None:
        self.origin = ""
        self.script: Script = {}
        self.requests: list[Recorded] = []
        self.connections = 0
        """How many were opened since the last reset."""
        self._open = 0
        self._changed = threading.Condition()

    def reset(self, script: Mapping[str, Sequence[Answer | Callable[[Recorded], Answer]]]) -> None:
        self.script = {key: list(answers) for key, answers in script.items()}
        self.requests.clear()
        self.connections = 0

    def answer(self, request: Recorded) -> Answer:
        self.requests.append(request)
        answers = self.script.get(f"{request.method} {request.path.partition('?')[0]}") or self.script.get("*")
        if not answers:
            return 404, {"error": f"nothing is scripted for {request.method} {request.path}"}
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        return answer(request) if callable(answer) else answer

    def opened(self) -> None:
        with self._changed:
            self.connections += 1
            self._open += 1

    def closed(self) -> None:
        with self._changed:
            self._open -= 1
            self._changed.notify_all()

    def until_nobody_is_connected(self, seconds: float = 60) -> None:
        """Wait until clients have closed all connections."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._open == 0, seconds), f"{self._open} connections stay open"


@contextmanager
def running_engine() -> Generator[EngineDouble]:
    """Run an engine double in a thread; it listens before this returns."""
    engine = EngineDouble()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            engine.opened()
            super().setup()

        def finish(self) -> None:
            super().finish()
            engine.closed()

        def do_GET(self) -> None:
            size = int(self.headers.get("content-length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Recorded(self.command, self.path, headers, self.rfile.read(size))
            status, answer = engine.answer(request)
            if (status, answer) == CUT_OFF:
                self.close_connection = True
                return
            body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            if status == HTTPStatus.NO_CONTENT:
                self.end_headers()
                return
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 128  # who finds five others waiting would ask again a second later

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    engine.origin = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield engine
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
