"""A Django project for the whole process: its settings, and handlers that each have patterns of their own."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest
from django.urls import URLPattern, URLResolver

Patterns = Sequence[URLPattern | URLResolver]

DATABASE = Path(tempfile.gettempdir()) / f"inngest-tests-{os.getpid()}.sqlite3"

urlpatterns: list[URLPattern] = []
"""Of the project as such; each handler below has its own."""

if not settings.configured:
    settings.configure(
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=__name__,
        SECRET_KEY="nobody knows",
        USE_TZ=True,
        DATABASES={
            # Everything that would need a database, or a transaction, without being asked to.
            "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": DATABASE, "ATOMIC_REQUESTS": True},
            "other": {"ENGINE": "django.db.backends.sqlite3", "NAME": DATABASE, "ATOMIC_REQUESTS": True},
        },
        INSTALLED_APPS=[
            *("django.contrib.contenttypes", "django.contrib.auth"),
            *("inngest_django", "inngest_django.outbox"),
        ],
        MIDDLEWARE=[
            "django.middleware.security.SecurityMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.middleware.clickjacking.XFrameOptionsMiddleware",
        ],
        LOGGING_CONFIG=None,
        REST_FRAMEWORK={  # nobody may do anything
            "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
            "DEFAULT_AUTHENTICATION_CLASSES": [],
            "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
            "UNAUTHENTICATED_USER": None,
        },
    )
    django.setup()


class _Resolves:
    """Looks a request up in the patterns of this handler. It is hashed, for Django remembers resolvers."""

    patterns: tuple[URLPattern | URLResolver, ...]

    def resolve_request(self, request: HttpRequest) -> Any:
        request.urlconf = self.patterns  # type: ignore[assignment]  # the module's name, or what is in it
        return super().resolve_request(request)  # type: ignore[misc]  # of Django's handler, which is next


class WSGISite(_Resolves, WSGIHandler):
    """A WSGI application that serves *patterns*."""

    def __init__(self, patterns: Patterns) -> None:
        super().__init__()
        self.patterns = tuple(patterns)


class ASGISite(_Resolves, ASGIHandler):
    """An ASGI application that serves *patterns*."""

    def __init__(self, patterns: Patterns) -> None:
        super().__init__()
        self.patterns = tuple(patterns)
