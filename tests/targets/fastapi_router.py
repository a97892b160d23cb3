"""A router of a FastAPI app, included under a prefix."""

import fastapi

import inngest
import inngest.fast_api

from .target import ASGITarget, Functions


def make(client: inngest.Inngest, functions: Functions) -> fastapi.FastAPI:
    router = fastapi.APIRouter()
    inngest.fast_api.serve(router, client, functions)
    app = fastapi.FastAPI()
    app.include_router(router, prefix="/jobs")
    return app


TARGET = ASGITarget("fastapi-router", "fast_api", "/jobs/api/inngest", make)
