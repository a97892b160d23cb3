"""An HTTPRequest as httpcore takes it, and its answer as an HTTPResponse: without the objects of httpx in between.

A run that saves each of its steps makes a request for each, and httpx's own objects would take as long as the rest of
it. Sends nothing; knows no pool.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import httpcore
import httpx

from inngest_core.web.messages import HTTPRequest, HTTPResponse

from .content import GZIP, Content

Headers = Sequence[tuple[bytes, bytes]]

_HAVE_A_BODY = frozenset({"POST", "PUT", "PATCH"})


class Target(NamedTuple):
    """Where a request goes.

    url: as httpx read it. name: of the host. core: the URL as httpcore takes it. host: what the Host header says.
    has_user: whether the URL names a user.
    """

    url: str
    scheme: str
    name: str
    core: httpcore.URL
    host: bytes
    has_user: bool


@functools.lru_cache(maxsize=64)
def target_of(url: str) -> Target:
    """Read a URL; raises httpx.InvalidURL. A run saves all of its steps at one."""
    read = httpx.URL(url)
    core = httpcore.URL(scheme=read.raw_scheme, host=read.raw_host, port=read.port, target=read.raw_path)
    return Target(str(read), read.scheme, read.host, core, read.netloc, bool(read.userinfo))


def to_core(request: HTTPRequest, target: Target, extensions: dict[str, Any] | None = None) -> httpcore.Request:
    """Return the request with the headers that HTTP asks for. extensions: those of httpcore."""
    headers = [(b"host", target.host), (b"accept-encoding", GZIP.encode())]
    headers += [(name.encode("ascii"), value.encode("ascii")) for name, value in request.headers.items()]
    if request.body or request.method in _HAVE_A_BODY:
        headers.append((b"content-length", b"%d" % len(request.body)))
    return httpcore.Request(request.method, target.core, headers=headers, content=request.body, extensions=extensions)


def content_of(request: HTTPRequest, headers: Headers) -> Content:
    """Return what collects the body of an answer."""
    encoding = next((value for name, value in headers if name.lower() == b"content-encoding"), b"")
    return Content(encoding.decode("latin-1"), request.max_response_bytes)


def from_core(status: int, headers: Headers, content: Content, target: Target) -> HTTPResponse:
    """Return the answer. headers: as they came; of those that came twice the values are joined."""
    read: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), _text_of(raw_value)
        read[name] = f"{read[name]}, {value}" if name in read else value
    return HTTPResponse(status, read, content.bytes(), target.url)


def _text_of(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
