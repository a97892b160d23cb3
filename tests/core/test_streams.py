"""Streamed answers: white space while the function runs, then the envelope; and how a stream ends before that."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

import inngest
from inngest_core.config import load_config
from inngest_core.errors import ConfigError
from inngest_core.protocol.limits import MAX_RESPONSE_BYTES
from inngest_core.protocol.signing import SigningKey, SigningKeys, sign, verify
from inngest_core.runtime.threads import STREAM_THREAD
from inngest_core.serving.app import App
from inngest_core.web import asgi, wsgi
from inngest_core.web.messages import Request, Response, Stream
from tests.cases.case import APP_ID, HandlerKind, hashed
from tests.stage.asks import ASKS, Ask, ask_sync
from tests.stage.logs import LogList, silent_logger
from tests.stage.one_function import URL, request_of

KEY = "signkey-test-" + "0123456789abcdef" * 4


def app_of(handler: Callable[..., object], **options: Any) -> App:
    given: dict[str, Any] = {"is_production": False, "logger": silent_logger(), "streaming": inngest.Streaming.FORCE}
    client = inngest.Inngest(app_id=APP_ID, **{**given, **options})
    typed: Any = handler
    app = App(client, [client.create_function(fn_id="fn")(typed)], framework="bare", can_stream=True)
    app.keep_alive_seconds = 0.01
    return app


def one(ctx: inngest.ContextSync) -> int:
    return 1


def opened(response: Response) -> tuple[int, dict[str, str], Any]:
    """Return status, headers and JSON of the answer in a stream that was read."""
    assert response.status == 201
    envelope = json.loads(response.content)
    return envelope["status"], envelope["headers"], json.loads(envelope["body"])


def stream_of(response: Response) -> Stream:
    assert not isinstance(response.body, bytes)
    return response.body


class Held:
    """A step that waits until the test has seen what it wants to."""

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.runs = 0

    def __call__(self) -> str:
        self.runs += 1
        self.begun.set()
        assert self.go_on.wait(30)
        return "held"

    def handler(self, kind: HandlerKind) -> Callable[..., object]:
        def sync(ctx: inngest.ContextSync) -> object:
            return ctx.step.run("hold", self)

        async def asynchronous(ctx: inngest.Context) -> object:
            return await ctx.step.run("hold", asyncio.to_thread, self)

        return sync if kind is HandlerKind.SYNC else asynchronous


KINDS = pytest.mark.parametrize("kind", HandlerKind)


# White space


@KINDS
def test_white_space_comes_while_a_thread_waits(kind: HandlerKind) -> None:
    held = Held()
    app = app_of(held.handler(kind))
    with contextlib.closing(wsgi.in_pieces(stream_of(app.handle_sync(request_of())))) as pieces:
        assert [next(pieces) for _ in range(3)] == [b" "] * 3
        assert held.begun.wait(30)
        held.go_on.set()
        rest = b"".join(pieces)
        assert list(pieces) == []
    (op,) = json.loads(json.loads(rest)["body"])
    assert (op["op"], op["data"], held.runs) == ("StepRun", "held", 1)


@KINDS
def test_white_space_comes_while_a_loop_turns(kind: HandlerKind) -> None:
    held = Held()
    app = app_of(held.handler(kind))

    async def main() -> bytes:
        async with contextlib.aclosing(asgi.in_pieces(stream_of(await app.handle_async(request_of())))) as pieces:
            assert [await anext(pieces) for _ in range(3)] == [b" "] * 3
            assert await asyncio.to_thread(held.begun.wait, 30)
            held.go_on.set()
            return b"".join([piece async for piece in pieces])

    (op,) = json.loads(json.loads(asyncio.run(main()))["body"])
    assert (op["op"], op["data"], held.runs) == ("StepRun", "held", 1)


# What is in the envelope


@pytest.mark.parametrize("ask", ASKS)
def test_what_belongs_to_the_answer_is_in_the_envelope(ask: Ask) -> None:
    def fails(ctx: inngest.ContextSync) -> None:
        raise inngest.NonRetriableError("never")

    response = ask(app_of(fails), request_of())
    status, headers, body = opened(response)
    assert (status, body["message"], headers["x-inngest-no-retry"]) == (500, "never", "true")
    assert headers["x-inngest-req-version"] == response.headers["x-inngest-req-version"] == "2"
    assert "x-inngest-no-retry" not in response.headers
    assert response.headers["x-inngest-sdk"] == f"inngest-py:v{inngest.__version__}"


@pytest.mark.parametrize("ask", ASKS)
def test_the_signature_in_the_envelope_is_that_of_the_body_in_it(ask: Ask) -> None:
    def returns(ctx: inngest.ContextSync) -> object:
        return {"ü": 'a "text"'}

    app = app_of(returns, is_production=True, signing_key=KEY, event_key="key")
    asked = request_of()
    signed = Request(
        "POST", asked.url, {"x-inngest-signature": sign(asked.body, SigningKey(KEY), now=time.time())}, asked.body
    )
    response = ask(app, signed)
    envelope = json.loads(response.content)
    keys = SigningKeys(SigningKey(KEY), None)
    assert "x-inngest-signature" not in response.headers
    signature = envelope["headers"]["x-inngest-signature"]
    assert verify(envelope["body"].encode(), signature, keys, now=time.time()) == keys.key
    assert opened(response)[2] == {"ü": 'a "text"'}


def test_a_body_that_is_too_long_as_a_text_stands_in_the_envelope_as_it_is() -> None:
    def returns(ctx: inngest.ContextSync) -> object:
        return ['"' * (MAX_RESPONSE_BYTES // 4)]

    response = ask_sync(app_of(returns), request_of())
    envelope = json.loads(response.content)
    assert envelope["body"] == ['"' * (MAX_RESPONSE_BYTES // 4)]
    assert len(response.content) < MAX_RESPONSE_BYTES


# What is answered plainly


@pytest.mark.parametrize("ask", ASKS)
def test_a_stream_begins_around_the_function_only(ask: Ask) -> None:
    app = app_of(one)
    good = request_of()
    for method, url, body, status in (
        ("GET", URL, b"", 200),
        ("PUT", URL, b"", 500),
        ("DELETE", URL, b"", 405),
        ("POST", f"{URL}?probe=trust", b"", 200),
        ("POST", URL, good.body, 400),
        ("POST", f"{URL}?fnId=app-other&stepId=step", good.body, 500),
        ("POST", good.url, b"no JSON", 400),
    ):
        response = ask(app, Request(method, url, {}, body))
        assert (response.status, isinstance(json.loads(response.content), dict | None)) == (status, True)
        assert "x-accel-buffering" not in response.headers


def test_who_cannot_send_streams_gets_none() -> None:
    client = inngest.Inngest(app_id=APP_ID, is_production=False, streaming=inngest.Streaming.FORCE)
    function = client.create_function(fn_id="fn")(one)
    assert App(client, [function], framework="bare").handle_sync(request_of()).content == b"1"
    with pytest.raises(ConfigError, match="bare cannot send streams"):
        App(client, [function], framework="bare", streaming=inngest.Streaming.FORCE)


@pytest.mark.parametrize(
    ("serve", "client", "variable", "streams"),
    [
        (None, None, "", False),
        (None, None, "force", True),
        (None, None, "disable", False),
        (None, inngest.Streaming.DISABLE, "force", False),
        (None, inngest.Streaming.FORCE, "disable", True),
        (inngest.Streaming.DISABLE, inngest.Streaming.FORCE, "force", False),
        (inngest.Streaming.FORCE, inngest.Streaming.DISABLE, "disable", True),
    ],
)
def test_the_nearest_setting_decides(
    serve: inngest.Streaming | None,
    client: inngest.Streaming | None,
    variable: str,
    streams: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("INNGEST_STREAMING", variable)
    made = inngest.Inngest(app_id=APP_ID, is_production=False, streaming=client)
    function = made.create_function(fn_id="fn")(one)
    app = App(made, [function], framework="bare", can_stream=True, streaming=serve)
    assert (app.handle_sync(request_of()).status == 201) is streams


@pytest.mark.parametrize("given", ["force", True, 1])
def test_another_value_is_refused(given: Any) -> None:
    with pytest.raises(ConfigError, match=r"give inngest\.Streaming\.FORCE"):
        inngest.Inngest(app_id=APP_ID, streaming=given)
    with pytest.raises(ConfigError, match=r"give inngest\.Streaming\.FORCE"):
        load_config(streaming=given, environ={})
    client = inngest.Inngest(app_id=APP_ID, is_production=False)
    with pytest.raises(ConfigError, match=r"give inngest\.Streaming\.FORCE"):
        inngest.wsgi.serve(client, [], streaming=given)


# How a stream ends before its end


def test_a_stream_that_is_never_read_runs_nothing() -> None:
    runs: list[int] = []

    def runs_once(ctx: inngest.ContextSync) -> None:
        runs.append(1)

    app = app_of(runs_once)
    response = app.handle_sync(request_of())
    wsgi.in_pieces(stream_of(response)).close()
    assert list(wsgi.in_pieces(stream_of(response))) == []

    async def main() -> None:
        answer = await app.handle_async(request_of())
        await asgi.in_pieces(stream_of(answer)).aclose()

    asyncio.run(main())
    assert runs == []


@KINDS
def test_a_thread_that_closes_waits_for_the_end_of_the_function(kind: HandlerKind) -> None:
    """So a server has no more functions under way than requests, whoever goes away, and no thread is left."""
    held = Held()
    app = app_of(held.handler(kind))
    pieces = wsgi.in_pieces(stream_of(app.handle_sync(request_of())))
    assert next(pieces) == b" "
    assert held.begun.wait(30)
    closing = threading.Thread(target=pieces.close)
    closing.start()
    closing.join(0.05)
    assert closing.is_alive()
    held.go_on.set()
    closing.join(30)
    assert not closing.is_alive()
    for thread in threading.enumerate():
        if thread.name == STREAM_THREAD:
            thread.join(30)
            assert not thread.is_alive()
    assert (held.runs, list(pieces)) == (1, [])


def test_a_cancelled_request_cancels_the_function_and_waits_for_its_end() -> None:
    seen: list[str] = []
    log = LogList()
    logger = logging.Logger("test")
    logger.addHandler(log)

    async def handler(ctx: inngest.Context) -> None:
        try:
            seen.append("begun")
            await asyncio.Event().wait()
        finally:
            seen.append("ended")

    async def main() -> None:
        app = app_of(handler, logger=logger)
        response = await app.handle_async(request_of())

        async def read() -> None:
            async for _ in asgi.in_pieces(stream_of(response)):
                if seen:
                    reading.cancel()

        reading = asyncio.create_task(read())
        await asyncio.wait([reading])
        assert reading.cancelled()
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(main())
    assert seen == ["begun", "ended"]
    assert any("given up" in text for text in log.texts)


def test_the_client_goes_away_and_the_function_goes_on_to_its_end() -> None:
    """As without streams: what it has done is done, and a step that saves its result has saved it."""
    ended: list[bool] = []
    sent: list[str] = []

    async def handler(ctx: inngest.Context) -> None:
        while len(sent) < 3:
            await asyncio.sleep(0)
        ended.append(True)

    async def send(message: Any) -> None:
        sent.append(message["type"])
        if len(sent) > 2:
            raise OSError("the client has disconnected")

    async def main() -> None:
        await asgi.send_response(await app_of(handler).handle_async(request_of()), send)

    asyncio.run(main())
    assert ended == [True]
    assert sent == ["http.response.start", "http.response.body", "http.response.body"]


@KINDS
def test_a_swallowed_interrupt_is_told_in_the_envelope(kind: HandlerKind) -> None:
    def swallows(ctx: inngest.ContextSync) -> str:
        try:
            ctx.step.sleep("nap", 1000)
        except BaseException:
            return "swallowed"
        return "never"

    async def swallows_async(ctx: inngest.Context) -> str:
        try:
            await ctx.step.sleep("nap", 1000)
        except BaseException:
            return "swallowed"
        return "never"

    for ask in ASKS:
        status, _, body = opened(ask(app_of(swallows if kind is HandlerKind.SYNC else swallows_async), request_of()))
        if kind is HandlerKind.SYNC:
            assert (status, body["code"]) == (500, "interrupt_swallowed")
        else:
            assert (status, body[0]["id"]) == (206, hashed("nap"))


def test_a_stream_is_read_by_its_own_kind_of_server() -> None:
    app = app_of(one)
    with pytest.raises(TypeError, match="handle_async"):
        asgi.in_pieces(stream_of(app.handle_sync(request_of())))
    with pytest.raises(TypeError, match="handle_sync"):
        wsgi.in_pieces(stream_of(asyncio.run(app.handle_async(request_of()))))
