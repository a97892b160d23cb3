"""Serves functions from a Starlette app, router or mount. Translates requests and responses, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, Unpack, cast

import starlette.requests
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from inngest_core.client import Inngest
from inngest_core.errors import ConfigError
from inngest_core.function import Function
from inngest_core.serving.app import App
from inngest_core.serving.arguments import refuse_app, refuse_second_endpoint
from inngest_core.serving.options import ServeOptions
from inngest_core.web.asgi import make_request, read_head, send_refusal, send_response

from .body import take_body

FRAMEWORK = "starlette"


class HasRoutes(Protocol):
    """A Starlette or FastAPI app, a router, or a Mount."""

    @property
    def routes(self) -> list[BaseRoute]: ...


def serve(
    app: HasRoutes,
    client: Inngest,
    functions: Sequence[Function[Any]],
    **options: Unpack[ServeOptions],
) -> None:
    """Serve *functions* from a Starlette app, router or mount.

    app: where the endpoint is added.
    client: the one that the functions were defined with.
    functions: a list of what `create_function` returned.
    serve_path: path of the endpoint, relative to the app, router or mount; "/api/inngest" by default.
    serve_origin: scheme and host under which the engine reaches this app, such as "https://shop.example", where the
        request does not show them, as behind a proxy; INNGEST_SERVE_ORIGIN by default.
    public_path: path under which the engine reaches it, where a proxy changes it; INNGEST_SERVE_PATH by default.
    enable_unauthed_sync: whether an unsigned request may make this app register in cloud mode;
        INNGEST_ENABLE_UNAUTHED_SYNC by default, else True.
    streaming: whether answers to calls begin at once and are kept alive while the function runs; that of the client by
        default, else INNGEST_STREAMING, else they are not.
    Raises ConfigError: an argument is of the wrong kind, or functions are served at this path already.
    FunctionConfigError: two functions share an id.
    """
    check_has_routes(app, "a Starlette app, router or Mount")
    add_route(app, App(client, functions, framework=FRAMEWORK, can_stream=True, **options))


def routes(client: Inngest, functions: Sequence[Function[Any]], **options: Unpack[ServeOptions]) -> list[BaseRoute]:
    """Return the routes that serve *functions*, for `Starlette(routes=[...])`, a `Router` or a `Mount`.

    client: the one that the functions were defined with.
    functions: a list of what `create_function` returned.
    serve_path: path of the endpoint, relative to what has the routes; "/api/inngest" by default.
    serve_origin: scheme and host under which the engine reaches this app, such as "https://shop.example", where the
        request does not show them, as behind a proxy; INNGEST_SERVE_ORIGIN by default.
    public_path: path under which the engine reaches it, where a proxy changes it; INNGEST_SERVE_PATH by default.
    enable_unauthed_sync: whether an unsigned request may make this app register in cloud mode;
        INNGEST_ENABLE_UNAUTHED_SYNC by default, else True.
    streaming: whether answers to calls begin at once and are kept alive while the function runs; that of the client by
        default, else INNGEST_STREAMING, else they are not.
    Raises ConfigError: an argument is of the wrong kind. FunctionConfigError: two functions share an id.
    """
    core = App(client, functions, framework=FRAMEWORK, can_stream=True, **options)
    return [_route(core.serve_path, core)]


def check_has_routes(app: object, expected: str) -> None:
    """Check that routes can be added to *app*. expected: what to give, for the message. Raises ConfigError."""
    routes: object = getattr(app, "routes", None)
    if not isinstance(routes, list) or not all(isinstance(each, BaseRoute) for each in cast("list[object]", routes)):
        refuse_app(app, expected)


def add_route(app: HasRoutes, core: App, prefix: str = "") -> None:
    """Add the endpoint, for every method, to whatever has routes.

    prefix: of a router that puts its own before the paths of its routes.
    Raises ConfigError: *app* keeps no routes, or functions are served at this path already.
    """
    path = prefix + core.serve_path
    ours = [each for each in app.routes if isinstance(each, Route) and isinstance(each.endpoint, Endpoint)]
    if any(each.path == path for each in ours):
        refuse_second_endpoint(path)
    route = _route(path, core)
    app.routes.append(route)
    if route not in app.routes:
        raise ConfigError(f"{app!r} keeps no routes; give an app, a router, or a Mount made with routes=[]")


def _route(path: str, core: App) -> Route:
    return Route(path, endpoint=Endpoint(core), name="inngest", include_in_schema=False)


class Endpoint:
    """A bare ASGI app, so that Starlette routes every method here and adds nothing."""

    def __init__(self, core: App) -> None:
        self.core = core

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        head = read_head(scope)
        refused = self.core.admit(*head)
        if refused is not None:
            await send_refusal(refused, receive, send)
            return
        raw = starlette.requests.Request(scope, receive)
        body = await take_body(raw, receive, self.core.body_cap)
        await send_response(await self.core.handle_async(make_request(head, body, receive, raw)), send)
