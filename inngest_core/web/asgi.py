"""ASGI messages to a Request, and a Response to ASGI messages: for every adapter and server that speaks ASGI.

Imports no framework: the protocol is plain dictionaries. The only header it knows is `host`, which is part of the URL.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from .disconnects import has_gone_asgi
from .headers import Headers, Spelled
from .messages import MAX_DRAINED, AsyncPieces, BoundedBody, Head, Request, Response, Stream, absolute_url

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


async def read_request(scope: Scope, receive: Receive, body_cap: int, raw: object = None) -> Request:
    """Read an HTTP request.

    body_cap: at most one byte more than this is read. raw: what middleware gets; the scope by default.
    """
    return make_request(read_head(scope), await read_body(receive, body_cap), receive, scope if raw is None else raw)


def read_head(scope: Scope) -> Head:
    """Return everything but the body."""
    headers = ScopeHeaders(dict(scope["headers"]))
    host = headers.get("host") or _server_name(scope)
    query = scope["query_string"].decode("latin-1")
    url = absolute_url(scope.get("scheme", "http"), host, _full_path(scope), query)
    return Head(scope["method"], url, headers)


class ScopeHeaders(Headers[Mapping[bytes, bytes]]):
    """The headers in an ASGI scope."""

    __slots__ = ()

    def get(self, key: str, /, default: Any = None) -> Any:
        """Return a header; *default* when there is none of that name."""
        value = self._given.get(_names[key])
        return default if value is None else value.decode("latin-1")

    def read(self, given: Mapping[bytes, bytes]) -> dict[str, str]:
        """Return all headers."""
        return {name.decode("latin-1"): value.decode("latin-1") for name, value in given.items()}


class _Names(Spelled[bytes]):
    """Names as bytes."""

    def spell(self, name: str) -> bytes:
        return name.encode("latin-1", "replace")


_names = _Names()


async def read_body(receive: Receive, cap: int) -> bytes:
    """Read at most cap + 1 bytes of the body; when the client disconnects meanwhile, return what came before."""
    message = await receive()
    if not message.get("more_body", False):  # as nearly always
        whole: bytes = message.get("body", b"")
        return whole[: cap + 1]
    body = BoundedBody(cap)
    while body.add(message.get("body", b"")) and message.get("more_body", False):
        message = await receive()
    return body.bytes()


def make_request(head: Head, body: bytes, receive: Receive, raw: object) -> Request:
    """Put a request together. raw: what middleware gets."""
    return Request(head.method, head.url, head.headers, body, raw, functools.partial(has_gone_asgi, receive))


def _server_name(scope: Scope) -> str:
    name, port = scope.get("server") or ("localhost", None)
    return name if port is None else f"{name}:{port}"


def _full_path(scope: Scope) -> bytes:
    root_path, path = scope.get("root_path", ""), scope["path"]
    if root_path:
        path = root_path.rstrip("/") + below_root(root_path, path)
    return str(path).encode(errors="replace")


def below_root(root_path: str, path: str) -> str:
    """Return the path below the mount.

    path: includes the root path, as ASGI says, or does not, as under hypercorn.
    """
    root = root_path.rstrip("/")
    below = path[len(root) :] if f"{path}/".startswith(f"{root}/") else path
    return f"/{below.lstrip('/')}" if root_path.endswith("/") else below


async def send_response(response: Response, send: Send) -> None:
    """Send an answer."""
    headers, body = _encode(response.headers), response.body
    if isinstance(body, bytes):
        headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    if isinstance(body, bytes):
        await send({"type": "http.response.body", "body": body})
        return
    listening = True
    async with contextlib.aclosing(in_pieces(body)) as pieces:
        async for piece in pieces:
            if listening:
                listening = await _sent(send, {"type": "http.response.body", "body": piece, "more_body": True})
    if listening:
        await _sent(send, {"type": "http.response.body", "body": b"", "more_body": False})


def in_pieces(stream: Stream) -> AsyncPieces:
    """Return a stream as it is read on a loop, by whoever closes it then."""
    if isinstance(stream, AsyncIterator):
        return stream
    raise TypeError("a stream for a thread would hold the loop; make it with App.handle_async")


async def _sent(send: Send, message: Message) -> bool:
    """Send a piece; tell whether the client is still there. If not, what makes the pieces goes on to its end."""
    try:
        await send(message)
    except OSError:
        return False
    return True


async def send_refusal(response: Response, receive: Receive, send: Send) -> None:
    """Send an answer that was given before the body of the request was read, and throw that body away.

    It has no length, for a server may close the connection when all of an answer is sent: granian does.
    """
    await send({"type": "http.response.start", "status": response.status, "headers": _encode(response.headers)})
    await send({"type": "http.response.body", "body": response.content, "more_body": True})
    await _drain(receive)
    with contextlib.suppress(OSError):  # the client has disconnected
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _encode(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    names = _names
    return [(names[name], value.encode("latin-1")) for name, value in headers.items()]


async def _drain(receive: Receive) -> None:
    left = MAX_DRAINED
    more = True
    while more and left > 0:
        message = await receive()
        left -= len(message.get("body", b""))
        more = message.get("more_body", False)
