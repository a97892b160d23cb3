"""WSGI environments to a Request, and a Response to `start_response`: for every adapter and server that speaks WSGI.

Imports no framework: the protocol is a dictionary and a callable (PEP 3333). Of headers it knows those two that a
WSGI environment spells otherwise, and the host, which is part of the URL.
"""

from __future__ import annotations

import functools
import http
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from wsgiref.types import StartResponse

from .disconnects import has_gone_wsgi
from .messages import Request, Response, absolute_url, read_limited

Environ = Mapping[str, Any]

_CHUNK = 1024 * 1024
_UNPREFIXED = ("CONTENT_TYPE", "CONTENT_LENGTH")


def read_request(environ: Environ, body_cap: int, raw: object = None) -> Request:
    """Read an HTTP request, at most body_cap + 1 bytes of it; raw: what middleware gets, the environment by default."""
    return Request(
        method=str(environ["REQUEST_METHOD"]).upper(),
        url=absolute_url(
            environ["wsgi.url_scheme"],
            environ.get("HTTP_HOST") or _server_name(environ),
            _full_path(environ),
            environ.get("QUERY_STRING", ""),
        ),
        headers={name: str(environ[key]) for key in environ if (name := _header_name(key))},
        body=read_body(environ, body_cap),
        raw=environ if raw is None else raw,
        has_gone=functools.partial(has_gone_wsgi, environ),
    )


@functools.lru_cache(maxsize=1024)
def _header_name(key: str) -> str:
    """Return the name of the header that a key of an environment stands for, or nothing."""
    if key.startswith("HTTP_"):
        key = key[5:]
    elif key not in _UNPREFIXED:
        return ""
    return key.replace("_", "-").lower()


def _full_path(environ: Environ) -> bytes:
    prefix: str = environ.get("SCRIPT_NAME", "")
    path: str = environ.get("PATH_INFO", "")
    if prefix.endswith("/"):  # it should not, but proxies say so
        path = f"/{path.lstrip('/')}"
    return (prefix.rstrip("/") + path).encode("latin-1", "replace")  # as PEP 3333 has it


def _server_name(environ: Environ) -> str:
    return f"{environ['SERVER_NAME']}:{environ['SERVER_PORT']}"


def read_body(environ: Environ, cap: int) -> bytes:
    """Read at most cap + 1 bytes of the body: as many as were announced, or all when the server ends the stream.

    A body that breaks off is cut short, and so refused: servers raise what they like when the client went away, or
    when its chunks are malformed.
    """
    length = _content_length(environ)
    if length is None and not environ.get("wsgi.input_terminated"):
        return b""  # to read on would wait for ever: such a server leaves the connection open
    try:
        return read_limited(_chunks(environ["wsgi.input"], length), cap)
    except Exception:
        return b""


def _content_length(environ: Environ) -> int | None:
    text = str(environ.get("CONTENT_LENGTH") or "")
    return int(text) if text.isascii() and text.isdigit() else None


def _chunks(stream: Any, length: int | None) -> Iterator[bytes]:
    """Yield the body, and never ask for more of it than there is."""
    left = length
    while left is None or left > 0:
        chunk: bytes = stream.read(_CHUNK if left is None else min(left, _CHUNK))
        if not chunk:
            return
        if left is not None:
            left -= len(chunk)
        yield chunk


def send_response(response: Response, method: str, start_response: StartResponse) -> Iterable[bytes]:
    """Send an answer. method: that of the request, for the answer to a HEAD has no body, and not all servers know."""
    headers = [*response.headers.items(), ("content-length", str(len(response.body)))]
    start_response(f"{response.status} {_reason(response.status)}", headers)
    return [] if method == "HEAD" else [response.body]


def _reason(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
