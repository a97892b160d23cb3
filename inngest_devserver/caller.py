"""Sends HTTP requests to apps: call requests and registration pings. The only module here that knows httpx.

One pool of kept-alive connections; no cookies, no proxies, no retries: what an answer means is `reply.py`'s matter.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx

from inngest_core.http import TransportError, read_limited_async
from inngest_core.signing import SigningKey, sign
from inngest_core.wire import Header

from .clock import Clock
from .reply import BODY_CAP, Answer

CALL_SECONDS = 2 * 3600.0
CONNECT_SECONDS = 10.0
_MOST_REDIRECTS = 60
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_DECODED = frozenset({"", "identity", "gzip", "deflate"})
_KEPT_ALIVE_SECONDS = 3.0
"""Shorter than most servers keep an idle connection: one that they close under our hands costs an attempt."""


class UnreachableError(TransportError):
    """The request never reached the app, so nothing has happened there."""


@dataclass(frozen=True, slots=True)
class Caller:
    """signing_key: signs each request when there is one. server_kind: what the engine says it is."""

    clock: Clock
    server_kind: str
    signing_key: SigningKey | None = None
    limit: int = 100
    transport: httpx.AsyncBaseTransport | None = None
    _pool: list[httpx.AsyncBaseTransport] = field(default_factory=list[httpx.AsyncBaseTransport])

    async def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, *, seconds: float = CALL_SECONDS
    ) -> Answer:
        """Exchange one signed request, following redirects; raises TransportError when no answer comes."""
        sent = {
            Header.CONTENT_TYPE.value: "application/json",
            Header.USER_AGENT.value: "Inngest",
            "accept-encoding": "gzip",
            Header.SERVER_KIND.value: self.server_kind,
            **headers,
        }
        if self.signing_key is not None:
            sent[Header.SIGNATURE.value] = sign(body, self.signing_key, now=self.clock.now())
        try:
            return await self._follow(method, url, sent, body, seconds)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise UnreachableError(f"{url}: {str(error) or type(error).__name__}") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise TransportError(f"{url}: {str(error) or type(error).__name__}") from error

    async def _follow(self, method: str, url: str, headers: Mapping[str, str], body: bytes, seconds: float) -> Answer:
        for _ in range(_MOST_REDIRECTS):
            answer = await self._exchange(method, url, headers, body, seconds)
            location = answer.headers.get("location")
            if answer.status not in _REDIRECTS or not location:
                return answer
            url = _redirected(url, location)
        raise TransportError(f"{url}: more than {_MOST_REDIRECTS} redirects")

    async def _exchange(self, method: str, url: str, headers: Mapping[str, str], body: bytes, seconds: float) -> Answer:
        timeout = {"connect": CONNECT_SECONDS, "read": seconds, "write": seconds, "pool": None}
        # The transport itself, not a Client: no cookies, no environment, and half the cost of a request.
        request = httpx.Request(method, url, headers=dict(headers), content=body, extensions={"timeout": timeout})
        response = await self._transport().handle_async_request(request)
        response.request = request
        try:
            encoding = response.headers.get("content-encoding", "").strip().lower()
            if encoding not in _DECODED:
                raise TransportError(f"{url}: unsupported content encoding: {encoding}")
            content = await read_limited_async(response.aiter_bytes(), BODY_CAP)
        finally:
            await response.aclose()
        return Answer(response.status_code, dict(response.headers), content)

    def _transport(self) -> httpx.AsyncBaseTransport:
        if self.transport is not None:
            return self.transport
        if not self._pool:
            limits = httpx.Limits(
                max_connections=None, max_keepalive_connections=self.limit, keepalive_expiry=_KEPT_ALIVE_SECONDS
            )
            self._pool.append(httpx.AsyncHTTPTransport(limits=limits, retries=0))
        return self._pool[0]

    async def close(self) -> None:
        while self._pool:
            await self._pool.pop().aclose()


def _redirected(url: str, location: str) -> str:
    """Return where a redirect leads; the query is kept when the new place names none."""
    target = urllib.parse.urlsplit(urllib.parse.urljoin(url, location))
    if not target.query:
        target = target._replace(query=urllib.parse.urlsplit(url).query)
    return target.geturl()
