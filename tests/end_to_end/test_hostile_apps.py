"""Apps that answer nonsense, slowly, or too much: the run says what was wrong, and the engine lives on."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from .raw_app import Answer, http, raw_app, says
from .world import NATIVE_KINDS, World, new_world

DONE = says(http("200 OK", b'"done"'))
MEGABYTE = 1024 * 1024


@pytest.fixture
def world() -> Iterator[World]:
    with new_world(NATIVE_KINDS[0]) as made:
        yield made


def flood(connection: socket.socket) -> None:
    connection.sendall(http("200 OK", b"", length=10**12))
    for _ in range(64):
        connection.sendall(b"x" * MEGABYTE)


def endless_header(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nx-inngest-sdk: a\r\n")
    for n in range(200_000):
        connection.sendall(b"x-%d: %s\r\n" % (n, b"y" * 100))


def op(**fields: object) -> bytes:
    return json.dumps([{"id": "a" * 40, "op": "StepRun", "name": "s", **fields}]).encode()


def step(body: bytes, *headers: str) -> Answer:
    return says(http("206 Partial Content", body, *headers))


NONSENSE: dict[str, tuple[Answer, str]] = {
    "nothing": (says(b""), "disconnected"),
    "no HTTP": (says(b"\x00\xff hello, I am no web server\r\n\r\n"), ""),
    "half a header": (says(b"HTTP/1.1 200 OK\r\nx-inng"), ""),
    "half a body": (says(http("200 OK", b'{"a": ', length=100)), ""),
    "bad length": (says(http("200 OK", b"{}").replace(b"content-length: 2", b"content-length: two")), ""),
    "bad chunks": (says(b"HTTP/1.1 200 OK\r\nx-inngest-sdk: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}"), ""),
    "not an SDK": (says(http("200 OK", b"<html>", sdk=False)), "x-inngest-sdk"),
    "an HTML error": (says(http("502 Bad Gateway", b"<h1>Oops</h1>", sdk=False)), "Oops"),
    "bad gzip": (says(http("200 OK", b"not gzip", "content-encoding: gzip")), ""),
    "strange encoding": (says(http("200 OK", b"{}", "content-encoding: snappy")), "snappy"),
    "too much": (flood, "8388608"),
    "an endless header": (endless_header, ""),
    "redirects for ever": (says(http("307 Temporary", b"", "location: /x")), "redirects"),
    "redirect to a file": (says(http("307 Temporary", b"", "location: file:///etc/passwd")), ""),
    "steps that are no JSON": (step(b"{"), ""),
    "empty steps": (step(b""), "no response data"),
    "a step that is a number": (step(b"[1]"), "op"),
    "an unknown op": (step(op(op="Fly")), "Fly"),
    "an op without an id": (step(op(id=None)), "id"),
    "an id that is a list": (step(op(id=[1])), "id"),
    "opts that are a list": (step(op(opts=[1])), "opts"),
    "a wait without a name": (step(op(op="WaitForEvent", name=None)), "WaitForEvent"),
    "a bad duration": (step(op(op="Sleep", name="soon")), "soon"),
    "a sleep of years": (step(op(op="Sleep", name="9000h", displayName="s")), "366 days"),
    "a bad expression": (step(op(op="WaitForEvent", opts={"event": "x", "if": "((", "timeout": "1h"})), "(("),
    "an invoke of nothing": (step(op(op="InvokeFunction", opts={"payload": {}})), ""),
    "deep nesting": (step(b'[{"op":"StepRun","id":"a","data":' + b"[" * 100_000 + b"]" * 100_000 + b"}]"), ""),
    "not UTF-8": (step(b'[{"op":"StepRun","id":"\xff\xfe"}]'), ""),
    "NaN": (step(b'[{"op":"StepRun","id":"a","data":NaN}]'), ""),
    "too many steps": (step(json.dumps([{"op": "StepPlanned", "id": str(n)} for n in range(1001)]).encode()), "1000"),
    "nothing new for ever": (step(b"[]"), "50"),
    "a 200 that forbids retries": (says(http("200 OK", b"1", "x-inngest-no-retry: true")), ""),
    "a bad stream": (says(http("201 Created", b"   {")), "streamed"),
    "an unexpected status": (says(http("399 Odd", b"{}")), ""),
}


@pytest.mark.parametrize("name", list(NONSENSE))
def test_nonsense_fails_the_run_and_says_why(world: World, name: str) -> None:
    answer, said = NONSENSE[name]
    with raw_app(world.engine, answer):
        run = world.engine.run("raw/f")
    assert run.status == "Failed", run
    assert said in str(run.output)
    assert not [line for line in world.console.lines if "broke the engine" in line]
    with raw_app(world.engine, DONE):
        assert world.engine.run("raw/f").output == "done"


def test_nonsense_costs_an_attempt_and_no_more(world: World) -> None:
    answers = [NONSENSE[name][0] for name in ("nothing", "not an SDK", "an unknown op")]
    with raw_app(world.engine, *answers, DONE, retries=3) as app:
        run = world.engine.run("raw/f")
        assert (run.status, run.output, app.calls) == ("Completed", "done", 4)


def test_an_app_that_answers_byte_by_byte_holds_up_nobody(world: World) -> None:
    other_done = threading.Event()

    def drip(connection: socket.socket) -> None:
        content = http("200 OK", b'"slow"')
        for position in range(len(content) - 1):
            connection.sendall(content[position : position + 1])
        assert other_done.wait(60)
        connection.sendall(content[-1:])

    @world.function("t/other")
    def other(ctx: Any, step: Any) -> Any:
        return "other"

    with raw_app(world.engine, drip) as app, world.up():
        slow = world.engine.send("raw/f")
        world.console.said("run started")
        assert world.engine.run("t/other").output == "other"
        other_done.set()
        assert world.engine.ended(slow)[0].output == "slow"
        assert app.calls == 1


def test_more_slow_calls_than_the_engine_makes_at_once_wait_for_their_turn() -> None:
    """Two at a time, and every one of twenty gets its turn."""
    with new_world(NATIVE_KINDS[1], concurrency=2) as world:

        @world.function("t/f")
        def function(ctx: Any, step: Any) -> Any:
            return "done"

        with world.up():
            ids = world.engine.post_events([{"name": "t/f"}] * 20)
            assert [world.engine.ended(each)[0].output for each in ids] == ["done"] * 20
