"""Apps of web frameworks in this process: how each is asked without a socket. Only its own apps import a framework.

An app is asked as its server would ask it, so all of it is there: routing, middleware, sessions. Requests reach it as
`testserver`, the host that frameworks allow in tests.
"""

from __future__ import annotations

import asyncio
import inspect
import io
import logging
import sys
import urllib.parse
from collections.abc import Awaitable, Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any, cast

from inngest_core.web.messages import Request, Response

from .errors import AppError
from .targets import Target

__tracebackhide__ = True

Message = dict[str, Any]

_logger = logging.getLogger("inngest")


def target_of(app: object) -> Target:
    """Return how to ask the app of a framework. Raises AppError: it is none that is known."""
    if any(kind.__module__.startswith("tornado.") for kind in type(app).__mro__):
        return TornadoTarget(app)
    if not callable(app):
        raise AppError(f"{app!r} is not an app; give functions, or an app of a framework that serves some")
    if _is_asgi(app):
        return ASGITarget(cast("Callable[..., Awaitable[None]]", app))
    return WSGITarget(cast("Callable[..., Iterable[bytes]]", app))


def _is_asgi(app: Callable[..., object]) -> bool:
    return inspect.iscoroutinefunction(app) or inspect.iscoroutinefunction(getattr(app, "__call__", None))  # noqa: B004


class WSGITarget:
    """Any WSGI application, such as those of Flask and Django."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self._app = app

    def is_plain(self, request: Request) -> bool:
        return True

    async def ask(self, request: Request) -> Response:
        begun: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], _: object = None) -> Callable[[bytes], object]:
            begun.append((status, headers))
            return chunks.append

        chunks: list[bytes] = []
        body = self._app(_environ(request), start_response)
        try:
            chunks.extend(body)
        finally:
            if hasattr(body, "close"):
                cast("Any", body).close()
        status, headers = begun[-1]
        return Response(int(status.split()[0]), _lower(headers), b"".join(chunks))


def _environ(request: Request) -> dict[str, Any]:
    parts = urllib.parse.urlsplit(request.url)
    environ = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": urllib.parse.unquote_to_bytes(parts.path).decode("latin-1"),
        "QUERY_STRING": parts.query,
        "SERVER_NAME": parts.hostname or "",
        "SERVER_PORT": str(parts.port or 80),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_TYPE": request.headers.get("content-type", ""),
        "CONTENT_LENGTH": str(len(request.body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": parts.scheme,
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    own = {"content-type", "content-length"}
    named = {
        f"HTTP_{name.upper().replace('-', '_')}": text for name, text in request.headers.items() if name not in own
    }
    return {**environ, **named}


class ASGITarget:
    """Any ASGI application, such as those of Starlette, FastAPI and Django. Its lifespan is left to the test."""

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self._app = app

    def is_plain(self, request: Request) -> bool:
        return False

    async def ask(self, request: Request) -> Response:
        status, headers, chunks = 500, list[tuple[bytes, bytes]](), list[bytes]()
        asked = complete = False

        async def receive() -> Message:
            nonlocal asked
            if asked:
                await asyncio.Event().wait()  # the client stays connected
            asked = True
            return {"type": "http.request", "body": request.body, "more_body": False}

        async def send(message: Message) -> None:
            nonlocal status, headers, complete
            if message["type"] == "http.response.start":
                status, headers = message["status"], message.get("headers", [])
            elif message["type"] == "http.response.body":
                chunks.append(message.get("body", b""))
                complete = not message.get("more_body", False)

        try:
            await self._app(_scope(request), receive, send)
        except Exception:
            if not complete or status >= HTTPStatus.INTERNAL_SERVER_ERROR:  # what Starlette answers before it raises
                raise
            _logger.exception("%s %s was answered, and then the app raised", request.method, request.url)
        named = [(name.decode("latin-1"), text.decode("latin-1")) for name, text in headers]
        return Response(status, _lower(named), b"".join(chunks))


def _scope(request: Request) -> Message:
    parts = urllib.parse.urlsplit(request.url)
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": parts.scheme,
        "path": urllib.parse.unquote(parts.path),
        "raw_path": parts.path.encode(),
        "query_string": parts.query.encode(),
        "root_path": "",
        "headers": [(name.encode("latin-1"), text.encode("latin-1")) for name, text in request.headers.items()],
        "client": ("127.0.0.1", 1),
        "server": (parts.hostname, parts.port or 80),
    }


class TornadoTarget:
    """A Tornado application, asked by its own router, with a connection that collects the answer."""

    def __init__(self, app: Any) -> None:
        self._app = app

    def is_plain(self, request: Request) -> bool:
        return False

    async def ask(self, request: Request) -> Response:
        from tornado.httputil import HTTPHeaders, RequestStartLine

        connection = _connection()
        parts = urllib.parse.urlsplit(request.url)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        delegate = self._app.start_request(None, connection)
        delegate.headers_received(
            RequestStartLine(request.method, path, "HTTP/1.1"), HTTPHeaders(dict(request.headers))
        )
        delegate.data_received(request.body)
        delegate.finish()
        return cast("Response", await connection.answer)


def _connection() -> Any:
    """Return a connection that collects what is written to it; its `answer` is a future of that."""
    from tornado.httputil import HTTPConnection

    class Collecting(HTTPConnection):
        def __init__(self) -> None:
            self.answer: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
            self._chunks: list[bytes] = []

        def write_headers(self, start_line: Any, headers: Any, chunk: bytes | None = None) -> asyncio.Future[None]:
            self._status, self._headers = start_line.code, _lower(headers.get_all())
            return self.write(chunk or b"")

        def write(self, chunk: bytes) -> asyncio.Future[None]:
            self._chunks.append(chunk)
            done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            done.set_result(None)
            return done

        def finish(self) -> None:
            self.answer.set_result(Response(self._status, self._headers, b"".join(self._chunks)))

        def set_close_callback(self, callback: object) -> None:
            """The connection is never lost."""

    return Collecting()


def _lower(headers: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    return {name.lower(): text for name, text in headers}
