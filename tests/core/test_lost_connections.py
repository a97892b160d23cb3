"""Connections that are reset as soon as they are made, as by an engine that is just killed, on a loop that is busy."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Generator

import pytest

from inngest_core.runtime.transport import Transport
from inngest_core.web.messages import HTTPRequest, TransportError

ATTEMPTS = 60
RESET_WHEN_CLOSED = struct.pack("ii", 1, 0)


@contextlib.contextmanager
def resetting() -> Generator[int]:
    """Run a server that resets each connection at some moment within some turns of a busy loop; give its port."""

    def serve() -> None:
        moments = random.Random(1)  # noqa: S311 - moments, not secrets
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_WHEN_CLOSED)
                time.sleep(moments.uniform(0, 0.003))
                connection.close()

    listener = socket.create_server(("127.0.0.1", 0), backlog=ATTEMPTS)
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


async def keep_busy() -> None:
    while True:
        time.sleep(0.001)  # as a loop is on which others work
        await asyncio.sleep(0)


async def ask_often(port: int) -> list[str]:
    """Return what came of each request."""
    transport, came = Transport(), list[str]()
    others = asyncio.create_task(keep_busy())
    for _ in range(ATTEMPTS):
        try:
            await transport.fetch_async(HTTPRequest("POST", f"http://127.0.0.1:{port}/", {}, b"{}", timeout=20))
        except Exception as error:
            came.append(type(error).__name__)
        else:
            came.append("an answer")
    others.cancel()
    await transport.close_async()
    return came


def uvloop() -> asyncio.AbstractEventLoop:
    import uvloop

    return uvloop.new_event_loop()


LOOPS: list[Callable[[], asyncio.AbstractEventLoop]] = [asyncio.new_event_loop]
if sys.platform != "win32":
    LOOPS.append(uvloop)


@pytest.mark.parametrize("loop", LOOPS, ids=lambda loop: loop.__name__)
def test_a_connection_that_is_lost_at_once_is_an_error_of_the_transport(
    loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    with resetting() as port, asyncio.Runner(loop_factory=loop) as runner:
        assert set(runner.run(ask_often(port))) == {TransportError.__name__}
