"""Serve functions from Starlette: `inngest.starlette.serve(app, client, functions)`. Needs the extra `starlette`."""

from inngest_core.extras import needs

with needs("starlette"):
    from inngest_starlette import lifespan, routes, serve

__all__ = ["lifespan", "routes", "serve"]
