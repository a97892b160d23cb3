"""Clients that go away in the middle of a step, and servers that are told to end in the middle of one."""

from __future__ import annotations

import http.client
import socket
import struct

import pytest

from tests.cases.case import Call

from .calls import asking, call, expect_held, held_call
from .process import Running, holder, PATIENCE


def check_disconnect(running: Running, colour: str, *, reset: bool) -> None:
    """The step comes to its end, or is cancelled where the server does that; either way the process goes on."""
    with holder() as steps:
        connection = running.connect()
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.sendall(raw_call(held_call(colour, steps)))
        held = steps.accept()
        connection.close()
        if running.server.cancels and colour == "async":
            held.until_cancelled()
        else:
            assert held.release()
    assert call(running, "fn") == {"ran": True}


def raw_call(asked: Call) -> bytes:
    body = asked.body()
    head = f"POST /api/inngest?{asked.query()} HTTP/1.1\r\nHost: shop.example\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def check_shutdown(running: Running) -> None:
    """SIGTERM: nobody can connect any more, the calls that run are answered, and the process ends."""
    colours = ("sync", "async") if running.server.at_once else ("async",)
    with holder() as steps, asking(running, steps, *colours) as answers:
        held = [steps.accept() for _ in colours]
        running.terminate()
        if running.server.finishes:
            running.until_refused()
            assert all([each.release() for each in held])
            for answer in answers:
                expect_held(answer.result(PATIENCE))
        else:  # the engine sees a broken connection, and calls again
            for answer in answers:
                with pytest.raises((http.client.HTTPException, OSError)):
                    answer.result(PATIENCE)
    assert running.until_ended() in (0, -15)
