"""A Django project for the whole process, with one middleware and no database, and WSGI sites with one path each."""

from __future__ import annotations

from typing import Any

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest
from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
"""Of the project as such; each site below has its own."""

if not settings.configured:
    settings.configure(
        ALLOWED_HOSTS=["*"],
        LOGGING_CONFIG=None,
        MIDDLEWARE=["django.middleware.common.CommonMiddleware"],  # it sets the length of an answer, which sockets need
        ROOT_URLCONF=__name__,
        SECRET_KEY="nobody knows",
        USE_TZ=True,
    )
    django.setup()


class DjangoSite(WSGIHandler):
    """A WSGI application that answers at one path."""

    def __init__(self, pattern: URLPattern) -> None:
        super().__init__()
        self._patterns = (pattern,)

    def resolve_request(self, request: HttpRequest) -> Any:
        request.urlconf = self._patterns  # type: ignore[assignment]  # the module's name, or what is in it
        return super().resolve_request(request)
