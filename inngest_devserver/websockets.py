"""Which of uvicorn's protocols serves WebSockets: the one that takes least time, where its libraries are installed."""

from __future__ import annotations

import asyncio
import importlib.util
from typing import Any, Protocol, cast

_SANS_IO = "uvicorn.protocols.websockets.websockets_sansio_impl"


class _Server(Protocol):
    """What is used here of uvicorn's protocol class."""

    async def send(self, message: dict[str, Any]) -> None: ...


def websocket_protocol() -> type[asyncio.Protocol] | str:
    """Return what uvicorn is to serve WebSockets with.

    The library of the extra `connect` takes half the time of wsproto, which comes with `dev-server`; where both are
    missing, another one will do, or none. Older versions of uvicorn use the former without sending pings.
    """
    if importlib.util.find_spec("websockets") and importlib.util.find_spec(_SANS_IO):
        protocol = importlib.import_module(_SANS_IO).WebSocketsSansIOProtocol
        if hasattr(protocol, "start_keepalive"):
            return _with_refusals(protocol)
    return "wsproto" if importlib.util.find_spec("wsproto") else "auto"


def _with_refusals(server_protocol: Any) -> type[asyncio.Protocol]:
    """Return the protocol class of a server that takes a request that was refused with an answer for a complete one.

    uvicorn logs an error for each of them as if the application had forgotten to answer.
    """

    class Refusing(server_protocol):  # type: ignore[misc]  # the class is known only to the server
        async def send(self, message: dict[str, Any]) -> None:
            await cast("_Server", super()).send(message)
            if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
                self.handshake_complete = True

    return cast("type[asyncio.Protocol]", Refusing)
