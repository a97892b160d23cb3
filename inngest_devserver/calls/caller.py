"""Sends HTTP requests to apps: call requests and registration pings.

One pool of kept-alive connections; no cookies, no proxies, no retries: what an answer means is `reply.py`'s matter.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import httpx

from inngest_core.protocol.limits import MAX_RESPONSE_BYTES
from inngest_core.protocol.signing import SigningKey, sign
from inngest_core.protocol.wire import Header
from inngest_core.web.messages import TransportError, read_limited_async
from inngest_devserver.scheduling.clock import Clock

from .connections import BusyError, Connections, UnreachableError
from .credentials import Credentials
from .reply import Answer
from .requests import without_password
from .signatures import Signatures

__all__ = ["CALL_SECONDS", "WORKERS_URL", "BusyError", "Caller", "Sender", "Transport", "UnreachableError", "Workers"]

CALL_SECONDS = 2 * 3600.0
_MOST_REDIRECTS = 60
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_UNAUTHORIZED = 401
_DECODED = frozenset({"", "identity", "gzip"})

WORKERS_URL = "wss://connect"
"""The URL of every function of a worker begins with this."""

Transport = httpx.AsyncBaseTransport
"""What sends a request: the network, or an app that is called in process."""


class Workers(Protocol):
    """Makes requests to apps that connect to the engine."""

    async def send(self, url: str, headers: Mapping[str, str], body: bytes, seconds: float) -> Answer: ...


class Sender(Protocol):
    """Makes requests to apps."""

    async def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, *, seconds: float = CALL_SECONDS
    ) -> Answer:
        """Exchange one request; raises TransportError when no answer comes, UnreachableError when it never arrived."""
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Caller:
    """signatures: sign each request when there is a key. server_kind: what the engine says it is.

    transport: sends requests instead of the network.
    workers: makes the requests to apps that connect to the engine, where it can.
    """

    clock: Clock
    server_kind: str
    signatures: Signatures = field(default_factory=lambda: Signatures(None))
    transport: Transport | None = None
    workers: Workers | None = None
    _connections: Connections = field(default_factory=Connections)
    _credentials: Credentials = field(default_factory=Credentials)

    async def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, *, seconds: float = CALL_SECONDS
    ) -> Answer:
        """Exchange one signed request, following redirects; raises TransportError when no answer comes."""
        if url.startswith(WORKERS_URL):
            if self.workers is None:
                raise UnreachableError(f"{url}: install the extra `connect` to call workers")
            return await self.workers.send(url, headers, body, seconds)
        sent = {
            Header.CONTENT_TYPE.value: "application/json",
            Header.USER_AGENT.value: "Inngest",
            "accept-encoding": "gzip",
            Header.SERVER_KIND.value: self.server_kind,
            **headers,
        }
        try:
            return await self._send_signed(method, url, sent, body, seconds)
        except (UnreachableError, httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise UnreachableError(f"{without_password(url)}: {str(error) or type(error).__name__}") from error
        except (TransportError, httpx.HTTPError, httpx.InvalidURL, ValueError, OverflowError) as error:
            # The last two come from odd redirects.
            raise TransportError(f"{without_password(url)}: {str(error) or type(error).__name__}") from error

    async def _send_signed(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, seconds: float
    ) -> Answer:
        """Exchange one request, and once more with the other key if the app does not know the first one."""
        first, *others = self.signatures.to_try(url)
        answer = await self._send_with(first, method, url, headers, body, seconds)
        for key in others:
            if answer.status != _UNAUTHORIZED:
                break
            second = await self._send_with(key, method, url, headers, body, seconds)
            if second.status != _UNAUTHORIZED:
                self.signatures.worked(url, key)
                return second
        return answer

    async def _send_with(
        self, key: SigningKey | None, method: str, url: str, headers: Mapping[str, str], body: bytes, seconds: float
    ) -> Answer:
        signature = {} if key is None else {Header.SIGNATURE.value: sign(body, key, now=self.clock.now())}
        return await self._follow(method, url, {**headers, **signature}, body, seconds)

    async def _follow(self, method: str, url: str, headers: Mapping[str, str], body: bytes, seconds: float) -> Answer:
        for _ in range(_MOST_REDIRECTS):
            answer = await self._exchange(method, url, headers, body, seconds)
            location = answer.headers.get("location")
            if answer.status not in _REDIRECTS or not location:
                return answer
            url = _redirected(url, location)
        raise TransportError(f"more than {_MOST_REDIRECTS} redirects")

    async def _exchange(self, method: str, url: str, headers: Mapping[str, str], body: bytes, seconds: float) -> Answer:
        headers = self._credentials.add(url, headers)
        if self.transport is None:
            return await self._connections.exchange(method, url, headers, body, seconds)
        request = httpx.Request(method, url, headers=dict(headers), content=body)
        response = await self.transport.handle_async_request(request)
        response.request = request
        try:
            encoding = response.headers.get("content-encoding", "").strip().lower()
            if encoding not in _DECODED:
                raise TransportError(f"unsupported content encoding: {encoding}")
            content = await read_limited_async(response.aiter_bytes(), MAX_RESPONSE_BYTES)
        finally:
            await response.aclose()
        return Answer(response.status_code, dict(response.headers), content)

    async def close(self) -> None:
        self._connections.close()


def _redirected(url: str, location: str) -> str:
    """Return where a redirect leads; the query is kept when the new place names none. Raises ValueError: nowhere."""
    target = urllib.parse.urlsplit(urllib.parse.urljoin(url, location))
    if target.port == 0 or not target.hostname:  # a port out of range raises here too
        raise ValueError(f"a redirect to {location!r} leads nowhere")
    if not target.query:
        target = target._replace(query=urllib.parse.urlsplit(url).query)
    return target.geturl()
