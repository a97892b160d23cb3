"""Subscribers that stay connected: server-sent events, and WebSockets.

A token opens them. They get what is published in its topics until they go away, are too slow, or the engine stops.
"""

from __future__ import annotations

import contextlib
from typing import cast

from starlette.datastructures import Headers, QueryParams
from starlette.websockets import WebSocket, WebSocketDisconnect

from inngest_core.errors import BodyInvalidError
from inngest_core.protocol.wire import Header, parse_object
from inngest_core.runtime.racing import first_of
from inngest_core.web.asgi import Receive, Scope, Send
from inngest_devserver.engine import Engine
from inngest_devserver.realtime.hub import Subscriber, TooManySubscribersError
from inngest_devserver.realtime.messages import Topic
from inngest_devserver.realtime.tokens import TokenError

from .answers import APIError, headers_for_pages

KEEP_ALIVE_SECONDS = 15.0
LONGEST_SECONDS = 15 * 60.0
"""Of one stream of server-sent events; its subscriber then connects again."""
_MOST_FROM_CLIENT = 64 * 1024
_GOING_AWAY = 1001


class Subscriptions:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def sse(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream messages as server-sent events; raises APIError before anything was sent."""
        if scope["method"] != "GET":
            raise APIError(405, f"{scope['method']} is not allowed here; try GET")
        subscriber = self._subscribe(scope)
        try:
            await first_of(self._stream(subscriber, scope, send), until_gone(receive))
        finally:
            self._engine.hub.leave(subscriber)

    async def _stream(self, subscriber: Subscriber, scope: Scope, send: Send) -> None:
        headers = {
            "cache-control": "no-cache",
            "content-type": "text/event-stream",
            **headers_for_pages(Headers(scope=scope)),
        }
        raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": 200, "headers": raw})
        await send({"type": "http.response.body", "body": b":\n\n", "more_body": True})
        end = self._engine.clock.now() + LONGEST_SECONDS
        while not subscriber.over and self._engine.clock.now() < end:
            messages = await self._next(subscriber)
            lines = b"".join(b"data: " + message + b"\n\n" for message in messages) or b":\n\n"
            if not subscriber.over:
                await send({"type": "http.response.body", "body": lines, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send messages over a WebSocket, whose client may subscribe to more; raises APIError before it is accepted."""
        if scope["type"] != "websocket":
            asked = Headers(scope=scope).get("upgrade", "").lower() == "websocket"
            raise APIError(
                501 if asked else 426,
                "this engine has no WebSocket library: install wsproto, or use /v1/realtime/sse"
                if asked
                else "this is a WebSocket; a plain request gets its messages from /v1/realtime/sse",
            )
        subscriber = self._subscribe(scope)
        try:
            socket = WebSocket(scope, receive, send)
            await socket.accept()
            await first_of(self._send_messages(socket, subscriber), self._read_requests(socket, subscriber))
        finally:
            self._engine.hub.leave(subscriber)

    async def _send_messages(self, socket: WebSocket, subscriber: Subscriber) -> None:
        with contextlib.suppress(WebSocketDisconnect):
            while not subscriber.over:
                await subscriber.news.wait()
                for message in subscriber.take():
                    await socket.send_text(message.decode())
            await socket.close(_GOING_AWAY)

    async def _read_requests(self, socket: WebSocket, subscriber: Subscriber) -> None:
        """Subscribe to more, or to less, as the client asks; what is not a request is left aside."""
        while True:
            try:
                text = await socket.receive_text()
            except (WebSocketDisconnect, KeyError):  # the latter: bytes
                return
            if len(text) <= _MOST_FROM_CLIENT:
                self._follow(subscriber, text)

    def _follow(self, subscriber: Subscriber, text: str) -> None:
        try:
            request = parse_object(text.encode())
            match request:
                case {"kind": "sub", "data": str(token)}:
                    self._engine.hub.add(subscriber, self._engine.tokens.read(token, self._engine.clock.now()))
                case {"kind": "unsub", "data": [*topics]}:
                    self._engine.hub.remove(subscriber, [_topic(each) for each in topics])
                case _:
                    pass
        except (BodyInvalidError, TokenError):
            pass

    def _subscribe(self, scope: Scope) -> Subscriber:
        try:
            return self._engine.hub.subscribe(self._topics(scope))
        except TooManySubscribersError as error:
            raise APIError(503, str(error)) from None

    def _topics(self, scope: Scope) -> list[Topic]:
        """Return the topics that a request may subscribe to; raises APIError."""
        query = QueryParams(scope["query_string"])
        token = query.get("token") or Headers(scope=scope).get(Header.AUTHORIZATION, "").removeprefix("Bearer ").strip()
        try:
            return self._engine.tokens.read(token, self._engine.clock.now())
        except TokenError:
            raise APIError(401, "Not authenticated") from None

    async def _next(self, subscriber: Subscriber) -> list[bytes]:
        """Return the next messages; none when it is time to show that the connection is alive."""
        clock = self._engine.clock
        await clock.wait(subscriber.news, clock.now() + KEEP_ALIVE_SECONDS)
        return subscriber.take()


def _topic(given: object) -> Topic:
    fields = cast("dict[str, object]", given) if isinstance(given, dict) else {}
    return Topic(str(fields.get("channel", "")), str(fields.get("name", "")))


async def until_gone(receive: Receive) -> None:
    """Return when the client has gone away."""
    while (await receive())["type"] != "http.disconnect":
        pass
