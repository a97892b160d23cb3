"""A FastAPI app."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator

import fastapi

import inngest.fast_api
from tests.servers.endpoints import close, make_endpoints

ENDPOINTS = make_endpoints()


@contextlib.asynccontextmanager
async def lifespan(_: fastapi.FastAPI) -> AsyncGenerator[None]:
    yield
    await close(ENDPOINTS)


app = fastapi.FastAPI(lifespan=lifespan)
for each in ENDPOINTS:
    inngest.fast_api.serve(app, each.client, each.functions, serve_path=each.path)
