"""Whether the client of a request has disconnected, as far as its server tells. Decides nothing.

An answer to a client that has disconnected is lost, and no server says so: ASGI's `send` and WSGI's iterable look the
same either way. So `App` asks before it hands out an answer that took long.
"""

from __future__ import annotations

import asyncio
import select
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

_SAID_SECONDS = 0.01
"""A server that knows of a disconnect says so at once; granian says it from another thread, so it gets a moment."""

_SOCKETS = ("gunicorn.socket", "werkzeug.socket")
"""The keys of an environment under which servers expose the connection, meant for WebSocket libraries."""


async def has_gone_asgi(receive: Callable[[], Awaitable[Mapping[str, Any]]]) -> bool:
    """Tell whether the client has disconnected; once the body is read, that is all a server can still say."""
    try:
        async with asyncio.timeout(_SAID_SECONDS):
            message = await receive()
    except TimeoutError:
        return False
    return bool(message["type"] == "http.disconnect")


def has_gone_wsgi(environ: Mapping[str, Any]) -> bool:
    """Tell whether the client has disconnected; False under a server that does not expose the connection."""
    connection: socket.socket | None = next((environ[name] for name in _SOCKETS if name in environ), None)
    if connection is None:
        return False
    try:
        readable, _, _ = select.select([connection], [], [], 0)
        return bool(readable) and not connection.recv(1, socket.MSG_PEEK)
    except ConnectionError:
        return True
    except (OSError, ValueError):  # a TLS connection cannot be peeked at
        return False
