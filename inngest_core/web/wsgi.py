"""WSGI environments to a Request, and a Response to `start_response`: for every adapter and server that speaks WSGI.

Imports no framework: the protocol is a dictionary and a callable (PEP 3333). Of headers it knows those two that a
WSGI environment spells otherwise, and the host, which is part of the URL.
"""

from __future__ import annotations

import contextlib
import functools
import http
import io
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import Any
from wsgiref.types import StartResponse

from .disconnects import has_gone_wsgi
from .headers import Headers, Spelled
from .messages import (
    MAX_DRAINED,
    Head,
    Pieces,
    Request,
    Response,
    Stream,
    absolute_url,
    content_length,
)

Environ = MutableMapping[str, Any]

_CHUNK = 4 * 1024 * 1024
"""Nearly every body is read at once: to join its parts takes as long as reading them."""
_DRAINED_CHUNK = 64 * 1024
_UNPREFIXED = ("CONTENT_TYPE", "CONTENT_LENGTH")


def read_request(environ: Environ, body_cap: int, raw: object = None) -> Request:
    """Read an HTTP request, and leave its body in the environment for whoever reads next.

    body_cap: at most one byte more than this is read. raw: what middleware gets; the environment by default.
    """
    head = read_head(environ)
    return make_request(head, read_body(environ, body_cap), environ, environ if raw is None else raw)


def read_head(environ: Environ) -> Head:
    """Return everything but the body."""
    url = absolute_url(
        environ["wsgi.url_scheme"],
        environ.get("HTTP_HOST") or _server_name(environ),
        _full_path(environ),
        environ.get("QUERY_STRING", ""),
    )
    return Head(str(environ["REQUEST_METHOD"]).upper(), url, EnvironHeaders(environ))


class EnvironHeaders(Headers[Mapping[str, Any]]):
    """The headers in a WSGI environment."""

    __slots__ = ()

    def get(self, key: str, /, default: Any = None) -> Any:
        """Return a header; *default* when there is none of that name."""
        value = self._given.get(_keys[key])
        return default if value is None else str(value)

    def read(self, given: Mapping[str, Any]) -> dict[str, str]:
        """Return all headers."""
        names = _names
        return {name: str(value) for key, value in given.items() if (name := names[key])}


class _Names(Spelled[str]):
    """The names of headers by the keys of environments; nothing for a key that stands for no header.

    Some servers give those two under both of their spellings.
    """

    def spell(self, name: str) -> str:
        if name in _UNPREFIXED:
            return name.replace("_", "-").lower()
        is_header = name.startswith("HTTP_") and name.removeprefix("HTTP_") not in _UNPREFIXED
        return name.removeprefix("HTTP_").replace("_", "-").lower() if is_header else ""


class _Keys(Spelled[str]):
    """The keys of environments by the names of headers; nothing for what is not in lower case, and so names none."""

    def spell(self, name: str) -> str:
        key = name.upper().replace("-", "_")
        key = key if key in _UNPREFIXED else f"HTTP_{key}"
        return key if _names[key] == name else ""


_names = _Names()
_keys = _Keys()


def make_request(head: Head, body: bytes, environ: Environ, raw: object) -> Request:
    """Put a request together. raw: what middleware gets."""
    return Request(head.method, head.url, head.headers, body, raw, functools.partial(has_gone_wsgi, environ))


def _full_path(environ: Environ) -> bytes:
    prefix: str = environ.get("SCRIPT_NAME", "")
    path: str = environ.get("PATH_INFO", "")
    if prefix.endswith("/"):  # PEP 3333 forbids it, but proxies send such prefixes
        path = f"/{path.lstrip('/')}"
    return (prefix.rstrip("/") + path).encode("latin-1", "replace")  # text in an environment is latin-1 (PEP 3333)


def _server_name(environ: Environ) -> str:
    return f"{environ['SERVER_NAME']}:{environ['SERVER_PORT']}"


def read_body(environ: Environ, cap: int) -> bytes:
    """Read at most cap + 1 bytes of the body, and put what was read back into the environment.

    A server may leave the connection open behind the body, so no more is read than was announced; without an announced
    length, only a stream that the server ends is read. A body that breaks off is cut short, and refused for that:
    servers raise whatever they like when the client disconnects, or when its chunks are malformed.
    """
    length = content_length(environ.get("CONTENT_LENGTH"))
    try:
        if length and length <= min(cap, _CHUNK):  # as nearly always, and nearly always it comes in one piece
            body: bytes = environ["wsgi.input"].read(length)
            if body and len(body) < length:
                body += b"".join(_chunks(environ, _CHUNK, cap + 1, len(body)))
        else:
            body = b"".join(_chunks(environ, _CHUNK, cap + 1))
    except Exception:
        return b""
    environ["wsgi.input"] = io.BytesIO(body)
    return body


def drain(environ: Environ) -> None:
    """Throw away the body of a request that was refused, of which nobody has read anything."""
    drain_chunks(_chunks(environ, _DRAINED_CHUNK, MAX_DRAINED))


def drain_chunks(chunks: Iterable[bytes]) -> None:
    """Throw away what is left of the body of a request that was refused."""
    left = MAX_DRAINED
    with contextlib.suppress(Exception):  # servers raise different things when the client disconnects
        for chunk in chunks:
            left -= len(chunk)
            if left <= 0:
                return


def _chunks(environ: Environ, size: int, most: int, taken: int = 0) -> Iterator[bytes]:
    """Yield the body in chunks of up to *size* bytes, and never ask the server for more of it than there is.

    most: no more bytes than these are read, in all. taken: so many of them were read before.
    """
    length = content_length(environ.get("CONTENT_LENGTH"))
    if length is None and not environ.get("wsgi.input_terminated"):
        return
    left = (most if length is None else min(length, most)) - taken
    stream: Any = environ["wsgi.input"]
    while left > 0:
        chunk: bytes = stream.read(min(left, size))
        if not chunk:
            return
        left -= len(chunk)
        yield chunk


def send_response(response: Response, method: str, start_response: StartResponse) -> Iterable[bytes]:
    """Send an answer. method: of the request; the answer to a HEAD has no body, and some servers would send one."""
    headers, body = [*response.headers.items()], response.body
    if isinstance(body, bytes):
        headers.append(("content-length", str(len(body))))
    start_response(f"{response.status} {_reason(response.status)}", headers)
    if not isinstance(body, bytes):
        return in_pieces(body)
    return [] if method == "HEAD" else [body]


def in_pieces(stream: Stream) -> Pieces:
    """Return a stream as WSGI servers read it: they close it, too."""
    if isinstance(stream, Iterator):
        return stream
    raise TypeError("a stream for a loop cannot be read in a thread; make it with App.handle_sync")


class Refusal:
    """What is sent as an answer that was given before the body of the request was read; then that is thrown away."""

    def __init__(self, sent: Iterable[bytes], environ: Environ) -> None:
        self._sent = sent
        self._environ = environ

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._sent)

    def close(self) -> None:
        """Drain the request; servers call this when the answer is sent."""
        drain(self._environ)


def _reason(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
