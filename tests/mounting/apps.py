"""One app of each framework with any number of endpoints, and a server that runs it. Each is made as users make it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from wsgiref.types import WSGIApplication

import fastapi
import flask
from hypercorn.middleware.dispatcher import AsyncioDispatcherMiddleware
from starlette.applications import Starlette
from tornado.web import Application
from werkzeug.exceptions import NotFound
from werkzeug.middleware.dispatcher import DispatcherMiddleware

import inngest
import inngest.asgi
import inngest.django
import inngest.fast_api
import inngest.flask
import inngest.starlette
import inngest.tornado
import inngest.wsgi
from tests.stage.servers import Serving, by_tornado, by_uvicorn, by_waitress
from tests.targets.django_asgi import as_asgi
from tests.targets.django_site import ASGISite, Patterns, WSGISite
from tests.targets.target import ASGIApplication, Functions

PATH = "/api/inngest"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What is served at a path. options: more of what `serve` takes."""

    client: inngest.Inngest
    functions: Functions
    path: str = PATH
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])


Make = Callable[[Sequence[Endpoint]], Any]


def flask_app(endpoints: Sequence[Endpoint]) -> flask.Flask:
    app = flask.Flask("shop")
    for each in endpoints:
        inngest.flask.serve(app, each.client, each.functions, serve_path=each.path, **each.options)
    return app


def fastapi_app(endpoints: Sequence[Endpoint]) -> fastapi.FastAPI:
    app = fastapi.FastAPI()
    for each in endpoints:
        inngest.fast_api.serve(app, each.client, each.functions, serve_path=each.path, **each.options)
    return app


def starlette_app(endpoints: Sequence[Endpoint]) -> Starlette:
    app = Starlette()
    for each in endpoints:
        inngest.starlette.serve(app, each.client, each.functions, serve_path=each.path, **each.options)
    return app


def django_patterns(endpoints: Sequence[Endpoint]) -> Patterns:
    return [
        inngest.django.serve(each.client, each.functions, serve_path=each.path, **each.options) for each in endpoints
    ]


def django_wsgi(endpoints: Sequence[Endpoint]) -> WSGISite:
    return WSGISite(django_patterns(endpoints))


def django_asgi(endpoints: Sequence[Endpoint]) -> ASGIApplication:
    return as_asgi(ASGISite(django_patterns(endpoints)))


def tornado_app(endpoints: Sequence[Endpoint]) -> Application:
    app = Application([])
    for each in endpoints:
        inngest.tornado.serve(app, each.client, each.functions, serve_path=each.path, **each.options)
    return app


def bare_asgi(endpoints: Sequence[Endpoint]) -> ASGIApplication:
    """A bare application has no router: one has a path, several are mounted."""
    if len(endpoints) == 1:
        only = endpoints[0]
        return inngest.asgi.serve(only.client, only.functions, serve_path=only.path, **only.options)
    apps: Any = {each.path: inngest.asgi.serve(each.client, each.functions, **each.options) for each in endpoints}
    mounted: Any = AsyncioDispatcherMiddleware(apps)
    return mounted  # type: ignore[no-any-return]  # hypercorn's own types of messages are narrower


def bare_wsgi(endpoints: Sequence[Endpoint]) -> WSGIApplication:
    if len(endpoints) == 1:
        only = endpoints[0]
        return inngest.wsgi.serve(only.client, only.functions, serve_path=only.path, **only.options)
    apps: dict[str, WSGIApplication] = {
        each.path: inngest.wsgi.serve(each.client, each.functions, **each.options) for each in endpoints
    }
    return DispatcherMiddleware(NotFound(), apps)


@dataclass(frozen=True, slots=True)
class Framework:
    """How an app is made, and what runs it."""

    make: Make
    serving: Serving


FRAMEWORKS = {
    "flask": Framework(flask_app, by_waitress),
    "fastapi": Framework(fastapi_app, by_uvicorn),
    "starlette": Framework(starlette_app, by_uvicorn),
    "django-wsgi": Framework(django_wsgi, by_waitress),
    "django-asgi": Framework(django_asgi, by_uvicorn),
    "tornado": Framework(tornado_app, by_tornado),
    "asgi": Framework(bare_asgi, by_uvicorn),
    "wsgi": Framework(bare_wsgi, by_waitress),
}
