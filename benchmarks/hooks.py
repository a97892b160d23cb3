"""A small call with ten middleware whose one hook does nothing, against the same call without any, without a server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import inngest
from inngest_core.serving.app import App
from inngest_core.web.messages import Request

from . import requests
from .apps import check
from .measure import Block, Effort, Row, best, interleave, show

COUNT = 10
LIMIT = 20e-6
"""Seconds, for all of them together."""


class _Hook(inngest.MiddlewareSync):
    def before_response(self) -> None:
        pass


class _AsyncHook(inngest.Middleware):
    async def before_response(self) -> None:
        pass


def rows(effort: Effort) -> Iterator[Row]:
    with asyncio.Runner() as runner:
        for kind in ("def", "async"):
            blocks = [_block(kind, count, effort.calls, runner) for count in (COUNT, 0)]
            hooked, plain = map(best, interleave(*blocks, rounds=effort.rounds))
            what = f"{COUNT} hooks that do nothing, {'async def' if kind == 'async' else kind} (reference: the call)"
            yield Row(what, show(hooked - plain), show(plain), "", show(LIMIT), hooked - plain <= LIMIT)


def _block(kind: str, count: int, calls: int, runner: asyncio.Runner) -> Block:
    app = _app(kind, count)
    body = requests.small_body()

    async def ask(request: Request) -> float:
        started = time.perf_counter()
        for _ in range(calls):
            response = await app.handle_async(request) if kind == "async" else app.handle_sync(request)
        seconds = (time.perf_counter() - started) / calls
        check(response.status, response.content, f"{kind} with {count} hooks")
        return seconds

    def block() -> float:
        post = requests.call(kind, body)
        return runner.run(ask(Request("POST", f"http://127.0.0.1:8000{post.path}", post.headers, post.body)))

    return block


def _app(kind: str, count: int) -> App:
    hook: type[inngest.MiddlewareSync | inngest.Middleware] = _AsyncHook if kind == "async" else _Hook
    client = inngest.Inngest(
        app_id=requests.APP_ID,
        is_production=True,
        signing_key=requests.SIGNING_KEY,
        event_key="bench",
        middleware=[hook] * count,
    )
    create = client.create_function(fn_id=kind, trigger=inngest.TriggerEvent(event="bench/happened"))
    if kind == "def":

        @create
        def plain(ctx: inngest.ContextSync) -> dict[str, object]:
            return {"name": ctx.event.name, "ok": True}

        return App(client, [plain], framework="bench")

    @create
    async def asynchronous(ctx: inngest.Context) -> dict[str, object]:
        return {"name": ctx.event.name, "ok": True}

    return App(client, [asynchronous], framework="bench")
