"""Requests and answers of Tornado's, translated: the router that leads them to the core.

It is a router of its own and not a RequestHandler: those know seven methods, answer errors in HTML, and have guards
for browsers (XSRF, origins) that would refuse an engine.
"""

from __future__ import annotations

import asyncio
import contextlib
from http.client import responses
from typing import Any

from tornado.http1connection import HTTP1Connection
from tornado.httputil import (
    HTTPHeaders,
    HTTPMessageDelegate,
    HTTPServerRequest,
    RequestStartLine,
    ResponseStartLine,
)
from tornado.iostream import StreamClosedError
from tornado.log import access_log
from tornado.routing import ReversibleRouter

from inngest_core.serving.app import App
from inngest_core.web.asgi import in_pieces
from inngest_core.web.messages import AsyncPieces, BoundedBody, Head, Request, Response

MOST_READ = 1024 * 1024 * 1024
"""Bytes of a body. What is over the body cap is read and thrown away, so that the client gets its answer; when there
is more than this, Tornado closes the connection."""


class Endpoint(ReversibleRouter):
    """Leads every request of its path to the App. name: for `reverse_url`; that of its rule is its `Place`."""

    def __init__(self, core: App, name: str) -> None:
        self._core = core
        self._name = name
        self.calls: set[asyncio.Task[None]] = set()
        """Those that are under way; they are kept here, so that they are not collected."""

    @property
    def path(self) -> str:
        return self._core.serve_path

    def reverse_url(self, name: str, *_: Any) -> str | None:
        return self.path if name == self._name else None

    def find_handler(self, request: HTTPServerRequest, **_: Any) -> HTTPMessageDelegate:
        return _Exchange(self._core, request, self.calls)


class _Exchange(HTTPMessageDelegate):
    """One request and its answer. tasks: those that are under way, so that they are not collected."""

    def __init__(self, core: App, request: HTTPServerRequest, tasks: set[asyncio.Task[None]]) -> None:
        self._core = core
        self._raw = request
        self._head = _head(request)
        self._tasks = tasks
        self._has_gone = False
        self._is_refused = False
        self._body = BoundedBody(core.body_cap)

    def headers_received(self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders) -> None:
        if isinstance(self._raw.connection, HTTP1Connection):
            self._raw.connection.set_max_body_size(MOST_READ)  # the server's own limit is for other bodies
        refused = self._core.admit(*self._head)
        if refused is not None:
            self._is_refused = True
            _send(self._raw, refused)

    def data_received(self, chunk: bytes) -> None:
        if not self._is_refused:
            self._body.add(chunk)

    def finish(self) -> None:
        if self._is_refused:  # only now, for Tornado would cut off a client that is still sending
            _finish(self._raw)
            return
        if isinstance(self._raw.connection, HTTP1Connection):
            self._raw.connection.set_close_callback(self.on_connection_close)
        task = asyncio.get_running_loop().create_task(self._answer(), name="inngest-call")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def on_connection_close(self) -> None:
        """Take note; a request that was cut off is not passed on, and a function that runs is not stopped."""
        self._has_gone = True

    async def _answer(self) -> None:
        self._raw.body = self._body.bytes()  # where middleware and Tornado itself look for it
        asked = Request(*self._head, self._raw.body, raw=self._raw, has_gone=lambda: self._has_gone)
        response = await self._core.handle_async(asked)
        _send(self._raw, response)
        if not isinstance(response.body, bytes):
            await _send_pieces(self._raw, in_pieces(response.body))
        _finish(self._raw)


def _head(request: HTTPServerRequest) -> Head:
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Head((request.method or "").upper(), request.full_url(), headers)


def _send(request: HTTPServerRequest, response: Response) -> None:
    """Send an answer, or only its head when the body is a stream."""
    if request.connection is None:
        return
    body = response.body if isinstance(response.body, bytes) else b""
    headers = HTTPHeaders(dict(response.headers))
    if isinstance(response.body, bytes):
        headers["content-length"] = str(len(body))
    start_line = ResponseStartLine("", response.status, responses.get(response.status, "Unknown"))
    request.connection.write_headers(start_line, headers, b"" if request.method == "HEAD" else body)
    # For information only: what went wrong in a function was logged where it happened.
    milliseconds = request.request_time() * 1000
    access_log.info("%d %s %s %.2fms", response.status, request.method, request.path, milliseconds)


async def _send_pieces(request: HTTPServerRequest, stream: AsyncPieces) -> None:
    """Send a stream. When the client has disconnected, what makes the pieces goes on to its end all the same."""
    listening = True
    async with contextlib.aclosing(stream) as pieces:
        async for piece in pieces:
            if listening and request.connection is not None:
                try:
                    await request.connection.write(piece)
                except StreamClosedError:
                    listening = False


def _finish(request: HTTPServerRequest) -> None:
    if request.connection is not None:
        request.connection.finish()
