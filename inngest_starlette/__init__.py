"""Serves functions from a Starlette app, router or mount. Translates requests and responses, and nothing else."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Sequence
from typing import Any, Protocol

import starlette.requests
from starlette.datastructures import URL
from starlette.routing import BaseRoute, Route
from starlette.types import Message, Receive, Scope, Send

from inngest_core.app import App
from inngest_core.client import Inngest
from inngest_core.errors import ConfigError
from inngest_core.function import Function
from inngest_core.http import Request, Response, read_limited_async

FRAMEWORK = "starlette"


class HasRoutes(Protocol):
    """A Starlette or FastAPI app, a router, or a Mount."""

    @property
    def routes(self) -> list[BaseRoute]: ...


def serve(
    app: HasRoutes,
    client: Inngest,
    functions: Sequence[Function[Any]],
    *,
    serve_path: str | None = None,
    serve_origin: str | None = None,
    public_path: str | None = None,
) -> None:
    """Serve *functions* at *serve_path* (default /api/inngest), relative to the app, router or mount.

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
    add_route(app, core)


def add_route(app: HasRoutes, core: App, prefix: str = "") -> None:
    """Add the endpoint, for every method, to whatever has routes; raises ConfigError when it keeps none."""
    route = Route(prefix + core.serve_path, endpoint=Endpoint(core), name="inngest", include_in_schema=False)
    app.routes.append(route)
    if route not in app.routes:
        raise ConfigError(f"{app!r} keeps no routes; give an app, a router, or a Mount made with routes=[]")


class Endpoint:
    """A bare ASGI app, so that Starlette routes every method here and adds nothing."""

    def __init__(self, core: App) -> None:
        self.core = core

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await read_limited_async(_chunks(receive), self.core.body_cap)
        response = await self.core.handle_async(_request(scope, receive, body))
        for message in _response(response):
            await send(message)


async def _chunks(receive: Receive) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        yield message.get("body", b"")
        more = message.get("more_body", False)  # a client that went away has no more either


def _request(scope: Scope, receive: Receive, body: bytes) -> Request:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    return Request(
        method=scope["method"],
        url=_url(scope["scheme"], headers.get("host"), scope.get("server"), scope["path"], scope["query_string"]),
        headers=headers,
        body=body,
        raw=starlette.requests.Request(scope, receive),
    )


@functools.lru_cache(maxsize=1024)
def _url(scheme: str, host: str | None, server: tuple[str, int | None] | None, path: str, query: bytes) -> str:
    """Return the absolute URL, cached: an engine asks for the same few again and again."""
    headers = [] if host is None else [(b"host", host.encode("latin-1"))]
    scope = {"scheme": scheme, "server": server, "path": path, "query_string": query, "headers": headers}
    return str(URL(scope=scope))


def _response(response: Response) -> tuple[Message, Message]:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers.items()]
    headers.append((b"content-length", str(len(response.body)).encode()))
    start = {"type": "http.response.start", "status": response.status, "headers": headers}
    return start, {"type": "http.response.body", "body": response.body}
