"""A Django project under ASGI, with the endpoint in an included URLconf."""

from __future__ import annotations

from typing import cast

from django.urls import include, path

import inngest
import inngest.django

from .django_site import ASGISite
from .target import ASGIApplication, ASGITarget, Functions


def as_asgi(site: ASGISite) -> ASGIApplication:
    """Return the site under the type that other ASGI applications have: Django's stubs ask for plain dictionaries."""
    return cast("ASGIApplication", site)


def make(client: inngest.Inngest, functions: Functions) -> ASGIApplication:
    return as_asgi(ASGISite([path("jobs/", include([inngest.django.serve(client, functions)]))]))


TARGET = ASGITarget("django-asgi", "django", "/jobs/api/inngest", make)
