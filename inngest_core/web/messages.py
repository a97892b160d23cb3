"""The seam between web frameworks and the core: requests, responses, and the bounded reading of bodies.

Knows no framework, no header name, no JSON.
"""

from __future__ import annotations

import functools
import urllib.parse
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar

SAFE_IN_PATH = "/:@!$&'()*+,;=~-._"
"""The characters that need no quoting in the path of a URL."""

MAX_CACHED_KEY = 512
"""Characters. Whoever can reach an app chooses its URLs and header names, so longer ones are not kept."""

MAX_DRAINED = 64 * 1024 * 1024
"""Bytes of a body that are read and thrown away when its request was refused before. Many clients send the whole body
before they look for the answer, and a server that closes the connection on them cuts them off from it."""

K = TypeVar("K", str, bytes)
T = TypeVar("T")


class Head(NamedTuple):
    """A request without its body.

    method: upper case. url: absolute, with its query, as the engine sent it (mount prefix included).
    headers: lower-case names.
    """

    method: str
    url: str
    headers: Mapping[str, str]


@dataclass(slots=True)
class Request:
    """A request as it arrived.

    method, url, headers: as in `Head`. body: exactly the bytes received, for they are what was signed.
    raw: the framework's own request, which is passed to middleware.
    has_gone: tells whether the client has disconnected; asynchronous under ASGI. None when the server cannot tell.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    raw: object = None
    has_gone: Callable[[], bool | Awaitable[bool]] | None = None


class Pieces(Protocol):
    """A body that is sent in pieces as they come, and closed at the end, whatever happens in between."""

    def __iter__(self) -> Iterator[bytes]: ...
    def __next__(self) -> bytes: ...
    def close(self) -> None: ...


class AsyncPieces(Protocol):
    """The same where requests are answered on a loop."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...
    async def __anext__(self) -> bytes: ...
    async def aclose(self) -> None: ...


Stream = Pieces | AsyncPieces


@dataclass(slots=True)
class Response:
    """An answer, ready to be sent.

    body: JSON, already signed; or the stream of one call, which its reader closes: with `close`, or `aclose`.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes | Stream

    @property
    def content(self) -> bytes:
        """The body of an answer that is not a stream."""
        if not isinstance(self.body, bytes):
            raise AssertionError("the body is a stream: send its pieces")
        return self.body


@dataclass(frozen=True, slots=True, repr=False)
class HTTPRequest:
    """An outgoing request.

    method: upper case.
    url: absolute, with the query.
    headers: of the request.
    body: its bytes.
    timeout: seconds for the whole exchange, from the connection to the last byte of the answer.
    max_response_bytes: a larger body, decompressed, is an error.
    follow_redirects: whether to answer with what redirects lead to.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = b""
    timeout: float = 30.0
    max_response_bytes: int = 4 * 1024 * 1024
    follow_redirects: bool = False

    @property
    def origin(self) -> str:
        """What may be shown of the URL: its path may hold the event key."""
        return "/".join(self.url.split("/", 3)[:3])

    def __repr__(self) -> str:
        return f"HTTPRequest({self.method!r}, {self.origin!r}, body={len(self.body)} bytes, timeout={self.timeout:g})"


@dataclass(frozen=True, slots=True)
class HTTPResponse:
    """The answer to an outgoing request.

    status: the HTTP status.
    headers: lower-case names.
    body: its bytes, decompressed.
    url: whose answer it is, after redirects.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str = ""


class TransportError(Exception):
    """No HTTP answer came: the connection was refused, was cut off or timed out, or the host was not found.

    The message never holds the path of the URL, which may be an event key.
    """


class BoundedBody:
    """Collects chunks of a body up to one byte over *cap*, which is enough to see that it is too large."""

    __slots__ = ("_chunks", "_room")

    def __init__(self, cap: int) -> None:
        self._chunks: list[bytes] = []
        self._room = cap + 1

    def add(self, chunk: bytes) -> bool:
        """Keep as much of *chunk* as there is room for; return whether there is room for more."""
        if len(chunk) >= self._room:
            chunk = chunk[: self._room]
        self._chunks.append(chunk)
        self._room -= len(chunk)
        return self._room > 0

    def bytes(self) -> bytes:
        """Return what was collected."""
        return self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)


def read_limited(chunks: Iterable[bytes], cap: int) -> bytes:
    """Join *chunks* into one body of at most cap + 1 bytes, and read no further."""
    body = BoundedBody(cap)
    for chunk in chunks:
        if not body.add(chunk):
            break
    return body.bytes()


async def read_limited_async(chunks: AsyncIterable[bytes], cap: int) -> bytes:
    """Join *chunks* into one body of at most cap + 1 bytes, and read no further."""
    body = BoundedBody(cap)
    async for chunk in chunks:
        if not body.add(chunk):
            break
    return body.bytes()


def cache_short(function: Callable[[K], T]) -> Callable[[K], T]:
    """Remember the results of a function for up to 1,024 short arguments; for a long one, compute it each time."""
    cached = functools.lru_cache(maxsize=1024)(function)

    @functools.wraps(function)
    def call(key: K) -> T:
        return cached(key) if len(key) <= MAX_CACHED_KEY else function(key)

    return call


def absolute_url(scheme: str, host: str, path: bytes, query: str) -> str:
    """Return the URL of a request. path: unquoted, mount prefix included. query: without the question mark."""
    return f"{scheme}://{host}{_quote(path) or '/'}" + (f"?{query}" if query else "")


@cache_short
def _quote(path: bytes) -> str:
    return urllib.parse.quote(path, safe=SAFE_IN_PATH)


def content_length(text: str | None) -> int | None:
    """Return the number of bytes that a Content-Length header announces; None when it announces none."""
    if not text or not text.isascii() or not text.isdigit():
        return None
    return int(text[:20])  # whoever sends a longer number is refused either way


def query_of(url: str) -> str:
    """Return the query of a URL, even of one that `urlsplit` refuses: a client may send any host."""
    return url.partition("#")[0].partition("?")[2]
