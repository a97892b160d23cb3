"""Which of uvicorn's protocols serves WebSockets: the one that takes least time, where its libraries are installed."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Callable
from typing import Any, Protocol, cast

from .workers.wire import DIRECT

_SANS_IO = "uvicorn.protocols.websockets.websockets_sansio_impl"
_USED = ("start_keepalive", "data_received", "handle_connect", "send_receive_event_to_app", "send")


class _Server(Protocol):
    """What is used here of uvicorn's protocol class."""

    def data_received(self, data: bytes) -> None: ...
    def handle_connect(self, event: object) -> None: ...
    def send_receive_event_to_app(self) -> None: ...
    async def send(self, message: dict[str, Any]) -> None: ...


def websocket_protocol() -> type[asyncio.Protocol] | str:
    """Return what uvicorn is to serve WebSockets with.

    The library of the extra `connect` takes half the time of wsproto, which comes with `dev-server`; where both are
    missing, another one will do, or none. Older versions of uvicorn use the former without sending pings.
    """
    if importlib.util.find_spec("websockets") and importlib.util.find_spec(_SANS_IO):
        protocol = importlib.import_module(_SANS_IO).WebSocketsSansIOProtocol
        if all(hasattr(protocol, name) for name in _USED):
            return _direct(protocol)
    return "wsproto" if importlib.util.find_spec("wsproto") else "auto"


def _direct(server_protocol: Any) -> type[asyncio.Protocol]:
    """Return the protocol class of a server with three changes.

    An application may have messages handed over directly, as `workers.wire` has it. Frames that hold a whole message do
    not pass the library, which takes three times as long, until some other frame comes. And a request that was refused
    with an answer is complete: uvicorn logs an error for each, as if the application had forgotten to answer.
    """
    frames = importlib.import_module("inngest_connect.frames")
    is_open = importlib.import_module("websockets.protocol").State.OPEN

    class DirectProtocol(server_protocol):  # type: ignore[misc]  # the class is known only to the server
        on_message: Callable[[bytes | str], object] | None = None
        frames: list[bytes]
        splitter: Any = None

        def data_received(self, data: bytes) -> None:
            if not self.handshake_complete:
                cast("_Server", super()).data_received(data)
                return
            if self.splitter is None:
                self.splitter = frames.Splitter(masked=True, most=self.config.ws_max_size)
            if not self.splitter.has_ended:
                for message in self.splitter.feed(data):
                    self.curr_msg_data_type, self.frames = "bytes", [message]
                    self.send_receive_event_to_app()
                data = self.splitter.take_rest()
            if data:
                cast("_Server", super()).data_received(data)

        def handle_connect(self, event: object) -> None:
            cast("_Server", super()).handle_connect(event)
            if hasattr(self, "scope"):  # it has none when the request is refused at once
                self.scope["extensions"][DIRECT] = self

        def send_receive_event_to_app(self) -> None:
            if self.on_message is None or self.close_sent:
                cast("_Server", super()).send_receive_event_to_app()
                return
            data = b"".join(self.frames)
            self.frames = []
            self.on_message(data if self.curr_msg_data_type == "bytes" else data.decode(errors="replace"))

        def push(self, *messages: bytes) -> bool:
            if self.conn.state is not is_open or self.transport.is_closing():
                return False
            self.transport.write(b"".join([frames.binary_frame(message, masked=False) for message in messages]))
            return True

        async def send(self, message: dict[str, Any]) -> None:
            await cast("_Server", super()).send(message)
            if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
                self.handshake_complete = True

    return cast("type[asyncio.Protocol]", DirectProtocol)
