"""The app: its lifespan opens the database and runs the relay of the outbox; a router serves the functions."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator

import fastapi

import inngest.fast_api

from . import api
from .client import client
from .database import Base, engine, outbox
from .functions import onboard


@contextlib.asynccontextmanager
async def lifespan(_: fastapi.FastAPI) -> AsyncGenerator[None]:
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with outbox.relay(engine):
        yield
    await engine.dispose()


app = fastapi.FastAPI(title="Sign-up", lifespan=lifespan)
app.include_router(api.router)
app.include_router(inngest.fast_api.router(client, [onboard]))
