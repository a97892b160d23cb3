"""The body of a Flask request: taken from whoever read it before, and left for whoever reads it next.

A hook, a middleware or a function may ask for the body before or after us, and a socket gives it once. This is the
only file here that touches what Flask keeps to itself.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import Any, cast

import flask

from inngest_core.web.messages import read_limited
from inngest_core.web.wsgi import drain, drain_chunks, read_body

_CHUNK = 64 * 1024


def take_body(request: flask.Request, cap: int) -> bytes:
    """Return at most cap + 1 bytes of the body, past Flask's own limit, which answers with an HTML page."""
    kept: bytes | None = getattr(request, "_cached_data", None)
    if kept is not None:
        return kept
    touched = _touched(request)
    body = read_body(request.environ, cap) if touched is None else _read(touched, cap)
    request._cached_data = body
    cast("Any", request).stream = io.BytesIO(body)
    return body


def drain_body(request: flask.Request) -> None:
    """Throw away what is left of the body."""
    touched = _touched(request)
    if touched is None:
        drain(request.environ)
    else:
        drain_chunks(touched)


def _touched(request: flask.Request) -> Iterator[bytes] | None:
    """Return what is left of a stream that somebody asked Flask for: only Flask's own knows how much that is."""
    stream: Any = request.__dict__.get("stream")
    return None if stream is None else iter(lambda: stream.read(_CHUNK), b"")


def _read(chunks: Iterable[bytes], cap: int) -> bytes:
    try:
        return read_limited(chunks, cap)
    except Exception:  # Werkzeug and servers raise different things when the client disconnects
        return b""
