"""Recipes of the docs: AWS Lambda through Mangum, and Falcon, which have no adapter; Tornado's own test case."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

import falcon
import pytest
from mangum import Mangum
from tornado.testing import AsyncHTTPTestCase
from tornado.web import Application

import inngest.asgi
import inngest.tornado
from inngest_core.protocol.limits import MAX_REQUEST_BYTES
from inngest_core.serving.app import App
from inngest_core.web.messages import Request, Response
from tests.stage.engine_api import EngineDouble
from tests.stage.shop import BODY, Shop, expect_ran, expect_refused, query, registered_url, shop
from tests.targets.target import Answer, Headers, Send, call_wsgi

PATH = "/api/inngest"
KINDS = pytest.mark.parametrize("kind", ["plain", "async"])

# --- AWS Lambda


@contextmanager
def a_loop() -> Generator[None]:
    """Mangum runs everything on the loop of its thread, which on AWS lives as long as the process."""
    with asyncio.Runner() as runner:
        asyncio.set_event_loop(runner.get_loop())
        yield


class Context:
    """What AWS tells about an invocation; Mangum passes it on unread."""


def function_url_event(method: str, query: str, headers: Headers, body: bytes, path: str = PATH) -> dict[str, Any]:
    """Return an event of a function URL, and of an HTTP API."""
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"host": "abc.lambda-url.example", "x-forwarded-proto": "https", **headers},
        "requestContext": {"http": {"method": method, "path": path, "sourceIp": "10.0.0.1"}, "stage": "$default"},
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }


def lambda_sender(served: Shop, **options: Any) -> Send:
    handler = Mangum(inngest.asgi.serve(served.client, served.functions, **options), lifespan="off")

    def send(method: str, query: str, headers: Headers, body: bytes) -> Answer:
        context: Any = Context()
        answer: Any = handler(function_url_event(method, query, headers, body), context)
        content = answer["body"].encode()
        return Answer(answer["statusCode"], answer["headers"], content)

    return send


@KINDS
def test_aws_lambda(kind: str) -> None:
    with a_loop(), shop() as served:
        send = lambda_sender(served)
        for _ in range(2):  # a warm start too
            expect_ran(send("POST", query(kind), {"content-type": "application/json"}, BODY), kind)
        expect_refused(send("POST", query(kind), {}, b"{"), 400, "body_invalid")
        expect_refused(send("DELETE", "", {}, b""), 405, "method_not_allowed")


def test_warm_starts_on_aws_lambda_share_connections(engine: EngineDouble) -> None:
    with a_loop(), shop(api_base_url=engine.origin) as served:
        send = lambda_sender(served)
        registered_url(send, engine)
        assert engine.connections == 1
        registered_url(send, engine)  # it counts anew
        assert engine.connections == 0


def test_the_advertised_url_on_aws_lambda(engine: EngineDouble) -> None:
    with a_loop(), shop(api_base_url=engine.origin) as served:
        assert registered_url(lambda_sender(served), engine) == f"https://abc.lambda-url.example{PATH}"
        behind_stage = lambda_sender(served, public_path=f"/prod{PATH}")
        assert registered_url(behind_stage, engine) == f"https://abc.lambda-url.example/prod{PATH}"


# --- Tornado's own tools: as in docs/tornado.md


class TestWithTornadosTools(AsyncHTTPTestCase):
    def get_app(self) -> Application:
        self.shop = self.enterContext(shop())
        app = Application([])
        inngest.tornado.serve(app, self.shop.client, self.shop.functions)
        return app

    def test_calls(self) -> None:
        for kind in ("plain", "async"):
            response = self.fetch(f"{PATH}?{query(kind)}", method="POST", body=BODY)
            headers = {name.lower(): value for name, value in response.headers.items()}
            expect_ran(Answer(response.code, headers, response.body), kind)


# --- Falcon: as in docs/other-frameworks.md


def serve(app: falcon.App[Any, Any], core: App) -> None:
    def sink(req: falcon.Request, resp: falcon.Response, **_: object) -> None:
        _respond(core.handle_sync(_request(req, core.body_cap)), resp)

    app.add_sink(sink, core.serve_path)


def _request(req: falcon.Request, body_cap: int) -> Request:
    headers: Mapping[str, str] = req.headers
    return Request(
        method=req.method,
        url=req.url,
        headers={name.lower(): value for name, value in headers.items()},
        body=req.bounded_stream.read(body_cap + 1),
        raw=req,
    )


def _respond(response: Response, resp: falcon.Response) -> None:
    resp.status = response.status
    resp.data = response.content
    resp.set_headers(dict(response.headers))


@contextmanager
def falcon_sender(engine: EngineDouble) -> Generator[Send]:
    with shop(api_base_url=engine.origin) as served:
        app: falcon.App[Any, Any] = falcon.App()
        serve(app, App(served.client, served.functions, framework="falcon"))
        yield lambda method, query, headers, body: call_wsgi(app, method, PATH, query, headers, body)


@KINDS
def test_falcon(kind: str, engine: EngineDouble) -> None:
    with falcon_sender(engine) as send:
        answer = send("POST", query(kind), {}, BODY)
        expect_ran(answer, kind)
        assert answer.headers["x-inngest-framework"] == "falcon"
        assert json.loads(send("GET", "", {}, b"").body)["function_count"] == 2
        expect_refused(send("DELETE", "", {}, b""), 405, "method_not_allowed")
        expect_refused(send("POST", query(kind), {}, b" " * (MAX_REQUEST_BYTES + 1)), 413, "body_too_large")
        assert registered_url(send, engine) == f"http://shop.example:8000{PATH}"
