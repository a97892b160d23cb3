"""A FastAPI app."""

import fastapi

import inngest
import inngest.fast_api

from .target import ASGITarget, Functions


def make(client: inngest.Inngest, functions: Functions) -> fastapi.FastAPI:
    app = fastapi.FastAPI()
    inngest.fast_api.serve(app, client, functions)
    return app


TARGET = ASGITarget("fastapi", "fast_api", "/api/inngest", make)
