"""For `path("", include("inngest_django.urls"))`: the endpoint of the functions that were found in the project."""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured

from inngest_core.errors import InngestError

from . import serve
from .project import discover, get_client, serve_options

try:
    urlpatterns = [serve(get_client(), discover(), **serve_options())]
except InngestError as error:
    raise ImproperlyConfigured(error.message) from error
