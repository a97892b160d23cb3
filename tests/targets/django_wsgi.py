"""A Django project under WSGI."""

import inngest
import inngest.django

from .django_site import WSGISite
from .target import Functions, WSGITarget


def make(client: inngest.Inngest, functions: Functions) -> WSGISite:
    return WSGISite([inngest.django.serve(client, functions)])


TARGET = WSGITarget("django-wsgi", "django", "/api/inngest", make)
