"""The body of a Django request: taken from whoever read it before, and left for whoever reads it next.

A middleware or a function may ask for the body before or after us, and a socket gives it once. This is the only file
here that touches what Django keeps to itself.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, cast

from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest
from django.http.request import RawPostDataException, UnreadablePostError

from inngest_core.errors import BodyInvalidError
from inngest_core.web.messages import read_limited
from inngest_core.web.wsgi import drain, drain_chunks, read_body

_CHUNK = 64 * 1024


def take_body(request: HttpRequest, cap: int) -> bytes:
    """Return at most cap + 1 bytes of the body, past DATA_UPLOAD_MAX_MEMORY_SIZE, which answers with an HTML page.

    Raises BodyInvalidError: somebody read the body and did not keep it.
    """
    try:
        if getattr(request, "_read_started", False):
            return request.body
        body = _read(request, cap)
    except UnreadablePostError:  # the client has disconnected
        return b""
    except RawPostDataException:
        raise BodyInvalidError(
            "the body was consumed before it came here, by a middleware or by a wrapper of the view such as a view "
            "of Django REST framework; have it read request.body, which is kept, or leave this path out"
        ) from None
    request._stream.close()  # as Django does when it has read a body: it may be a file
    request._body = body
    request._stream = io.BytesIO(body)
    return body


def drain_body(request: HttpRequest) -> None:
    """Throw away what is left of the body; under ASGI, Django has read all of it before."""
    if not isinstance(request, WSGIRequest):
        return
    if getattr(request, "_read_started", False):
        drain_chunks(_chunks(request))
    else:
        drain(request.environ)


def _read(request: HttpRequest, cap: int) -> bytes:
    if isinstance(request, WSGIRequest):
        return read_body(request.environ, cap)
    return read_limited(_chunks(request), cap)


def _chunks(request: HttpRequest) -> Iterator[bytes]:
    return iter(lambda: cast("Any", request).read(_CHUNK), b"")
