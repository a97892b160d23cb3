"""Serves functions from a Django project, under WSGI and ASGI. Translates requests and responses, and nothing else.

The view is a plain function that looks at the class of each request. Under WSGI it answers in the request's thread.
Under ASGI it returns a response that Django renders, and so awaits, on the loop: neither depends on the colour of any
function, and no thread waits for an async one.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from django.core.exceptions import DisallowedHost
from django.core.handlers.asgi import ASGIRequest
from django.core.handlers.wsgi import WSGIRequest
from django.db import connections, transaction
from django.http import HttpRequest, HttpResponse
from django.http.request import RawPostDataException, UnreadablePostError
from django.urls import URLPattern, path
from django.views.decorators.csrf import csrf_exempt

from inngest_core.client import Inngest
from inngest_core.errors import BodyInvalidError, InngestError, URLInvalidError
from inngest_core.function import Function
from inngest_core.serving.app import App
from inngest_core.serving.refusal import refuse
from inngest_core.web.disconnects import has_gone_wsgi
from inngest_core.web.messages import Request, Response, read_limited
from inngest_core.web.wsgi import read_body

from .database import with_fresh_connections

FRAMEWORK = "django"
_CHUNK = 64 * 1024

View = Callable[..., HttpResponse]


def serve(
    client: Inngest,
    functions: Sequence[Function[Any]],
    *,
    serve_path: str | None = None,
    serve_origin: str | None = None,
    public_path: str | None = None,
) -> URLPattern:
    """Return a pattern for `urlpatterns` that serves *functions* at *serve_path* (default /api/inngest).

    Under `include()` the path is relative to the prefix.
    serve_origin, public_path: what is advertised to the engine instead of the URL of its request.
    Raises FunctionConfigError when two functions share an id.
    """
    core = App(
        client,
        [with_fresh_connections(function) for function in functions],
        framework=FRAMEWORK,
        serve_path=serve_path,
        serve_origin=serve_origin,
        public_path=public_path,
    )

    def view(request: HttpRequest, *_: object, **__: object) -> HttpResponse:  # the variables of a prefix
        try:
            asked = _request(request, core.body_cap)
        except InngestError as error:
            return _response(refuse(core, error))
        if isinstance(request, ASGIRequest):
            return _Awaited(core, asked)
        return _response(core.handle_sync(asked))

    return path(core.serve_path.removeprefix("/"), _unguarded(view), name="inngest")


def _unguarded(view: View) -> View:
    """Take *view* out of what guards pages for browsers, and out of a transaction around each request."""
    for alias in connections:
        transaction.non_atomic_requests(alias)(view)
    view.login_required = False  # type: ignore[attr-defined]  # for LoginRequiredMiddleware, since Django 5.1
    return csrf_exempt(view)


class _Awaited(HttpResponse):
    """A response that is yet to be made: Django's async handler awaits `render`, and answers with its result."""

    context_data: None = None  # middleware for template responses looks at both
    template_name: None = None

    def __init__(self, core: App, asked: Request) -> None:
        super().__init__()
        self._core = core
        self._asked = asked

    async def render(self) -> HttpResponse:
        return _response(await self._core.handle_async(self._asked))


def _request(request: HttpRequest, body_cap: int) -> Request:
    return Request(
        method=request.method or "",
        url=_url(request),
        headers={name.lower(): value for name, value in request.headers.items()},
        body=_body(request, body_cap),
        raw=request,
        has_gone=functools.partial(has_gone_wsgi, request.META),
    )


def _url(request: HttpRequest) -> str:
    """Return the URL with the prefix in it, which under ASGI `request.path` may lack (FORCE_SCRIPT_NAME, hypercorn)."""
    prefix = str(request.META.get("SCRIPT_NAME", "")).rstrip("/")
    try:
        return request.build_absolute_uri(prefix + request.get_full_path_info())
    except DisallowedHost as error:  # Django's own answer is an HTML page
        raise URLInvalidError(str(error)) from None


def _body(request: HttpRequest, cap: int) -> bytes:
    """Read the stream past DATA_UPLOAD_MAX_MEMORY_SIZE, which answers in HTML; or take what somebody read and kept.

    Raises BodyInvalidError: somebody read it and did not keep it.
    """
    try:
        if getattr(request, "_read_started", False):  # it tells nobody else whether its stream was touched
            return request.body
        if isinstance(request, WSGIRequest):
            request.read(0)  # tells Django that the stream is not there for others any more
            return read_body(request.environ, cap)
        return read_limited(iter(lambda: request.read(_CHUNK), b""), cap)
    except UnreadablePostError:  # the client went away
        return b""
    except RawPostDataException:
        raise BodyInvalidError(
            "the body was consumed before it came here, by a middleware or by a wrapper of the view such as a view "
            "of Django REST framework; have it read request.body, which is kept, or leave this path out"
        ) from None


def _response(response: Response) -> HttpResponse:
    answer = HttpResponse(response.body, status=response.status, headers=dict(response.headers))
    # A function that fails is a 500 to the engine, and logged as such; Django would mail it to ADMINS, at every try.
    answer._has_been_logged = response.status >= 500  # type: ignore[attr-defined]  # Django sets and reads it
    return answer
