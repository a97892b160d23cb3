"""What the tests of bad requests share: keys, a signature, one function that is served, and what an error must be."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Protocol

import pytest

import inngest
from tests.cases.case import APP_ID, Call
from tests.stage.case_check import check_common_headers, check_headers_to_a_stranger
from tests.stage.engine_api import EngineDouble
from tests.targets import find_targets
from tests.targets.target import Answer, Functions, Send, Target

KEY = "signkey-test-" + "0123456789abcdef" * 4
FALLBACK = "signkey-test-" + "fedcba9876543210" * 4
STRANGER = "signkey-test-" + "00" * 32
CAP = 16 * 1024 * 1024
QUERY = "fnId=app-fn&stepId=step"
BODY = Call().body()
TO_STRANGERS = ("header_missing", "sig_verification_failed")

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
    """Assert a coded error, and the headers of this SDK or those that a stranger gets; return the message."""
    body = json.loads(answer.body)
    assert (answer.status, body["code"]) == (status, code)
    assert isinstance(body["message"], str)
    assert body["message"]
    assert body["name"].endswith("Error")
    assert "Traceback" not in answer.body.decode()
    if code in TO_STRANGERS:
        check_headers_to_a_stranger(answer)
    else:
        check_common_headers(answer, target, mode=mode)
    return str(body["message"])


def expect_signed(answer: Answer, key: str = KEY) -> None:
    """Assert that the answer is signed by *key*, over its raw bytes."""
    header = answer.headers["x-inngest-signature"]
    seconds = float(header.partition("&")[0].removeprefix("t="))
    assert abs(seconds - time.time()) < 60
    assert header == signature(answer.body, key=key, seconds=seconds)
