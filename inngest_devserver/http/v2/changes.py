"""The stream of changes, as server-sent events: at most ten messages a second, each with all that has changed."""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers

from inngest_core.protocol.wire import Header
from inngest_core.runtime.racing import first_of
from inngest_core.web.asgi import Receive, Scope, Send
from inngest_devserver import fragments, ids
from inngest_devserver.changes import KINDS, Listener, TooManyListenersError
from inngest_devserver.engine import Engine
from inngest_devserver.http.answers import Call, call_without_body, headers_for_pages, refuse_unknown
from inngest_devserver.http.subscriptions import KEEP_ALIVE_SECONDS, until_gone

from .questions import QuestionError

BATCH_SECONDS = 0.1
"""Between two messages to one client."""
RETRY_MILLISECONDS = 1000
QUERY = ("kind", "run", "after")


class ChangeRoutes:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._changes = engine.changes

    async def stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream changes until the client goes away; raises APIError before anything was sent."""
        call = call_without_body(scope)
        if call.request.method != "GET":
            raise QuestionError(
                f"{call.request.method} is not allowed here; try GET", code="method_not_allowed", status=405
            )
        listener = self._listener(call)
        try:
            await first_of(self._send_changes(listener, scope, send), until_gone(receive))
        finally:
            self._changes.leave(listener)

    def _listener(self, call: Call) -> Listener:
        refuse_unknown(call, QUERY)
        kinds, run = call.all("kind"), call.query.get("run", "")
        unknown = [kind for kind in kinds if kind not in KINDS]
        if unknown:
            raise QuestionError(f"kind is {unknown[0]!r}; use one of {', '.join(KINDS)}")
        if run and not ids.is_ulid(run):
            raise QuestionError("run must be the id of a run, a ULID")
        # A browser that connects again sends what it had last, while the URL is still that of its first attempt.
        last = call.request.headers.get("last-event-id") or call.query.get("after", "")
        try:
            return self._changes.listen(last, kinds=frozenset(kinds), run=run)
        except TooManyListenersError as error:
            raise QuestionError(str(error), code="too_many_listeners", status=503) from None

    async def _send_changes(self, listener: Listener, scope: Scope, send: Send) -> None:
        headers = {
            "cache-control": "no-store",
            "content-type": "text/event-stream",
            Header.ACCEL_BUFFERING.value: "no",
            **headers_for_pages(Headers(scope=scope)),
        }
        raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": 200, "headers": raw})
        begins_after = self._changes.id_of(listener.position)
        await self._send(send, f"retry: {RETRY_MILLISECONDS}\nid: {begins_after}\n\n".encode())
        clock = self._engine.clock
        sign_of_life = clock.now() + KEEP_ALIVE_SECONDS
        while not listener.over:
            await clock.wait(listener.news, sign_of_life)
            messages = self._changes.take(listener)
            if messages or clock.now() >= sign_of_life:
                await self._send(send, self._event(listener, messages) if messages else b":\n\n")
                sign_of_life = clock.now() + KEEP_ALIVE_SECONDS
            await clock.wait(asyncio.Event(), clock.now() + BATCH_SECONDS)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _event(self, listener: Listener, messages: object) -> bytes:
        number = self._changes.id_of(listener.position).encode()
        return b"id: " + number + b"\ndata: " + fragments.dump(messages) + b"\n\n"

    async def _send(self, send: Send, body: bytes) -> None:
        await send({"type": "http.response.body", "body": body, "more_body": True})
