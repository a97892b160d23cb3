"""Django: the URLs at which it serves, and those that are advertised, under WSGI and under ASGI."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.checks import run_checks
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import clear_url_caches, include, path

import inngest
import inngest.django
from tests.stage.engine_api import EngineDouble
from tests.stage.shop import BODY, expect_ran, expect_refused, query, registered_url, shop
from tests.targets.django_site import Patterns

from .django_sites import PATH, Connect, patterns_of, under_asgi, under_wsgi

BOTH = pytest.mark.parametrize("connect", [under_wsgi, under_asgi])


@pytest.fixture(autouse=True)
def no_url_cache() -> Iterator[None]:
    """Forget the resolvers of this module's patterns."""
    yield
    clear_url_caches()


@BOTH
def test_several_endpoints_under_prefixes(connect: Connect, engine: EngineDouble) -> None:
    origins = {"api_base_url": engine.origin}
    with shop(**origins) as first, shop(**origins) as second:
        patterns = [
            inngest.django.serve(first.client, first.functions, serve_path="/first"),
            path("jobs/", include(([inngest.django.serve(second.client, second.functions)], "jobs"), namespace="jobs")),
        ]
        assert registered_url(connect(patterns, "/first"), engine) == "http://shop.example:8000/first"
        assert registered_url(connect(patterns, "/jobs/api/inngest"), engine) == (
            "http://shop.example:8000/jobs/api/inngest"
        )
        assert connect(patterns, PATH)("GET", "", {}, b"").status == 404


@BOTH
def test_a_prefix_with_a_variable(connect: Connect, engine: EngineDouble) -> None:
    with shop(api_base_url=engine.origin) as served:
        send = connect([path("jobs/<slug:tenant>/", include(patterns_of(served)))], "/jobs/acme/api/inngest")
        assert registered_url(send, engine) == "http://shop.example:8000/jobs/acme/api/inngest"
        expect_ran(send("POST", query("plain"), {}, BODY), "plain")


@BOTH
def test_a_serve_path_of_root(connect: Connect) -> None:
    with shop() as served:
        send = connect([path("inngest", include(patterns_of(served, serve_path="/")))], "/inngest")
        expect_ran(send("POST", query("plain"), {}, BODY), "plain")


PROXIES: dict[str, tuple[Connect, Any, Any, Any, str]] = {
    "plain": (under_wsgi, {}, {}, {}, "http://shop.example:8000/api/inngest"),
    "script-name": (under_wsgi, {"SCRIPT_NAME": "/shop"}, {}, {}, "http://shop.example:8000/shop/api/inngest"),
    "root-path": (
        under_asgi,
        {"root_path": "/shop", "path": "/shop/api/inngest"},
        {},
        {},
        "http://shop.example:8000/shop/api/inngest",
    ),
    "forced": (under_wsgi, {}, {"FORCE_SCRIPT_NAME": "/f"}, {}, "http://shop.example:8000/f/api/inngest"),
    "forwarded": (
        under_wsgi,
        {"HTTP_X_FORWARDED_PROTO": "https", "HTTP_X_FORWARDED_HOST": "shop.test"},
        {"SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https"), "USE_X_FORWARDED_HOST": True},
        {},
        "https://shop.test/api/inngest",
    ),
    "forwarded, not asked for": (
        under_wsgi,
        {"HTTP_X_FORWARDED_PROTO": "https", "HTTP_X_FORWARDED_HOST": "shop.test"},
        {},
        {},
        "http://shop.example:8000/api/inngest",
    ),
    "options": (
        under_asgi,
        {},
        {},
        {"serve_origin": "https://shop.test", "public_path": "/backend/inngest"},
        "https://shop.test/backend/inngest",
    ),
}


@pytest.mark.parametrize(("connect", "given", "settings", "options", "url"), PROXIES.values(), ids=PROXIES.keys())
def test_the_advertised_url(
    connect: Connect, given: Any, settings: Any, options: Any, url: str, engine: EngineDouble
) -> None:
    with override_settings(**settings), shop(api_base_url=engine.origin) as served:
        assert registered_url(connect(patterns_of(served, **options), PATH, given), engine) == url


@BOTH
def test_a_host_that_is_not_allowed_is_a_coded_error(connect: Connect) -> None:
    with override_settings(ALLOWED_HOSTS=["other.test"], MIDDLEWARE=[]), shop() as served:
        message = expect_refused(connect(patterns_of(served))("GET", "", {}, b""), 500, "url_invalid")
        assert "ALLOWED_HOSTS" in message


# --- making the pattern


def test_an_app_factory_may_run_twice() -> None:
    def make(client: inngest.Inngest) -> Patterns:
        @client.create_function(fn_id="fn")
        def fn(ctx: inngest.ContextSync) -> str:
            return "done"

        return [inngest.django.serve(client, [fn])]

    with shop() as served:
        make(served.client)
        send = under_wsgi(make(served.client))
        assert send("POST", query("fn"), {}, BODY).status == 200


def warnings_of(*patterns: Any) -> list[str]:
    """Return what `manage.py check` says of a project with these patterns."""
    with override_settings(ROOT_URLCONF=patterns):
        return [str(message.msg) for message in run_checks(tags=["urls"]) if message.id == "inngest.W001"]


def test_two_endpoints_at_one_path_are_warned_of_by_the_system_checks() -> None:
    with shop() as first, shop() as second:
        one, other = patterns_of(first), patterns_of(second)
        assert warnings_of(*one) == []
        assert warnings_of(*one, path("jobs/", include(other))) == []
        assert warnings_of(*one, path("page", page), *other) == [
            "2 inngest.django.serve() patterns are at /api/inngest; requests only reach the first one"
        ]
        [warned] = warnings_of(path("jobs/", include([*one, *patterns_of(second, serve_path="/mail")])), *jobs(other))
        assert "at /jobs/api/inngest;" in warned


def page(_: HttpRequest) -> HttpResponse:
    return HttpResponse()


def jobs(patterns: Patterns) -> Patterns:
    return [path("jobs/", include(list(patterns)))]
