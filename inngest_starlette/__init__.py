"""Serves functions from a Starlette app, router or mount. Translates requests and responses, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import starlette.requests
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from inngest_core.client import Inngest
from inngest_core.errors import ConfigError
from inngest_core.function import Function
from inngest_core.serving.app import App
from inngest_core.web.asgi import read_request, send_response

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
        raw = starlette.requests.Request(scope, receive)
        request = await read_request(scope, receive, self.core.body_cap, raw)
        await send_response(await self.core.handle_async(request), send)
