"""ASGI messages to a Request, and a Response to ASGI messages: for every adapter and server that speaks ASGI.

Imports no framework: the protocol is plain dictionaries. Knows no header but `host`, which is part of the URL.
"""

from __future__ import annotations

import functools
import urllib.parse
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from .http import SAFE_IN_PATH, BoundedBody, Request, Response

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


async def read_request(scope: Scope, receive: Receive, body_cap: int, raw: object = None) -> Request:
    """Read an HTTP request, at most body_cap + 1 bytes of it; raw: what middleware gets, the scope by default."""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    host = headers.get("host") or _server_name(scope)
    url = _url(scope.get("scheme", "http"), host, scope.get("root_path", ""), scope["path"], scope["query_string"])
    body = await _read_body(receive, body_cap)
    return Request(scope["method"], url, headers, body, scope if raw is None else raw)


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


@functools.lru_cache(maxsize=1024)
def _url(scheme: str, host: str, root_path: str, path: str, query: bytes) -> str:
    """Return the absolute URL, mount prefix included; cached, for an engine asks for the same few again and again."""
    whole = root_path.rstrip("/") + below_root(root_path, path)
    url = f"{scheme}://{host}{urllib.parse.quote(whole, safe=SAFE_IN_PATH)}"
    return f"{url}?{query.decode('latin-1')}" if query else url


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
