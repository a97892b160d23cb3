"""Subscribers of an engine in this process: server-sent events and WebSockets, without a socket."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncGenerator, MutableMapping
from typing import Any

from inngest_devserver.http.api import API

from .harness import PATIENCE_SECONDS, Lab

Message = MutableMapping[str, Any]


class Client:
    """One client of an ASGI application. sent: everything that it was sent."""

    def __init__(self, lab: Lab, kind: str, path: str, query: str, **headers: str) -> None:
        self.sent: list[Message] = []
        self._news = asyncio.Event()
        self._to_send: asyncio.Queue[Message] = asyncio.Queue()
        spelled = {"host": "127.0.0.1:8288"} | {name.replace("_", "-"): value for name, value in headers.items()}
        self.scope: dict[str, Any] = {
            "type": kind,
            "method": "GET",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in spelled.items()],
            "extensions": {"websocket.http.response": {}} if kind == "websocket" else {},
        }
        self._api = API(lab.engine)

    async def run(self) -> None:
        await self._api(self.scope, self._to_send.get, self._send)

    async def _send(self, message: Message) -> None:
        self.sent.append(message)
        self._news.set()

    def give(self, message: Message) -> None:
        self._to_send.put_nowait(message)

    async def until(self, count: int) -> list[Message]:
        """Wait until so many messages were sent."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(self.sent) < count:
                self._news.clear()
                await self._news.wait()
        return self.sent

    @property
    def status(self) -> int:
        status: int = self.sent[0]["status"]
        return status

    @property
    def headers(self) -> dict[str, str]:
        return {name.decode(): value.decode() for name, value in self.sent[0]["headers"]}

    @property
    def body(self) -> str:
        """What an HTTP answer had so far."""
        return b"".join(message.get("body", b"") for message in self.sent).decode()

    @property
    def texts(self) -> list[str]:
        """What came over a WebSocket so far."""
        return [message["text"] for message in self.sent if message["type"] == "websocket.send"]


@contextlib.asynccontextmanager
async def connected(client: Client) -> AsyncGenerator[Client]:
    """Run a client until the block ends, when it goes away."""
    if client.scope["type"] == "websocket":
        client.give({"type": "websocket.connect"})
    else:
        client.give({"type": "http.request", "body": b"", "more_body": False})
    task = asyncio.create_task(client.run())
    try:
        await client.until(1)
        yield client
    finally:
        client.give({"type": "websocket.disconnect" if client.scope["type"] == "websocket" else "http.disconnect"})
        async with asyncio.timeout(PATIENCE_SECONDS):
            await task


def token_for(lab: Lab, channel: str, *topics: str) -> str:
    answer = lab.request(
        "POST", "/v1/realtime/token", [{"channel": channel, "name": topic, "kind": "run"} for topic in topics]
    )
    assert answer.status == 201, answer
    token: str = answer.body["jwt"]
    return token


def sse(lab: Lab, token: str, **headers: str) -> Client:
    return Client(lab, "http", "/v1/realtime/sse", f"token={token}", **headers)


def websocket(lab: Lab, token: str, **headers: str) -> Client:
    return Client(lab, "websocket", "/v1/realtime/connect", f"token={token}", **headers)


def claims_of(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims
