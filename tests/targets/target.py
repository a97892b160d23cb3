"""What a target is: something that serves functions and can be asked, in this process and without sockets."""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol
from wsgiref.types import WSGIApplication

import inngest

HOST = "shop.example:8000"
Functions = Sequence[inngest.Function[Any]]
Headers = Mapping[str, str]

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
SendMessage = Callable[[Message], Awaitable[None]]
ASGIApplication = Callable[[MutableMapping[str, Any], Receive, SendMessage], Awaitable[None]]


class Answer(NamedTuple):
    """headers: lower-case names."""

    status: int
    headers: Headers
    body: bytes


Send = Callable[[str, str, Headers, bytes], Answer]
"""(method, query, headers, body) → what was answered at the target's path."""


class Target(Protocol):
    """Something that serves functions. path: the one that the engine asks; framework: its name on the wire."""

    @property
    def name(self) -> str: ...
    @property
    def framework(self) -> str: ...
    @property
    def path(self) -> str: ...
    def connect(self, client: inngest.Inngest, functions: Functions) -> Send: ...


@dataclass(frozen=True, slots=True)
class WSGITarget:
    """A target whose app is called as a WSGI server does."""

    name: str
    framework: str
    path: str
    make: Callable[[inngest.Inngest, Functions], WSGIApplication]

    def connect(self, client: inngest.Inngest, functions: Functions) -> Send:
        app = self.make(client, functions)

        def send(method: str, query: str, headers: Headers, body: bytes) -> Answer:
            return call_wsgi(app, method, self.path, query, headers, body)

        return send


@dataclass(frozen=True, slots=True)
class ASGITarget:
    """A target whose app is called as an ASGI server does, on a loop of its own for every request."""

    name: str
    framework: str
    path: str
    make: Callable[[inngest.Inngest, Functions], ASGIApplication]

    def connect(self, client: inngest.Inngest, functions: Functions) -> Send:
        app = self.make(client, functions)

        def send(method: str, query: str, headers: Headers, body: bytes) -> Answer:
            return asyncio.run(call_asgi(app, method, self.path, query, headers, body))

        return send


def call_wsgi(app: WSGIApplication, method: str, path: str, query: str, headers: Headers, body: bytes) -> Answer:
    """Ask *app* once, as PEP 3333 says."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "shop.example",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": HOST,
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": "application/json",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()},
    }
    heads: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, head: list[tuple[str, str]], _: object = None) -> Callable[[bytes], object]:
        heads.append((status, head))
        return lambda _: None

    chunks = app(environ, start_response)
    try:
        content = b"".join(chunks)
    finally:
        close = getattr(chunks, "close", None)
        if close is not None:
            close()
    status, head = heads[-1]
    return Answer(int(status.split()[0]), {name.lower(): value for name, value in head}, content)


async def call_asgi(app: ASGIApplication, method: str, path: str, query: str, headers: Headers, body: bytes) -> Answer:
    """Ask *app* once, as ASGI 3 says; the body comes in two pieces."""
    half = len(body) // 2
    incoming: list[Message] = [
        {"type": "http.request", "body": body[:half], "more_body": True},
        {"type": "http.request", "body": body[half:], "more_body": False},
    ]
    outgoing: list[Message] = []
    given = {"host": HOST, "content-type": "application/json", "content-length": str(len(body)), **headers}
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in given.items()],
        "client": ("127.0.0.1", 50000),
        "server": ("shop.example", 8000),
    }

    async def receive() -> Message:
        if not incoming:
            await asyncio.Event().wait()  # the client stays until it has its answer
        return incoming.pop(0)

    async def send(message: Message) -> None:
        outgoing.append(message)

    await app(scope, receive, send)
    start, *rest = outgoing
    head = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in start["headers"]}
    return Answer(start["status"], head, b"".join(message.get("body", b"") for message in rest))
