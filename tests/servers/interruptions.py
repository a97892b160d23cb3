"""Clients that go away in the middle of a step, and servers that are told to end in the middle of one."""

from __future__ import annotations

import contextlib
import http.client
import signal
import socket
import struct
import time
from collections.abc import Callable, Generator

import pytest

from inngest_core.serving.app import LONG_SECONDS
from tests.cases.case import Call
from tests.stage.sockets import PATIENCE

from .calls import asking, call, expect_held, held_call
from .endpoints import PATH
from .process import Held, Running, holder


def check_disconnect(running: Running, kind: str, *, reset: bool) -> None:
    """The step comes to its end, or is cancelled where the server does that; either way the process goes on."""
    lose_client(running, kind, reset=reset)
    until_told(running, lambda: lose_client(running, kind, reset=reset))
    assert call(running, "fn") == {"ran": True}


def until_told(running: Running, lose_another: Callable[[], object]) -> None:
    """Lose more clients until one is told of: a server that is busy may not know of it when it is asked."""
    tries_left = 30
    while running.server.tells is not None and not running.says_soon(running.server.tells):
        assert tries_left, running.text()
        tries_left -= 1
        lose_another()


def lose_client(running: Running, kind: str, *, reset: bool) -> None:
    with holder() as steps:
        connection = running.connect()
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.sendall(raw_call(held_call(kind, steps)))
        held = steps.accept()
        connection.close()
        let_end(held, running, kind)


def let_end(held: Held, running: Running, kind: str) -> None:
    """Let a step end whose client has gone, or wait until it is cancelled where the server does that."""
    if running.server.cancels and kind == "async":
        held.until_cancelled()
    else:
        time.sleep(LONG_SECONDS)
        assert held.release()


def raw_call(asked: Call) -> bytes:
    body = asked.body()
    head = f"POST /api/inngest?{asked.query()} HTTP/1.1\r\nHost: shop.example\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


@contextlib.contextmanager
def idle_connection(running: Running) -> Generator[socket.socket | None]:
    """Open a connection that has had an answer and asks no more, to a server that tells by it that it ends."""
    if running.server.ending is not None:
        yield None
        return
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", running.port, timeout=PATIENCE)) as connection:
        connection.request("GET", PATH)
        connection.getresponse().read()
        assert connection.sock is not None
        yield connection.sock


def check_shutdown(running: Running) -> None:
    """SIGTERM: the calls that run are answered, and the process ends."""
    if not running.server.finishes:
        check_abrupt_end(running)
        return
    kinds = ("sync", "async") if running.server.at_once else ("async",)
    with holder() as steps, idle_connection(running) as idle, asking(running, steps, *kinds) as answers:
        held = [steps.accept() for _ in kinds]
        running.terminate()
        running.until_it_ends(idle)
        ended = [each.release() for each in held]
        assert all(ended)
        for answer in answers:
            expect_held(answer.result(PATIENCE))
    assert running.until_ended() in (0, -signal.SIGTERM)


def check_abrupt_end(running: Running) -> None:
    """SIGTERM: the process ends at once, and the engine sees a broken connection, after which it calls again."""
    with holder() as steps, asking(running, steps, "sync") as answers:
        held = steps.accept()
        running.terminate()
        held.until_cancelled()
        with pytest.raises((http.client.HTTPException, OSError)):
            answers[0].result(PATIENCE)
    assert running.until_ended() in (0, -signal.SIGTERM)
