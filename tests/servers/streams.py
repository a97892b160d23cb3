"""Streamed calls: white space while a step is held, then the envelope; and clients that go away in the middle."""

from __future__ import annotations

import http.client
import json
import socket
import time
from contextlib import closing
from typing import cast

from inngest_core.runtime.threads import STREAM_THREAD
from tests.cases.case import Call
from tests.stage.sockets import PATIENCE, read
from tests.targets.target import Answer

from .calls import expect_held, held_call
from .interruptions import let_end, raw_call, until_told
from .process import Running, holder

KEEP_ALIVE_SECONDS = 0.05
STREAMING = {"INNGEST_STREAMING": "force", "TESTS_KEEP_ALIVE_SECONDS": str(KEEP_ALIVE_SECONDS)}
"""The environment of a server that streams."""


def opened(answer: Answer) -> Answer:
    """Return the answer in an envelope."""
    assert answer.status == 201, answer
    envelope = json.loads(answer.body)
    return Answer(envelope["status"], envelope["headers"], envelope["body"].encode())


def call(running: Running, name: str) -> dict[str, object]:
    """Call a function that returns an object; return that."""
    asked = Call(fn_id=f"app-{name}")
    answer = opened(running.ask("POST", asked.query(), asked.body()))
    assert answer.status == 200, answer
    value: dict[str, object] = json.loads(answer.body)
    return value


def check_white_space(running: Running, kind: str) -> None:
    with holder() as steps, closing(running.connect()) as connection:
        connection.sendall(raw_call(held_call(kind, steps)))
        held = steps.accept()
        with closing(http.client.HTTPResponse(connection)) as response:
            response.begin()
            assert response.read(2).strip() == b""  # it came while the step is held
            assert held.release()
            answer = read(response)
    expect_held(opened(answer))


def check_lost_client(running: Running, kind: str) -> None:
    """The step comes to its end, or is cancelled where the server does that; once, and nothing of it is left."""
    lose_client(running, kind)
    until_told(running, lambda: lose_client(running, kind))
    until_no_thread_is_left(running)


def lose_client(running: Running, kind: str) -> None:
    with holder() as steps:
        connection = running.connect()
        connection.sendall(raw_call(held_call(kind, steps)))
        held = steps.accept()
        until_white_space(connection)
        connection.close()
        let_end(held, running, kind)
        assert call(running, "fn") == {"ran": True}
        assert not steps.has_more()


def until_no_thread_is_left(running: Running) -> None:
    """Ask until the only thread of a streamed call is that of the one that looks."""
    end = time.monotonic() + PATIENCE
    while True:
        names = cast("list[str]", call(running, "threads")["names"])
        if names.count(STREAM_THREAD) <= 1:
            return
        assert time.monotonic() < end, names


def until_white_space(connection: socket.socket) -> None:
    """Read until a piece of the body has come."""
    read = b""
    while not read.partition(b"\r\n\r\n")[2].strip(b"0123456789abcdef\r\n"):
        piece = connection.recv(1024)
        assert piece, read
        read += piece
    assert read.startswith((b"HTTP/1.1 201", b"HTTP/1.0 201")), read
