"""Outgoing HTTP over httpx: one pooled client for threads, one per event loop. Knows no header, no JSON, no opcode.

Everything is made on first use, per process (a fork shares sockets, which must not be used twice), and closed with
its owner. A client that belongs to a loop is closed when that loop shuts its asynchronous generators down, as
`asyncio.run` does: a short-lived loop leaves no open socket behind.
"""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from .http import HTTPRequest, HTTPResponse, TransportError

if TYPE_CHECKING:  # httpx costs most of the start-up time: it is loaded when the first request is made
    import httpx

MAX_CONNECTIONS = 100


class Transport:
    """Performs HTTP requests for any thread and any loop."""

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._client: httpx.Client | None = None
        self._by_loop: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _LoopClient] = weakref.WeakKeyDictionary()

    def fetch(self, request: HTTPRequest) -> HTTPResponse:
        """Exchange *request* in this thread; raises TransportError."""
        import httpx

        try:
            return _response(self._threads_client().send(_request(request)))
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise _transport_error(request, error) from error

    async def fetch_async(self, request: HTTPRequest) -> HTTPResponse:
        """Exchange *request* on the running loop; raises TransportError."""
        import httpx

        client = await self._client_of_loop()
        try:
            return _response(await client.send(_request(request)))
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise _transport_error(request, error) from error

    def _threads_client(self) -> httpx.Client:
        import httpx

        if self._pid != os.getpid():
            self._forget()
        with self._lock:
            if self._client is None:
                self._client = httpx.Client(limits=httpx.Limits(max_connections=MAX_CONNECTIONS))
            return self._client

    async def _client_of_loop(self) -> httpx.AsyncClient:
        if self._pid != os.getpid():
            self._forget()
        loop = asyncio.get_running_loop()
        with self._lock:
            owner = self._by_loop.get(loop)
            if owner is None:
                owner = self._by_loop[loop] = _LoopClient()
        await owner.open()
        return owner.client

    def close(self) -> None:
        """Close the client of threads; the clients of loops close with their loops, or in `close_async`."""
        if self._pid == os.getpid() and self._client is not None:
            self._client.close()
            self._client = None

    async def close_async(self) -> None:
        """Close the running loop's client too."""
        self.close()
        owner = self._by_loop.pop(asyncio.get_running_loop(), None)
        if owner is not None:
            await owner.lifetime.aclose()


class _LoopClient:
    """An AsyncClient that ends with its loop."""

    def __init__(self) -> None:
        import httpx

        self.client = httpx.AsyncClient(limits=httpx.Limits(max_connections=MAX_CONNECTIONS))
        self.lifetime = self._live()
        self._opened = False

    async def open(self) -> None:
        if not self._opened:
            self._opened = True
            await anext(self.lifetime)

    async def _live(self) -> AsyncGenerator[None]:
        try:
            yield
        finally:
            await self.client.aclose()


def _request(request: HTTPRequest) -> httpx.Request:
    import httpx

    return httpx.Request(
        request.method,
        request.url,
        headers=dict(request.headers),
        content=request.body,
        extensions={"timeout": httpx.Timeout(request.timeout).as_dict()},
    )


def _response(response: httpx.Response) -> HTTPResponse:
    return HTTPResponse(response.status_code, dict(response.headers), response.content)


def _transport_error(request: HTTPRequest, error: Exception) -> TransportError:
    origin = "/".join(request.url.split("/", 3)[:3])  # no more of it: the path may hold the event key
    return TransportError(f"no answer from {origin} to a {request.method}: {type(error).__name__}: {error}")
