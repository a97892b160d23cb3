"""Serves functions from a Tornado application. Translates requests and responses, and nothing else.

It is a router of its own and no RequestHandler: those know seven methods, answer errors in HTML, and have guards for
browsers (XSRF, origins) that would refuse an engine.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
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
from tornado.log import access_log
from tornado.routing import PathMatches, Router, Rule
from tornado.web import Application

from inngest_core.client import Inngest
from inngest_core.function import Function
from inngest_core.serving.app import App
from inngest_core.web.messages import BoundedBody, Request, Response

FRAMEWORK = "tornado"
MOST_READ = 1024 * 1024 * 1024
"""Bytes. What is over the body cap is read and thrown away, so that the answer gets through; over this, Tornado
closes the connection."""


def serve(
    app: Application,
    client: Inngest,
    functions: Sequence[Function[Any]],
    *,
    serve_path: str | None = None,
    serve_origin: str | None = None,
    public_path: str | None = None,
) -> None:
    """Serve *functions* at *serve_path* (default /api/inngest).

    serve_origin, public_path: what is advertised to the engine instead of the URL of its request.
    Raises FunctionConfigError when two functions share an id.
    """
    core = App(
        client,
        functions,
        framework=FRAMEWORK,
        serve_path=serve_path,
        serve_origin=serve_origin,
        public_path=public_path,
    )
    app.add_handlers(".*", [Rule(PathMatches(re.escape(core.serve_path) + "$"), _Endpoint(core))])


class _Endpoint(Router):
    """Leads every request of its path to the App."""

    def __init__(self, core: App) -> None:
        self._core = core
        self._tasks: set[asyncio.Task[None]] = set()

    def find_handler(self, request: HTTPServerRequest, **_: Any) -> HTTPMessageDelegate:
        return _Exchange(self._core, request, self._tasks)


class _Exchange(HTTPMessageDelegate):
    """One request and its answer. tasks: keeps those that are under way."""

    def __init__(self, core: App, request: HTTPServerRequest, tasks: set[asyncio.Task[None]]) -> None:
        self._core = core
        self._raw = request
        self._tasks = tasks
        self._has_gone = False
        self._body = BoundedBody(core.body_cap)

    def headers_received(self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders) -> None:
        if isinstance(self._raw.connection, HTTP1Connection):
            self._raw.connection.set_max_body_size(MOST_READ)  # the server's own is for other bodies

    def data_received(self, chunk: bytes) -> None:
        self._body.add(chunk)

    def finish(self) -> None:
        if isinstance(self._raw.connection, HTTP1Connection):
            self._raw.connection.set_close_callback(self.on_connection_close)
        task = asyncio.get_running_loop().create_task(self._answer(), name="inngest-call")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def on_connection_close(self) -> None:
        """Stop nothing: a request that was cut off has not been passed on, and a function that runs is not stopped."""
        self._has_gone = True

    async def _answer(self) -> None:
        asked = _request(self._raw, self._body.bytes(), lambda: self._has_gone)
        response = await self._core.handle_async(asked)
        _send(self._raw, response)


def _request(request: HTTPServerRequest, body: bytes, has_gone: Callable[[], bool]) -> Request:
    return Request(
        method=(request.method or "").upper(),
        url=request.full_url(),
        headers={name.lower(): value for name, value in request.headers.items()},
        body=body,
        raw=request,
        has_gone=has_gone,
    )


def _send(request: HTTPServerRequest, response: Response) -> None:
    connection = request.connection
    if connection is None:
        return
    headers = HTTPHeaders({**response.headers, "content-length": str(len(response.body))})
    start_line = ResponseStartLine("", response.status, responses.get(response.status, "Unknown"))
    connection.write_headers(start_line, headers, b"" if request.method == "HEAD" else response.body)
    connection.finish()
    # For information only: what went wrong in a function was logged where it happened.
    milliseconds = request.request_time() * 1000
    access_log.info("%d %s %s %.2fms", response.status, request.method, request.path, milliseconds)
