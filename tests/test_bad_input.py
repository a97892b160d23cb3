"""Bad requests get their coded JSON answers on every target: no HTML page, no traceback (protocol §5, §6)."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

import pytest

import inngest
from inngest_core import call as call_module
from inngest_core import registration as registration_module
from inngest_core import signing as signing_module
from inngest_core import wire
from inngest_core.errors import ConfigError

from .asking import check_common_headers
from .cases.case import APP_ID, RUN_ID, Call
from .targets import find_targets
from .targets.engine import EngineDouble
from .targets.target import Answer, Functions, Send, Target

KEY = "signkey-test-" + "0123456789abcdef" * 4
FALLBACK = "signkey-test-" + "fedcba9876543210" * 4
STRANGER = "signkey-test-" + "00" * 32
CAP = 16 * 1024 * 1024
QUERY = "fnId=app-fn&stepId=step"
BODY = Call().body()

TARGETS = find_targets()
ON_EVERY_TARGET = pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS.keys())


def signature(body: bytes, *, key: str = KEY, seconds: float | None = None) -> str:
    t = str(int(time.time() if seconds is None else seconds))
    secret = key.removeprefix("signkey-test-").encode()
    return f"t={t}&s={hmac.new(secret, body + t.encode(), hashlib.sha256).hexdigest()}"


class Connects(Protocol):
    """A target, or a server with one in it."""

    def connect(self, client: inngest.Inngest, functions: Functions) -> Send: ...


@contextmanager
def served(target: Connects, engine: EngineDouble, **options: Any) -> Generator[Send]:
    """Serve one function on *target*; in dev mode without keys unless options say otherwise."""
    given: dict[str, Any] = {"is_production": False, **options}
    with inngest.Inngest(
        app_id=APP_ID,
        api_base_url=engine.origin,
        event_api_base_url=engine.origin,
        logger=logging.Logger("silent"),
        **given,
    ) as client:

        @client.create_function(fn_id="fn", trigger=inngest.TriggerEvent(event="test/go"))
        def fn(ctx: inngest.ContextSync) -> object:
            return {"ran": True}

        yield target.connect(client, [fn])


def expect_error(answer: Answer, target: Target, status: int, code: str, *, mode: str = "dev") -> str:
    """Assert a coded error and the headers of this SDK; return the message."""
    body = json.loads(answer.body)
    assert (answer.status, body["code"]) == (status, code)
    assert isinstance(body["message"], str)
    assert body["message"]
    assert body["name"].endswith("Error")
    assert "Traceback" not in answer.body.decode()
    check_common_headers(answer, target, mode=mode)
    return str(body["message"])


def expect_signed(answer: Answer, key: str = KEY) -> None:
    """Assert that the answer is signed by *key*, over its raw bytes."""
    header = answer.headers["x-inngest-signature"]
    seconds = float(header.partition("&")[0].removeprefix("t="))
    assert abs(seconds - time.time()) < 60
    assert header == signature(answer.body, key=key, seconds=seconds)


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
    options = {"is_production": True, "signing_key": KEY} if mode == "cloud" else {}
    with served(target, engine, **options) as send:
        expect_error(send("POST", QUERY, {}, b" " * (CAP + 1)), target, 413, "body_too_large", mode=mode)


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


NOW = time.time()
BAD_SIGNATURES: Mapping[str, str] = {
    "empty": "",
    "text": "hello",
    "only-t": f"t={int(NOW)}",
    "no-s": f"t={int(NOW)}&s=",
    "short-s": f"t={int(NOW)}&s=abc",
    "not-hex": f"t={int(NOW)}&s={'z' * 64}",
    "order": "s={1}&t={0}".format(*[part.partition("=")[2] for part in signature(BODY).split("&")]),
    "no-t": f"s={'0' * 64}",
    "t-text": f"t=now&s={'0' * 64}",
    "t-negative": f"t=-1&s={'0' * 64}",
    "t-fraction": f"t={NOW}&s={'0' * 64}",
    "t-huge": f"t={'9' * 5000}&s={'0' * 64}",
    "t-arabic": f"t={str(int(NOW)).replace('1', chr(0xB9))}&s={'0' * 64}",
    "non-ascii": "t=é&s=ÿ",
    "twice": signature(BODY) + "&" + signature(BODY),
    "space": " ".join(signature(BODY).split("&")),
    "trailing-new-text": signature(BODY) + "x",
    "long": "t=1&s=" + "0" * 100_000,
    "old": signature(BODY, seconds=NOW - 310),
    "very-old": signature(BODY, seconds=1),
    "future": signature(BODY, seconds=NOW + 86_400),
    "stranger": signature(BODY, key=STRANGER),
    "other-body": signature(BODY + b" "),
    "zeros": f"t={int(NOW)}&s={'0' * 64}",
}
UNSIGNED = ("empty", "dev")
"""An empty header is none, and dev mode needs none."""


@ON_EVERY_TARGET
@pytest.mark.parametrize(
    ("name", "mode"), [(n, m) for n in BAD_SIGNATURES for m in ("dev", "cloud") if (n, m) != UNSIGNED]
)
def test_bad_signature(name: str, mode: str, target: Target, engine: EngineDouble) -> None:
    header = BAD_SIGNATURES[name]
    with served(target, engine, is_production=mode == "cloud", signing_key=KEY, signing_key_fallback=FALLBACK) as send:
        answer = send("POST", QUERY, {"x-inngest-signature": header}, BODY)
    expect_error(answer, target, 401, "sig_verification_failed" if header else "header_missing", mode=mode)
    assert "x-inngest-signature" not in answer.headers


@ON_EVERY_TARGET
def test_missing_signature(target: Target, engine: EngineDouble) -> None:
    with served(target, engine, is_production=True, signing_key=KEY) as send:
        expect_error(send("POST", QUERY, {}, BODY), target, 401, "header_missing", mode="cloud")


@ON_EVERY_TARGET
@pytest.mark.parametrize("key", [KEY, FALLBACK], ids=["key", "fallback"])
def test_each_key_verifies_and_signs(key: str, target: Target, engine: EngineDouble) -> None:
    with served(target, engine, is_production=True, signing_key=KEY, signing_key_fallback=FALLBACK) as send:
        answer = send("POST", QUERY, {"X-Inngest-Signature": signature(BODY, key=key)}, BODY)
        assert (answer.status, json.loads(answer.body)) == (200, {"ran": True})
        expect_signed(answer, key)
        for query, body, status, code in (
            ("", BODY, 400, "query_param_missing"),
            ("fnId=nope&stepId=step", BODY, 500, "function_not_found"),
            (QUERY, b"hello", 400, "body_invalid"),
        ):
            answer = send("POST", query, {"x-inngest-signature": signature(body, key=key)}, body)
            expect_error(answer, target, status, code, mode="cloud")
            expect_signed(answer, key)
        answer = send("FOO", "", {"x-inngest-signature": signature(b"", key=key)}, b"")
        expect_error(answer, target, 405, "method_not_allowed", mode="cloud")
        expect_signed(answer, key)


@ON_EVERY_TARGET
def test_a_signature_within_the_window(target: Target, engine: EngineDouble) -> None:
    with served(target, engine, is_production=True, signing_key=KEY) as send:
        for seconds in (time.time() - 250, time.time() + 250):
            answer = send("POST", QUERY, {"x-inngest-signature": signature(BODY, seconds=seconds)}, BODY)
            assert answer.status == 200


@ON_EVERY_TARGET
def test_a_body_that_a_proxy_wrote_anew(target: Target, engine: EngineDouble) -> None:
    spread = json.dumps(json.loads(BODY), indent=2).encode()
    with served(target, engine, is_production=True, signing_key=KEY) as send:
        answer = send("POST", QUERY, {"x-inngest-signature": signature(BODY)}, spread)
        assert answer.status == 200
        expect_signed(answer)


@ON_EVERY_TARGET
@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "FOO"])
def test_cloud_mode_without_a_key(method: str, target: Target, engine: EngineDouble) -> None:
    with served(target, engine, is_production=True) as send:
        answer = send(method, QUERY, {"x-inngest-signature": signature(BODY)}, BODY)
    said = expect_error(answer, target, 500, "signing_key_unspecified", mode="cloud")
    assert "INNGEST_SIGNING_KEY" in said


@ON_EVERY_TARGET
@pytest.mark.parametrize("signed", ["unsigned", "stranger", "malformed"])
def test_an_unsigned_body_in_cloud_mode_is_never_parsed(
    signed: str, target: Target, engine: EngineDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(body: bytes, *_: object) -> Any:
        raise AssertionError(f"{len(body)} bytes were parsed")

    body = b"[" * (4 * 1024 * 1024)
    headers = {
        "unsigned": {},
        "stranger": {"x-inngest-signature": signature(body, key=STRANGER)},
        "malformed": {"x-inngest-signature": "t=1&s=0"},
    }[signed]
    for module in (wire, signing_module, call_module, registration_module):
        for name in ("parse_json", "parse_call", "parse_object"):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, refuse)
    with served(target, engine, is_production=True, signing_key=KEY) as send:
        answer = send("POST", QUERY, headers, body)
    code = "header_missing" if signed == "unsigned" else "sig_verification_failed"
    expect_error(answer, target, 401, code, mode="cloud")


def test_the_parsers_are_looked_up_where_the_test_above_replaces_them(
    engine: EngineDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[int] = []
    parse_call = wire.parse_call

    def count(body: bytes) -> wire.CallRequest:
        parsed.append(len(body))
        return parse_call(body)

    monkeypatch.setattr(call_module, "parse_call", count)
    with served(TARGETS["core-sync"], engine) as send:
        assert send("POST", QUERY, {}, BODY).status == 200
    assert parsed == [len(BODY)]


MODES: Mapping[str, dict[str, Any]] = {
    "dev-no-key": {},
    "dev-key": {"signing_key": KEY},
    "cloud": {"is_production": True, "signing_key": KEY},
    "cloud-no-unauthed-sync": {"is_production": True, "signing_key": KEY},
}
SIGNED_AS = ("unsigned", "wrong", "signed")

# The table of protocol §5: by request and mode, the status unsigned, wrongly signed, signed.
TABLE: Mapping[str, Mapping[str, tuple[int, int, int]]] = {
    "GET": {
        "dev-no-key": (200, 200, 200),
        "dev-key": (200, 200, 200),
        "cloud": (200, 200, 200),
        "cloud-no-unauthed-sync": (200, 200, 200),
    },
    "PUT out of band": {
        "dev-no-key": (200, 200, 200),
        "dev-key": (200, 401, 200),
        "cloud": (200, 401, 200),
        "cloud-no-unauthed-sync": (401, 401, 200),
    },
    "PUT in band": {
        "dev-no-key": (200, 200, 200),
        "dev-key": (200, 401, 200),
        "cloud": (401, 401, 200),
        "cloud-no-unauthed-sync": (401, 401, 200),
    },
    "POST": {
        "dev-no-key": (200, 200, 200),
        "dev-key": (200, 401, 200),
        "cloud": (401, 401, 200),
        "cloud-no-unauthed-sync": (401, 401, 200),
    },
    "POST trust": {
        "dev-no-key": (200, 200, 200),
        "dev-key": (200, 401, 200),
        "cloud": (401, 401, 200),
        "cloud-no-unauthed-sync": (401, 401, 200),
    },
}
ROWS = [(kind, mode, how) for kind, modes in TABLE.items() for mode in modes for how in SIGNED_AS]
REGISTERED = {"ok": True, "modified": True, "sync_id": "1", "app_id": "2"}


@ON_EVERY_TARGET
@pytest.mark.parametrize(("kind", "mode", "how"), ROWS, ids=["-".join(row).replace(" ", "_") for row in ROWS])
def test_who_may_do_what(
    kind: str, mode: str, how: str, target: Target, engine: EngineDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    if mode == "cloud-no-unauthed-sync":
        monkeypatch.setenv("INNGEST_ENABLE_UNAUTHED_SYNC", "0")
    engine.reset({"POST /fn/register": [(200, REGISTERED)]})
    method, _, variant = kind.partition(" ")
    query = QUERY if kind == "POST" else "probe=trust" if variant == "trust" else ""
    body = BODY if kind == "POST" else b'{"url":"https://shop.example/api/inngest"}' if variant == "in band" else b""
    headers = {"x-inngest-sync-kind": "in_band"} if variant == "in band" else {}
    if how != "unsigned":
        headers["x-inngest-signature"] = signature(body, key=KEY if how == "signed" else STRANGER)
    with served(target, engine, **MODES[mode]) as send:
        answer = send(method, query, headers, body)
    wanted = TABLE[kind][mode][SIGNED_AS.index(how)]
    config_mode = "cloud" if mode.startswith("cloud") else "dev"
    if wanted == 401:
        code = "header_missing" if how == "unsigned" else "sig_verification_failed"
        expect_error(answer, target, 401, code, mode=config_mode)
        assert engine.requests == []
        return
    assert answer.status == wanted
    check_common_headers(answer, target, mode=config_mode)
    verified = how == "signed" and mode != "dev-no-key"
    if verified:
        expect_signed(answer)
    else:
        assert "x-inngest-signature" not in answer.headers
    value = json.loads(answer.body)
    if method == "GET":
        expected = {"signed": True, "wrong": False, "unsigned": None}[how] if mode != "dev-no-key" else None
        assert value["authentication_succeeded"] is expected
        assert ("app_id" in value) == verified
    elif kind == "POST":
        assert value == {"ran": True}
    elif variant == "in band":
        assert [each["id"] for each in value["functions"]] == ["app-fn"]
        assert answer.headers["x-inngest-sync-kind"] == "in_band"
    elif variant == "out of band":
        assert value["modified"] is True
        assert [each.path for each in engine.requests] == ["/fn/register"]


@ON_EVERY_TARGET
def test_registration_advertises_the_url_that_was_asked(target: Target, engine: EngineDouble) -> None:
    engine.reset({"POST /fn/register": [(200, REGISTERED)]})
    with served(target, engine) as send:
        assert send("PUT", "deployId=7", {}, b"").status == 200
    [asked] = engine.requests
    assert asked.path == "/fn/register?deployId=7"
    sent = asked.json()
    assert sent["url"] == f"http://shop.example:8000{target.path}"
    assert sent["framework"] == target.framework
    step = sent["functions"][0]["steps"]["step"]["runtime"]["url"]
    assert step == f"http://shop.example:8000{target.path}?fnId=app-fn&stepId=step"


@ON_EVERY_TARGET
@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (500, {"error": "broken"}, 500),
        (400, {"error": "At least one function is invalid"}, 400),
        (401, {"error": "no"}, 401),
        (302, {}, 500),
        (200, b"<html>", 500),
        (200, [], 500),
        (200, {"ok": False, "error": "no"}, 500),
    ],
)
def test_a_registration_that_fails_is_never_200(
    status: int, body: object, expected: int, target: Target, engine: EngineDouble
) -> None:
    engine.reset({"POST /fn/register": [(status, body)]})
    with served(target, engine) as send:
        answer = send("PUT", "", {}, b"")
    expect_error(answer, target, expected, "registration_failed")
    assert json.loads(answer.body)["modified"] is False


@ON_EVERY_TARGET
@pytest.mark.parametrize("body", [b"", b"hello", b"[]", b"{}", b'{"url":7}', b'{"url":"no url"}', b'{"url":"http://"}'])
def test_in_band_registration_with_a_bad_body(body: bytes, target: Target, engine: EngineDouble) -> None:
    with served(target, engine) as send:
        answer = send("PUT", "", {"x-inngest-sync-kind": "in_band"}, body)
    expect_error(answer, target, 400, "body_invalid")


@ON_EVERY_TARGET
@pytest.mark.parametrize(("app_mode", "kind"), [("dev", "cloud"), ("cloud", "dev")])
def test_server_kind_mismatch(app_mode: str, kind: str, target: Target, engine: EngineDouble) -> None:
    engine.reset({})
    options = {"is_production": True, "signing_key": KEY} if app_mode == "cloud" else {}
    with served(target, engine, **options) as send:
        answer = send("PUT", "", {"x-inngest-server-kind": kind}, b"")
        expect_error(answer, target, 400, "server_kind_mismatch", mode=app_mode)
        answer = send("GET", "", {"x-inngest-server-kind": kind}, b"")
        assert (answer.status, json.loads(answer.body)) == (403, {})
    assert engine.requests == []


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
@pytest.mark.parametrize("env", ["ветка", "a\nb"])
def test_an_env_that_no_header_can_hold(env: str, target: Target, engine: EngineDouble) -> None:
    """It may be the name of a git branch: it is refused when the client is made, or the answer does without it."""
    try:
        with served(target, engine, env=env) as send:
            answer = send("GET", "", {}, b"")
    except ConfigError:
        return
    assert answer.status == 200
    assert answer.headers.get("x-inngest-env", "").isascii()
    check_common_headers(answer, target)
