"""Serves functions from a Django project, under WSGI and ASGI. Translates requests and responses, and nothing else.

The view is a plain function that looks at the class of each request. Under WSGI it answers in the request's thread.
Under ASGI it returns a response that Django renders, and so awaits, on the loop. So a function may be sync or async
under either, and no thread waits for an async one.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence
from typing import Any, Unpack

from django.core.exceptions import DisallowedHost
from django.core.handlers.asgi import ASGIRequest
from django.db import connections, transaction
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase, ResponseHeaders
from django.urls import URLPattern, path
from django.utils.encoding import escape_uri_path, iri_to_uri

from inngest_core.client import Inngest
from inngest_core.errors import InngestError, URLInvalidError
from inngest_core.function import Function
from inngest_core.serving.app import App
from inngest_core.serving.arguments import check_client, check_functions
from inngest_core.serving.options import ServeOptions
from inngest_core.web import asgi, wsgi
from inngest_core.web.disconnects import has_gone_wsgi
from inngest_core.web.messages import MAX_CACHED_KEY, AsyncPieces, Head, Request, Response, Stream

from .body import drain_body, take_body
from .database import with_fresh_connections
from .starting import is_serving, was_told

FRAMEWORK = "django"

_JSON = "application/json"
"""Stands for the type that the headers of each answer name: Django asks for its own settings without one."""

View = Callable[..., HttpResponseBase]


def serve(client: Inngest, functions: Sequence[Function[Any]], **options: Unpack[ServeOptions]) -> URLPattern:
    """Return a pattern for `urlpatterns` that serves *functions*.

    client: the one that the functions were defined with.
    functions: a list of what `create_function` returned.
    serve_path: path of the endpoint, relative to the prefix of an `include()`; "/api/inngest" by default.
    serve_origin: scheme and host under which the engine reaches this app, such as "https://shop.example", where the
        request does not show them, as behind a proxy; INNGEST_SERVE_ORIGIN by default.
    public_path: path under which the engine reaches it, where a proxy changes it; INNGEST_SERVE_PATH by default.
    enable_unauthed_sync: whether an unsigned request may make this app register in cloud mode;
        INNGEST_ENABLE_UNAUTHED_SYNC by default, else True.
    streaming: whether answers to calls begin at once and are kept alive while the function runs; that of the client by
        default, else INNGEST_STREAMING, else they are not.
    Raises ConfigError: an argument is of the wrong kind. FunctionConfigError: two functions share an id.
    """
    check_client(client)
    served = [with_fresh_connections(function) for function in check_functions(functions, client)]
    tells = is_serving() and not was_told(client)
    core = App(client, served, framework=FRAMEWORK, can_stream=True, is_serving=tells, **options)

    def view(request: HttpRequest, *_: object, **__: object) -> HttpResponseBase:  # the variables of a prefix
        try:
            head = _head(request)
            refused = core.admit(*head)
            if refused is not None:
                return _response(refused, unread=request)
            asked = _request(head, request, core.body_cap)
        except InngestError as error:
            return _response(core.refuse(error))
        if isinstance(request, ASGIRequest):
            return _Awaited(core, asked)
        return _response(core.handle_sync(asked))

    return path(core.serve_path.removeprefix("/"), _unguarded(view, core), name="inngest")


def _unguarded(view: View, core: App) -> View:
    """Take *view* out of what guards pages for browsers, and out of a transaction around each request."""
    for alias in connections:
        transaction.non_atomic_requests(alias)(view)
    view.csrf_exempt = True  # type: ignore[attr-defined]  # the decorator would wrap each call for it
    view.login_required = False  # type: ignore[attr-defined]  # for LoginRequiredMiddleware, since Django 5.1
    view.inngest_app = core  # type: ignore[attr-defined]  # for the system checks and the commands
    return view


class _Awaited(HttpResponse):
    """A response that is yet to be made: Django's async handler awaits `render`, and answers with its result."""

    context_data: None = None  # middleware for template responses looks at both
    template_name: None = None

    def __init__(self, core: App, asked: Request) -> None:
        super().__init__()
        self._core = core
        self._asked = asked

    async def render(self) -> HttpResponseBase:
        return _response(await self._core.handle_async(self._asked))


def _head(request: HttpRequest) -> Head:
    """Read everything but the body; raises URLInvalidError."""
    return Head(request.method or "", _url(request), wsgi.EnvironHeaders(request.META))  # ASGI requests have it, too


def _request(head: Head, request: HttpRequest, body_cap: int) -> Request:
    body = take_body(request, body_cap)
    return Request(*head, body, raw=request, has_gone=functools.partial(has_gone_wsgi, request.META))


def _url(request: HttpRequest) -> str:
    """Return the URL with the prefix in it, which under ASGI `request.path` may lack (FORCE_SCRIPT_NAME, hypercorn)."""
    meta = request.META
    try:
        origin = f"{request.scheme}://{request.get_host()}"
    except DisallowedHost as error:  # Django's own answer is an HTML page
        raise URLInvalidError(str(error)) from None
    parts = (str(meta.get("SCRIPT_NAME", "")), request.path_info, meta.get("QUERY_STRING", ""))
    short = len(parts[0]) + len(parts[1]) + len(parts[2]) <= MAX_CACHED_KEY
    return origin + (_known_target(*parts) if short else _target(*parts))


def _target(prefix: str, path: str, query: str) -> str:
    """Return what follows the host in a URL."""
    return f"{iri_to_uri(prefix.rstrip('/'))}{escape_uri_path(path)}" + (f"?{iri_to_uri(query)}" if query else "")


_known_target = functools.lru_cache(maxsize=1024)(_target)
"""For short ones: an engine asks for the same again and again."""


def _response(response: Response, unread: HttpRequest | None = None) -> HttpResponseBase:
    """Translate an answer. unread: its request, where it was given before the body was read."""
    if not isinstance(response.body, bytes):
        return _streamed(response, response.body)
    body = response.body
    answer = _Answer(response, body) if unread is None else _Refusal(response, body, unread)
    if response.status >= 500:
        # A function that fails is a 500 to the engine, and logged so; Django would mail it to ADMINS, at every try.
        answer._has_been_logged = True  # type: ignore[attr-defined]  # Django sets and reads it
    return answer


def _streamed(response: Response, stream: Stream) -> StreamingHttpResponse:
    pieces = _closing(asgi.in_pieces(stream)) if isinstance(stream, AsyncIterator) else wsgi.in_pieces(stream)
    return StreamingHttpResponse(pieces, status=response.status, headers=dict(response.headers))


async def _closing(stream: AsyncPieces) -> AsyncGenerator[bytes]:
    """Yield the pieces of a stream, and close it: Django knows how to close a generator only."""
    async with contextlib.aclosing(stream) as pieces:
        async for piece in pieces:
            yield piece


class _Answer(HttpResponse):
    """An answer, with headers that need no check."""

    def __init__(self, response: Response, body: bytes) -> None:
        super().__init__(body, _JSON, response.status)
        headers = {**response.headers, "content-length": str(len(body))}
        # As `headers=` does, which first looks for what no header may hold, and takes as long as all else here.
        kept: dict[str, tuple[str, str]] = self.headers._store
        kept.update(zip(headers, headers.items(), strict=True))

    def items(self) -> Iterable[tuple[str, str]]:
        """Return the headers as they are kept; Django would look each of them up."""
        headers = self.headers
        kept: Iterable[tuple[str, str]]
        kept = headers._store.values() if type(headers) is ResponseHeaders else headers.items()
        return kept


class _Refusal(_Answer):
    """An answer that was given before the body of its request was read, which is thrown away when it is sent."""

    def __init__(self, response: Response, body: bytes, unread: HttpRequest) -> None:
        super().__init__(response, body)
        self._unread = unread

    def close(self) -> None:
        super().close()
        drain_body(self._unread)
