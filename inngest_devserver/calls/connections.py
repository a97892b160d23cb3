"""Kept-alive HTTP/1.1 connections to apps: one exchange at a time on each, and no more work than that takes.

An engine makes a request for every step, and a general client costs more than all the rest of it. This one knows no
redirects, cookies, proxies or retries: what an answer means is for others to say.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import ssl
import zlib
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import cast

import httpx

from inngest_core.extras import needs
from inngest_core.protocol.limits import MAX_RESPONSE_BYTES
from inngest_core.web.messages import BoundedBody, TransportError

from .reply import Answer

with needs("dev-server", "httptools"):
    import httptools

CONNECT_SECONDS = 10.0
KEPT_ALIVE_SECONDS = 3.0
"""Shorter than most servers keep an idle connection: one that is closed just as it is used costs an attempt."""
_LARGEST_HEAD = 128 * 1024
_GZIP_WINDOW = zlib.MAX_WBITS | 16
_ENCODINGS = frozenset({"", "identity", "gzip"})


class UnreachableError(TransportError):
    """The request never reached the app, so nothing has happened there."""


class BusyError(UnreachableError):
    """The app is there, and takes no more requests at the moment."""


@dataclass(frozen=True, slots=True)
class _Target:
    """Where a request goes. origin: scheme, host and port, which share connections."""

    origin: tuple[str, str, int]
    host_header: str
    path: str


@functools.lru_cache(maxsize=1024)
def _target(url: str) -> _Target:
    """Return where *url* leads; raises httpx.InvalidURL and TransportError."""
    parsed = httpx.URL(url)
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise TransportError("this is not an http(s) URL")
    port = parsed.port or (443 if parsed.scheme == "https" else 80)
    host_header, path = parsed.netloc.decode("ascii"), parsed.raw_path.decode("ascii")
    return _Target((parsed.scheme, parsed.raw_host.decode("ascii"), port), host_header, path)


class Connections:
    """The connections that are open, by origin."""

    def __init__(self) -> None:
        self._is_closed = False
        self._free: dict[tuple[str, str, int], list[_Connection]] = {}
        self._context: ssl.SSLContext | None = None

    async def exchange(self, method: str, url: str, headers: Mapping[str, str], body: bytes, seconds: float) -> Answer:
        """Return the answer to one request. seconds: how long it may take.

        The body of the answer is decoded, and cut off one byte above the limit of what apps may answer.
        Raises UnreachableError; TransportError: no answer came that can be read; httpx.InvalidURL.
        """
        target = _target(url)
        request = _dump(method, target, headers, body)
        async with self._take(target.origin) as connection:
            try:
                async with asyncio.timeout(seconds):
                    return await connection.exchange(request)
            except TimeoutError:
                raise TransportError(f"no answer in {seconds:g} seconds") from None

    @contextlib.asynccontextmanager
    async def _take(self, origin: tuple[str, str, int]) -> AsyncGenerator[_Connection]:
        """Lend a connection; one that failed is not used again."""
        free = self._free.setdefault(origin, [])
        connection = None
        while free and connection is None:
            candidate = free.pop()
            if candidate.is_fresh():
                connection = candidate
            else:
                candidate.close()
        connection = connection or await self._connect(*origin)
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        if connection.is_fresh() and not self._is_closed:
            free.append(connection)
        else:
            connection.close()

    async def _connect(self, scheme: str, host: str, port: int) -> _Connection:
        context = self._tls() if scheme == "https" else None
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                _, connection = await loop.create_connection(_Connection, host, port, ssl=context)
        except TimeoutError:
            raise UnreachableError(f"no connection in {CONNECT_SECONDS:g} seconds") from None
        except OSError as error:
            raise UnreachableError(str(error) or type(error).__name__) from error
        return connection

    def _tls(self) -> ssl.SSLContext:
        # Reading the certificate store takes longer than a call: once, and only when there is TLS.
        if self._context is None:
            self._context = httpx.create_ssl_context()
        return self._context

    def close(self) -> None:
        self._is_closed = True
        for free in self._free.values():
            while free:
                free.pop().close()


def _dump(method: str, target: _Target, headers: Mapping[str, str], body: bytes) -> bytes:
    lines = [f"{method} {target.path} HTTP/1.1", f"Host: {target.host_header}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += [f"Content-Length: {len(body)}", "", ""]
    if any("\r" in line or "\n" in line or "\0" in line for line in lines):
        raise TransportError("a header of the request has a line break in it")
    return "\r\n".join(lines).encode() + body


class _Connection(asyncio.Protocol):
    """One connection, and the parser of its answers."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport
        self._now = asyncio.get_running_loop().time
        self._waiter: asyncio.Future[Answer] | None = None
        self._is_open = False
        self._used_at = 0.0
        self._parser = httptools.HttpResponseParser(self)
        self._begin()

    def is_fresh(self) -> bool:
        """Tell whether another request may be sent."""
        return self._is_open and self._now() - self._used_at < KEPT_ALIVE_SECONDS

    def close(self) -> None:
        self._is_open = False
        self._transport.close()

    async def exchange(self, request: bytes) -> Answer:
        if not self._is_open:  # it was closed as soon as it was there, and nobody would ever answer
            raise UnreachableError("the app closed the connection before the request was sent")
        self._waiter = asyncio.get_running_loop().create_future()
        self._begin()
        self._transport.write(request)
        try:
            return await self._waiter
        finally:
            self._waiter = None
            self._used_at = self._now()

    def _begin(self) -> None:
        self._status = 0
        self._headers: dict[str, str] = {}
        self._head_size = 0
        self._body = BoundedBody(MAX_RESPONSE_BYTES)
        self._ends_with_connection = False

    # --- the connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport, self._is_open, self._used_at = cast("asyncio.Transport", transport), True, self._now()

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_open = False
        if exc is None and self._ends_with_connection and self._waiting():
            self._succeed()
        else:
            self._fail(f"the app disconnected before its answer was complete{f': {exc}' if exc else ''}")

    def data_received(self, data: bytes) -> None:
        if not self._waiting():
            self.close()  # nobody has asked
            return
        if not self._status:
            self._head_size += len(data)
            if self._head_size > _LARGEST_HEAD + len(data):
                self._fail(f"the headers of the answer are larger than {_LARGEST_HEAD} bytes")
                return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fail("the app changed to another protocol")
        except httptools.HttpParserError as error:
            self._fail(f"the answer is not HTTP: {error}")

    def _waiting(self) -> bool:
        return self._waiter is not None and not self._waiter.done()

    def _fail(self, message: str) -> None:
        self.close()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(TransportError(message))

    def _succeed(self) -> None:
        if self._waiter is None:
            return
        encoding = self._headers.get("content-encoding", "").strip().lower()
        if encoding not in _ENCODINGS:
            self._fail(f"unsupported content encoding: {encoding}")
            return
        try:
            body = _plain(self._body.bytes(), encoding)
        except zlib.error as error:
            self._fail(f"the answer cannot be decompressed: {error}")
            return
        self._waiter.set_result(Answer(self._status, self._headers, body))

    # --- what the parser finds

    def on_header(self, name: bytes, value: bytes) -> None:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        self._headers[key] = f"{self._headers[key]}, {text}" if key in self._headers else text

    def on_headers_complete(self) -> None:
        self._status = self._parser.get_status_code()
        has_end = "content-length" in self._headers or "transfer-encoding" in self._headers
        self._ends_with_connection = not has_end

    def on_body(self, body: bytes) -> None:
        if not self._body.add(body) and self._waiting():
            self._succeed()
            self.close()

    def on_message_complete(self) -> None:
        if 100 <= self._status < 200:  # the answer itself is still to come
            self._begin()
        elif self._waiting():
            if not self._parser.should_keep_alive():
                self.close()
            self._succeed()


def _plain(body: bytes, encoding: str) -> bytes:
    """Return a body without its compression, at most one byte over the limit; raises zlib.error."""
    if encoding != "gzip" or not body:
        return body
    inflate = zlib.decompressobj(_GZIP_WINDOW)
    plain = inflate.decompress(body, MAX_RESPONSE_BYTES + 1)
    if not inflate.eof and len(plain) <= MAX_RESPONSE_BYTES:
        raise zlib.error("it was cut off")
    return plain
