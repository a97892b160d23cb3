"""Tornado, over real sockets: its loop is never held, its limits and guards do not apply, nothing answers in HTML."""

from __future__ import annotations

import asyncio
import http.client
import json
import logging
import socket
import threading
import time
from collections.abc import Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any

import pytest
from tornado.web import Application, RequestHandler

import inngest
import inngest.tornado
from inngest_core.protocol.limits import MAX_REQUEST_BYTES
from tests.stage.engine_api import EngineDouble
from tests.stage.logs import records_of
from tests.stage.servers import by_tornado
from tests.stage.shop import (
    BODY,
    THREAD,
    Shop,
    expect_ran,
    expect_refused,
    large_body,
    query,
    registered_url,
    shop,
    shop_of,
)
from tests.stage.sockets import PATIENCE, ask, ask_raw, chunked, read

pytestmark = pytest.mark.live

PATH = "/api/inngest"
NOTHING: Mapping[str, Any] = {}
KINDS = pytest.mark.parametrize("kind", ["plain", "async"])


@contextmanager
def served(
    kind: type[Shop] = Shop, *, settings: Mapping[str, Any] = NOTHING, server: Mapping[str, Any] = NOTHING
) -> Generator[tuple[Any, int]]:
    """A shop behind a running Tornado; gives both it and the port."""
    with shop_of(kind) as a_shop:
        app = Application([], **settings)
        inngest.tornado.serve(app, a_shop.client, a_shop.functions)
        with by_tornado(app, [a_shop.client], **server) as port:
            yield a_shop, port


@KINDS
def test_an_async_function_runs_on_the_servers_loop_and_a_plain_one_elsewhere(kind: str) -> None:
    with served() as (a_shop, port):
        send = ask(port, PATH)
        expect_ran(send("POST", query("async"), {}, BODY), "async")
        loops_thread = a_shop.seen[THREAD]
        expect_ran(send("POST", query(kind), {}, BODY), kind)
        assert (a_shop.seen[THREAD] == loops_thread) == (kind == "async")


class Waiting(Shop):
    """Both functions wait to be let go."""

    def __init__(self, client: inngest.Inngest) -> None:
        super().__init__(client)
        self.started = threading.Event()
        self.go_on = threading.Event()

    def visit(self) -> None:
        self.started.set()
        assert self.go_on.wait(PATIENCE)

    async def visit_async(self) -> None:
        self.started.set()
        while not self.go_on.is_set():
            await asyncio.sleep(0.005)


@KINDS
def test_a_long_call_does_not_hold_the_loop(kind: str) -> None:
    with served(Waiting) as (a_shop, port), ThreadPoolExecutor(1) as pool:
        send = ask(port, PATH)
        long = pool.submit(send, "POST", query(kind), {}, BODY)
        assert a_shop.started.wait(PATIENCE)
        assert send("GET", "", {}, b"").status == 200
        assert not long.done()
        a_shop.go_on.set()
        expect_ran(long.result(PATIENCE), kind)


@KINDS
def test_a_client_that_goes_away_does_not_end_its_call_or_the_server(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    with served(Waiting) as (a_shop, port):
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
            connection.sendall(chunked(f"{PATH}?{query(kind)}", BODY))
            assert a_shop.started.wait(PATIENCE)
        a_shop.go_on.set()
        expect_ran(ask(port, PATH)("POST", query("plain"), {}, BODY), "plain")
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PATCH", "DELETE", "FOO", "FINISH"])
def test_every_method_is_answered_by_the_app(method: str) -> None:
    with served() as (_, port):
        answer = ask(port, PATH)(method, "", {}, b"")
        assert answer.status == 405
        if method == "HEAD":
            assert answer.body == b""
            assert int(answer.headers["content-length"]) > 0
        else:
            expect_refused(answer, 405, "method_not_allowed")


def test_guards_for_browsers_leave_the_endpoint_alone() -> None:
    settings = {"xsrf_cookies": True, "cookie_secret": "nobody knows", "cross_origin_protection": True}
    with served(settings=settings) as (_, port):
        headers = {"Origin": "https://elsewhere.test", "Sec-Fetch-Site": "cross-site"}
        expect_ran(ask(port, PATH)("POST", query("plain"), headers, BODY), "plain")


def test_the_servers_own_limit_for_bodies_does_not_apply() -> None:
    with served(server={"max_body_size": 1000}) as (_, port):
        expect_ran(ask(port, PATH)("POST", query("async"), {}, large_body(3_000_000)), "async")


@pytest.mark.parametrize("size", [MAX_REQUEST_BYTES + 1, 2 * MAX_REQUEST_BYTES])
def test_a_body_over_the_cap(size: int) -> None:
    with served(server={"max_body_size": 1000}) as (a_shop, port):
        expect_refused(ask(port, PATH)("POST", query("plain"), {}, b" " * size), 413, "body_too_large")
        assert THREAD not in a_shop.seen


def test_a_chunked_body() -> None:
    with served() as (_, port):
        half = len(BODY) // 2
        expect_ran(ask_raw(port, chunked(f"{PATH}?{query('plain')}", BODY[:half], BODY[half:])), "plain")


@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "\xff"]
)
def test_a_content_type_that_tornado_would_parse(content_type: str) -> None:
    with served() as (_, port):
        expect_ran(ask(port, PATH)("POST", query("plain"), {"content-type": content_type}, BODY), "plain")


def test_one_connection_carries_many_requests() -> None:
    with served() as (_, port), closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection:
        for kind in ("plain", "async", "plain"):
            connection.request("POST", f"{PATH}?{query(kind)}", BODY)
            expect_ran(read(connection.getresponse()), kind)
        connection.request("HEAD", PATH)
        assert read(connection.getresponse()).status == 405
        connection.request("POST", f"{PATH}?{query('async')}", BODY)
        expect_ran(read(connection.getresponse()), "async")


def test_several_endpoints_beside_handlers_of_the_app(engine: EngineDouble) -> None:
    class Page(RequestHandler):
        def get(self) -> None:
            self.finish(b"page")  # pyright: ignore[reportUnknownMemberType]  # a dict of anything, too

    with shop(api_base_url=engine.origin) as first, shop(api_base_url=engine.origin) as second:
        app = Application([("/.*", Page)])
        inngest.tornado.serve(app, first.client, first.functions, serve_path="/a+b/first")
        inngest.tornado.serve(app, second.client, second.functions[:1])
        with by_tornado(app, [first.client]) as port:
            assert registered_url(ask(port, "/a+b/first"), engine) == f"http://127.0.0.1:{port}/a+b/first"
            assert json.loads(ask(port, "/a+b/first")("GET", "", {}, b"").body)["function_count"] == 2
            assert json.loads(ask(port, PATH)("GET", "", {}, b"").body)["function_count"] == 1
            for page in ("/", "/aab/first", "/api/inngest/", "/x/api/inngest"):
                assert ask(port, page)("GET", "", {}, b"").body == b"page"


@pytest.mark.parametrize(
    ("server", "headers", "options", "url"),
    [
        ({}, {"Host": "shop.example"}, {}, "http://shop.example/api/inngest"),
        (
            {},
            {"Host": "shop.example", "X-Forwarded-Proto": "https"},
            {"serve_origin": "https://shop.test", "public_path": "/backend"},
            "https://shop.test/backend",
        ),
        (
            {"xheaders": True},
            {"Host": "shop.example", "X-Forwarded-Proto": "https"},
            {},
            "https://shop.example/api/inngest",
        ),
    ],
)
def test_the_advertised_url(server: Any, headers: Any, options: Any, url: str, engine: EngineDouble) -> None:
    with shop(api_base_url=engine.origin) as a_shop:
        app = Application([])
        inngest.tornado.serve(app, a_shop.client, a_shop.functions, **options)
        with by_tornado(app, [a_shop.client], **server) as port:
            send = ask(port, PATH)
            assert registered_url(lambda method, query, _, body: send(method, query, headers, body), engine) == url


def test_calls_are_in_the_access_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "tornado.access"), served() as (_, port):
        ask(port, PATH)("POST", query("plain"), {}, BODY)
        ask(port, PATH)("DELETE", "", {}, b"")
        end = time.monotonic() + PATIENCE
        while len(records_of("tornado.access", caplog)) < 2 and time.monotonic() < end:
            time.sleep(0.01)
    records = records_of("tornado.access", caplog)
    logged = [(record.levelno, record.getMessage().rpartition(" ")[0]) for record in records]
    assert logged == [(logging.INFO, f"200 POST {PATH}"), (logging.INFO, f"405 DELETE {PATH}")]


def test_an_app_factory_may_run_twice() -> None:
    def make(client: inngest.Inngest) -> Application:
        @client.create_function(fn_id="fn")
        def fn(ctx: inngest.ContextSync) -> dict[str, str]:
            return {"ran": "app-plain"}

        app = Application([])
        inngest.tornado.serve(app, client, [fn])
        return app

    with shop() as a_shop:
        make(a_shop.client)
        with by_tornado(make(a_shop.client), [a_shop.client]) as port:
            expect_ran(ask(port, PATH)("POST", query("fn"), {}, BODY), "plain")
