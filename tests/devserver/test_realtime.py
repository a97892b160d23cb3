"""Realtime of the engine: the recorded exchanges, tokens, bounds, and what is refused. No socket, no waiting."""

from __future__ import annotations

import asyncio
import json
import re
import urllib.parse
from pathlib import Path
from typing import Any

import pytest

from inngest_core.protocol.limits import MAX_MESSAGE_BYTES
from inngest_devserver.realtime.hub import MOST_SUBSCRIBERS, MOST_WAITING

from .harness import PATIENCE_SECONDS, Lab, lab
from .subscribing import Client, claims_of, connected, sse, token_for, websocket

RECORDED = Path(__file__).parents[1] / "golden" / "recordings" / "realtime-dev.jsonl"
TIME = re.compile(r'"created_at":"2\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z"')
STREAM = re.compile(r'"(data|stream_id)":"[0-9a-z]{13}"')


def same(text: str) -> str:
    """Return a message without what is never the same twice."""
    return STREAM.sub(r'"\1":"<stream>"', TIME.sub('"created_at":"<time>"', text))


def recorded() -> list[dict[str, Any]]:
    return [json.loads(line) for line in RECORDED.read_text().splitlines()]


def test_the_recorded_exchanges() -> None:
    lines = recorded()
    sse_lines = [line["sse_line"] for line in lines if "sse_line" in line]
    socket_texts = [line["websocket_message"] for line in lines if "websocket_message" in line]
    requests = [line for line in lines if "request" in line]

    async def main() -> None:
        async with lab() as it:
            token = token_for(it, "user:1", "progress")
            async with connected(sse(it, token)) as stream, connected(websocket(it, token)) as socket:
                for asked in requests:
                    await play(it, asked)
                await socket.until(1 + len(socket_texts))
                it.clock.advance(15)
                while not stream.body.endswith(":\n\n") or stream.body == ":\n\n":
                    await stream.until(len(stream.sent) + 1)
            assert [same(line) for line in stream.body.split("\n")[:-1]] == [same(line) for line in sse_lines]
            assert [same(text) for text in socket.texts] == [same(text) for text in socket_texts]

    async def play(it: Lab, asked: dict[str, Any]) -> None:
        method, path = asked["request"].split(" ", 1)
        if "sse?token=<jwt>" in path:
            return
        if "sse" in path:
            async with connected(Client(it, "http", *path.split("?"))) as refused:
                assert (refused.status, json.loads(refused.body)) == (asked["status"], json.loads(asked["response"]))
            return
        body = asked["body"] if not isinstance(asked["body"], str) else None
        raw = asked["body"].encode() if isinstance(asked["body"], str) else None
        if raw is not None and len(raw) < asked["body_bytes"]:
            raw = b"x" * asked["body_bytes"]  # it was cut
        answer = it.request(method, path, body, raw=raw, **headers_of(asked))
        assert answer.status == asked["status"], asked
        if "jwt" in asked["response"]:
            assert same_claims(answer.body["jwt"]) == same_claims(asked["response"]["jwt"])
        else:
            assert answer.body == (json.loads(asked["response"]) if asked["response"] else None)

    asyncio.run(main())


def headers_of(asked: dict[str, Any]) -> dict[str, str]:
    return {name.replace("-", "_"): value for name, value in asked.get("headers", {}).items()}


def same_claims(token: str) -> dict[str, Any]:
    claims = claims_of(token)
    assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{26}", claims["jti"])
    return {**claims, "jti": "", "iat": 0, "exp": claims["exp"] - claims["iat"]}


def publish(it: Lab, topic: str, data: object, channel: str = "c") -> None:
    answer = it.request("POST", f"/v1/realtime/publish?channel={channel}&topic={topic}", data)
    assert answer.status == 200, answer


def received(client: Client) -> list[Any]:
    texts = client.texts or [line[6:] for line in client.body.split("\n") if line.startswith("data: ")]
    return [json.loads(text)["data"] for text in texts]


BOTH = pytest.mark.parametrize("subscribe", [sse, websocket])


@BOTH
def test_a_token_opens_its_own_topics_only(subscribe: Any) -> None:
    async def main() -> None:
        async with lab() as it, connected(subscribe(it, token_for(it, "c", "a", "b"))) as client:
            publish(it, "other", 0)
            publish(it, "a", 0, channel="other")
            publish(it, "a", 1)
            publish(it, "b", 2)
            await client.until(3)
            assert received(client) == [1, 2]

    asyncio.run(main())


@BOTH
def test_tokens_that_open_nothing(subscribe: Any) -> None:
    async def main() -> None:
        async with lab() as it, lab() as other:
            good = token_for(it, "c", "a")
            head, claims, signature = good.split(".")
            unsigned = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0"
            bad = [
                "",
                "bad",
                "a.b.c",
                "é",
                token_for(other, "c", "a"),
                f"{head}.{claims}.",
                f"{unsigned}.{claims}.",
                f"{unsigned}.{claims}.{signature}",
                f"{head}.{claims[:-2]}.{signature}",
                good + "=",
            ]
            for token in bad:
                async with connected(subscribe(it, urllib.parse.quote(token))) as client:
                    assert client.status == 401, token
                    assert json.loads(client.body)["error"] == "Not authenticated"
            it.clock.advance(59)
            async with connected(subscribe(it, good)) as client:
                assert "status" not in client.sent[0] or client.status == 200
            it.clock.advance(1)
            async with connected(subscribe(it, good)) as client:
                assert client.status == 401
            assert len(it.engine.hub) == 0

    asyncio.run(main())


@BOTH
def test_a_token_may_come_as_a_header_too(subscribe: Any) -> None:
    async def main() -> None:
        async with lab() as it:
            token = token_for(it, "c", "a")
            async with connected(subscribe(it, "", authorization=f"Bearer {token}")) as client:
                publish(it, "a", "x")
                await client.until(3 if subscribe is sse else 2)
                assert received(client) == ["x"]

    asyncio.run(main())


def test_a_websocket_subscribes_to_more_and_to_less() -> None:
    async def main() -> None:
        async with lab() as it, connected(websocket(it, token_for(it, "c", "a"))) as client:
            for text in (
                "not json",
                "[]",
                '{"kind":"sub"}',
                '{"kind":"sub","data":"bad"}',
                '{"kind":"unsub","data":[1,null,{}]}',
                json.dumps({"kind": "sub", "data": token_for(it, "c", "b")}),
                json.dumps({"kind": "unsub", "data": [{"kind": "run", "channel": "c", "name": "a"}]}),
            ):
                client.give({"type": "websocket.receive", "text": text})
            while it.engine.hub.topics() != {("c", "b")}:
                await asyncio.sleep(0)
            publish(it, "a", 1)
            publish(it, "b", 2)
            await client.until(2)
            assert received(client) == [2]

    asyncio.run(main())


def test_publishing_and_tokens_ask_for_the_key() -> None:
    key = "0123456789abcdef" * 4

    async def main() -> None:
        async with lab(signing_key=key) as it:
            for path in ("/v1/realtime/publish?channel=c&topic=a", "/v1/realtime/token", "/v1/realtime/publish/tee"):
                assert it.request("POST", path, [{"channel": "c", "name": "a"}]).status == 401
            answer = it.request(
                "POST", "/v1/realtime/token", [{"channel": "c", "name": "a"}], authorization=f"Bearer {key}"
            )
            assert answer.status == 201

    asyncio.run(main())


@pytest.mark.parametrize("body", [None, {}, [], [1], [{}], [{"channel": "c"}], [{"channel": 1, "name": "a"}], "x"])
def test_what_is_no_list_of_topics(body: object) -> None:
    async def main() -> None:
        async with lab() as it:
            answer = it.request("POST", "/v1/realtime/token", body)
            assert (answer.status, answer.body["error"]) == (400, "Invalid request: must provide a list of topics")

    asyncio.run(main())


def test_bounds_of_messages() -> None:
    async def main() -> None:
        async with lab() as it:
            path = "/v1/realtime/publish?channel=c&topic=a"
            assert it.request("POST", path, raw=b"x" * MAX_MESSAGE_BYTES).status == 200
            assert it.request("POST", path, raw=b"x" * (MAX_MESSAGE_BYTES + 1)).status == 413
            assert it.request("POST", path, raw=b"x" * 1_024_000, content_type="text/stream").status == 200
            assert it.request("POST", path, raw=b"x" * 1_024_001, content_type="text/stream").status == 413
            assert it.request("POST", path + "&metadata={", raw=b"1").status == 400
            assert it.request("POST", "/v1/realtime/publish", raw=b"1").status == 200  # into nowhere
            assert it.request("POST", "/v1/realtime/publish/tee", raw=b"1").status == 400
            assert it.request("GET", path).status == 405
            assert it.request("POST", "/v1/realtime/sse").status == 405
            assert it.request("GET", "/v1/realtime/connect").status == 426
            assert it.request("GET", "/v1/realtime/connect", upgrade="websocket").status == 501

    asyncio.run(main())


@pytest.mark.parametrize(
    "body", [b'{"a":"\\n\\r"}', b'{\n "a": 1\n}', b"\xff\n\xfe", b"[" * 5000 + b"]" * 5000, b'"\\ud800"', b"NaN", b""]
)
def test_whatever_is_published_is_one_line(body: bytes) -> None:
    async def main() -> None:
        async with lab() as it, connected(sse(it, token_for(it, "c", "a"))) as client:
            assert it.request("POST", "/v1/realtime/publish?channel=c&topic=a", raw=body).status == 200
            await client.until(3)
            lines = client.body.split("\n")
            assert lines[:2] == [":", ""]
            assert json.loads(lines[2].removeprefix("data: "))["topic"] == "a"
            assert lines[3:] == ["", ""]

    asyncio.run(main())


def test_a_run_s_stream_is_teed() -> None:
    async def main() -> None:
        async with lab() as it, connected(websocket(it, token_for(it, "01RUN", "$stream"))) as client:
            body = "é" * 600
            assert it.request("POST", "/v1/realtime/publish/tee?channel=01RUN", raw=body.encode()).status == 200
            await client.until(5)
            messages = [json.loads(text) for text in client.texts]
            assert [message["kind"] for message in messages] == [
                "datastream-start", "chunk", "chunk", "datastream-end",
            ]  # fmt: skip
            assert "".join(message["data"] for message in messages[1:3]) == body
            assert {message.get("stream_id", message["data"]) for message in messages} == {messages[0]["data"]}

    asyncio.run(main())


def test_a_slow_subscriber_is_cut_off_and_the_others_go_on() -> None:
    async def main() -> None:
        async with lab() as it:
            token = token_for(it, "c", "a")
            async with connected(sse(it, token)) as slow:
                await slow.until(2)
                for number in range(MOST_WAITING + 1):  # in one turn of the loop, so that nothing is read meanwhile
                    publish(it, "a", number)
                async with connected(sse(it, token)) as other:
                    await slow.until(3)
                    assert slow.sent[-1] == {"type": "http.response.body", "body": b"", "more_body": False}
                    publish(it, "a", "news")
                    await other.until(3)
                    assert received(other) == ["news"]
                    assert received(slow) == []
            assert any("slow subscriber" in line for line in it.lines)
            assert len(it.engine.hub) == 0

    asyncio.run(main())


def test_a_stream_ends_after_a_quarter_of_an_hour() -> None:
    async def main() -> None:
        async with lab() as it, connected(sse(it, token_for(it, "c", "a"))) as client:
            await client.until(2)
            for count in range(3, 63):
                it.clock.advance(15)
                await client.until(count)
            assert not client.sent[-1]["more_body"]
            assert set(client.body.split("\n")) == {":", ""}

    asyncio.run(main())


@BOTH
def test_an_engine_that_stops_ends_its_subscriptions(subscribe: Any) -> None:
    async def main() -> None:
        async with lab() as it:
            async with connected(subscribe(it, token_for(it, "c", "a"))) as client:
                await client.until(1)
                await it.engine.stop_calls()
                async with asyncio.timeout(PATIENCE_SECONDS):
                    while client.sent[-1].get("more_body", True) and client.sent[-1]["type"] != "websocket.close":
                        await client.until(len(client.sent) + 1)
            async with connected(subscribe(it, token_for(it, "c", "a"))) as late:
                assert late.sent

    asyncio.run(main())


def test_there_are_so_many_subscribers_and_no_more() -> None:
    async def main() -> None:
        async with lab() as it:
            token = token_for(it, "c", "a")
            kept = [it.engine.hub.subscribe() for _ in range(MOST_SUBSCRIBERS)]
            async with connected(sse(it, token)) as client:
                assert client.status == 503
            it.engine.hub.leave(kept[0])
            async with connected(sse(it, token)) as client:
                assert client.status == 200

    asyncio.run(main())


def test_pages_of_this_machine_may_subscribe() -> None:
    async def main() -> None:
        async with lab() as it:
            token = token_for(it, "c", "a")
            async with connected(sse(it, token, origin="http://localhost:3000")) as client:
                assert client.status == 200
                assert client.headers["access-control-allow-origin"] == "http://localhost:3000"
            async with connected(sse(it, token, origin="https://evil.example")) as client:
                assert client.status == 403
            async with connected(sse(it, token)) as client:
                assert "access-control-allow-origin" not in client.headers

    asyncio.run(main())
