"""A Starlette app."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator

from starlette.applications import Starlette

import inngest.starlette
from tests.servers.endpoints import close, make_endpoints

ENDPOINTS = make_endpoints()


@contextlib.asynccontextmanager
async def lifespan(_: Starlette) -> AsyncGenerator[None]:
    yield
    await close(ENDPOINTS)


app = Starlette(lifespan=lifespan)
for each in ENDPOINTS:
    inngest.starlette.serve(app, each.client, each.functions, serve_path=each.path)
