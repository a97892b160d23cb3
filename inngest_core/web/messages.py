"""The seam between web frameworks and the core: two value types and the bounded reading of bodies.

Knows no framework, no header name, no JSON. Sources: protocol §2, §3.
"""

from __future__ import annotations

import functools
import urllib.parse
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

SAFE_IN_PATH = "/:@!$&'()*+,;=~-._"
"""What stands unquoted in the path of a URL."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it arrived.

    method: upper case. url: absolute, with query, as the engine sent it (mount prefix included).
    headers: lower-case names. body: exactly the bytes received, for they are what was signed.
    raw: the framework's own request, for middleware only.
    has_gone: tells whether the client went away meanwhile; asynchronous where the request is. None: nobody knows.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    raw: object = None
    has_gone: Callable[[], bool | Awaitable[bool]] | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """An answer, ready to be sent: JSON, already signed."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, repr=False)
class HTTPRequest:
    """An outgoing request.

    timeout: seconds for the whole exchange, from the connection to the last byte of the answer.
    max_response_bytes: a larger body, decompressed, is an error.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = b""
    timeout: float = 30.0
    max_response_bytes: int = 4 * 1024 * 1024

    @property
    def origin(self) -> str:
        """What may be shown of the URL: its path may hold the event key."""
        return "/".join(self.url.split("/", 3)[:3])

    def __repr__(self) -> str:
        return f"HTTPRequest({self.method!r}, {self.origin!r}, body={len(self.body)} bytes, timeout={self.timeout:g})"


@dataclass(frozen=True, slots=True)
class HTTPResponse:
    """What came back. headers: lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class TransportError(Exception):
    """No usable answer came: refused, cut off, late, too large, no such host. Its text never holds the URL's path."""


class BoundedBody:
    """Collects chunks of a body up to one byte over *cap*: enough to see that it is too large."""

    __slots__ = ("_chunks", "_room")

    def __init__(self, cap: int) -> None:
        self._chunks: list[bytes] = []
        self._room = cap + 1

    def add(self, chunk: bytes) -> bool:
        """Keep *chunk*, cut to what has room; return whether more may come."""
        if len(chunk) >= self._room:
            chunk = chunk[: self._room]
        self._chunks.append(chunk)
        self._room -= len(chunk)
        return self._room > 0

    def bytes(self) -> bytes:
        return self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)


def read_limited(chunks: Iterable[bytes], cap: int) -> bytes:
    """Return what *chunks* hold, at most cap + 1 bytes."""
    body = BoundedBody(cap)
    for chunk in chunks:
        if not body.add(chunk):
            break
    return body.bytes()


async def read_limited_async(chunks: AsyncIterable[bytes], cap: int) -> bytes:
    """Return what *chunks* hold, at most cap + 1 bytes."""
    body = BoundedBody(cap)
    async for chunk in chunks:
        if not body.add(chunk):
            break
    return body.bytes()


@functools.lru_cache(maxsize=1024)
def absolute_url(scheme: str, host: str, path: bytes, query: str) -> str:
    """Return the URL of a request; cached, for an engine asks for the same few again and again. path: unquoted."""
    quoted = urllib.parse.quote(path, safe=SAFE_IN_PATH)
    return f"{scheme}://{host}{quoted or '/'}" + (f"?{query}" if query else "")


def query_of(url: str) -> str:
    """Return the query of a URL, of whatever else it is made: a request may come with a host that is none."""
    return url.partition("#")[0].partition("?")[2]
