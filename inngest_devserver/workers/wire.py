"""The WebSocket of one worker: as ASGI has it, or past ASGI where the server can do that. Knows no message of Connect.

By ASGI, each message takes a queue, a task that waits and, to send, a coroutine: more than the message itself costs.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Never, Protocol, cast

from inngest_core.web.asgi import Receive, Scope, Send

DIRECT = "inngest.direct"
"""The extension of the scope in which a server offers `Direct`."""
_LONGEST_REASON = 123
"""Bytes, by the standard of WebSockets."""

OnMessages = Callable[[Sequence[bytes | str]], object]


class ClosedError(Exception):
    """The connection is closed."""


class Direct(Protocol):
    """What a server offers.

    on_messages: called with messages that have come at once, and that do not come by ASGI then; must not raise.
    """

    on_messages: OnMessages | None

    def push(self, *messages: bytes) -> bool:
        """Send binary messages at once, which waits for nothing; return False when the connection is closed."""
        ...


class Wire:
    """Accept first; then send and receive; at last listen, until the connection is closed."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        extensions = cast("Mapping[str, Any]", scope.get("extensions") or {})
        self._direct: Direct | None = extensions.get(DIRECT)
        self._receive = receive
        self._send = send
        self._is_closed = False
        self._sending: set[asyncio.Task[None]] = set()

    async def accept(self, subprotocol: str) -> None:
        await self._receive()  # that somebody wants to connect
        await self._send({"type": "websocket.accept", "subprotocol": subprotocol})

    async def receive(self) -> bytes | str:
        """Return the next message; raises ClosedError."""
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            self._is_closed = True
            raise ClosedError
        data: bytes | str = message.get("bytes") or message.get("text") or b""
        return data

    async def listen(self, on_messages: OnMessages) -> Never:
        """Call *on_messages*, which must not raise, with messages that come; raises ClosedError at the end."""
        if self._direct is not None:
            self._direct.on_messages = on_messages
        while True:  # what came before, and how the connection ends, come by ASGI in either case
            on_messages([await self.receive()])

    def push(self, *messages: bytes) -> bool:
        """Send binary messages, without waiting until they are sent; return False when the connection is closed."""
        if self._direct is not None:
            return self._direct.push(*messages)
        if self._is_closed:
            return False
        for message in messages:
            task = asyncio.create_task(self._send_quietly({"type": "websocket.send", "bytes": message}))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)
        return True

    async def close(self, code: int, reason: str) -> None:
        """Close the connection once everything is sent."""
        await asyncio.gather(*self._sending)
        short = reason.encode()[:_LONGEST_REASON].decode(errors="ignore")
        await self._send_quietly({"type": "websocket.close", "code": code, "reason": short})
        self._is_closed = True

    async def _send_quietly(self, message: dict[str, object]) -> None:
        with contextlib.suppress(RuntimeError, OSError):  # it is closed, which servers tell in several ways
            await self._send(message)
