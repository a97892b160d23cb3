"""Serve functions from FastAPI: `inngest.fast_api.serve(app, client, functions)`. Needs the extra `fastapi`."""

from inngest_core.extras import needs

with needs("fastapi", "starlette"):
    from inngest_fastapi import lifespan, router, serve

__all__ = ["lifespan", "router", "serve"]
