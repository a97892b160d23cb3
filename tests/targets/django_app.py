"""A Django project with the app `inngest_django`: its client and functions are found by the setting INNGEST."""

from __future__ import annotations

import importlib
import sys
import types

from django.test import override_settings
from django.urls import include, path

import inngest

from .django_site import Patterns, WSGISite
from .target import Functions, WSGITarget


def patterns_of_the_app(client: inngest.Inngest, functions: Functions) -> Patterns:
    """Return what `include("inngest_django.urls")` is in a project that has these functions in a module."""
    module = types.ModuleType("tests.targets.functions_of_the_moment")
    vars(module)["functions"] = list(functions)
    sys.modules[module.__name__] = module
    with override_settings(INNGEST={"CLIENT": client, "FUNCTIONS": [module.__name__]}):
        name = "inngest_django.urls"
        urls = importlib.reload(sys.modules[name]) if name in sys.modules else importlib.import_module(name)
    return [path("", include(urls.urlpatterns))]


def make(client: inngest.Inngest, functions: Functions) -> WSGISite:
    return WSGISite(patterns_of_the_app(client, functions))


TARGET = WSGITarget("django-app", "django", "/api/inngest", make)
