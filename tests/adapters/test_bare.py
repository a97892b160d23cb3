"""The bare ASGI and WSGI applications: at which paths they answer, and what their servers may throw at them."""

from __future__ import annotations

import asyncio
import http.client
import io
import json
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server
from wsgiref.validate import validator

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

import inngest.asgi
import inngest.wsgi
from inngest_core.protocol.limits import MAX_REQUEST_BYTES
from inngest_devserver.hosting.loading import Kind, kind_of
from tests.stage.engine_api import EngineDouble
from tests.stage.servers import by_uvicorn, in_a_thread
from tests.stage.shop import BODY, THREAD, Shop, expect_ran, expect_refused, large_body, query, registered_url, shop
from tests.stage.sockets import ask, ask_raw, chunked
from tests.targets.target import Send, call_asgi, call_wsgi

PATH = "/api/inngest"
NOTHING: Mapping[str, Any] = {}
Connect = Callable[..., Send]


def by_asgi(app: Any, path: str = PATH, scope: Mapping[str, Any] = NOTHING) -> Send:
    """Ask an ASGI app; scope: more of it than the request says."""
    return lambda method, query, headers, body: asyncio.run(
        call_asgi(
            lambda given, receive, send: app({**given, **scope}, receive, send), method, path, query, headers, body
        )
    )


def by_wsgi(app: Any, path: str = PATH, environ: Mapping[str, Any] = NOTHING) -> Send:
    """Ask a WSGI app; environ: more of it than the request says."""
    return lambda method, query, headers, body: call_wsgi(
        lambda given, start: app({**given, **environ}, start), method, path, query, headers, body
    )


BOTH = pytest.mark.parametrize(
    ("serve", "connect"),
    [pytest.param(inngest.asgi.serve, by_asgi, id="asgi"), pytest.param(inngest.wsgi.serve, by_wsgi, id="wsgi")],
)


@BOTH
def test_without_a_serve_path_it_answers_wherever_it_is_put(serve: Any, connect: Connect) -> None:
    with shop() as served:
        app = serve(served.client, served.functions)
        for path in ("/", PATH, "/elsewhere/", ""):
            expect_ran(connect(app, path)("POST", query("plain"), {}, BODY), "plain")


@BOTH
@pytest.mark.parametrize("serve_path", ["/jobs/inngest", "jobs/inngest/"])
def test_with_a_serve_path_it_answers_there_alone(serve: Any, connect: Connect, serve_path: str) -> None:
    with shop() as served:
        app = serve(served.client, served.functions, serve_path=serve_path)
        for path in ("/jobs/inngest", "/jobs/inngest/"):
            expect_ran(connect(app, path)("POST", query("async"), {}, BODY), "async")
        for path in ("/", PATH, "/jobs", "/jobs/inngest/x", "/x/jobs/inngest"):
            answer = connect(app, path)("POST", query("plain"), {}, BODY)
            body = json.loads(answer.body)
            assert (answer.status, body["code"]) == (404, "not_found")
            assert path in body["message"]
            assert "/jobs/inngest" in body["message"]
            assert "x-inngest-sdk" not in answer.headers  # else an engine takes it for an endpoint


@BOTH
def test_other_methods_and_large_bodies(serve: Any, connect: Connect) -> None:
    with shop() as served:
        send = connect(serve(served.client, served.functions))
        expect_refused(send("DELETE", "", {}, b""), 405, "method_not_allowed")
        expect_refused(send("POST", query("plain"), {}, b" " * (MAX_REQUEST_BYTES + 1)), 413, "body_too_large")
        expect_ran(send("POST", query("plain"), {}, large_body(3_000_000)), "plain")


def asgi_app(served: Shop) -> Any:
    return inngest.asgi.serve(served.client, served.functions, serve_path="/inngest")


def wsgi_app(served: Shop) -> Any:
    return inngest.wsgi.serve(served.client, served.functions, serve_path="/inngest")


FORWARDED = {"HTTP_X_FORWARDED_PROTO": "https", "HTTP_X_FORWARDED_HOST": "shop.test", "HTTP_X_FORWARDED_PREFIX": "/p"}
ORIGIN = "http://shop.example:8000"

MOUNTS: dict[str, tuple[Callable[[Shop], Send], str]] = {
    "starlette": (
        lambda served: by_asgi(Starlette(routes=[Mount("/jobs", asgi_app(served))]), "/jobs/inngest"),
        f"{ORIGIN}/jobs/inngest",
    ),
    "root path left out": (
        lambda served: by_asgi(asgi_app(served), "/inngest", {"root_path": "/shop"}),
        f"{ORIGIN}/shop/inngest",
    ),
    "root path kept": (
        lambda served: by_asgi(asgi_app(served), "/shop/inngest", {"root_path": "/shop"}),
        f"{ORIGIN}/shop/inngest",
    ),
    "dispatcher": (
        lambda served: by_wsgi(DispatcherMiddleware(wsgi_app(served), {"/jobs": wsgi_app(served)}), "/jobs/inngest"),
        f"{ORIGIN}/jobs/inngest",
    ),
    "script name": (
        lambda served: by_wsgi(wsgi_app(served), "/inngest", {"SCRIPT_NAME": "/shop"}),
        f"{ORIGIN}/shop/inngest",
    ),
    "proxy": (
        lambda served: by_wsgi(ProxyFix(wsgi_app(served), x_proto=1, x_host=1, x_prefix=1), "/inngest", FORWARDED),
        "https://shop.test/p/inngest",
    ),
    "proxy, not asked for": (
        lambda served: by_wsgi(wsgi_app(served), "/inngest", FORWARDED),
        f"{ORIGIN}/inngest",
    ),
}


@pytest.mark.parametrize(("connect", "url"), MOUNTS.values(), ids=MOUNTS.keys())
def test_the_advertised_url_below_mounts_and_proxies(
    connect: Callable[[Shop], Send], url: str, engine: EngineDouble
) -> None:
    with shop(api_base_url=engine.origin) as served:
        assert registered_url(connect(served), engine) == url


def test_the_command_line_knows_what_they_are() -> None:
    with shop() as served:
        assert kind_of(inngest.asgi.serve(served.client, served.functions)) is Kind.ASGI
        assert kind_of(inngest.wsgi.serve(served.client, served.functions)) is Kind.WSGI


# --- ASGI


def test_lifespan_closes_the_client() -> None:
    closed: list[str] = []

    class Client(inngest.Inngest):
        async def close_async(self) -> None:
            closed.append("closed")
            await super().close_async()

    with Client(app_id="app", is_production=False) as client:
        app = inngest.asgi.serve(client, [])
        incoming = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
        outgoing: list[Any] = []

        async def receive() -> Any:
            return incoming.pop(0)

        async def send(message: Any) -> None:
            outgoing.append((message["type"], list(closed)))

        asyncio.run(app({"type": "lifespan"}, receive, send))
    assert outgoing == [("lifespan.startup.complete", []), ("lifespan.shutdown.complete", ["closed"])]


@pytest.mark.parametrize(("kind", "answers"), [("websocket", ["websocket.close"]), ("unheard of", [])])
def test_other_scopes_are_declined(kind: str, answers: list[str]) -> None:
    outgoing: list[str] = []

    async def receive() -> Any:
        raise AssertionError("there is nothing to receive")

    async def send(message: Any) -> None:
        outgoing.append(message["type"])

    with shop() as served:
        asyncio.run(inngest.asgi.serve(served.client, served.functions)({"type": kind}, receive, send))
    assert outgoing == answers


@pytest.mark.live
def test_asgi_under_uvicorn() -> None:
    with shop() as served:
        app: Any = inngest.asgi.serve(served.client, served.functions)
        with by_uvicorn(app) as port:
            expect_ran(ask(port, PATH)("POST", query("async"), {}, BODY), "async")
            expect_ran(ask_raw(port, chunked(f"{PATH}?{query('plain')}", BODY[:9], BODY[9:])), "plain")
            assert ask(port, PATH)("HEAD", "", {}, b"")[::2] == (405, b"")


# --- WSGI


class Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


@contextmanager
def by_wsgiref(served: Shop) -> Generator[int]:
    """Serve with the server of the standard library; it leaves the stream of a body open."""
    app = validator(inngest.wsgi.serve(served.client, served.functions))
    with (
        make_server("127.0.0.1", 0, app, handler_class=Quiet) as server,
        in_a_thread(lambda: server.serve_forever(0.01), server.shutdown),
    ):
        yield server.server_port


@pytest.mark.live
def test_wsgi_under_the_server_of_the_standard_library() -> None:
    with shop() as served, by_wsgiref(served) as port:
        expect_ran(ask(port, PATH)("POST", query("plain"), {}, BODY), "plain")
        expect_ran(ask(port, PATH)("POST", query("async"), {"Content-Type": "text/plain"}, BODY), "async")
        assert ask(port, PATH)("HEAD", "", {}, b"")[::2] == (405, b"")
        unknown = f"POST {PATH}?{query('plain')} HTTP/1.1\r\nHost: x\r\n\r\n".encode()  # a body of unknown length
        expect_refused(ask_raw(port, unknown), 400, "body_invalid")


def test_the_answer_to_a_head_request_has_no_body() -> None:
    with shop() as served:
        answer = by_wsgi(inngest.wsgi.serve(served.client, served.functions))("HEAD", "", {}, b"")
    assert (answer.status, answer.body) == (405, b"")
    assert int(answer.headers["content-length"]) > 0


@pytest.mark.parametrize("length", ["", "-1", "1e3", "x", "１０"])
def test_a_wrong_content_length(length: str) -> None:
    class Untouched(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            raise AssertionError("a server like this would wait for ever")

    with shop() as served:
        app = inngest.wsgi.serve(served.client, served.functions)
        send = by_wsgi(app, environ={"CONTENT_LENGTH": length, "wsgi.input": Untouched()})
        expect_refused(send("POST", query("plain"), {}, b""), 400, "body_invalid")
        stream = {"wsgi.input": io.BytesIO(BODY), "wsgi.input_terminated": True}
        ended = by_wsgi(app, environ={"CONTENT_LENGTH": length, **stream})
        expect_ran(ended("POST", query("plain"), {}, b""), "plain")


class Gone(io.RawIOBase):
    def __init__(self, error: Exception) -> None:
        self._error = error
        self._given = False

    def read(self, size: int = -1) -> bytes:
        if self._given:
            raise self._error
        self._given = True
        return BODY[:10]


class InPieces(io.BytesIO):
    """As of a client that sends slowly: whoever reads gets what has come, at most seven bytes of it."""

    def read(self, size: int | None = -1) -> bytes:
        if size is None or size < 0:
            raise AssertionError("a server like this would wait for ever")
        return super().read(min(size, 7))


def test_a_body_that_comes_in_pieces_is_read_whole() -> None:
    with shop() as served:
        app = inngest.wsgi.serve(served.client, served.functions)
        send = by_wsgi(app, environ={"CONTENT_LENGTH": str(len(BODY)), "wsgi.input": InPieces(BODY + b"of the next")})
        expect_ran(send("POST", query("plain"), {}, BODY), "plain")
        cut = by_wsgi(app, environ={"CONTENT_LENGTH": str(len(BODY)), "wsgi.input": InPieces(BODY[:-1])})
        expect_refused(cut("POST", query("plain"), {}, BODY), 400, "body_invalid")


class BadChunkError(Exception):
    """What gunicorn raises is not an OSError."""


@pytest.mark.parametrize("error", [ConnectionResetError(), TimeoutError(), OSError("cut off"), BadChunkError()])
def test_a_client_that_goes_away(error: Exception) -> None:
    with shop() as served:
        app = inngest.wsgi.serve(served.client, served.functions)
        send = by_wsgi(app, environ={"wsgi.input": Gone(error)})
        expect_refused(send("POST", query("plain"), {}, BODY), 400, "body_invalid")
        assert THREAD not in served.seen


def test_a_path_that_is_not_ascii(engine: EngineDouble) -> None:
    with shop(api_base_url=engine.origin) as served:
        app = inngest.wsgi.serve(served.client, served.functions)
        path = "/caf\N{LATIN SMALL LETTER E WITH ACUTE} 1".encode().decode("latin-1")  # as PEP 3333 wants it
        assert registered_url(by_wsgi(app, path), engine) == "http://shop.example:8000/caf%C3%A9%201"


def test_reasons_stand_beside_the_status() -> None:
    lines: list[str] = []

    def start_response(status: str, headers: Any, error: Any = None) -> Any:
        lines.append(status)

    with shop() as served:
        app = inngest.wsgi.serve(served.client, served.functions, serve_path="/x")
        environ: Any = {"REQUEST_METHOD": "GET", "PATH_INFO": "/y"}
        app(environ, start_response)
    assert lines == [f"404 {http.client.responses[404]}"]
