"""A bare WSGI application below a middleware that reads the body afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import inngest.wsgi
from tests.servers.readers import HEADER, Reader


def read(environ: Any) -> bytes:
    """Read as a WSGI application does, and put back what was read."""
    body: bytes = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"] or 0))
    environ["wsgi.input"].seek(0)
    return body


reader = Reader(read)
inner = inngest.wsgi.serve(*reader.endpoint())


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    reader.begin(environ["QUERY_STRING"])
    heads: list[tuple[str, list[tuple[str, str]]]] = []

    def keep(status: str, headers: list[tuple[str, str]], _: object = None) -> Callable[[bytes], object]:
        heads.append((status, headers))
        return lambda _: None

    answer = list(inner(environ, keep))
    reader.note("after", environ)
    [(status, headers)] = heads
    start_response(status, [*headers, (HEADER, reader.told())])
    return answer
