"""DigitalOcean Functions: events of the platform that hold more, less or other things than the matrix sends."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

import inngest
import inngest.digital_ocean
from inngest.experimental.digital_ocean_simulator import FULL_PATH, DigitalOceanSimulator
from tests.stage.engine_api import EngineDouble
from tests.stage.shop import BODY, Shop, expect_ran, expect_refused, query, registered_url, shop
from tests.targets.target import Answer, Headers

CONTEXT = SimpleNamespace(api_host="https://faas-nyc1.example", function_name="/fn-0f1e/shop/jobs")


def answer_of(returned: dict[str, Any]) -> Answer:
    assert json.loads(json.dumps(returned)) == returned  # the platform sends it on as JSON
    return Answer(returned["statusCode"], returned["headers"], returned["body"].encode())


def call(served: Shop, event: Any, context: Any = CONTEXT) -> Answer:
    return answer_of(inngest.digital_ocean.serve(served.client, served.functions)(event, context))


def event_of(method: str, query: str, headers: Headers, body: bytes, path: str = "") -> dict[str, Any]:
    http = {"method": method, "queryString": query, "headers": dict(headers), "body": body.decode(), "path": path}
    return {"http": http}


@pytest.mark.parametrize("kind", ["plain", "async"])
def test_a_body_that_is_text(kind: str) -> None:
    with shop() as served:
        expect_ran(call(served, event_of("post", query(kind), {"Content-Type": "application/json"}, BODY)), kind)


@pytest.mark.parametrize(
    "event",
    [{}, {"http": {"method": "POST", "headers": {}, "path": ""}, "name": "x"}, {"http": "x"}, {"http": None}],
)
def test_an_event_that_is_not_raw_says_what_to_set(event: Any) -> None:
    with shop(is_production=True, signing_key="signkey-test-" + "ab" * 32) as served:
        assert "web: raw" in expect_refused(call(served, event), 400, "body_invalid")


@pytest.mark.parametrize("body", ["not base64!", "YQ", "\udc80", "é"])
def test_a_body_that_is_no_base64(body: str) -> None:
    event = event_of("POST", query("plain"), {}, b"")
    event["http"].update(body=body, isBase64Encoded=True)
    with shop() as served:
        assert "base64" in expect_refused(call(served, event), 400, "body_invalid")


@pytest.mark.parametrize("body", ["\udc80", "", None, {"parsed": True}, "{" * 100_000])
def test_a_body_that_is_no_json(body: object) -> None:
    event = event_of("POST", query("plain"), {}, b"")
    event["http"].update(body=body)
    with shop() as served:
        expect_refused(call(served, event), 400, "body_invalid")


def test_null_headers_and_query() -> None:
    event = {"http": {"method": "GET", "body": "", "headers": None, "queryString": None, "path": None}}
    with shop() as served:
        assert json.loads(call(served, event).body)["function_count"] == 2


@pytest.mark.parametrize(
    ("context", "path", "options", "url"),
    [
        (CONTEXT, "", {}, "https://faas-nyc1.example/api/v1/web/fn-0f1e/shop/jobs"),
        (CONTEXT, "/below", {}, "https://faas-nyc1.example/api/v1/web/fn-0f1e/shop/jobs/below"),
        (None, "", {"serve_origin": "https://shop.test", "public_path": "/jobs"}, "https://shop.test/jobs"),
        (CONTEXT, "", {"serve_origin": "https://shop.test", "serve_path": "/inngest"}, "https://shop.test/inngest"),
    ],
)
def test_the_advertised_url(context: Any, path: str, options: Any, url: str, engine: EngineDouble) -> None:
    with shop(api_base_url=engine.origin) as served:
        handler = inngest.digital_ocean.serve(served.client, served.functions, **options)

        def send(method: str, query: str, headers: Headers, body: bytes) -> Answer:
            return answer_of(handler(event_of(method, query, headers, body, path), context))

        assert registered_url(send, engine) == url


def test_middleware_gets_the_event_and_the_context() -> None:
    seen: list[object] = []

    class Sees(inngest.MiddlewareSync):
        def before_execution(self) -> None:
            seen.append(self.raw_request)

    event = event_of("POST", query("plain"), {}, BODY)
    with shop(middleware=[Sees]) as served:
        expect_ran(call(served, event), "plain")
    assert seen == [{"event": event, "context": CONTEXT}]


def test_the_simulator_hands_requests_over_as_the_platform_does() -> None:
    seen: list[Any] = []

    def main(event: Any, context: Any) -> dict[str, Any]:
        seen.append((event["http"], context))
        return {"statusCode": 418, "headers": {"x-kind": "pot"}, "body": "short"}

    asked = DigitalOceanSimulator(main).app.test_client()
    answer = asked.post(f"{FULL_PATH}/below?a=1&b=%20", data=b"\x00\xff", headers={"X-One": "1"})
    assert (answer.status_code, answer.headers["x-kind"], answer.text) == (418, "pot", "short")
    asked.put(FULL_PATH, data="text", content_type="text/plain")
    (first, context), (second, _) = seen
    assert (first["method"], first["path"], first["queryString"]) == ("POST", "/below", "a=1&b=%20")
    assert (first["body"], first["isBase64Encoded"], first["headers"]["x-one"]) == ("AP8=", True, "1")
    assert (second["body"], second["isBase64Encoded"], second["path"]) == ("text", False, "")
    assert (context.api_host, "/api/v1/web" + context.function_name) == ("http://localhost", FULL_PATH)
