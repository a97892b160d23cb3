"""Asking over a real socket, and servers in threads that end with their block."""

from __future__ import annotations

import asyncio
import http.client
import socket
import threading
from collections.abc import Callable, Coroutine, Generator
from contextlib import closing, contextmanager
from typing import Any

from tests.targets.target import Answer, Headers, Send

PATIENCE = 30


def ask(port: int, path: str) -> Send:
    """Return how to ask for *path* on a port of this machine."""

    def send(method: str, query: str, headers: Headers, body: bytes) -> Answer:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection:
            connection.request(method, f"{path}?{query}" if query else path, body, dict(headers))
            return read(connection.getresponse())

    return send


def read(response: http.client.HTTPResponse) -> Answer:
    content = response.read()
    return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, content)


def ask_raw(port: int, request: bytes) -> Answer:
    """Send exactly these bytes, and no more; read one answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        connection.sendall(request)
        response = http.client.HTTPResponse(connection)
        response.begin()
        with closing(response):
            return read(response)


def chunked(path: str, *chunks: bytes) -> bytes:
    """Return a POST whose body comes in chunks, without a length."""
    head = f"POST {path} HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    return head + b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in [*chunks, b""])


@contextmanager
def on_a_loop(start: Callable[[], Coroutine[Any, Any, Callable[[], Coroutine[Any, Any, None]]]]) -> Generator[None]:
    """Run a server on the loop of a thread of its own. start: returns how to stop it."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def run(work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(PATIENCE)

    stop = run(start())
    try:
        yield
    finally:
        run(stop())
        run(loop.shutdown_asyncgens())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(PATIENCE)
        loop.close()
