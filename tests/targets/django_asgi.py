"""A Django project under ASGI, with the endpoint in an included URLconf."""

from django.urls import include, path

import inngest
import inngest.django

from .django_site import ASGISite
from .target import ASGITarget, Functions


def make(client: inngest.Inngest, functions: Functions) -> ASGISite:
    return ASGISite([path("jobs/", include([inngest.django.serve(client, functions)]))])


TARGET = ASGITarget("django-asgi", "django", "/jobs/api/inngest", make)
