"""Which of uvicorn's protocols serves WebSockets: the one that takes least time, where its libraries are installed."""

from __future__ import annotations

import asyncio
import importlib.util

_SANS_IO = "uvicorn.protocols.websockets.websockets_sansio_impl"
_USED = ("start_keepalive", "data_received", "handle_connect", "send_receive_event_to_app", "send")


def websocket_protocol() -> type[asyncio.Protocol] | str:
    """Return what uvicorn is to serve WebSockets with.

    The library of the extra `connect` takes half the time of wsproto, which comes with `dev-server`; where both are
    missing, another one will do, or none. Older versions of uvicorn use the former without sending pings.
    """
    if importlib.util.find_spec("websockets") and importlib.util.find_spec(_SANS_IO):
        protocol = importlib.import_module(_SANS_IO).WebSocketsSansIOProtocol
        if all(hasattr(protocol, name) for name in _USED):
            from .direct_websockets import direct

            return direct(protocol)
    return "wsproto" if importlib.util.find_spec("wsproto") else "auto"
