"""Which of uvicorn's protocols serves WebSockets: the one that takes least time, where its libraries are installed."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Callable
from typing import Any, Protocol, cast

from .workers.wire import DIRECT

_SANS_IO = "uvicorn.protocols.websockets.websockets_sansio_impl"
_USED = ("start_keepalive", "handle_connect", "send_receive_event_to_app", "send")


class _Server(Protocol):
    """What is used here of uvicorn's protocol class."""

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
    """Return the protocol class of a server with two changes.

    An application may have messages handed over directly, as `workers.wire` has it. And a request that was refused
    with an answer is complete: uvicorn logs an error for each, as if the application had forgotten to answer.
    """

    class DirectProtocol(server_protocol):  # type: ignore[misc]  # the class is known only to the server
        on_message: Callable[[bytes | str], object] | None = None
        frames: list[bytes]

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
            if self.conn.state.name != "OPEN" or self.transport.is_closing():
                return False
            for message in messages:
                self.conn.send_binary(message)
            self.transport.write(b"".join(self.conn.data_to_send()))
            return True

        async def send(self, message: dict[str, Any]) -> None:
            await cast("_Server", super()).send(message)
            if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
                self.handshake_complete = True

    return cast("type[asyncio.Protocol]", DirectProtocol)
