"""`shop`: each of the five examples."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

import inngest
import inngest.django
from tests.targets.django_site import WSGISite


class Shop(NamedTuple):
    app: object
    fulfil: inngest.Function[Any]
    functions: list[inngest.Function[Any]]


@pytest.fixture(params=["flask", "fastapi", "starlette", "tornado", "django"])
def shop(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """An example, imported anew in dev mode, as `inngest dev` imports it."""
    monkeypatch.setenv("INNGEST_DEV", "1")
    name = f"examples.demo.{request.param}." + ("functions" if request.param == "django" else "app")
    sys.modules.pop(name, None)
    module: Any = importlib.import_module(name)
    functions = [module.fulfil, module.ship, module.thank]
    app = WSGISite([inngest.django.serve(module.client, functions)]) if request.param == "django" else module.app
    with module.client:
        yield Shop(app, module.fulfil, functions)
    sys.modules.pop(name, None)
