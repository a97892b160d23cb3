"""Functions as a bare ASGI or WSGI application: for a server without a framework, and for frameworks that mount one.

A bare application has no router. Without a serve_path it answers at every path that reaches it; with one it answers
there, relative to its mount, and everything else is 404. Knows no protocol of the engine.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, Unpack
from wsgiref.types import StartResponse, WSGIEnvironment

from inngest_core.client import Inngest
from inngest_core.function import Function
from inngest_core.web import asgi, wsgi
from inngest_core.web.messages import Response

from .app import App
from .options import ServeOptions


def serve_asgi(client: Inngest, functions: Sequence[Function[Any]], **options: Unpack[ServeOptions]) -> ASGIApp:
    """Return an ASGI application that serves *functions*; at every path, or at *serve_path* alone.

    client: the one that the functions were defined with.
    functions: a list of what `create_function` returned.
    serve_path: the only path to answer at, relative to where the application is mounted; every path by default.
    serve_origin: scheme and host under which the engine reaches this app, such as "https://shop.example", where the
        request does not show them, as behind a proxy; INNGEST_SERVE_ORIGIN by default.
    public_path: path under which the engine reaches it, where a proxy changes it; INNGEST_SERVE_PATH by default.
    enable_unauthed_sync: whether an unsigned request may make this app register in cloud mode;
        INNGEST_ENABLE_UNAUTHED_SYNC by default, else True.
    streaming: whether answers to calls begin at once and are kept alive while the function runs; that of the client by
        default, else INNGEST_STREAMING, else they are not.
    Raises ConfigError: an argument is of the wrong kind. FunctionConfigError: two functions share an id.
    """
    return ASGIApp(App(client, functions, framework="asgi", can_stream=True, **options))


def serve_wsgi(client: Inngest, functions: Sequence[Function[Any]], **options: Unpack[ServeOptions]) -> WSGIApp:
    """Return a WSGI application that serves *functions*; at every path, or at *serve_path* alone.

    client: the one that the functions were defined with.
    functions: a list of what `create_function` returned.
    serve_path: the only path to answer at, relative to where the application is mounted; every path by default.
    serve_origin: scheme and host under which the engine reaches this app, such as "https://shop.example", where the
        request does not show them, as behind a proxy; INNGEST_SERVE_ORIGIN by default.
    public_path: path under which the engine reaches it, where a proxy changes it; INNGEST_SERVE_PATH by default.
    enable_unauthed_sync: whether an unsigned request may make this app register in cloud mode;
        INNGEST_ENABLE_UNAUTHED_SYNC by default, else True.
    streaming: whether answers to calls begin at once and are kept alive while the function runs; that of the client by
        default, else INNGEST_STREAMING, else they are not.
    Raises ConfigError: an argument is of the wrong kind. FunctionConfigError: two functions share an id.
    """
    return WSGIApp(App(client, functions, framework="wsgi", can_stream=True, **options))


class ASGIApp:
    """An ASGI 3 application.

    It closes the client when its server shuts down; a client that is used afterwards opens its connections anew.
    """

    def __init__(self, core: App) -> None:
        self.core = core

    async def __call__(self, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        match scope["type"]:
            case "http":
                await self._answer(scope, receive, send)
            case "lifespan":
                await self._live(receive, send)
            case "websocket":
                await send({"type": "websocket.close"})
            case _:
                pass

    async def _answer(self, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        inner = asgi.below_root(scope.get("root_path", ""), scope["path"])
        if not _is_served(self.core, inner):
            await asgi.send_refusal(_not_found(self.core, inner), receive, send)
            return
        head = asgi.read_head(scope)
        refused = self.core.admit(*head)
        if refused is not None:
            await asgi.send_refusal(refused, receive, send)
            return
        body = await asgi.read_body(receive, self.core.body_cap)
        response = await self.core.handle_async(asgi.make_request(head, body, receive, scope))
        await asgi.send_response(response, send)

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
        method = environ["REQUEST_METHOD"]
        if not _is_served(self.core, path):
            return wsgi.Refusal(wsgi.send_response(_not_found(self.core, path), method, start_response), environ)
        head = wsgi.read_head(environ)
        refused = self.core.admit(*head)
        if refused is not None:
            return wsgi.Refusal(wsgi.send_response(refused, method, start_response), environ)
        body = wsgi.read_body(environ, self.core.body_cap)
        response = self.core.handle_sync(wsgi.make_request(head, body, environ, environ))
        return wsgi.send_response(response, method, start_response)


def _is_served(core: App, path: str) -> bool:
    wanted = core.options.get("serve_path")
    return wanted is None or path.strip("/") == wanted.strip("/")


def _not_found(core: App, path: str) -> Response:
    """Answer a request for another path: in JSON, and without the headers by which an engine knows an endpoint."""
    message = f"nothing is served at {path or '/'}; functions are served at {core.serve_path}"
    body = json.dumps({"code": "not_found", "message": message, "name": "NotFoundError"}).encode()
    return Response(404, {"content-type": "application/json"}, body)
