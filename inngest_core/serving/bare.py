"""Functions as a bare ASGI or WSGI application: for a server without a framework, and for frameworks that mount one.

A bare application has no router. Without a serve_path it answers wherever it was put; with one it answers there,
relative to its mount, and everything else is 404. Knows no protocol of the engine.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from inngest_core.client import Inngest
from inngest_core.function import Function
from inngest_core.web import asgi, wsgi
from inngest_core.web.messages import Response

from .app import App


def serve_asgi(
    client: Inngest,
    functions: Sequence[Function[Any]],
    *,
    serve_path: str | None = None,
    serve_origin: str | None = None,
    public_path: str | None = None,
) -> ASGIApp:
    """Return an ASGI application that serves *functions*; at every path, or at *serve_path* alone.

    serve_origin, public_path: what is advertised to the engine instead of the URL of its request.
    Raises FunctionConfigError when two functions share an id.
    """
    return ASGIApp(
        App(
            client,
            functions,
            framework="asgi",
            serve_path=serve_path,
            serve_origin=serve_origin,
            public_path=public_path,
        )
    )


def serve_wsgi(
    client: Inngest,
    functions: Sequence[Function[Any]],
    *,
    serve_path: str | None = None,
    serve_origin: str | None = None,
    public_path: str | None = None,
) -> WSGIApp:
    """Return a WSGI application that serves *functions*; otherwise as `serve_asgi`."""
    return WSGIApp(
        App(
            client,
            functions,
            framework="wsgi",
            serve_path=serve_path,
            serve_origin=serve_origin,
            public_path=public_path,
        )
    )


class ASGIApp:
    """An ASGI 3 application. When its server shuts down it closes the client, which others may go on using."""

    def __init__(self, core: App) -> None:
        self.core = core

    async def __call__(self, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        match scope["type"]:
            case "http":
                await asgi.send_response(await self._answer(scope, receive), send)
            case "lifespan":
                await self._live(receive, send)
            case "websocket":
                await send({"type": "websocket.close"})
            case _:
                pass

    async def _answer(self, scope: asgi.Scope, receive: asgi.Receive) -> Response:
        inner = asgi.below_root(scope.get("root_path", ""), scope["path"])
        if not _is_served(self.core, inner):
            return _not_found(self.core, inner)
        return await self.core.handle_async(await asgi.read_request(scope, receive, self.core.body_cap))

    async def _live(self, receive: asgi.Receive, send: asgi.Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.core.client.close_async()
                await send({"type": "lifespan.shutdown.complete"})
                return


class WSGIApp:
    """A WSGI application."""

    def __init__(self, core: App) -> None:
        self.core = core

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = str(environ.get("PATH_INFO", "")).encode("latin-1", "replace").decode(errors="replace")  # PEP 3333
        if _is_served(self.core, path):
            response = self.core.handle_sync(wsgi.read_request(environ, self.core.body_cap))
        else:
            response = _not_found(self.core, path)
        return wsgi.send_response(response, environ["REQUEST_METHOD"], start_response)


def _is_served(core: App, path: str) -> bool:
    wanted = core.options.serve_path
    return wanted is None or path.strip("/") == wanted.strip("/")


def _not_found(core: App, path: str) -> Response:
    """Answer for a path that is not ours: JSON, and without the headers that an engine looks for."""
    message = f"nothing is served at {path or '/'}; functions are served at {core.serve_path}"
    body = json.dumps({"code": "not_found", "message": message, "name": "NotFoundError"}).encode()
    return Response(404, {"content-type": "application/json"}, body)
