"""Serves functions from a FastAPI app or router; the rest is Starlette's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

import fastapi

from inngest_core.client import Inngest
from inngest_core.function import Function
from inngest_core.serving.app import App
from inngest_core.serving.options import ServeOptions
from inngest_starlette import HasRoutes, add_route, check_has_routes, lifespan

__all__ = ["lifespan", "router", "serve"]

FRAMEWORK = "fast_api"


def serve(
    app: HasRoutes,
    client: Inngest,
    functions: Sequence[Function[Any]],
    **options: Unpack[ServeOptions],
) -> None:
    """Serve *functions* from a FastAPI app or router. The endpoint is not part of the OpenAPI schema.

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
    check_has_routes(app, "a FastAPI app or APIRouter")
    core = App(client, functions, framework=FRAMEWORK, can_stream=True, **options)
    prefix = app.prefix if isinstance(app, fastapi.APIRouter) else ""
    add_route(app, core, prefix)


def router(client: Inngest, functions: Sequence[Function[Any]], **options: Unpack[ServeOptions]) -> fastapi.APIRouter:
    """Return a router that serves *functions*, for `app.include_router`; it closes the client when the app has ended.

    The lifespan of an included router runs within that of the app. See `lifespan`.

    client: the one that the functions were defined with.
    functions: a list of what `create_function` returned.
    serve_path: path of the endpoint, relative to the prefix of `include_router`; "/api/inngest" by default.
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
    made = fastapi.APIRouter(lifespan=lifespan(client))
    add_route(made, core)
    return made
