"""Outgoing HTTP over httpx: one pooled client for threads, one per event loop. Knows no header, no JSON, no opcode.

Everything is made on first use, per process (a fork shares sockets, which must not be used twice), and closed with
its owner, or when Python ends. A client that belongs to a loop is closed when that loop shuts its asynchronous
generators down, as `asyncio.run` does: a short-lived loop leaves no open socket behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import importlib
import os
import ssl
import sys
import threading
import time
import weakref
from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING

from inngest_core.web.messages import HTTPRequest, HTTPResponse, TransportError

from .gevent import off_the_loop

if TYPE_CHECKING:  # httpx costs most of the start-up time: it is loaded when the first request is made
    import httpx

MAX_CONNECTIONS = 100


class Transport:
    """Performs HTTP requests for any thread and any loop."""

    def __init__(self) -> None:
        self._at_exit: weakref.finalize[[], Transport] | None = None
        self._forget()
        after_fork(self._forget)

    def _forget(self) -> None:
        if self._at_exit is not None:
            self._at_exit.detach()  # the connections are the parent's
        self._lock = threading.Lock()
        self._client: httpx.Client | None = None
        self._at_exit = None
        self._tls: ssl.SSLContext | None = None
        self._by_loop: dict[asyncio.AbstractEventLoop, _LoopClient] = {}

    def fetch(self, request: HTTPRequest) -> HTTPResponse:
        """Exchange *request* in this thread; raises TransportError."""
        import httpx

        end = time.monotonic() + request.timeout
        try:
            with contextlib.closing(self._threads_client().send(_request(request), stream=True)) as response:
                chunks: list[bytes] = []
                for chunk in response.iter_bytes():
                    chunks.append(chunk)
                    if time.monotonic() > end:
                        raise TransportError(_no_answer(request, f"not all of it came in {request.timeout:g} s"))
                return HTTPResponse(response.status_code, dict(response.headers), b"".join(chunks))
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise _transport_error(request, error) from error

    async def fetch_async(self, request: HTTPRequest) -> HTTPResponse:
        """Exchange *request* on the running loop; raises TransportError."""
        client = await self._client_of_loop()
        import httpx  # it is loaded by now, and not on the loop

        try:
            async with asyncio.timeout(request.timeout):
                response = await client.send(_request(request))
        except TimeoutError:
            raise TransportError(_no_answer(request, f"none in {request.timeout:g} s")) from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise _transport_error(request, error) from error
        return HTTPResponse(response.status_code, dict(response.headers), response.content)

    def _threads_client(self) -> httpx.Client:
        import httpx

        with self._lock:
            if self._client is None:
                limits = httpx.Limits(max_connections=MAX_CONNECTIONS)
                self._client = httpx.Client(verify=self._load_tls(), limits=limits)
                self._at_exit = weakref.finalize(self, self._client.close)
            return self._client

    def _load_tls(self) -> ssl.SSLContext:
        """Load what httpx needs, and the certificates of this machine, once: it takes tens of milliseconds."""
        import httpx

        importlib.import_module("httpcore")  # httpx loads it with its first client
        if self._tls is None:
            self._tls = httpx.create_ssl_context()
        return self._tls

    async def _client_of_loop(self) -> httpx.AsyncClient:
        loop = asyncio.get_running_loop()
        tls = await off_the_loop(self._load_tls) if self._tls is None else self._tls
        with self._lock:
            owner = self._by_loop.get(loop)
            if owner is None:
                for other in [other for other in self._by_loop if other.is_closed()]:
                    del self._by_loop[other]  # it ended without shutting its generators down
                owner = self._by_loop[loop] = _LoopClient(tls, lambda: self._by_loop.pop(loop, None))
        await owner.open()
        return owner.client

    def close(self) -> None:
        """Close the client of threads, and have the loops that run close theirs."""
        if self._at_exit is not None:
            self._at_exit()  # closes the client, and has nothing left to do when Python ends
        self._client = self._at_exit = None
        with self._lock:
            owners = list(self._by_loop.items())
        for loop, owner in owners:
            if loop.is_running():
                loop.call_soon_threadsafe(owner.close_soon)

    async def close_async(self) -> None:
        """Close the running loop's client before this returns; the others as in `close`."""
        owner = self._by_loop.get(asyncio.get_running_loop())
        if owner is not None:
            await owner.close()
        self.close()


class _LoopClient:
    """An AsyncClient that ends with its loop. forget: called when it has ended."""

    def __init__(self, tls: ssl.SSLContext, forget: Callable[[], object]) -> None:
        import httpx

        self.client = httpx.AsyncClient(verify=tls, limits=httpx.Limits(max_connections=MAX_CONNECTIONS))
        self.lifetime = self._live()
        self._forget = forget
        self._opened = False
        self._closing: asyncio.Task[None] | None = None

    async def open(self) -> None:
        if not self._opened:
            self._opened = True
            await anext(self.lifetime)

    async def _live(self) -> AsyncGenerator[None]:
        try:
            yield
        finally:
            self._forget()
            await self.client.aclose()

    def close_soon(self) -> asyncio.Task[None]:
        """Close in a task of the running loop; return that."""
        if self._closing is None:
            self._closing = asyncio.get_running_loop().create_task(self.lifetime.aclose())
        return self._closing

    async def close(self) -> None:
        await asyncio.shield(self.close_soon())


def after_fork(forget: Callable[[], object]) -> None:
    """Call a method in every child that this process forks, as long as its object lives."""
    if sys.platform == "win32":
        return
    method = weakref.WeakMethod(forget)

    def call() -> None:
        alive = method()
        if alive is not None:
            alive()

    os.register_at_fork(after_in_child=call)


def _request(request: HTTPRequest) -> httpx.Request:
    import httpx

    made = httpx.Request(
        request.method,
        request.url,
        headers=dict(request.headers),
        content=request.body,
        extensions={"timeout": httpx.Timeout(request.timeout).as_dict()},
    )
    made.url = _quiet_url()(made.url)
    return made


@functools.lru_cache(maxsize=1)
def _quiet_url() -> type[httpx.URL]:
    import httpx

    class QuietURL(httpx.URL):
        """A URL that keeps its path to itself: httpx logs that of every request."""

        def __str__(self) -> str:
            return f"{self.scheme}://{self.netloc.decode()}"

    return QuietURL


def _transport_error(request: HTTPRequest, error: Exception) -> TransportError:
    return TransportError(_no_answer(request, f"{type(error).__name__}: {error}"))


def _no_answer(request: HTTPRequest, why: str) -> str:
    return f"no answer from {_origin(request)} to a {request.method}: {why}"


def _origin(request: HTTPRequest) -> str:
    """Return what may be shown of a URL: its path may hold the event key."""
    return "/".join(request.url.split("/", 3)[:3])
