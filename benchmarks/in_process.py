"""Calls apps without a server: what a WSGI or an ASGI server hands to them, and nothing around it."""

from __future__ import annotations

import asyncio
import io
import time
import urllib.parse
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from typing import Any

from .measure import Block
from .requests import Post

WSGI = ("flask", "django")
CHUNK = 64 * 1024
"""Servers hand a body on in pieces of about this size."""


def wsgi_environ(post: Post) -> dict[str, Any]:
    """Return what a server hands to a WSGI app, all but the body's stream."""
    path, _, query = post.path.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(post.body)),
        "HTTP_HOST": "127.0.0.1:8000",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in post.headers.items():
        if name != "content-type":
            environ[f"HTTP_{name.upper().replace('-', '_')}"] = value
    return environ


def wsgi_call(app: Any, environ: Mapping[str, Any], body: bytes) -> tuple[int, bytes]:
    """Send one request and return status and body."""
    status = 0

    def start_response(line: str, _headers: object, _error: object = None) -> Callable[[bytes], None]:
        nonlocal status
        status = int(line[:3])
        return lambda _: None

    answer: Iterable[bytes] = app({**environ, "wsgi.input": io.BytesIO(body)}, start_response)
    content = b"".join(answer)
    close = getattr(answer, "close", None)
    if close is not None:
        close()
    return status, content


def asgi_scope(post: Post) -> dict[str, Any]:
    """Return what a server hands to an ASGI app, but for the headers' own list and the state."""
    path, _, query = post.path.partition("?")
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in post.headers.items()]
    headers += [(b"host", b"127.0.0.1:8000"), (b"content-length", str(len(post.body)).encode())]
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": urllib.parse.unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8000),
    }


async def asgi_call(app: Any, scope: Mapping[str, Any], body: bytes) -> tuple[int, bytes]:
    """Send one request and return status and body."""
    taken = 0
    status = 0
    content = b""

    async def receive() -> dict[str, object]:
        nonlocal taken
        chunk = body[taken : taken + CHUNK]
        taken += len(chunk)
        return {"type": "http.request", "body": chunk, "more_body": taken < len(body)}

    async def send(message: MutableMapping[str, Any]) -> None:
        nonlocal status, content
        if message["type"] == "http.response.start":
            status = message["status"]
        else:
            content += message.get("body", b"")

    await app({**scope, "headers": list(scope["headers"]), "state": {}}, receive, send)
    return status, content


class Caller:
    """Calls one app, on one event loop that stays, as under a server."""

    def __init__(self, app: Any, framework: str) -> None:
        self._app = app
        self._is_wsgi = framework in WSGI
        self._runner = asyncio.Runner()

    def block(self, make: Callable[[], Post], calls: int, expect: Callable[[int, bytes], None]) -> Block:
        """Return a block of *calls* equal requests; each block makes its own, as signatures grow old."""
        return self._wsgi_block(make, calls, expect) if self._is_wsgi else self._asgi_block(make, calls, expect)

    def _wsgi_block(self, make: Callable[[], Post], calls: int, expect: Callable[[int, bytes], None]) -> Block:
        def block() -> float:
            post = make()
            environ = wsgi_environ(post)
            started = time.perf_counter()
            for _ in range(calls):
                status, body = wsgi_call(self._app, environ, post.body)
            seconds = (time.perf_counter() - started) / calls
            expect(status, body)
            return seconds

        return block

    def _asgi_block(self, make: Callable[[], Post], calls: int, expect: Callable[[int, bytes], None]) -> Block:
        async def block() -> float:
            post = make()
            scope = asgi_scope(post)
            started = time.perf_counter()
            for _ in range(calls):
                status, body = await asgi_call(self._app, scope, post.body)
            seconds = (time.perf_counter() - started) / calls
            expect(status, body)
            return seconds

        return lambda: self._runner.run(block())

    def close(self) -> None:
        self._runner.close()
