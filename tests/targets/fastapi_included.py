"""The router of `inngest.fast_api.router`, included in a FastAPI app under a prefix."""

import fastapi

import inngest
import inngest.fast_api

from .target import ASGITarget, Functions


def make(client: inngest.Inngest, functions: Functions) -> fastapi.FastAPI:
    app = fastapi.FastAPI()
    app.include_router(inngest.fast_api.router(client, functions), prefix="/v1")
    return app


TARGET = ASGITarget("fastapi-included", "fast_api", "/v1/api/inngest", make)
