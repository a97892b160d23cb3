"""Requests that steps leave to the engine: tried again, bounded, and cut off with their run."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from inngest_devserver.calls.fetched import MAX_FETCHED_BYTES
from inngest_devserver.calls.fetcher import HTTPFetcher

from .harness import PATIENCE_SECONDS, Called, Lab, Reply, lab, op, ops, ran, returned

URL = "https://api.test/people?page=2"
Answer = Callable[[httpx.Request], httpx.Response | Awaitable[httpx.Response]]


def gateway(**opts: Any) -> dict[str, Any]:
    return op("Gateway", "ask", opts={"url": URL, "method": "GET", **opts})


def asks(**opts: Any) -> Callable[[Called], Reply]:
    """Return a function of one fetch, which returns its memo."""

    def script(call: Called) -> Reply:
        return returned(call.memo("ask")) if call.has("ask") else ops(gateway(**opts))

    return script


class Outside:
    """What the engine reaches: answers by script and keeps what it was asked."""

    def __init__(self, *answers: Answer) -> None:
        self.asked: list[httpx.Request] = []
        self._answers = list(answers)
        self.fetcher = HTTPFetcher(httpx.MockTransport(self._answer))

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        made = answer(request)
        return made if isinstance(made, httpx.Response) else await made


def reply(status: int, body: bytes = b"", **headers: str) -> httpx.Response:
    """Return an answer whose body comes in two pieces, as from a network."""

    async def pieces() -> AsyncGenerator[bytes]:
        yield body[:3]
        yield body[3:]

    return httpx.Response(
        status, headers={name.replace("_", "-"): value for name, value in headers.items()}, content=pieces()
    )


def ok(request: httpx.Request) -> httpx.Response:
    return reply(200, b"fine")


def refuses(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("connection refused")


async def run_of(outside: Outside, script: Callable[[Called], Reply], **config: Any) -> tuple[Any, Lab]:
    async with lab(fetcher=outside.fetcher) as it:
        it.serve("f", script, **config)
        run = await it.run("t/f")
        return run["output"], it


def test_the_answer_is_the_memo() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return reply(207, "hé".encode(), content_type="text/plain", x_foo="bar")

    async def main() -> None:
        outside = Outside(answer)
        output, _ = await run_of(outside, asks(headers={"x-a": "b"}))
        data = output["data"]
        assert data["url"] == URL
        assert data["status_code"] == 207
        assert data["body"] == "hé"
        assert data["headers"]["Content-Type"] == "text/plain"
        assert data["headers"]["X-Foo"] == "bar"
        assert [(each.method, str(each.url), each.headers["x-a"]) for each in outside.asked] == [("GET", URL, "b")]

    asyncio.run(main())


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        ('{"a": 1.50}', b'{"a": 1.50}'),
        ("hi", b'"hi"'),
        ("a=1&b=2", b'"a=1\\u0026b=2"'),
        ("é<", '"é\\u003c"'.encode()),
        (None, b""),
        ("", b""),
    ],
)
def test_a_body_that_is_not_json_is_sent_as_a_json_string(body: str | None, sent: bytes) -> None:
    async def main() -> None:
        outside = Outside(ok)
        await run_of(outside, asks(method=None, body=body))
        assert outside.asked[0].method == "POST"  # without a method
        assert outside.asked[0].content == sent
        assert "content-type" not in outside.asked[0].headers

    asyncio.run(main())


@pytest.mark.parametrize(
    ("opts", "reason"),
    [
        ({"body": {"a": 1}}, "opts.body is a JSON object"),
        ({"url": "file:///etc/passwd"}, "not an absolute http"),
        ({"url": "http://[bad"}, "not an absolute http"),
        ({"url": None}, "not an absolute http"),
        ({"headers": {"x": 1}}, "opts.headers.x is a JSON number"),
        ({"headers": []}, None),
        ({"headers": [1]}, "opts.headers is a JSON array"),
    ],
)
def test_a_request_that_cannot_be_made_fails_the_run_at_once(opts: dict[str, Any], reason: str | None) -> None:
    async def main() -> None:
        output, it = await run_of(Outside(ok), asks(**opts))
        if reason is None:
            assert output["data"]["status_code"] == 200
        else:
            assert reason in output["message"]
            assert len(it.app.calls) == 1

    asyncio.run(main())


def test_a_lost_connection_is_tried_again() -> None:
    async def main() -> None:
        outside = Outside(refuses, refuses, ok)
        async with lab(fetcher=outside.fetcher) as it:
            it.serve("f", asks())
            event = it.send("t/f")
            await it.said("attempt 1 failed")
            it.clock.advance(2)
            await it.said("attempt 2 failed")
            it.clock.advance(4)
            run = await it.ended(event)
            assert run["output"]["data"]["body"] == "fine"
            assert len(outside.asked) == 3

    asyncio.run(main())


def test_attempts_run_out_and_the_function_can_catch_it() -> None:
    async def main() -> None:
        output, _ = await run_of(Outside(refuses), asks(), retries=0)
        assert output["error"]["name"] == "GatewayError"
        assert output["error"]["message"].startswith("Error making gateway request: ")
        assert "connection refused" in output["error"]["message"]
        assert "page=2" not in output["error"]["message"]  # a query may hold a key

    asyncio.run(main())


def test_an_answer_over_the_limit_fails_the_step_without_another_try() -> None:
    packed = gzip.compress(b"x" * (MAX_FETCHED_BYTES + 1))

    def answer(request: httpx.Request) -> httpx.Response:
        return reply(200, packed, content_encoding="gzip")

    async def main() -> None:
        outside = Outside(answer)
        output, _ = await run_of(outside, asks())
        assert "larger than" in output["error"]["message"]
        assert len(outside.asked) == 1

    asyncio.run(main())


def test_redirects_are_followed_and_cookies_are_not_kept() -> None:
    def elsewhere(request: httpx.Request) -> httpx.Response:
        return reply(302, location="https://api.test/new", set_cookie="id=1")

    async def main() -> None:
        outside = Outside(elsewhere, ok)
        output, _ = await run_of(outside, asks())
        assert output["data"]["url"] == "https://api.test/new"
        assert "cookie" not in outside.asked[1].headers

    asyncio.run(main())


def test_an_endless_redirect_fails_the_step() -> None:
    def around(request: httpx.Request) -> httpx.Response:
        return reply(302, location=URL)

    async def main() -> None:
        output, _ = await run_of(Outside(around), asks())
        assert "cannot be used" in output["error"]["message"]

    asyncio.run(main())


def test_a_request_that_hangs_ends_in_time() -> None:
    async def hangs(request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError("cancelled above")

    async def main() -> None:
        async with lab(fetcher=HTTPFetcher(httpx.MockTransport(hangs), seconds=0.01)) as it:
            it.serve("f", asks(), retries=0)
            run = await it.run("t/f")
            assert "in time" in run["output"]["error"]["message"]

    asyncio.run(main())


def test_a_run_that_is_cancelled_cuts_its_request_off_and_others_go_on_meanwhile() -> None:
    started, cut_off = asyncio.Event(), asyncio.Event()

    async def hangs(request: httpx.Request) -> httpx.Response:
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cut_off.set()
            raise
        raise AssertionError("cancelled above")

    async def main() -> None:
        async with lab(fetcher=Outside(hangs).fetcher, concurrency=1) as it:
            it.serve("f", asks(), cancel=[{"event": "t/stop"}])
            it.serve("other", lambda call: returned("done"))
            event = it.send("t/f")
            await started.wait()
            assert (await it.run("t/other"))["status"] == "Completed"
            it.send("t/stop")
            assert (await it.ended(event))["status"] == "Cancelled"
            async with asyncio.timeout(PATIENCE_SECONDS):
                await cut_off.wait()

    asyncio.run(main())


def test_a_request_is_made_again_after_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "engine.db"
    started = asyncio.Event()

    async def hangs(request: httpx.Request) -> httpx.Response:
        started.set()
        await asyncio.Event().wait()
        raise AssertionError("cancelled above")

    async def main() -> None:
        async with lab(fetcher=Outside(hangs).fetcher, persist=file) as it:
            it.serve("f", asks(method="PUT", body="[1]", headers={"x-key": "k"}))
            event = it.send("t/f")
            await started.wait()
        outside = Outside(ok)
        async with lab(fetcher=outside.fetcher, persist=file) as it:
            it.serve("f", asks())
            run = await it.ended(event)
            assert run["output"]["data"]["body"] == "fine"
            (asked,) = outside.asked
            assert (asked.method, asked.content, asked.headers["x-key"]) == ("PUT", b"[1]", "k")

    asyncio.run(main())


def test_parallel_fetches_are_under_way_together_and_discovered_once() -> None:
    together = asyncio.Barrier(2)

    async def waits(request: httpx.Request) -> httpx.Response:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await together.wait()
        return reply(200, str(request.url).encode())

    def script(call: Called) -> Reply:
        if call.has("a") and call.has("b"):
            return returned([call.memo(step)["data"]["body"] for step in "ab"])
        return ops(*(op("Gateway", step, opts={"url": f"http://x.test/{step}", "method": "GET"}) for step in "ab"))

    async def main() -> None:
        output, it = await run_of(Outside(waits), script)
        assert output == ["http://x.test/a", "http://x.test/b"]
        assert len(it.app.calls) == 2

    asyncio.run(main())


def test_headers_and_queries_are_neither_said_nor_kept_in_the_history() -> None:
    secret = "s3cr3t"

    def script(call: Called) -> Reply:
        if call.has("ask"):
            return returned(None)
        headers = {"authorization": f"Bearer {secret}"}
        return ops(
            ran("first"), op("Gateway", "ask", opts={"url": f"https://api.test/?key={secret}", "headers": headers})
        )

    async def main() -> None:
        async with lab(fetcher=Outside(ok).fetcher) as it:
            it.serve("f", script)
            run = await it.run("t/f")
            history = it.request("GET", f"/v1/runs/{run['run_id']}/history").body
            assert "api.test" in json.dumps(history)
            assert secret not in json.dumps(history) + "".join(it.lines)

    asyncio.run(main())
