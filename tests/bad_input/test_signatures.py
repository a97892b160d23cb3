"""Signatures that are missing, wrong, old or strange, and those that are good, on every target."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping

import pytest

from tests.stage.engine_api import EngineDouble
from tests.stage.parsing import parses
from tests.targets.target import Target

from .served import (
    BODY,
    FALLBACK,
    KEY,
    ON_EVERY_TARGET,
    QUERY,
    STRANGER,
    expect_error,
    expect_signed,
    served,
    signature,
)

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
def test_an_unsigned_body_in_cloud_mode_is_never_parsed(signed: str, target: Target, engine: EngineDouble) -> None:
    body = b"[" * (4 * 1024 * 1024)
    headers = {
        "unsigned": {},
        "stranger": {"x-inngest-signature": signature(body, key=STRANGER)},
        "malformed": {"x-inngest-signature": "t=1&s=0"},
    }[signed]
    with served(target, engine, is_production=True, signing_key=KEY) as send:
        with parses() as parsed:
            answer = send("POST", QUERY, headers, body)
        with parses() as parsed_when_signed:
            assert send("POST", QUERY, {"x-inngest-signature": signature(BODY)}, BODY).status == 200
    code = "header_missing" if signed == "unsigned" else "sig_verification_failed"
    expect_error(answer, target, 401, code, mode="cloud")
    assert parsed == []
    assert parsed_when_signed
