"""Whether the client of a request is still there, as far as its server tells. Decides nothing.

An answer to a client that went away is lost, and no server says so: ASGI's `send` and WSGI's iterable look the same
either way. So `App` asks before it hands out an answer that took long.
"""

from __future__ import annotations

import asyncio
import select
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

_SAID_SECONDS = 0.01
"""A server that knows that the client went away says so at once; granian says it from another thread."""

_SOCKETS = ("gunicorn.socket", "werkzeug.socket")
"""Where servers put the connection, for whoever wants to speak WebSocket over it."""


async def has_gone_asgi(receive: Callable[[], Awaitable[Mapping[str, Any]]]) -> bool:
    """Tell whether the client went away; once the body is read, a server has nothing else to say."""
    try:
        async with asyncio.timeout(_SAID_SECONDS):
            message = await receive()
    except TimeoutError:
        return False
    return bool(message["type"] == "http.disconnect")


def has_gone_wsgi(environ: Mapping[str, Any]) -> bool:
    """Tell whether the client closed its connection; False under a server that does not show it."""
    connection: socket.socket | None = next((environ[name] for name in _SOCKETS if name in environ), None)
    if connection is None:
        return False
    try:
        readable, _, _ = select.select([connection], [], [], 0)
        return bool(readable) and not connection.recv(1, socket.MSG_PEEK)
    except ConnectionError:
        return True
    except (OSError, ValueError):  # over TLS one cannot look ahead
        return False
