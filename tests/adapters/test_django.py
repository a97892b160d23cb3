"""Django: what its own settings, middleware and URL patterns do around the endpoint, under WSGI and under ASGI."""

from __future__ import annotations

import asyncio
import io
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import AsyncRequestFactory, RequestFactory, override_settings
from django.urls import include, path

import inngest
import inngest.django

from ..targets.django_asgi import patient
from ..targets.django_site import ASGISite, Patterns, WSGISite
from ..targets.engine import EngineDouble
from ..targets.target import Answer, Send, call_asgi, call_wsgi
from .asking import BODY, LOOP, THREAD, Shop, expect_ran, expect_refused, large_body, query, registered_url, shop

PATH = "/api/inngest"
GetResponse = Callable[[HttpRequest], HttpResponse]
Connect = Callable[..., Send]


def under_wsgi(patterns: Patterns, at: str = PATH, **environ: Any) -> Send:
    site = WSGISite(patterns)
    return lambda method, query, headers, body: call_wsgi(
        lambda given, start: site({**given, **environ}, start), method, at, query, headers, body
    )


def under_asgi(patterns: Patterns, at: str = PATH, **scope: Any) -> Send:
    site = patient(ASGISite(patterns))

    def send(method: str, query: str, headers: Any, body: bytes) -> Answer:
        return asyncio.run(
            call_asgi(
                lambda given, receive, send: site({**given, **scope}, receive, send), method, at, query, headers, body
            )
        )

    return send


BOTH = pytest.mark.parametrize("connect", [under_wsgi, under_asgi])
COLOURS = pytest.mark.parametrize("colour", ["plain", "async"])


def patterns_of(served: Shop, **options: Any) -> Patterns:
    return [inngest.django.serve(served.client, served.functions, **options)]


# --- where functions run


@COLOURS
def test_under_wsgi_a_plain_function_runs_in_the_requests_thread_and_an_async_one_on_the_loop(colour: str) -> None:
    with shop() as served:
        send = under_wsgi(patterns_of(served))
        expect_ran(send("POST", query(colour), {}, BODY), colour)
        assert (served.seen[THREAD] == threading.get_ident()) == (colour == "plain")


@COLOURS
def test_under_asgi_an_async_function_runs_on_the_servers_loop_and_a_plain_one_in_the_pool(colour: str) -> None:
    with shop() as served:
        send = under_asgi(patterns_of(served))
        expect_ran(send("POST", query(colour), {}, BODY), colour)
        assert (served.seen[THREAD] == threading.get_ident()) == (colour == "async")


def test_under_wsgi_a_loop_that_runs_in_the_requests_thread_is_no_obstacle() -> None:
    with shop() as served:
        send = under_wsgi(patterns_of(served))

        async def within_a_loop() -> None:
            expect_ran(send("POST", query("plain"), {}, BODY), "plain")
            expect_ran(send("POST", query("async"), {}, BODY), "async")
            assert served.seen[LOOP] is not asyncio.get_running_loop()

        asyncio.run(within_a_loop())


class Meeting(Shop):
    """Both functions wait for two calls to be under way at the same time."""

    def __init__(self, client: inngest.Inngest) -> None:
        super().__init__(client)
        self.threads = threading.Barrier(2)
        self.tasks: asyncio.Barrier | None = None

    def visit(self) -> None:
        self.threads.wait(10)

    async def visit_async(self) -> None:
        self.tasks = self.tasks or asyncio.Barrier(2)
        async with asyncio.timeout(10):
            await self.tasks.wait()


@COLOURS
def test_under_asgi_calls_do_not_wait_for_each_other(colour: str) -> None:
    with shop(Meeting) as served:
        site = patient(ASGISite(patterns_of(served)))

        async def twice() -> list[Answer]:
            calls = [call_asgi(site, "POST", PATH, query(colour), {}, BODY) for _ in range(2)]
            return await asyncio.gather(*calls)

        for answer in asyncio.run(twice()):
            expect_ran(answer, colour)


def test_under_asgi_the_client_going_away_ends_the_call() -> None:
    class Long(Shop):
        async def visit_async(self) -> None:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                self.seen["cancelled"] = True
                raise

    with shop(Long) as served:
        site: Any = ASGISite(patterns_of(served))  # call_asgi tells of a disconnect right after the body

        async def leave() -> None:
            with pytest.raises(ValueError, match="not enough values"):  # it has no answer to unpack
                await call_asgi(site, "POST", PATH, query("async"), {}, BODY)

        with override_settings(LOGGING_CONFIG=None):
            asyncio.run(leave())
        assert served.seen.get("cancelled", True)


@pytest.mark.parametrize("factory", [RequestFactory, AsyncRequestFactory])
def test_middleware_gets_djangos_request(factory: Any) -> None:
    seen: list[object] = []

    class Sees(inngest.MiddlewareSync):
        def before_execution(self) -> None:
            seen.append(self.raw_request)

    with shop(middleware=[Sees]) as served:
        view = inngest.django.serve(served.client, served.functions).callback
        request = factory().generic("POST", f"{PATH}?{query('plain')}", BODY)
        response: Any = view(request)
        if factory is AsyncRequestFactory:
            response = asyncio.run(response.render())
        assert json.loads(response.content) == {"colour": "plain"}
        assert seen == [request]


# --- guards for browsers, transactions


@BOTH
def test_guards_for_browsers_and_transactions_leave_the_endpoint_alone(connect: Connect) -> None:
    guards = ["django.middleware.csrf.CsrfViewMiddleware"]
    try:
        from django.contrib.auth.middleware import LoginRequiredMiddleware  # noqa: F401
    except ImportError:  # before Django 5.1
        pass
    else:
        guards += ["tests.adapters.test_django.anonymous", "django.contrib.auth.middleware.LoginRequiredMiddleware"]
    with override_settings(MIDDLEWARE=guards), shop() as served:
        send = connect(patterns_of(served))  # ATOMIC_REQUESTS is on, for two databases, neither of which exists
        expect_ran(send("POST", query("plain"), {}, BODY), "plain")
        assert json.loads(send("GET", "", {}, b"").body)["function_count"] == 2
        expect_refused(send("DELETE", "", {}, b""), 405, "method_not_allowed")


def anonymous(get_response: GetResponse) -> GetResponse:
    class Anonymous:
        is_authenticated = False

    def middleware(request: HttpRequest) -> HttpResponse:
        request.user = Anonymous()  # type: ignore[assignment]  # as much of a user as the guard looks at
        return get_response(request)

    return middleware


# --- the body


@BOTH
def test_the_limit_for_uploads_does_not_apply(connect: Connect) -> None:
    with override_settings(DATA_UPLOAD_MAX_MEMORY_SIZE=1000, FILE_UPLOAD_MAX_MEMORY_SIZE=1000), shop() as served:
        send = connect(patterns_of(served))
        expect_ran(send("POST", query("plain"), {}, large_body(5_000_000)), "plain")


@BOTH
def test_a_body_over_the_cap_is_read_no_further(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inngest_core.app.App.__init__.__kwdefaults__", None, raising=False)
    with shop() as served:
        send = connect(patterns_of(served))
        message = expect_refused(send("POST", query("plain"), {}, b" " * (16 * 1024 * 1024 + 1)), 413, "body_too_large")
        assert str(16 * 1024 * 1024) in message
        assert THREAD not in served.seen


def reads_body(get_response: GetResponse) -> GetResponse:
    def middleware(request: HttpRequest) -> HttpResponse:
        assert request.body == BODY
        return get_response(request)

    return middleware


def reads_stream(get_response: GetResponse) -> GetResponse:
    def middleware(request: HttpRequest) -> HttpResponse:
        request.read(10)
        return get_response(request)

    return middleware


@BOTH
def test_a_body_that_somebody_read_and_kept_is_used(connect: Connect) -> None:
    with override_settings(MIDDLEWARE=["tests.adapters.test_django.reads_body"]), shop() as served:
        expect_ran(connect(patterns_of(served))("POST", query("plain"), {}, BODY), "plain")


@BOTH
@pytest.mark.parametrize("mode", ["dev", "cloud"])
def test_a_body_that_somebody_consumed_is_a_clear_error(connect: Connect, mode: str) -> None:
    options = {} if mode == "dev" else {"is_production": True, "signing_key": "signkey-test-" + "ab" * 32}
    with override_settings(MIDDLEWARE=["tests.adapters.test_django.reads_stream"]), shop(**options) as served:
        message = expect_refused(connect(patterns_of(served))("POST", query("plain"), {}, BODY), 400, "body_invalid")
        assert "consumed" in message
        assert "request.body" in message


def test_under_wsgi_a_chunked_body_is_read_when_the_server_ends_it() -> None:
    with shop() as served:
        environ = {"CONTENT_LENGTH": "", "wsgi.input": io.BytesIO(BODY), "wsgi.input_terminated": True}
        send = under_wsgi(patterns_of(served), **environ)
        expect_ran(send("POST", query("plain"), {}, b""), "plain")


class Broken(io.RawIOBase):
    def read(self, size: int = -1) -> bytes:
        raise ConnectionResetError("the client went away")


def test_under_wsgi_a_client_that_goes_away_is_a_coded_error() -> None:
    with shop() as served:
        send = under_wsgi(patterns_of(served), **{"wsgi.input": Broken()})
        expect_refused(send("POST", query("plain"), {}, BODY), 400, "body_invalid")


# --- URLs


@BOTH
def test_several_endpoints_under_prefixes(connect: Connect, engine: EngineDouble) -> None:
    origins = {"api_base_url": engine.origin}
    with shop(**origins) as first, shop(**origins) as second:
        inner = path("v1/<int:shop>/", include([inngest.django.serve(first.client, first.functions[:1])]))
        patterns = [
            inngest.django.serve(first.client, first.functions, serve_path="/first"),
            path("jobs/", include(([inngest.django.serve(second.client, second.functions)], "jobs"), namespace="jobs")),
        ]
        assert registered_url(connect(patterns, "/first"), engine) == "http://shop.example:8000/first"
        assert registered_url(connect(patterns, "/jobs/api/inngest"), engine) == (
            "http://shop.example:8000/jobs/api/inngest"
        )
        assert connect(patterns, PATH)("GET", "", {}, b"").status == 404
        assert inner.pattern.match("v1/7/")


@BOTH
def test_a_serve_path_of_root(connect: Connect) -> None:
    with shop() as served:
        send = connect([path("inngest", include(patterns_of(served, serve_path="/")))], "/inngest")
        expect_ran(send("POST", query("plain"), {}, BODY), "plain")


PROXIES = {
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
        assert registered_url(connect(patterns_of(served, **options), PATH, **given), engine) == url


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
        assert send("POST", query("fn"), {}, BODY).status == 206


@pytest.fixture(autouse=True)
def no_url_cache() -> Iterator[None]:
    """Forget the resolvers of this module's patterns."""
    from django.urls import clear_url_caches

    yield
    clear_url_caches()
