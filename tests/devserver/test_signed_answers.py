"""A self-hosted engine believes a success only when it is signed, and finds out which of two keys an app knows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from inngest_core.protocol.envelope import dump_envelope
from inngest_core.protocol.signing import SigningKey, SigningKeys, sign, verify

from .harness import SDK_HEADERS, Called, Lab, Reply, lab, ops, ran, returned

KEY, OTHER = "signkey-test-" + "ab" * 32, "signkey-test-" + "cd" * 32


def signature(body: bytes, it: Lab, key: str = KEY) -> Mapping[str, str]:
    return {"x-inngest-signature": sign(body, SigningKey(key), now=it.clock.now())}


def run_of(reply: Callable[[Lab], Reply], *, retries: int = 0, **options: Any) -> dict[str, Any]:
    """Return the run of a function whose app answers as `reply(engine)` says, and signs nothing of its own accord."""

    async def main() -> dict[str, Any]:
        async with lab(signing_key=KEY, server_kind="cloud", **options) as it:
            it.app.key = None
            it.bearer = KEY
            it.serve("f", lambda call: reply(it), retries=retries)
            return await it.run("t/f")

    return asyncio.run(main())


@pytest.mark.parametrize("reply", [Reply(200, "done"), ops(ran("a", 1))], ids=["a result", "a step"])
def test_a_success_that_is_not_signed_fails_the_run_and_says_why(reply: Reply) -> None:
    run = run_of(lambda it: reply)
    assert run["status"] == "Failed"
    assert run["output"]["name"] == "signature_invalid"
    assert "is not signed" in run["output"]["message"]
    assert "dev mode" in run["output"]["message"]


def _malformed(_: Lab) -> Mapping[str, str]:
    return {"x-inngest-signature": "t=1&s=2"}


def _old(it: Lab) -> Mapping[str, str]:
    return {"x-inngest-signature": sign(b'"done"', SigningKey(KEY), now=it.clock.now() - 301)}


BADLY: dict[str, Callable[[Lab], Mapping[str, str]]] = {
    "another signing key": lambda it: signature(b'"done"', it, OTHER),
    "the body was changed": lambda it: signature(b'"other"', it),
    "malformed": _malformed,
    "300 seconds": _old,
}


@pytest.mark.parametrize("said", list(BADLY))
def test_a_success_that_is_signed_badly_fails_the_run_and_says_why(said: str) -> None:
    run = run_of(lambda it: Reply(200, "done", BADLY[said](it)))
    assert run["status"] == "Failed"
    assert said in run["output"]["message"]
    assert KEY not in json.dumps(run)


def test_a_failure_that_is_not_signed_is_a_failure() -> None:
    run = run_of(lambda it: Reply(503, raw=b"<h1>down for maintenance</h1>", sdk=False))
    assert run["status"] == "Failed"
    assert "down for maintenance" in run["output"]["message"]


def test_a_page_that_answers_instead_of_the_app_is_called_that() -> None:
    run = run_of(lambda it: Reply(200, raw=b"<h1>Welcome</h1>", sdk=False))
    assert run["output"]["name"] == "not_sdk"


def test_an_attempt_that_was_not_signed_is_made_again() -> None:
    answers = [Reply(200, "forged")]
    run = run_of(
        lambda it: answers.pop() if answers else Reply(200, "real", signature(b'"real"', it)),
        retries=1,
        retry_interval=0,
    )
    assert (run["status"], run["output"]) == ("Completed", "real")


def test_a_signature_without_the_last_line_break_is_good() -> None:
    run = run_of(lambda it: Reply(200, raw=b'"done"\n', headers=signature(b'"done"', it)))
    assert (run["status"], run["output"]) == ("Completed", "done")


@pytest.mark.parametrize("size", [10, 2_500_000])
def test_a_streamed_answer_is_signed_inside(size: int) -> None:
    body = json.dumps({"text": '"' * size}).encode()

    def reply(it: Lab) -> Reply:
        return Reply(201, raw=b"  " + dump_envelope(200, {**SDK_HEADERS, **signature(body, it)}, body))

    run = run_of(reply)
    assert run["status"] == "Completed", str(run)[:300]
    assert len(run["output"]["text"]) == size


def test_a_streamed_answer_that_is_not_signed_inside_is_refused() -> None:
    run = run_of(lambda it: Reply(201, raw=dump_envelope(200, SDK_HEADERS, b'"x"'), headers=signature(b"", it)))
    assert (run["status"], run["output"]["name"]) == ("Failed", "signature_invalid")


def test_a_dev_engine_with_a_key_takes_answers_as_they_are() -> None:
    async def main() -> None:
        async with lab(signing_key=KEY) as it:
            it.app.key, it.bearer = None, KEY
            it.serve("f", lambda call: returned("done"))
            assert (await it.run("t/f"))["output"] == "done"

    asyncio.run(main())


class RotatingApp:
    """Knows one key, and refuses what another one signed, as an app in cloud mode does."""

    def __init__(self, it: Lab, key: str) -> None:
        self.refused = 0
        self._it = it
        self.knows(key)

    def knows(self, key: str) -> None:
        self._key = SigningKey(key)
        self._it.app.key = self._key

    def __call__(self, call: Called) -> Reply:
        try:
            verify(call.raw, call.headers["x-inngest-signature"], SigningKeys(self._key), now=call.time)
        except Exception:
            self.refused += 1
            return Reply(401, {"code": "sig_verification_failed", "message": "no"}, {"x-inngest-sdk-handled": "true"})
        return returned("ok") if call.steps else ops(ran("a"))


def test_an_app_that_knows_one_of_two_keys_is_called_with_it() -> None:
    async def main() -> None:
        async with lab(signing_key=OTHER, signing_key_fallback=KEY, server_kind="cloud") as it:
            it.bearer = KEY  # either key lets in
            app = RotatingApp(it, KEY)
            it.serve("f", app, retries=0)
            assert (await it.run("t/f"))["output"] == "ok"
            assert app.refused == 1  # which key it knows was found out once
            app.knows(OTHER)
            it.bearer = OTHER
            assert (await it.run("t/f"))["output"] == "ok"
            assert app.refused == 2

    asyncio.run(main())


def test_an_app_that_knows_neither_key_fails_its_runs() -> None:
    async def main() -> None:
        async with lab(signing_key=OTHER, signing_key_fallback=KEY, server_kind="cloud") as it:
            it.bearer = KEY
            it.serve("f", RotatingApp(it, "ef" * 32), retries=0)
            run = await it.run("t/f")
            assert (run["status"], run["output"]["code"]) == ("Failed", "sig_verification_failed")

    asyncio.run(main())
