"""Pools of connections, one for each proxy that the environment names, and one without.

For threads and for loops alike; what they differ in are the classes of httpcore and what opens a connection.
"""

from __future__ import annotations

import ssl
import threading
import urllib.request
from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar

import httpcore
import httpx

MAX_CONNECTIONS = 100
_KEEP_ALIVE_SECONDS = 5.0

Pool = TypeVar("Pool")


class Kinds(NamedTuple, Generic[Pool]):
    """What makes a pool: without a proxy, with one that speaks HTTP, and with one that speaks SOCKS."""

    direct: Callable[..., Pool]
    http: Callable[..., Pool]
    socks: Callable[..., Pool]


def core_request(request: httpx.Request, extensions: dict[str, Any] | None = None) -> httpcore.Request:
    """Return a request of httpx as httpcore takes it, for a thread or for a loop."""
    url = request.url
    target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
    content: Any = request.stream  # which of its two forms it has, whoever sends it knows
    return httpcore.Request(request.method, target, headers=request.headers.raw, content=content, extensions=extensions)


class Pools(Generic[Pool]):
    """The pools of one owner."""

    def __init__(
        self,
        kinds: Kinds[Pool],
        tls: ssl.SSLContext,
        backend: httpcore.NetworkBackend | httpcore.AsyncNetworkBackend,
    ) -> None:
        """backend: what opens connections."""
        self._kinds = kinds
        self._options: dict[str, Any] = {
            "ssl_context": tls,
            "max_connections": MAX_CONNECTIONS,
            "keepalive_expiry": _KEEP_ALIVE_SECONDS,
            "network_backend": backend,
        }
        self._proxies = urllib.request.getproxies()
        self._lock = threading.Lock()
        self._by_proxy: dict[str, Pool] = {}

    def to(self, scheme: str, host: str) -> Pool:
        """Return the pool for requests to a host."""
        proxy = self._proxies.get(scheme) or self._proxies.get("all") or ""
        if proxy and urllib.request.proxy_bypass(host):
            proxy = ""
        with self._lock:
            pool = self._by_proxy.get(proxy)
            if pool is None:
                pool = self._by_proxy[proxy] = self._make(proxy)
            return pool

    def _make(self, proxy: str) -> Pool:
        if not proxy:
            return self._kinds.direct(**self._options)
        given = httpx.Proxy(proxy if "://" in proxy else f"http://{proxy}")
        url = httpcore.URL(scheme=given.url.raw_scheme, host=given.url.raw_host, port=given.url.port, target=b"/")
        make = self._kinds.socks if given.url.scheme.startswith("socks") else self._kinds.http
        return make(proxy_url=url, proxy_auth=given.raw_auth, **self._options)

    def take(self) -> list[Pool]:
        """Return all pools, for whoever closes them; later requests get new ones."""
        with self._lock:
            pools, self._by_proxy = list(self._by_proxy.values()), {}
        return pools
