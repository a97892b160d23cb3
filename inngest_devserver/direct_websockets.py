"""Messages of a WebSocket past ASGI: what is changed of uvicorn's protocol class to hand them over directly.

Imported only where the library `websockets` is there, which it needs.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable, Sequence
from typing import Any, Protocol, cast

from websockets.protocol import State

from .workers.wire import DIRECT, OnMessages

# By name: these are frames of any WebSocket, and what is Connect's own is the business of `workers` alone.
frames: Any = importlib.import_module("inngest_connect.frames")

_READ_BYTES = 64 * 1024
_OPEN = State.OPEN


class _Server(Protocol):
    """What is used here of uvicorn's protocol class."""

    def data_received(self, data: bytes) -> None: ...
    def handle_connect(self, event: object) -> None: ...
    def send_receive_event_to_app(self) -> None: ...
    async def send(self, message: dict[str, Any]) -> None: ...


def direct(server_protocol: type[asyncio.Protocol]) -> type[asyncio.Protocol]:
    """Return the protocol class of a server, changed as the two classes below say."""
    return type("DirectProtocol", (_Direct, server_protocol, _KeptMemory), {})


class _KeptMemory(asyncio.BufferedProtocol):
    """Reads what comes into memory that is kept, as allocating it anew takes longer than reading."""

    data_received: Callable[[bytes], None]
    memory: memoryview | None = None

    def get_buffer(self, sizehint: int) -> memoryview:
        if self.memory is None:
            self.memory = memoryview(bytearray(_READ_BYTES))
        return self.memory

    def buffer_updated(self, nbytes: int) -> None:
        if self.memory is not None:
            self.data_received(bytes(self.memory[:nbytes]))


class _Direct:
    """Methods that come before those of the server's class, and change three things.

    An application may have messages handed over directly, as `workers.wire` has it. Frames that hold a whole message do
    not pass the library, which takes three times as long, until some other frame comes. And a request that was refused
    with an answer is complete: uvicorn logs an error for each, as if the application had forgotten to answer.
    """

    close_sent: bool
    config: Any
    conn: Any
    curr_msg_data_type: str
    frames: list[bytes]
    handshake_complete: bool
    scope: dict[str, Any]
    transport: asyncio.Transport
    """The attributes up to here are the server's own."""

    on_messages: OnMessages | None = None
    splitter: Any = None

    def data_received(self, data: bytes) -> None:
        if not self.handshake_complete:
            cast("_Server", super()).data_received(data)
            return
        splitter = self.splitter
        if splitter is None:
            splitter = self.splitter = frames.Splitter(masked=True, most=self.config.ws_max_size)
        if not splitter.has_ended:
            messages = splitter.feed(data)
            if not self.hand_over(messages):
                self.queue_up(messages)
            data = splitter.take_rest()
        if data:
            cast("_Server", super()).data_received(data)

    def hand_over(self, messages: Sequence[bytes | str]) -> bool:
        """Give messages to the application past ASGI; return whether it takes them: if it asked to, until the close."""
        if self.on_messages is None or self.close_sent:
            return False
        if messages:
            self.on_messages(messages)
        return True

    def queue_up(self, messages: Sequence[bytes]) -> None:
        """Let messages go by ASGI."""
        for message in messages:
            self.curr_msg_data_type, self.frames = "bytes", [message]
            cast("_Server", super()).send_receive_event_to_app()

    def handle_connect(self, event: object) -> None:
        cast("_Server", super()).handle_connect(event)
        if hasattr(self, "scope"):  # it has none when the request is refused at once
            self.scope["extensions"][DIRECT] = self

    def send_receive_event_to_app(self) -> None:
        data = b"".join(self.frames)
        if self.hand_over([data if self.curr_msg_data_type == "bytes" else data.decode(errors="replace")]):
            self.frames = []
        else:
            cast("_Server", super()).send_receive_event_to_app()

    def push(self, *messages: bytes) -> bool:
        if self.conn.state is not _OPEN or self.transport.is_closing():
            return False
        self.transport.write(b"".join([frames.binary_frame(message, masked=False) for message in messages]))
        return True

    async def send(self, message: dict[str, Any]) -> None:
        await cast("_Server", super()).send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            self.handshake_complete = True
