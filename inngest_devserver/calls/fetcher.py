"""Sends the requests that steps leave to the engine, anywhere. What an answer means is `fetched.py`'s matter.

Each request stands for itself: connections are kept, cookies never are, and nothing of one run reaches another.
"""

from __future__ import annotations

import asyncio
import http.cookiejar
from typing import Protocol

import httpx

from inngest_core.runtime.content import GZIP, Content, ContentError
from inngest_core.web.messages import TransportError

from .fetched import MAX_FETCHED_BYTES, Fetched, Request

FETCH_SECONDS = 30 * 60.0
"""For a whole exchange: a model may think for long."""
CONNECT_SECONDS = 10.0
_MOST_REDIRECTS = 10
_MOST_CONNECTIONS = 100


class NoRetryError(TransportError):
    """No answer can be had, however often it is tried."""


class Fetcher(Protocol):
    async def fetch(self, request: Request) -> Fetched:
        """Exchange one request; raises TransportError, and NoRetryError when another try would bring the same."""
        ...

    async def close(self) -> None: ...


class HTTPFetcher:
    """transport: sends requests instead of the network (tests). seconds: for a whole exchange."""

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None, seconds: float = FETCH_SECONDS) -> None:
        self._transport = transport
        self._seconds = seconds
        self._client: httpx.AsyncClient | None = None

    def _get_client(self) -> httpx.AsyncClient:
        if self._client is None:  # reading the certificate store takes a while: only once it is needed
            nothing_kept = http.cookiejar.CookieJar(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
            self._client = httpx.AsyncClient(
                transport=self._transport,
                cookies=nothing_kept,
                follow_redirects=True,
                max_redirects=_MOST_REDIRECTS,
                timeout=httpx.Timeout(None, connect=CONNECT_SECONDS),
                limits=httpx.Limits(max_connections=_MOST_CONNECTIONS),
                headers={"user-agent": "Inngest", "accept-encoding": GZIP},
            )
        return self._client

    async def fetch(self, request: Request) -> Fetched:
        """Exchange one request, following redirects; errors as in `Fetcher`."""
        try:
            async with asyncio.timeout(self._seconds):
                return await self._exchange(request)
        except (TimeoutError, httpx.TimeoutException) as error:
            raise TransportError(f"no answer from {request.host} in time") from error
        except (ContentError, httpx.TooManyRedirects) as error:
            raise NoRetryError(f"the answer from {request.host} cannot be used: {error}") from error
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError, ValueError) as error:
            raise NoRetryError(f"the request to {request.host} cannot be made: {error}") from error
        except httpx.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise TransportError(f"no answer from {request.host}: {reason}") from error

    async def _exchange(self, request: Request) -> Fetched:
        body = request.body.encode() or None
        client = self._get_client()
        async with client.stream(request.method, request.url, headers=dict(request.headers), content=body) as response:
            content = Content(response.headers.get("content-encoding", ""), MAX_FETCHED_BYTES)
            async for chunk in response.aiter_raw():
                content.add(chunk)
            return Fetched(str(response.url), response.status_code, dict(response.headers), content.bytes())

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()
