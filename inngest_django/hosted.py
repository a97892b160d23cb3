"""The paths of a project, and the project as `manage.py inngest_dev` has it hosted: an application that has `routes`.

The host looks for `routes` to find out where functions are served, under `include()` too; it knows no Django.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, MutableMapping
from dataclasses import dataclass
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand
from django.urls import URLPattern, URLResolver, get_resolver

from inngest_core.serving.app import App

from .project import is_configured

NOTHING_SERVED = 'the project serves no functions; add path("", include("inngest_django.urls")) to urlpatterns'


@dataclass(frozen=True, slots=True)
class Route:
    """A pattern of the project. path: with the prefixes that lead to it; callback: the view."""

    path: str
    callback: object = None


class WSGIProject:
    """The application that WSGI_APPLICATION names, or Django's own."""

    def __init__(self) -> None:
        self._application: WSGIApplication = _made_by("django.core.servers.basehttp", "get_internal_wsgi_application")
        _check()
        self.routes = list(project_routes())

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return self._application(environ, start_response)


class ASGIProject:
    """Django's ASGI application."""

    def __init__(self) -> None:
        self._application: Any = _made_by("django.core.asgi", "get_asgi_application")
        _check()
        self.routes = list(project_routes())

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http":  # Django refuses the others with an exception
            await self._application(scope, receive, send)


def _made_by(module: str, name: str) -> Any:
    """Return the application; Django's module is imported only here, because it tells that the project is served."""
    return getattr(importlib.import_module(module), name)()


def _check() -> None:
    """Check what `runserver` checks, and say it in the same words."""
    command = BaseCommand()
    command.check()
    command.check_migrations()
    if is_configured() and not endpoints():
        raise ImproperlyConfigured(NOTHING_SERVED)


def create_wsgi() -> WSGIProject:
    return WSGIProject()


def create_asgi() -> ASGIProject:
    return ASGIProject()


def endpoints() -> list[tuple[str, App]]:
    """Return the paths at which the project serves functions, each with what is served there."""
    served = [(route.path, getattr(route.callback, "inngest_app", None)) for route in project_routes()]
    return [(path, app) for path, app in served if isinstance(app, App)]


def project_routes() -> Iterator[Route]:
    """Yield the full paths of the project's patterns, which imports its URLconf; none when there is no URLconf."""
    if not getattr(settings, "ROOT_URLCONF", None):
        return
    yield from _routes(get_resolver().url_patterns, "/")


def _routes(patterns: Iterable[URLPattern | URLResolver], prefix: str) -> Iterator[Route]:
    for pattern in patterns:
        path = prefix + str(pattern.pattern).removeprefix("^").removesuffix("$")
        if isinstance(pattern, URLResolver):
            yield from _routes(pattern.url_patterns, path)
        else:
            yield Route(path, pattern.callback)
