"""Who may do what, and registrations that fail, on every target."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.stage.case_check import check_common_headers
from tests.stage.engine_api import EngineDouble
from tests.targets.target import Answer, Target

from .served import (
    BODY,
    KEY,
    ON_EVERY_TARGET,
    QUERY,
    STRANGER,
    expect_error,
    expect_signed,
    served,
    signature,
)

MODES: Mapping[str, dict[str, Any]] = {
    "dev-no-key": {},
    "dev-key": {"signing_key": KEY},
    "cloud": {"is_production": True, "signing_key": KEY},
    "cloud-no-unauthed-sync": {"is_production": True, "signing_key": KEY},
}
SIGNED_AS = ("unsigned", "wrong", "signed")

# By request and mode, the status of an unsigned, a wrongly signed and a signed request.
TABLE: Mapping[str, Mapping[str, tuple[int, int, int]]] = {
    "GET": {
        "dev-no-key": (200, 200, 200),
        "dev-key": (200, 200, 200),
        "cloud": (401, 401, 200),
        "cloud-no-unauthed-sync": (401, 401, 200),
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
    else:
        assert answer.status == wanted
        expect_done(kind, mode, how, answer, target, engine)


def expect_done(kind: str, mode: str, how: str, answer: Answer, target: Target, engine: EngineDouble) -> None:
    """Assert that what was asked for was done, that the answer is signed if it may be, and who learns what."""
    config_mode = "cloud" if mode.startswith("cloud") else "dev"
    method, _, variant = kind.partition(" ")
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
        signed = {"x-inngest-signature": signature(b"")} if app_mode == "cloud" else {}
        answer = send("GET", "", {"x-inngest-server-kind": kind, **signed}, b"")
        assert (answer.status, json.loads(answer.body)) == (403, {})
    assert engine.requests == []


@ON_EVERY_TARGET
@pytest.mark.parametrize(
    "host",
    [
        "shop.example/x?",
        "shop.example/",
        "user@shop.example",
        "shop.example#x",
        "<shop>",
        "shop.example:80:81",
        "shop.example:port",
        "[shop",
    ],
)
def test_a_host_that_is_none(host: str, target: Target, engine: EngineDouble) -> None:
    """The host becomes a part of the URL that engines call: it must not become its path."""
    if target.framework == "tornado":
        pytest.skip("Tornado's parser of requests refuses such a host, and closes the connection")
    engine.reset({"POST /fn/register": [(200, REGISTERED)]})
    with served(target, engine) as send:
        answer = send("PUT", "", {"host": host}, b"")
    assert engine.requests == []
    if target.framework == "django":  # its CommonMiddleware answers first
        assert answer.status == 400
    else:
        expect_error(answer, target, 500, "url_invalid")
