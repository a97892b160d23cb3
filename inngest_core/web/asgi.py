"""ASGI messages to a Request, and a Response to ASGI messages: for every adapter and server that speaks ASGI.

Imports no framework: the protocol is plain dictionaries. Knows no header but `host`, which is part of the URL.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from .disconnects import has_gone_asgi
from .messages import BoundedBody, Request, Response, absolute_url

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


async def read_request(scope: Scope, receive: Receive, body_cap: int, raw: object = None) -> Request:
    """Read an HTTP request, at most body_cap + 1 bytes of it; raw: what middleware gets, the scope by default."""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    host = headers.get("host") or _server_name(scope)
    query = scope["query_string"].decode("latin-1")
    url = absolute_url(scope.get("scheme", "http"), host, _full_path(scope), query)
    body = await _read_body(receive, body_cap)
    has_gone = functools.partial(has_gone_asgi, receive)
    return Request(scope["method"], url, headers, body, scope if raw is None else raw, has_gone)


async def _read_body(receive: Receive, cap: int) -> bytes:
    body = BoundedBody(cap)
    more = True
    while more:
        message = await receive()
        more = body.add(message.get("body", b"")) and message.get("more_body", False)
    return body.bytes()  # that of a client which went away is cut short, and so refused


def _server_name(scope: Scope) -> str:
    name, port = scope.get("server") or ("localhost", None)
    return name if port is None else f"{name}:{port}"


def _full_path(scope: Scope) -> bytes:
    root_path: str = scope.get("root_path", "")
    return (root_path.rstrip("/") + below_root(root_path, scope["path"])).encode(errors="replace")


def below_root(root_path: str, path: str) -> str:
    """Return the path below the mount. *path* holds the root, as ASGI says, or does not, as hypercorn has it."""
    root = root_path.rstrip("/")
    below = path[len(root) :] if f"{path}/".startswith(f"{root}/") else path
    return f"/{below.lstrip('/')}" if root_path.endswith("/") else below


async def send_response(response: Response, send: Send) -> None:
    """Send an answer."""
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers.items()]
    headers.append((b"content-length", str(len(response.body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})
