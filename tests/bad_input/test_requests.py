"""Bodies, queries, methods and environments that are wrong: coded JSON answers on every target."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from inngest_core.errors import ConfigError
from inngest_core.protocol.limits import MAX_URL
from tests.cases.case import RUN_ID, Call
from tests.stage.case_check import check_common_headers
from tests.stage.engine_api import EngineDouble
from tests.targets.target import Target

from .served import (
    BODY,
    CAP,
    KEY,
    ON_EVERY_TARGET,
    QUERY,
    TARGETS,
    expect_error,
    served,
    signature,
)


def with_ctx(**ctx: object) -> dict[str, object]:
    body = Call().as_json()
    return {**body, "ctx": {**body["ctx"], **ctx}}


def with_top(**fields: object) -> dict[str, object]:
    return {**Call().as_json(), **fields}


def without(name: str) -> dict[str, object]:
    return {key: value for key, value in Call().as_json().items() if key != name}


NOT_JSON = {
    "empty": b"",
    "text": b"hello",
    "html": b"<html>",
    "cut": BODY[:-1],
    "trailing": BODY + b"}",
    "nan": BODY.replace(b'"data":{}', b'"data":NaN', 1),
    "not-utf-8": b'{"a":"\xff\xfe"}',
    "nul": b"\x00",
    "deep": b"[" * 200_000,
    "deep-closed": b"[" * 200_000 + b"]" * 200_000,
}

WRONG_SHAPES: Mapping[str, object] = {
    "null": None,
    "array": [],
    "number": 7,
    "string": "text",
    "empty": {},
    "no-ctx": without("ctx"),
    "ctx-array": with_top(ctx=[]),
    "ctx-string": with_top(ctx="x"),
    "run-id-missing": with_top(ctx={}),
    "run-id-number": with_ctx(run_id=7),
    "attempt-string": with_ctx(attempt="0"),
    "attempt-boolean": with_ctx(attempt=True),
    "attempt-fraction": with_ctx(attempt=0.5),
    "max-attempts-string": with_ctx(max_attempts="4"),
    "plan-only-number": with_ctx(disable_immediate_execution=1),
    "stack-array": with_ctx(stack=[]),
    "stack-stack-object": with_ctx(stack={"stack": {}}),
    "stack-stack-numbers": with_ctx(stack={"stack": [1]}),
    "use-api-string": with_ctx(use_api="yes"),
    "no-event": without("event"),
    "event-array": with_top(event=[]),
    "event-without-name": with_top(event={"data": {}}),
    "event-name-number": with_top(event={"name": 7}),
    "event-data-array": with_top(event={"name": "x", "data": []}),
    "event-ts-text": with_top(event={"name": "x", "ts": "soon"}),
    "events-object": with_top(events={}),
    "events-of-numbers": with_top(events=[1]),
    "events-of-nulls": with_top(events=[None]),
    "steps-array": with_top(steps=[]),
    "steps-string": with_top(steps="x"),
}


@ON_EVERY_TARGET
@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON.keys())
def test_not_json(body: bytes, target: Target, engine: EngineDouble) -> None:
    with served(target, engine) as send:
        expect_error(send("POST", QUERY, {}, body), target, 400, "body_invalid")


@ON_EVERY_TARGET
@pytest.mark.parametrize("value", WRONG_SHAPES.values(), ids=WRONG_SHAPES.keys())
def test_wrong_shape(value: object, target: Target, engine: EngineDouble) -> None:
    with served(target, engine) as send:
        expect_error(send("POST", QUERY, {}, json.dumps(value).encode()), target, 400, "body_invalid")


@ON_EVERY_TARGET
@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("", "fnId"),
        ("stepId=step", "fnId"),
        ("fnId=app-fn", "stepId"),
        ("fnId=&stepId=step", "fnId"),
        ("fnId&stepId=step", "fnId"),
        ("fnId=app-fn&stepId=", "stepId"),
        ("fnId=app-fn&fnId=app-fn&stepId=step", "fnId"),
        ("fnId=app-fn&stepId=step&stepId=other", "stepId"),
        ("FNID=app-fn&stepId=step", "fnId"),
        ("%FF=%FE&&=&", "fnId"),
    ],
)
def test_query_parameters(query: str, named: str, target: Target, engine: EngineDouble) -> None:
    with served(target, engine) as send:
        assert named in expect_error(send("POST", query, {}, BODY), target, 400, "query_param_missing")


@ON_EVERY_TARGET
@pytest.mark.parametrize(
    "fn_id", ["app-nope", "fn-failure", "app", "app-fn%00", "%F0%9F%98%80", "other-fn", "app-app-fn"]
)
def test_unknown_function(fn_id: str, target: Target, engine: EngineDouble) -> None:
    with served(target, engine) as send:
        said = expect_error(send("POST", f"fnId={fn_id}&stepId=step", {}, BODY), target, 500, "function_not_found")
        assert "app-fn" in said


@ON_EVERY_TARGET
@pytest.mark.parametrize("mode", ["dev", "cloud"])
def test_body_over_the_cap(mode: str, target: Target, engine: EngineDouble) -> None:
    body = b" " * (CAP + 1)
    options = {"is_production": True, "signing_key": KEY} if mode == "cloud" else {}
    headers = {"x-inngest-signature": signature(body)} if mode == "cloud" else {}
    with served(target, engine, **options) as send:
        expect_error(send("POST", QUERY, headers, body), target, 413, "body_too_large", mode=mode)


@ON_EVERY_TARGET
@pytest.mark.parametrize("mode", ["dev", "cloud"])
def test_url_over_its_limit(mode: str, target: Target, engine: EngineDouble) -> None:
    options = {"is_production": True, "signing_key": KEY} if mode == "cloud" else {}
    with served(target, engine, **options) as send:
        answer = send("POST", f"{QUERY}&x={'x' * MAX_URL}", {}, BODY)
        assert str(MAX_URL) in expect_error(answer, target, 414, "url_too_long", mode=mode)


@ON_EVERY_TARGET
def test_body_of_the_cap(target: Target, engine: EngineDouble) -> None:
    with served(target, engine) as send:
        answer = send("POST", QUERY, {}, BODY + b" " * (CAP - len(BODY)))
    assert (answer.status, json.loads(answer.body)) == (200, {"ran": True})


@ON_EVERY_TARGET
@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PATCH", "DELETE", "TRACE", "CONNECT", "FOO", "PROPFIND"])
def test_other_methods(method: str, target: Target, engine: EngineDouble) -> None:
    with served(target, engine) as send:
        answer = send(method, QUERY, {}, b"")
    if answer.body or method != "HEAD":
        expect_error(answer, target, 405, "method_not_allowed")
    assert answer.status == 405
    check_common_headers(answer, target)


@ON_EVERY_TARGET
def test_run_id_that_is_no_path(target: Target, engine: EngineDouble) -> None:
    """A run id goes into the engine's URL when the state is fetched: it must stay one segment of it."""
    engine.reset({})
    body = json.dumps({**with_ctx(run_id="../../fn/register?x=", use_api=True)}).encode()
    with served(target, engine) as send:
        expect_error(send("POST", QUERY, {}, body), target, 500, "state_fetch_failed")
    assert all(each.path.startswith("/v0/runs/..%2F") for each in engine.requests)
    assert RUN_ID not in str(engine.requests)


@ON_EVERY_TARGET
@pytest.mark.parametrize(("trace", "passed_on"), [("00-ab-cd-01", "00-ab-cd-01"), ("caf\xe9", None)])
def test_a_trace_that_no_request_can_carry_is_left_out(
    trace: str, passed_on: str | None, target: Target, engine: EngineDouble
) -> None:
    event: dict[str, object] = {"name": "test/go", "data": {}}
    engine.reset({f"GET /v0/runs/{RUN_ID}/batch": [(200, [event])], f"GET /v0/runs/{RUN_ID}/actions": [(200, {})]})
    with served(target, engine) as send:
        answer = send("POST", QUERY, {"traceparent": trace}, Call(use_api=True).body())
    assert (answer.status, json.loads(answer.body)) == (200, {"ran": True})
    assert engine.requests
    assert {each.headers.get("traceparent") for each in engine.requests} == {passed_on}


@pytest.mark.parametrize("env", ["ветка", "a\nb"])
def test_an_env_that_no_header_can_hold_is_refused_when_the_client_is_made(env: str, engine: EngineDouble) -> None:
    with pytest.raises(ConfigError, match="it goes into a header"), served(TARGETS["core-sync"], engine, env=env):
        pass
