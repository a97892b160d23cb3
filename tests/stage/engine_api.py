"""A tiny real engine on a loopback socket: it records what it is asked and answers from a script."""

from __future__ import annotations

import json
import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
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


Script = dict[str, list[tuple[int, object]]]
"""By "METHOD /path" without query: (status, JSON) one after another; the last one is given again."""


@dataclass(slots=True)
class EngineDouble:
    """Set `script`, ask, look at `requests`."""

    origin: str
    script: Script = field(default_factory=dict[str, list[tuple[int, object]]])
    requests: list[Recorded] = field(default_factory=list[Recorded])
    connections: int = 0

    def reset(self, script: Mapping[str, Sequence[tuple[int, object]]]) -> None:
        self.script = {key: list(answers) for key, answers in script.items()}
        self.requests.clear()
        self.connections = 0

    def answer(self, request: Recorded) -> tuple[int, object]:
        self.requests.append(request)
        answers = self.script.get(f"{request.method} {request.path.partition('?')[0]}")
        if not answers:
            return 404, {"error": f"nothing is scripted for {request.method} {request.path}"}
        return answers.pop(0) if len(answers) > 1 else answers[0]


@contextmanager
def running_engine() -> Generator[EngineDouble]:
    """Run an engine double in a thread; it listens before this returns."""
    engine = EngineDouble("")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            engine.connections += 1
            super().setup()

        def do_GET(self) -> None:
            size = int(self.headers.get("content-length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Recorded(self.command, self.path, headers, self.rfile.read(size))
            status, answer = engine.answer(request)
            body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
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
