"""Connections for threads, with one deadline for a whole exchange. Knows no header and no status.

httpx and httpcore limit each read, each write and each connection attempt. An answer that comes byte by byte is never
late for them. Here everything that waits for the network gets what is left until the deadline.
"""

from __future__ import annotations

import contextlib
import contextvars
import socket
import ssl
import time
from collections.abc import Generator, Iterable, Iterator
from typing import Any

import httpcore
import httpx

from .pools import Kinds, Pools, core_request

_PIECE = 64 * 1024
"""How much is written at a time: a write takes as long as the other side takes to read."""

_deadline: contextvars.ContextVar[float] = contextvars.ContextVar("inngest_deadline")

TIME_OUTS = (httpcore.TimeoutException,)
ERRORS = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
)
"""What a request may raise, with TIME_OUTS, besides the errors of httpx."""


@contextlib.contextmanager
def within(seconds: float) -> Generator[None]:
    """Limit how long what happens in this block, in this thread, may take; raises httpcore.TimeoutException."""
    token = _deadline.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _deadline.reset(token)


def _left() -> float:
    """Return the seconds that are left until the deadline; raises httpcore.TimeoutException when none are."""
    seconds = _deadline.get() - time.monotonic()
    if seconds <= 0:
        raise httpcore.TimeoutException("the deadline has passed")
    return seconds


class DeadlineTransport(httpx.BaseTransport):
    """Sends requests over pooled connections, by way of the proxies that the environment names, as httpx does."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self.pools = Pools(_KINDS, tls, _Backend())

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send *request* within the deadline; raises what is in TIME_OUTS and ERRORS."""
        url = request.url
        answer = self.pools.to(url.scheme, url.host).handle_request(core_request(request, within_deadline()))
        return httpx.Response(answer.status, headers=answer.headers, stream=_Answer(answer))

    def close(self) -> None:
        for pool in self.pools.take():
            pool.close()


def within_deadline() -> dict[str, Any]:
    """Return the extensions of a request that waits for a connection no longer than until the deadline."""
    return {"timeout": {"pool": _left()}}


_KINDS = Kinds(httpcore.ConnectionPool, httpcore.HTTPProxy, httpcore.SOCKSProxy)


class _Answer(httpx.SyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        return self._answer.iter_stream()

    def close(self) -> None:
        self._answer.close()


class _Backend(httpcore.NetworkBackend):
    """Opens connections. What httpcore hands over as time-outs is ignored: there is one deadline."""

    def __init__(self) -> None:
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in _addresses(host, port):  # one by one: each has only what the others have left of the time
            try:
                return _Stream(self._inner.connect_tcp(address, port, _left(), local_address, socket_options))
            except httpcore.ConnectError as error:
                failure = error
        raise failure


def _addresses(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpcore.ConnectError(str(error)) from error
    return [host] if len(found) == 1 else [str(address[0]) for *_, address in found]


class _Stream(httpcore.NetworkStream):
    """A connection."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _PIECE):
            self._inner.write(buffer[start : start + _PIECE], _left())

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        try:
            seconds = _left()
        except httpcore.TimeoutException:
            self._inner.close()  # httpcore does not, and nobody else knows it yet
            raise
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, seconds))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
