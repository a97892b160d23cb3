"""The app: two pages of JSON, the functions, and a lifespan around all of it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

import inngest.starlette

from .database import create_tables, dead_links, engine, watch
from .functions import check_all_pages, check_page, client


async def add_page(request: Request) -> JSONResponse:
    url = str((await request.json()).get("url"))
    if not url.startswith(("http://", "https://")):
        raise HTTPException(400, "give the address of a page as url")
    await watch(url)
    ids = await client.send(inngest.Event(name="page/check.due", data={"url": url}))
    return JSONResponse({"events": ids}, 202)


async def list_dead_links(_: Request) -> JSONResponse:
    return JSONResponse(await dead_links())


@contextlib.asynccontextmanager
async def database(_: Starlette) -> AsyncGenerator[None]:
    await create_tables()
    yield
    await engine.dispose()


app = Starlette(
    routes=[
        Route("/pages", add_page, methods=["POST"]),
        Route("/dead-links", list_dead_links),
        *inngest.starlette.routes(client, [check_page, check_all_pages]),
    ],
    lifespan=inngest.starlette.lifespan(client, inner=database),
)
