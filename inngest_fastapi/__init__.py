"""Serves functions from a FastAPI app or router; the rest is Starlette's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import fastapi

from inngest_core.client import Inngest
from inngest_core.function import Function
from inngest_core.serving.app import App
from inngest_starlette import HasRoutes, add_route

FRAMEWORK = "fast_api"


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

    The endpoint is not part of the OpenAPI schema.
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
    prefix = app.prefix if isinstance(app, fastapi.APIRouter) else ""
    add_route(app, core, prefix)
