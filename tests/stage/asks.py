"""The ways to ask an `App`: by the sync driver, and by the async one on each kind of loop."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable

from inngest_core.serving.app import App
from inngest_core.web.messages import Request, Response

Ask = Callable[[App, Request], Response]


def ask_sync(app: App, request: Request) -> Response:
    return app.handle_sync(request)


def ask_async(app: App, request: Request) -> Response:
    return asyncio.run(app.handle_async(request))


def ask_uvloop(app: App, request: Request) -> Response:
    import uvloop  # there is none for Windows

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(app.handle_async(request))


ASYNC_ASKS: list[Ask] = [ask_async] if sys.platform == "win32" else [ask_async, ask_uvloop]
ASKS: list[Ask] = [ask_sync, *ASYNC_ASKS]
