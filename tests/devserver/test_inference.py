"""The engine's AI gateway: keys where formats have them, answers as results, and failures that can be read."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from .harness import Called, Reply, op, ops, returned
from .test_fetches import Outside, refuses, reply, run_of

URL = "https://ai.test/v1/chat/completions"
ANSWER = {"model": "m", "usage": {"prompt_tokens": 1}}


def infers(**opts: Any) -> Callable[[Called], Reply]:
    """Return a function that asks a model once, and returns the memo."""
    usual = {"type": "step.ai.infer", "url": URL, "auth_key": "k1", "format": "openai-chat", "body": {"model": "m"}}

    def script(call: Called) -> Reply:
        return returned(call.memo("ask")) if call.has("ask") else ops(op("AIGateway", "ask", opts={**usual, **opts}))

    return script


def answers(_: httpx.Request) -> httpx.Response:
    return reply(200, json.dumps(ANSWER).encode(), content_type="application/json")


@pytest.mark.parametrize(
    ("opts", "url", "headers"),
    [
        ({}, URL, {"authorization": "Bearer k1"}),
        ({"format": "openai-responses"}, URL, {"authorization": "Bearer k1"}),
        (
            {"format": "anthropic", "headers": {"anthropic-version": "v"}},
            URL,
            {"x-api-key": "k1", "anthropic-version": "v"},
        ),
        ({"format": "bedrock", "auth_key": "AWS4 x"}, URL, {"authorization": "AWS4 x"}),
        (
            {"format": "azure-openai", "headers": {"api-key": "k2"}},
            URL,
            {"authorization": "Bearer k1", "api-key": "k2"},
        ),
        ({"format": "gemini"}, f"{URL}?key=k1", {}),
        ({"format": "gemini", "url": f"{URL}?alt=json"}, f"{URL}?alt=json&key=k1", {}),
        ({"auth_key": None}, URL, {}),
    ],
)
def test_the_key_goes_where_the_format_has_it(opts: dict[str, Any], url: str, headers: dict[str, str]) -> None:
    async def main() -> None:
        outside = Outside(answers)
        output, it = await run_of(outside, infers(**opts))
        assert output == {"data": ANSWER}
        (asked,) = outside.asked
        assert (asked.method, str(asked.url), json.loads(asked.content)) == ("POST", url, {"model": "m"})
        assert asked.headers["content-type"] == "application/json"
        keys = {"authorization", "x-api-key", "api-key", "anthropic-version"}
        assert {name: value for name, value in asked.headers.items() if name in keys} == headers
        assert not [line for line in it.lines if "k1" in line]

    asyncio.run(main())


def test_an_error_of_the_provider_is_tried_again_and_then_told() -> None:
    async def main() -> None:
        outside = Outside(lambda _: reply(429, b'{"error": {"message": "slow down"}}'))
        output, _ = await run_of(outside, infers(), retries=0)
        assert output == {
            "error": {
                "name": "AIGatewayError",
                "message": "Error making AI request: unsuccessful status code: 429",
                "data": {"error": {"message": "slow down"}},
                "stack": '{"error": {"message": "slow down"}}',
            }
        }

    asyncio.run(main())


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (200, b"<html>maintenance</html>", "the answer (200) is not JSON: <html>maintenance</html>"),
        (200, b"", "the answer (200) is not JSON: "),
        (502, b"bad gateway", "unsuccessful status code: 502"),
    ],
)
def test_an_answer_that_is_not_json_is_an_error_that_can_be_read(status: int, body: bytes, said: str) -> None:
    async def main() -> None:
        output, it = await run_of(Outside(lambda _: reply(status, body)), infers(), retries=0)
        assert output["error"]["message"] == f"Error making AI request: {said}"
        assert output["error"]["stack"] == body.decode()
        assert len(it.app.calls) == 2, "the function goes on with the error, and nothing is repeated"

    asyncio.run(main())


def test_no_answer_at_all() -> None:
    async def main() -> None:
        output, _ = await run_of(Outside(refuses), infers(), retries=0)
        assert output["error"]["name"] == "AIGatewayError"
        assert "Error making AI request: no answer from ai.test" in output["error"]["message"]

    asyncio.run(main())


@pytest.mark.parametrize(
    ("opts", "said"),
    [
        ({"body": "text"}, "opts.body is a JSON string"),
        ({"body": None}, "opts.body is a JSON null"),
        ({"url": "nowhere"}, "opts.url is not an absolute http"),
        ({"auth_key": 7}, "opts.auth_key is a JSON number"),
    ],
)
def test_what_cannot_be_asked_fails_the_run(opts: dict[str, Any], said: str) -> None:
    async def main() -> None:
        output, _ = await run_of(Outside(answers), infers(**opts), retries=0)
        assert said in output["message"]

    asyncio.run(main())
