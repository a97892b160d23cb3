"""Starlette and FastAPI: routes, routers, lifespans, the usual middleware around them, and the state of requests."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

import fastapi
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.httpsredirect import HTTPSRedirectMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount

import inngest
import inngest.fast_api
import inngest.starlette
from tests.bad_input.served import KEY, signature
from tests.stage.engine_api import EngineDouble
from tests.stage.shop import BODY, Shop, expect_ran, expect_refused, large_body, query, registered_url, shop
from tests.targets.target import Answer, ASGIApplication, Send, call_asgi

PATH = "/api/inngest"

Make = Callable[[Shop, list[Middleware]], Any]


def by_starlette(served: Shop, middleware: list[Middleware]) -> Starlette:
    return Starlette(routes=inngest.starlette.routes(served.client, served.functions), middleware=middleware)


def by_fastapi(served: Shop, middleware: list[Middleware]) -> fastapi.FastAPI:
    app = fastapi.FastAPI(middleware=middleware)
    app.include_router(inngest.fast_api.router(served.client, served.functions))
    return app


BOTH = pytest.mark.parametrize("make", [by_starlette, by_fastapi])
KINDS = pytest.mark.parametrize("kind", ["plain", "async"])


def connect(app: ASGIApplication, at: str = PATH, **scope: Any) -> Send:
    """Ask an app as its server does. scope: more of it than the request says."""

    async def serve(given: Any, receive: Any, send: Any) -> None:
        await app({**given, **scope}, receive, send)

    def send(method: str, query: str, headers: Any, body: bytes) -> Answer:
        return asyncio.run(call_asgi(serve, method, at, query, headers, body))

    return send


# --- middleware


async def passes_on(request: Request, call_next: RequestResponseEndpoint) -> Response:
    request.state.user = "ada"
    response = await call_next(request)
    response.headers["x-passed"] = "yes"
    return response


MIDDLEWARE = {
    "CORS": Middleware(CORSMiddleware, allow_origins=["*"], allow_methods=["*"]),
    "GZip": Middleware(GZipMiddleware, minimum_size=1),
    "TrustedHost": Middleware(TrustedHostMiddleware, allowed_hosts=["shop.example"]),
    "sessions": Middleware(SessionMiddleware, secret_key="x"),
    "BaseHTTPMiddleware": Middleware(BaseHTTPMiddleware, dispatch=passes_on),
}
AROUND = pytest.mark.parametrize("around", MIDDLEWARE.values(), ids=MIDDLEWARE.keys())


@BOTH
@KINDS
@AROUND
def test_under_the_usual_middleware(make: Make, kind: str, around: Middleware) -> None:
    with shop(is_production=True, signing_key=KEY) as served:
        send = connect(make(served, [around]))
        body = large_body(200_000)
        expect_ran(send("POST", query(kind), {"x-inngest-signature": signature(body)}, body), kind)
        expect_refused(send("POST", query(kind), {}, body), 401, "header_missing")
        expect_refused(send("DELETE", "", {"x-inngest-signature": signature(b"")}, b""), 405, "method_not_allowed")


@BOTH
@KINDS
def test_under_all_of_it_with_streams(make: Make, kind: str) -> None:
    with shop(streaming=inngest.Streaming.FORCE) as served:
        send = connect(make(served, list(MIDDLEWARE.values())))
        answer = send("POST", query(kind), {"origin": "https://elsewhere.example"}, BODY)
        envelope = json.loads(answer.body)
        assert (answer.status, envelope["status"], json.loads(envelope["body"])) == (201, 200, {"ran": f"app-{kind}"})
        assert answer.headers["access-control-allow-origin"] == "*"


async def consumes(request: Request, call_next: RequestResponseEndpoint) -> Response:
    async for _ in request.stream():
        pass
    return await call_next(request)


@BOTH
def test_a_body_that_middleware_has_consumed(make: Make) -> None:
    around = [Middleware(BaseHTTPMiddleware, dispatch=consumes)]
    with shop() as served:
        send = connect(make(served, around))
        message = expect_refused(
            send("POST", query("plain"), {"content-length": str(len(BODY))}, BODY), 400, "body_invalid"
        )
    assert "the body was consumed before it came here" in message
    with shop(is_production=True, signing_key=KEY) as served:
        send = connect(make(served, around))
        headers = {"x-inngest-signature": signature(BODY), "content-length": str(len(BODY))}
        message = expect_refused(send("POST", query("plain"), headers, BODY), 401, "sig_verification_failed")
    assert "the body was consumed before it came here" in message


@BOTH
def test_an_answer_that_is_compressed_says_the_same(make: Make) -> None:
    with shop() as served:
        answer = connect(make(served, [MIDDLEWARE["GZip"]]))("POST", query("plain"), {"accept-encoding": "gzip"}, BODY)
        assert answer.headers["content-encoding"] == "gzip"
        assert json.loads(gzip.decompress(answer.body)) == {"ran": "app-plain"}


@BOTH
def test_a_redirect_to_https_leaves_requests_over_https_alone(make: Make, engine: EngineDouble) -> None:
    with shop(api_base_url=engine.origin) as served:
        app = make(served, [Middleware(HTTPSRedirectMiddleware)])
        assert connect(app)("POST", query("plain"), {}, BODY).status == 307
        over_https = connect(app, scheme="https")
        expect_ran(over_https("POST", query("plain"), {}, BODY), "plain")
        assert registered_url(over_https, engine) == f"https://shop.example:8000{PATH}"


# --- prefixes


def in_a_sub_application(served: Shop) -> Any:
    return Starlette(routes=[Mount("/inner", app=by_starlette(served, []))])


def in_a_mount(served: Shop) -> Any:
    return Starlette(routes=[Mount("/inner", routes=inngest.starlette.routes(served.client, served.functions))])


def in_a_fastapi_sub_application(served: Shop) -> Any:
    app = fastapi.FastAPI()
    app.mount("/inner", by_fastapi(served, []))
    return app


def in_a_versioned_router(served: Shop) -> Any:
    version = fastapi.APIRouter()
    version.include_router(inngest.fast_api.router(served.client, served.functions))
    app = fastapi.FastAPI()
    app.include_router(version, prefix="/inner")
    return app


@pytest.mark.parametrize(
    "make", [in_a_sub_application, in_a_mount, in_a_fastapi_sub_application, in_a_versioned_router]
)
def test_prefixes_are_part_of_the_url(make: Callable[[Shop], Any], engine: EngineDouble) -> None:
    with shop(api_base_url=engine.origin) as served:
        app = make(served)
        send = connect(app, f"/inner{PATH}")
        expect_ran(send("POST", query("async"), {}, BODY), "async")
        assert registered_url(send, engine) == f"http://shop.example:8000/inner{PATH}"
        behind = connect(app, f"/root/inner{PATH}", root_path="/root")
        expect_ran(behind("POST", query("async"), {}, BODY), "async")
        assert registered_url(behind, engine) == f"http://shop.example:8000/root/inner{PATH}"


def test_several_versions_serve_the_same_functions() -> None:
    with shop() as served:
        app = fastapi.FastAPI()
        for version in ("/v1", "/v2"):
            app.include_router(inngest.fast_api.router(served.client, served.functions), prefix=version)
        for version in ("/v1", "/v2"):
            expect_ran(connect(app, f"{version}{PATH}")("POST", query("plain"), {}, BODY), "plain")
        assert app.openapi()["paths"] == {}


# --- the state of requests


@BOTH
@KINDS
def test_state_and_session_are_reached_through_the_raw_request(make: Make, kind: str) -> None:
    seen: list[Any] = []

    class Sees(inngest.MiddlewareSync):
        def before_execution(self) -> None:
            request: Any = self.raw_request
            seen.append((request.state.user, request.session, request.app))

    middleware = [MIDDLEWARE["sessions"], MIDDLEWARE["BaseHTTPMiddleware"]]
    with shop(middleware=[inngest.MiddlewarePair(Sees, SeesAsync)]) as served:
        app = make(served, middleware)
        SeesAsync.seen = seen
        expect_ran(connect(app)("POST", query(kind), {}, BODY), kind)
        assert seen == [("ada", {}, app)]


class SeesAsync(inngest.Middleware):
    """The async half of the middleware above."""

    seen: list[Any] = []  # noqa: RUF012 - given by the test

    async def before_execution(self) -> None:
        request: Any = self.raw_request
        self.seen.append((request.state.user, request.session, request.app))


# --- lifespans


async def run_lifespan(app: Any, while_it_runs: Callable[[dict[str, Any]], None]) -> list[str]:
    """Start and end an app as a server does; return what it said."""
    incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    said: list[str] = []
    state: dict[str, Any] = {}

    async def send(message: Any) -> None:
        said.append(message["type"])
        if message["type"] == "lifespan.startup.complete":
            while_it_runs(state)
            await incoming.put({"type": "lifespan.shutdown"})

    await incoming.put({"type": "lifespan.startup"})
    await app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": state}, incoming.get, send)
    return said


class Noting(inngest.Inngest):
    """A client that notes when it is closed."""

    notes: list[str]

    async def close_async(self) -> None:
        self.notes.append("client closed")
        await super().close_async()


def starlette_with(client: inngest.Inngest, inner: Any) -> Any:
    return Starlette(
        routes=inngest.starlette.routes(client, []), lifespan=inngest.starlette.lifespan(client, inner=inner)
    )


def fastapi_with(client: inngest.Inngest, inner: Any) -> Any:
    app = fastapi.FastAPI(lifespan=inngest.fast_api.lifespan(client, inner=inner))
    inngest.fast_api.serve(app, client, [])
    return app


def fastapi_with_its_own(client: inngest.Inngest, inner: Any) -> Any:
    """The lifespan of the router that is included comes with it."""
    app = fastapi.FastAPI(lifespan=inner)
    app.include_router(inngest.fast_api.router(client, []))
    return app


@pytest.mark.parametrize("make", [starlette_with, fastapi_with, fastapi_with_its_own])
def test_the_client_is_closed_and_the_apps_own_lifespan_runs(make: Any) -> None:
    client = Noting(app_id="app", is_production=False)
    notes: list[str] = []
    client.notes = notes

    @contextlib.asynccontextmanager
    async def own(_: object) -> AsyncGenerator[dict[str, Any]]:
        notes.append("begin")
        yield {"database": "open"}
        notes.append("end")

    def look(state: dict[str, Any]) -> None:
        notes.append(f"database {state['database']}")

    said = asyncio.run(run_lifespan(make(client, own), look))
    assert said == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert sorted(notes) == ["begin", "client closed", "database open", "end"]
    assert notes[:2] == ["begin", "database open"]


def test_an_app_that_serves_twice_at_one_path_does_not_start() -> None:
    with shop() as served:
        routes = inngest.starlette.routes(served.client, served.functions)
        twice = Starlette(routes=[*routes, *routes], lifespan=inngest.starlette.lifespan(served.client))
        mounted = Starlette(
            routes=[Mount("/jobs", routes=routes), Mount("/jobs", routes=routes)],
            lifespan=inngest.starlette.lifespan(served.client),
        )
        included = fastapi.FastAPI()
        for _ in range(2):
            included.include_router(inngest.fast_api.router(served.client, served.functions), prefix="/jobs")
        apps = [(twice, PATH), (mounted, f"/jobs{PATH}"), (included, f"/jobs{PATH}")]
        for app, path in apps:
            with pytest.raises(inngest.InngestError, match=f"functions are served at {path} of this app already"):
                asyncio.run(run_lifespan(app, lambda _: None))


def test_what_is_no_client_is_refused() -> None:
    with pytest.raises(inngest.InngestError, match="client is the function"):
        inngest.starlette.lifespan(lambda app: app)  # type: ignore[arg-type]


async def forgotten(_: object) -> AsyncIterator[dict[str, Any]]:
    """A lifespan, but for its decorator."""
    yield {}


async def not_one(_: object) -> None:
    """What Starlette would never end."""


@pytest.mark.parametrize("inner", [forgotten, not_one])
def test_a_lifespan_without_its_decorator_is_refused_when_the_app_is_made(inner: Any) -> None:
    with shop() as served, pytest.raises(inngest.InngestError, match=f"inner is the plain function {inner.__name__}"):
        inngest.starlette.lifespan(served.client, inner=inner)


def test_what_is_no_lifespan_is_refused() -> None:
    with shop() as served, pytest.raises(inngest.InngestError, match="inner is an int; give the app's own lifespan"):
        inngest.starlette.lifespan(served.client, inner=3)  # type: ignore[arg-type]
