"""A Tornado application, called as Tornado's HTTP server does."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from tornado.httputil import HTTPConnection, HTTPHeaders, RequestStartLine, ResponseStartLine
from tornado.web import Application

import inngest
import inngest.tornado

from .target import HOST, Answer, Functions, Headers, Send


@dataclass
class Connection(HTTPConnection):
    """Keeps what is answered."""

    answers: list[Answer] = field(default_factory=list[Answer])
    finished: asyncio.Event = field(default_factory=asyncio.Event)

    def write_headers(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders, chunk: bytes | None = None
    ) -> asyncio.Future[None]:
        assert isinstance(start_line, ResponseStartLine)
        head = {name.lower(): value for name, value in headers.items()}
        self.answers.append(Answer(start_line.code, head, chunk or b""))
        return asyncio.get_running_loop().create_future()

    def write(self, chunk: bytes) -> asyncio.Future[None]:
        self.answers[-1] = self.answers[-1]._replace(body=self.answers[-1].body + chunk)
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        written.set_result(None)
        return written

    def finish(self) -> None:
        self.finished.set()


async def call_tornado(app: Application, method: str, path: str, query: str, headers: Headers, body: bytes) -> Answer:
    """Ask *app* once; the body comes in two pieces."""
    connection = Connection()
    delegate = app.start_request(object(), connection)
    given = {"Host": HOST, "Content-Type": "application/json", "Content-Length": str(len(body)), **headers}
    uri = f"{path}?{query}" if query else path
    half = len(body) // 2
    delegate.headers_received(RequestStartLine(method, uri, "HTTP/1.1"), HTTPHeaders(given))
    delegate.data_received(body[:half])
    delegate.data_received(body[half:])
    delegate.finish()
    await connection.finished.wait()
    return connection.answers[-1]


@dataclass(frozen=True, slots=True)
class TornadoTarget:
    """A target that is neither an ASGI nor a WSGI app."""

    name: str = "tornado"
    framework: str = "tornado"
    path: str = "/api/inngest"

    def make(self, client: inngest.Inngest, functions: Functions, **settings: Any) -> Application:
        app = Application([], **settings)
        inngest.tornado.serve(app, client, functions)
        return app

    def connect(self, client: inngest.Inngest, functions: Functions) -> Send:
        app = self.make(client, functions, xsrf_cookies=True, cookie_secret="nobody knows")

        def send(method: str, query: str, headers: Headers, body: bytes) -> Answer:
            return asyncio.run(call_tornado(app, method, self.path, query, headers, body))

        return send


TARGET = TornadoTarget()
