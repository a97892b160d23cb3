"""Django REST framework in the same project: its guards leave the endpoint alone, and its views send events."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
from django.http import HttpResponse
from django.urls import clear_url_caches, path

import inngest
from tests.stage.engine_api import EngineDouble
from tests.stage.shop import BODY, expect_ran, query, shop
from tests.targets.django_site import Patterns

from .django_sites import Connect, patterns_of, under_asgi, under_wsgi

decorators: Any = importlib.import_module("rest_framework.decorators")  # the framework has no types
permissions: Any = importlib.import_module("rest_framework.permissions")
View = Callable[..., HttpResponse]
Response: Any = importlib.import_module("rest_framework.response").Response


@pytest.fixture(autouse=True)
def no_url_cache() -> Iterator[None]:
    """Forget the resolvers of this module's patterns."""
    yield
    clear_url_caches()


@pytest.mark.parametrize("connect", [under_wsgi, under_asgi])
def test_default_permissions_leave_the_endpoint_alone_and_views_send_events(
    connect: Connect, engine: EngineDouble
) -> None:
    engine.reset({"*": [(200, {"ids": ["01EVENT"], "status": 200})]})
    with shop(event_api_base_url=engine.origin) as served:

        def order(request: Any) -> Any:
            event = inngest.Event(name="shop/order", data=request.data)
            return Response({"ids": served.client.send_sync(event)}, status=202)

        def guarded(_: Any) -> Any:
            raise AssertionError("nobody may come here")

        anybody, view = decorators.permission_classes([permissions.AllowAny]), decorators.api_view(["POST"])
        patterns: Patterns = [
            path("order", cast("View", view(anybody(order)))),
            path("guarded", cast("View", view(guarded))),
            *patterns_of(served),
        ]
        expect_ran(connect(patterns)("POST", query("plain"), {}, BODY), "plain")
        answer = connect(patterns, "/order")("POST", "", {}, b'{"item": "teapot"}')
        assert (answer.status, json.loads(answer.body)) == (202, {"ids": ["01EVENT"]})
        assert json.loads(engine.requests[0].body)[0]["data"] == {"item": "teapot"}
        assert connect(patterns, "/guarded")("POST", "", {}, b"{}").status == 403
