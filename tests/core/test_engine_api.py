"""Requests to the engine's API: keys and their rotation, the full state of a run."""

from __future__ import annotations

import json
from typing import Any

import pytest

from inngest_core.config import Config, load_config
from inngest_core.engine_api import EngineAPI, sdk_headers, trace_headers
from inngest_core.errors import ConfigError, RegistrationError, StateFetchError
from inngest_core.runtime.effects import Fetch, Flow
from inngest_core.web.messages import HTTPRequest, HTTPResponse, TransportError

KEY, FALLBACK = "signkey-test-" + "0123456789abcdef" * 4, "signkey-test-" + "fedcba9876543210" * 4
KEY_BEARER = "Bearer signkey-test-4884fdaafea47c29fea7159d0daddd9c085d6200e1359e85bb81736af6b7c837"
FALLBACK_BEARER = "Bearer signkey-test-8d2e4d6374b604562a5d8c04a4dfc035fa499ec7ad373bd48bd2bd62ca75c3b5"
BOTH = load_config(signing_key=KEY, signing_key_fallback=FALLBACK, environ={})
OK = HTTPResponse(200, {}, b"{}")
REFUSED = HTTPResponse(401, {}, b"{}")


def asked(flow: Flow[Any]) -> HTTPRequest:
    effect = next(flow)
    assert isinstance(effect, Fetch)
    return effect.request


def answered(flow: Flow[Any], answer: HTTPResponse) -> Any:
    """Return the result of the flow, or its next request."""
    try:
        effect = flow.send(answer)
    except StopIteration as end:
        return end.value
    assert isinstance(effect, Fetch)
    return effect.request


def get(api: EngineAPI) -> Flow[HTTPResponse]:
    return api.fetch("GET", "/x", headers={"traceparent": "tp"})


def test_the_key_is_tried_first() -> None:
    flow = get(EngineAPI(BOTH))
    request = asked(flow)
    assert (request.method, request.url) == ("GET", "https://api.inngest.com/x")
    assert request.headers["authorization"] == KEY_BEARER
    assert request.headers["traceparent"] == "tp"
    assert answered(flow, OK) is OK


@pytest.mark.parametrize("status", [401, 403])
def test_the_fallback_is_tried_once_and_then_stays(status: int) -> None:
    api = EngineAPI(BOTH)
    flow = get(api)
    asked(flow)
    again = answered(flow, HTTPResponse(status, {}, b""))
    assert again.headers["authorization"] == FALLBACK_BEARER
    assert answered(flow, OK) is OK
    flow = get(api)
    assert asked(flow).headers["authorization"] == FALLBACK_BEARER
    assert answered(flow, REFUSED).headers["authorization"] == KEY_BEARER
    assert answered(flow, OK) is OK
    assert asked(get(api)).headers["authorization"] == KEY_BEARER


def test_two_refusals_are_answered_and_nothing_is_remembered() -> None:
    api = EngineAPI(BOTH)
    flow = get(api)
    asked(flow)
    answered(flow, REFUSED)
    assert answered(flow, REFUSED) is REFUSED
    assert asked(get(api)).headers["authorization"] == KEY_BEARER


def test_without_keys_there_is_no_authorization() -> None:
    flow = EngineAPI(load_config(is_production=False, environ={})).fetch("GET", "/x")
    assert "authorization" not in asked(flow).headers
    assert answered(flow, REFUSED) is REFUSED


def test_a_key_that_is_not_hex_is_explained() -> None:
    config = load_config(signing_key="signkey-test-zz", environ={})
    with pytest.raises(ConfigError, match="not hexadecimal"):
        next(EngineAPI(config).fetch("GET", "/x"))


def test_sdk_headers() -> None:
    config = load_config(is_production=False, env="e", environ={"RENDER": "true"})
    headers = sdk_headers(config, "flask")
    assert headers["x-inngest-sdk"] == headers["user-agent"]
    assert {k: v for k, v in headers.items() if k not in ("x-inngest-sdk", "user-agent")} == {
        "x-inngest-req-version": "2",
        "x-inngest-expected-server-kind": "dev",
        "x-inngest-framework": "flask",
        "x-inngest-platform": "render",
        "x-inngest-env": "e",
    }


def state_of(run_id: str, config: Config = BOTH, **headers: str) -> Flow[Any]:
    return EngineAPI(config, timeout_seconds=2.5).fetch_state(run_id, headers=headers)


def test_state_of_a_run() -> None:
    flow = state_of("01/x", traceparent="tp")
    first = asked(flow)
    second = answered(flow, HTTPResponse(200, {}, b'{"a":{"data":1}}'))
    urls = [f"https://api.inngest.com/v0/runs/01%2Fx/{part}" for part in ("actions", "batch")]
    assert [(each.url, each.headers["traceparent"], each.timeout) for each in (first, second)] == [
        (url, "tp", 2.5) for url in urls
    ]
    assert answered(flow, HTTPResponse(200, {}, b'[{"name":"e"}]')) == ({"a": {"data": 1}}, [{"name": "e"}], 16)


def test_half_a_character_in_the_id_of_a_run_is_replaced() -> None:
    assert asked(state_of("\ud800")).url == "https://api.inngest.com/v0/runs/%3F/actions"


def test_the_trace_pair_is_what_goes_along() -> None:
    pair = {"traceparent": "tp", "tracestate": "ts"}
    assert trace_headers({**pair, "x-run-id": "01"}) == pair
    assert trace_headers({"tracestate": "ts"}) == {"tracestate": "ts"}


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (HTTPResponse(410, {}, b'{"error":"run gone"}'), "the engine answered 410: run gone"),
        (HTTPResponse(502, {}, b"<html>"), "the engine answered 502: <html>"),
        (HTTPResponse(500, {}, b""), "the engine answered 500: no reason given"),
        (HTTPResponse(200, {}, b"{"), "not JSON"),
        (HTTPResponse(200, {}, b'"x"'), "are not a JSON"),
        (HTTPResponse(200, {}, b"[1]"), "are not a JSON"),
    ],
)
def test_a_state_that_cannot_be_had(answer: HTTPResponse, says: str) -> None:
    for before in ([], [HTTPResponse(200, {}, b"{}")]):
        flow = state_of("01", load_config(environ={}))
        asked(flow)
        for good in before:
            answered(flow, good)
        with pytest.raises(StateFetchError, match=says):
            answered(flow, answer)


def test_a_lost_connection_is_a_state_that_cannot_be_had() -> None:
    flow = state_of("01", load_config(environ={}))
    asked(flow)
    with pytest.raises(StateFetchError, match="cut off"):
        flow.throw(TransportError("cut off"))


def test_registration_request() -> None:
    flow = EngineAPI(BOTH).register({"appName": "x"}, framework="flask", deploy_id="a b")
    request = asked(flow)
    assert (request.method, request.url) == ("POST", "https://api.inngest.com/fn/register?deployId=a+b")
    assert json.loads(request.body) == {"appName": "x"}
    assert request.headers["content-type"] == "application/json"
    assert request.headers["x-inngest-framework"] == "flask"
    assert answered(flow, HTTPResponse(200, {}, b'{"ok":true}')) == {"ok": True}


@pytest.mark.parametrize(
    ("answer", "engine_status", "says"),
    [
        (HTTPResponse(400, {}, b'{"error":"App ID required"}'), 400, "the engine answered 400: App ID required"),
        (HTTPResponse(403, {}, b""), 403, "check that INNGEST_SIGNING_KEY is the key of this environment"),
        (HTTPResponse(200, {}, b"<html>"), None, "does not look like an Inngest engine"),
        (HTTPResponse(200, {}, b'{"ok":false,"error":"nope"}'), None, "nope"),
    ],
)
def test_a_registration_that_was_refused(answer: HTTPResponse, engine_status: int | None, says: str) -> None:
    flow = EngineAPI(load_config(signing_key=KEY, environ={})).register({})
    asked(flow)
    with pytest.raises(RegistrationError, match=says) as caught:
        answered(flow, answer)
    assert caught.value.engine_status == engine_status


def test_a_new_endpoint_is_a_post() -> None:
    flow = EngineAPI(BOTH).post("/v1/signals", {"signal": "s", "data": 1}, headers={"traceparent": "tp"})
    request = asked(flow)
    assert (request.url, request.body) == ("https://api.inngest.com/v1/signals", b'{"signal":"s","data":1}')
    assert request.headers["content-type"] == "application/json"
    assert request.headers["traceparent"] == "tp"
    assert request.headers["authorization"] == KEY_BEARER
    assert answered(flow, OK) is OK


@pytest.mark.parametrize(
    ("is_production", "says"),
    [
        (False, "is an engine running there? start one with `inngest dev`, or set INNGEST_DEV to its URL; "),
        (True, "check that this machine can reach it (DNS, firewall, HTTPS_PROXY), and INNGEST_BASE_URL when "),
    ],
)
def test_the_hint_fits_the_mode(is_production: bool, says: str) -> None:
    api = EngineAPI(load_config(is_production=is_production, environ={}))
    assert api.hint_of_no_answer().startswith(says)
    assert f"because of is_production={is_production}" in api.hint_of_no_answer()
