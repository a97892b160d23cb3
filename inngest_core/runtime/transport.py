"""Outgoing HTTP over httpcore and httpx: connections for threads, and for each event loop. Knows no JSON and no op.

Everything is made on first use, per process (a fork shares sockets, which must not be used twice), and closed with
its owner, or when Python ends. A client that belongs to a loop is closed when that loop shuts its asynchronous
generators down, as `asyncio.run` does: a short-lived loop leaves no open socket behind.

A request has one time-out, for the whole exchange, and its answer has a limit, after decompression.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import http.cookiejar
import importlib
import logging
import ssl
import threading
import weakref
from collections.abc import AsyncGenerator, Callable, Generator
from typing import TYPE_CHECKING

from inngest_core.web.messages import HTTPRequest, HTTPResponse, TransportError

from .content import GZIP, Content, ContentError
from .fork import forget_after_fork
from .gevent import off_the_loop
from .open_answers import OpenAnswer, OpenAnswerAsync

if TYPE_CHECKING:  # httpx costs most of the start-up time: it is loaded when the first request is made
    import httpx

_log = logging.getLogger("inngest")


class Transport:
    """Performs HTTP requests for any thread and any loop."""

    def __init__(self) -> None:
        self._at_exit: weakref.finalize[[], Transport] | None = None
        self.forget()
        forget_after_fork(self)

    def forget(self) -> None:
        """Begin anew in a forked child: the connections are the parent's."""
        if self._at_exit is not None:
            self._at_exit.detach()
        self._lock = threading.Lock()
        self._threads: _ThreadConnections | None = None
        self._at_exit = None
        self._tls: ssl.SSLContext | None = None
        self._by_loop: dict[asyncio.AbstractEventLoop, _LoopConnections] = {}

    def fetch(self, request: HTTPRequest) -> HTTPResponse:
        """Exchange *request* in this thread; raises TransportError."""
        connections = self._thread_connections()
        from .deadline import within, within_deadline  # it is loaded by now
        from .exchanges import content_of, from_core, target_of, to_core

        with _failing(request), within(request.timeout):
            target = target_of(request.url)
            if request.follow_redirects or target.has_user:
                return _fetch_by_httpx(connections.client, request)
            pool = connections.transport.pools.to(target.scheme, target.name)
            with contextlib.closing(pool.handle_request(to_core(request, target, within_deadline()))) as answer:
                content = content_of(request, answer.headers)
                for chunk in answer.iter_stream():
                    content.add(chunk)
            _log_answer(request, answer.status)
            return from_core(answer.status, answer.headers, content, target)

    async def fetch_async(self, request: HTTPRequest) -> HTTPResponse:
        """Exchange *request* on the running loop; raises TransportError."""
        connections = await self._loop_connections()
        from .exchanges import content_of, from_core, target_of, to_core

        with _failing(request):
            target = target_of(request.url)
            async with asyncio.timeout(request.timeout):
                if request.follow_redirects or target.has_user:
                    return await _fetch_by_httpx_async(connections.client, request)
                pool = connections.transport.pools.to(target.scheme, target.name)
                async with contextlib.aclosing(await pool.handle_async_request(to_core(request, target))) as answer:
                    content = content_of(request, answer.headers)
                    async for chunk in answer.aiter_stream():
                        content.add(chunk)
            _log_answer(request, answer.status)
            return from_core(answer.status, answer.headers, content, target)

    def open(self, request: HTTPRequest) -> OpenAnswer:
        """Begin to exchange *request* in this thread; raises TransportError."""
        connections = self._thread_connections()
        from .deadline import within

        with _failing(request), within(request.timeout):
            response = connections.client.send(_to_httpx(request), stream=True)
        return OpenAnswer(response, functools.partial(_failing, request))

    async def open_async(self, request: HTTPRequest) -> OpenAnswerAsync:
        """Begin to exchange *request* on the running loop; raises TransportError."""
        connections = await self._loop_connections()
        with _failing(request):
            async with asyncio.timeout(request.timeout):
                response = await connections.client.send(_to_httpx(request), stream=True)
        return OpenAnswerAsync(response, functools.partial(_failing, request))

    def _thread_connections(self) -> _ThreadConnections:
        with self._lock:
            if self._threads is None:
                self._threads = _ThreadConnections(self._load_tls())
                self._at_exit = weakref.finalize(self, self._threads.client.close)
            return self._threads

    def _load_tls(self) -> ssl.SSLContext:
        """Load what httpx needs, and the certificates of this machine: it takes tens of milliseconds."""
        importlib.import_module(f"{__package__}.deadline")  # and httpcore, which httpx loads with its first client
        if self._tls is None:
            self._tls = _tls_with(ssl.get_default_verify_paths())
        return self._tls

    async def _loop_connections(self) -> _LoopConnections:
        loop = asyncio.get_running_loop()
        tls = await off_the_loop(self._load_tls) if self._tls is None else self._tls
        with self._lock:
            connections = self._by_loop.get(loop)
            if connections is None:
                for other in [other for other in self._by_loop if other.is_closed()]:
                    del self._by_loop[other]  # it ended without shutting its generators down
                connections = self._by_loop[loop] = _LoopConnections(tls, lambda: self._by_loop.pop(loop, None))
        await connections.open()
        return connections

    def close(self) -> None:
        """Close the client of threads, and have the loops that run close theirs."""
        if self._at_exit is not None:
            self._at_exit()  # closes the client, and has nothing left to do when Python ends
        self._threads = self._at_exit = None
        with self._lock:
            by_loop = list(self._by_loop.items())
        for loop, connections in by_loop:
            if loop.is_running():
                loop.call_soon_threadsafe(connections.close_soon)

    async def close_async(self) -> None:
        """Close the running loop's client before this returns; the others as in `close`."""
        connections = self._by_loop.get(asyncio.get_running_loop())
        if connections is not None:
            await connections.close()
        self.close()


@functools.lru_cache(maxsize=4)
def _tls_with(paths: ssl.DefaultVerifyPaths) -> ssl.SSLContext:
    """Return httpx's own settings while these *paths* hold; clients share them, as they take time and memory to make.

    paths: of certificates, which SSL_CERT_FILE and SSL_CERT_DIR change.
    """
    import httpx

    return httpx.create_ssl_context()


class _ThreadConnections:
    """What threads send with: connections, and a client of httpx on top of them, which follows redirects."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        import httpx

        from .deadline import DeadlineTransport

        self.transport = DeadlineTransport(tls)
        self.client = httpx.Client(transport=self.transport, cookies=_no_cookies())


class _LoopConnections:
    """The same for one loop, with which it ends. forget: called when it has ended."""

    def __init__(self, tls: ssl.SSLContext, forget: Callable[[], object]) -> None:
        import httpx

        from .loop_connections import LoopTransport

        self.transport = LoopTransport(tls)
        self.client = httpx.AsyncClient(transport=self.transport, cookies=_no_cookies())
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


def _log_answer(request: HTTPRequest, status: int) -> None:
    """Log what was asked of whom; httpx does so by itself."""
    _log.debug("%s %s answered %d", request.method, request.origin, status)


def _fetch_by_httpx(client: httpx.Client, request: HTTPRequest) -> HTTPResponse:
    sent = client.send(_to_httpx(request), stream=True, follow_redirects=request.follow_redirects)
    with contextlib.closing(sent) as response:
        content = _content(request, response)
        for chunk in response.iter_raw():
            content.add(chunk)
        return _from_httpx(response, content)


async def _fetch_by_httpx_async(client: httpx.AsyncClient, request: HTTPRequest) -> HTTPResponse:
    sent = await client.send(_to_httpx(request), stream=True, follow_redirects=request.follow_redirects)
    async with contextlib.aclosing(sent) as response:
        content = _content(request, response)
        async for chunk in response.aiter_raw():
            content.add(chunk)
        return _from_httpx(response, content)


def _no_cookies() -> http.cookiejar.CookieJar:
    """Return a jar that stays empty: what one request was given must not go along with another."""
    return http.cookiejar.CookieJar(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))


def _from_httpx(response: httpx.Response, content: Content) -> HTTPResponse:
    import httpx

    url = str(httpx.URL(response.url))  # all of it
    return HTTPResponse(response.status_code, dict(response.headers), content.bytes(), url)


def _to_httpx(request: HTTPRequest) -> httpx.Request:
    import httpx

    made = httpx.Request(
        request.method,
        request.url,
        headers={"accept-encoding": GZIP, **request.headers},
        content=request.body,
        extensions={"timeout": httpx.Timeout(None).as_dict()},  # the deadline is the only one
    )
    made.url = _quiet_url()(made.url)
    return made


@functools.lru_cache(maxsize=1)
def _quiet_url() -> type[httpx.URL]:
    import httpx

    class QuietURL(httpx.URL):
        """A URL that keeps its path to itself, which may hold a key: httpx logs the URL of every request."""

        def __str__(self) -> str:
            return f"{self.scheme}://{self.netloc.decode()}"

        def join(self, url: httpx.URL | str) -> httpx.URL:
            return type(self)(httpx.URL(self).join(url))

        def __repr__(self) -> str:
            return f"{type(self).__name__}({str(self)!r})"

    return QuietURL


def _content(request: HTTPRequest, response: httpx.Response) -> Content:
    return Content(response.headers.get("content-encoding", ""), request.max_response_bytes)


@contextlib.contextmanager
def _failing(request: HTTPRequest) -> Generator[None]:
    """Turn whatever an exchange raises into a TransportError that says what was asked of whom."""
    import httpx

    from .deadline import ERRORS, TIME_OUTS

    what = f"{request.origin} to a {request.method}"
    try:
        yield
    except ContentError as error:
        raise TransportError(f"the answer from {what} cannot be used: {error}") from None
    except (TimeoutError, httpx.TimeoutException, *TIME_OUTS):
        raise TransportError(f"no answer from {what}: none in {request.timeout:g} s") from None
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, *ERRORS) as error:
        raise TransportError(f"no answer from {what}: {type(error).__name__}: {error}") from error
