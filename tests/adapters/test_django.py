"""Django: where functions run, its guards, and its reading of bodies, under WSGI and under ASGI."""

from __future__ import annotations

import asyncio
import io
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import django
import pytest
from django.http import HttpRequest, HttpResponse
from django.test import AsyncRequestFactory, RequestFactory, override_settings
from django.urls import clear_url_caches

import inngest
import inngest.django
from inngest_core.protocol.limits import MAX_REQUEST_BYTES
from inngest_core.web.messages import MAX_DRAINED
from tests.bad_input.served import KEY, signature
from tests.stage.shop import BODY, LOOP, THREAD, Shop, expect_ran, expect_refused, large_body, query, shop, shop_of
from tests.targets.django_asgi import as_asgi
from tests.targets.django_site import ASGISite, WSGISite
from tests.targets.target import Answer, call_asgi, call_wsgi

from .django_sites import PATH, Connect, patterns_of, under_asgi, under_wsgi

GetResponse = Callable[[HttpRequest], HttpResponse]

BOTH = pytest.mark.parametrize("connect", [under_wsgi, under_asgi])
KINDS = pytest.mark.parametrize("kind", ["plain", "async"])


@pytest.fixture(autouse=True)
def no_url_cache() -> Iterator[None]:
    """Forget the resolvers of this module's patterns."""
    yield
    clear_url_caches()


# --- where functions run


@KINDS
def test_under_wsgi_a_plain_function_runs_in_the_requests_thread_and_an_async_one_on_the_loop(kind: str) -> None:
    with shop() as served:
        send = under_wsgi(patterns_of(served))
        expect_ran(send("POST", query(kind), {}, BODY), kind)
        assert (served.seen[THREAD] == threading.get_ident()) == (kind == "plain")


@KINDS
def test_under_asgi_an_async_function_runs_on_the_servers_loop_and_a_plain_one_in_the_pool(kind: str) -> None:
    with shop() as served:
        send = under_asgi(patterns_of(served))
        expect_ran(send("POST", query(kind), {}, BODY), kind)
        assert (served.seen[THREAD] == threading.get_ident()) == (kind == "async")


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
        self.threads.wait(60)

    async def visit_async(self) -> None:
        self.tasks = self.tasks or asyncio.Barrier(2)
        async with asyncio.timeout(60):
            await self.tasks.wait()


@KINDS
def test_under_asgi_calls_do_not_wait_for_each_other(kind: str) -> None:
    with shop_of(Meeting) as served:
        site = as_asgi(ASGISite(patterns_of(served)))

        async def twice() -> list[Answer]:
            calls = [call_asgi(site, "POST", PATH, query(kind), {}, BODY) for _ in range(2)]
            return await asyncio.gather(*calls)

        for answer in asyncio.run(twice()):
            expect_ran(answer, kind)


class Long(Shop):
    """Its async function does not end by itself."""

    def __init__(self, client: inngest.Inngest) -> None:
        super().__init__(client)
        self.started = asyncio.Event()

    async def visit_async(self) -> None:
        self.started.set()
        try:
            await asyncio.sleep(60)
        finally:
            self.seen["ended"] = True


@pytest.mark.skipif(django.VERSION < (5, 0), reason="before 5.0 Django does not look for disconnects")
def test_under_asgi_a_client_that_goes_away_ends_its_call_only() -> None:
    with shop_of(Long) as served:
        site: Any = ASGISite(patterns_of(served))

        async def leave(given: Any, receive: Any, send: Any) -> None:
            received = 0

            async def receive_until_started() -> Any:
                nonlocal received
                received += 1
                if received <= 2:  # the body comes in two pieces
                    return await receive()
                await served.started.wait()
                return {"type": "http.disconnect"}

            await site(given, receive_until_started, send)

        async def both() -> Answer:
            with pytest.raises(ValueError, match="not enough values"):  # there is no answer to unpack
                await call_asgi(leave, "POST", PATH, query("async"), {}, BODY)
            return await call_asgi(as_asgi(site), "POST", PATH, query("plain"), {}, BODY)

        expect_ran(asyncio.run(both()), "plain")
        assert served.seen["ended"]


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
        assert json.loads(response.content) == {"ran": "app-plain"}
        assert seen == [request]


# --- guards for browsers, transactions


@BOTH
def test_guards_for_browsers_and_transactions_leave_the_endpoint_alone(connect: Connect) -> None:
    guards = ["django.middleware.csrf.CsrfViewMiddleware"]
    if django.VERSION >= (5, 1):
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
def test_a_body_over_the_cap(connect: Connect) -> None:
    with shop() as served:
        send = connect(patterns_of(served))
        message = expect_refused(
            send("POST", query("plain"), {}, b" " * (MAX_REQUEST_BYTES + 1)), 413, "body_too_large"
        )
        assert str(MAX_REQUEST_BYTES) in message
        assert THREAD not in served.seen


class Endless(io.RawIOBase):
    """A body without end. given: how much of it was read."""

    given = 0

    def read(self, size: int = -1) -> bytes:
        self.given += size
        return b" " * size


def test_under_wsgi_a_body_over_the_cap_is_read_no_further() -> None:
    with shop() as served:
        body = Endless()
        environ = {"CONTENT_LENGTH": "", "wsgi.input_terminated": True, "wsgi.input": body}
        send = under_wsgi(patterns_of(served), environ=environ)
        expect_refused(send("POST", query("plain"), {}, b""), 413, "body_too_large")
        assert MAX_REQUEST_BYTES < body.given < MAX_REQUEST_BYTES + 2 * 1024 * 1024


def test_under_wsgi_a_body_that_announces_itself_as_too_large_is_not_read_before_the_answer() -> None:
    with shop() as served:
        body = Endless()
        site = WSGISite(patterns_of(served))
        environ = {"CONTENT_LENGTH": str(10**12), "wsgi.input": body}
        given_before: list[int] = []

        def server(given: Any, start_response: Any) -> Any:
            answer = site({**given, **environ}, start_response)
            given_before.append(body.given)
            return answer

        expect_refused(call_wsgi(server, "POST", PATH, query("plain"), {}, b""), 413, "body_too_large")
        assert given_before == [0]
        assert body.given <= MAX_DRAINED  # thrown away, so that a client that is still sending gets its answer


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
    options = {} if mode == "dev" else {"is_production": True, "signing_key": KEY}
    headers = {} if mode == "dev" else {"x-inngest-signature": signature(BODY)}
    with override_settings(MIDDLEWARE=["tests.adapters.test_django.reads_stream"]), shop(**options) as served:
        answer = connect(patterns_of(served))("POST", query("plain"), headers, BODY)
        message = expect_refused(answer, 400, "body_invalid")
        assert "consumed" in message
        assert "request.body" in message


def test_under_wsgi_a_chunked_body_is_read_when_the_server_ends_it() -> None:
    with shop() as served:
        environ = {"CONTENT_LENGTH": "", "wsgi.input": io.BytesIO(BODY), "wsgi.input_terminated": True}
        send = under_wsgi(patterns_of(served), environ=environ)
        expect_ran(send("POST", query("plain"), {}, b""), "plain")


class Broken(io.RawIOBase):
    def read(self, size: int = -1) -> bytes:
        raise ConnectionResetError("the client went away")


def test_under_wsgi_a_client_that_goes_away_is_a_coded_error() -> None:
    with shop() as served:
        send = under_wsgi(patterns_of(served), environ={"wsgi.input": Broken()})
        expect_refused(send("POST", query("plain"), {}, BODY), 400, "body_invalid")


# --- what Django makes of answers


class Failing(Shop):
    """Both functions fail."""

    def visit(self) -> None:
        raise ValueError("no")

    async def visit_async(self) -> None:
        raise ValueError("no")


@BOTH
@KINDS
def test_a_function_that_fails_is_no_error_of_the_site(
    connect: Connect, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    with shop_of(Failing) as served:
        assert connect(patterns_of(served))("POST", query(kind), {}, BODY).status == 500
    assert [record.getMessage() for record in caplog.records if record.name.startswith("django")] == []


@BOTH
def test_a_refused_request_is_in_djangos_log(connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    with shop(is_production=True, signing_key="signkey-test-" + "ab" * 32) as served:
        assert connect(patterns_of(served))("POST", query("plain"), {}, BODY).status == 401
    assert f"Unauthorized: {PATH}" in caplog.messages


@pytest.mark.parametrize("factory", [RequestFactory, AsyncRequestFactory])
def test_whoever_asks_for_the_body_afterwards_gets_it(factory: Any) -> None:
    """A server such as Django's own would wait for ever for more of it."""
    with shop() as served:
        view = inngest.django.serve(served.client, served.functions).callback
        request = factory().generic("POST", f"{PATH}?{query('plain')}", BODY)
        view(request)
        assert request.body == BODY
        assert request.body == BODY
        assert request.read() == BODY
