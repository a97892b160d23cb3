"""The ways to ask an `App`: by each driver, and on each kind of loop. Streams are read to their end."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable
from dataclasses import replace

from inngest_core.serving.app import App
from inngest_core.web import asgi, wsgi
from inngest_core.web.messages import Request, Response

Ask = Callable[[App, Request], Response]


def ask_sync(app: App, request: Request) -> Response:
    response = app.handle_sync(request)
    if isinstance(response.body, bytes):
        return response
    with contextlib.closing(wsgi.in_pieces(response.body)) as pieces:
        return replace(response, body=b"".join(pieces))


def ask_async(app: App, request: Request) -> Response:
    return asyncio.run(_ask_on_loop(app, request))


async def _ask_on_loop(app: App, request: Request) -> Response:
    response = await app.handle_async(request)
    if isinstance(response.body, bytes):
        return response
    async with contextlib.aclosing(asgi.in_pieces(response.body)) as pieces:
        return replace(response, body=b"".join([piece async for piece in pieces]))


def ask_uvloop(app: App, request: Request) -> Response:
    import uvloop  # there is none for Windows

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_ask_on_loop(app, request))


ASYNC_ASKS: list[Ask] = [ask_async] if sys.platform == "win32" else [ask_async, ask_uvloop]
ASKS: list[Ask] = [ask_sync, *ASYNC_ASKS]
