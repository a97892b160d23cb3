"""Connections for one event loop. Knows no header and no status; time-outs are the business of whoever waits."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Iterable
from typing import Any, cast

import httpcore
import httpx

from .pools import Kinds, Pools, core_request


class LoopTransport(httpx.AsyncBaseTransport):
    """Sends requests over pooled connections, by way of the proxies that the environment names, as httpx does."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self.pools = Pools(_KINDS, tls, _Backend())

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send *request*; raises the errors of httpcore."""
        url = request.url
        answer = await self.pools.to(url.scheme, url.host).handle_async_request(core_request(request))
        return httpx.Response(answer.status, headers=answer.headers, stream=_Answer(answer))

    async def aclose(self) -> None:
        for pool in self.pools.take():
            await pool.aclose()


_KINDS = Kinds(httpcore.AsyncConnectionPool, httpcore.AsyncHTTPProxy, httpcore.AsyncSOCKSProxy)


class _Answer(httpx.AsyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._answer.aiter_stream()

    async def aclose(self) -> None:
        await self._answer.aclose()


class _Backend(httpcore.AsyncNetworkBackend):
    """Opens connections as httpcore does."""

    def __init__(self) -> None:
        self._inner = cast("httpcore.AsyncNetworkBackend", httpcore.AnyIOBackend())

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        return _Stream(await self._inner.connect_tcp(host, port, timeout, local_address, socket_options))


class _Stream(httpcore.AsyncNetworkStream):
    """A connection, which is closed when its TLS handshake fails or is cancelled: httpcore leaves it open then."""

    def __init__(self, inner: httpcore.AsyncNetworkStream) -> None:
        self._inner = inner

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return await self._inner.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._inner.aclose()

    def get_extra_info(self, info: str) -> Any:
        """Return what is known of the connection; raises ConnectError when it is gone already.

        AnyIO asks its socket for names first, and where uvloop has lost the connection, there is none any more.
        """
        try:
            return self._inner.get_extra_info(info)
        except (AttributeError, OSError) as error:
            if info == "is_readable":  # its end can be read, which is how a pool knows that it is of no more use
                return True
            raise httpcore.ConnectError("the connection was lost as soon as it was made") from error

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        try:
            return _Stream(await self._inner.start_tls(ssl_context, server_hostname, timeout))
        except BaseException:
            await self._inner.aclose()
            raise
