"""The small call once more, over a real socket: uvicorn or waitress in another process, one kept-alive connection."""

from __future__ import annotations

import contextlib
import functools
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

from . import requests
from .apps import BARE_PATH, FRAMEWORKS, OWN_COLOUR, check, missing, other_colour
from .measure import Block, Effort, Row, compared, interleave, middle, skipped
from .small_calls import LIMIT, label


def rows(effort: Effort) -> Iterator[Row]:
    body = requests.small_body()
    for framework in FRAMEWORKS:
        with _served(framework) as connection:
            for colour in (OWN_COLOUR[framework], other_colour(framework)):
                what = label(framework, colour, "over a socket")
                why = missing(framework, colour)
                if why:
                    yield skipped(what, why)
                    continue
                ours = _block(connection, lambda colour=colour: requests.call(colour, body), effort.calls, what)
                bare = _block(
                    connection,
                    lambda colour=colour: requests.call(colour, body, path=BARE_PATH[colour]),
                    effort.calls,
                    f"{what}, bare",
                )
                measured, reference = interleave(ours, bare, rounds=effort.rounds)
                yield compared(what, middle(measured), middle(reference), LIMIT)


@contextlib.contextmanager
def _served(framework: str) -> Iterator[Connection]:
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.serving", framework], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        if process.stdout is None:
            raise RuntimeError("the server has no standard output")
        connection = Connection(int(process.stdout.readline()))
        yield connection
        connection.close()
    finally:
        process.kill()
        process.communicate()


class Connection:
    """One kept-alive connection, and of HTTP only what it takes: an answer ends where its content-length says."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def dump(self, post: requests.Post) -> bytes:
        headers = {"host": f"127.0.0.1:{self._port}", **post.headers, "content-length": str(len(post.body))}
        lines = [f"POST {post.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        return "\r\n".join(lines).encode() + post.body

    def exchange(self, request: bytes) -> tuple[int, bytes]:
        self._socket.sendall(request)
        answer = b""
        while (end := answer.find(b"\r\n\r\n")) < 0:
            answer += self._receive()
        head, body = answer[:end].lower(), answer[end + 4 :]
        length = int(head.split(b"\r\ncontent-length:", 1)[1].split(b"\r\n", 1)[0])
        while len(body) < length:
            body += self._receive()
        return int(head[9:12]), body

    def _receive(self) -> bytes:
        data = self._socket.recv(65536)
        if not data:
            raise RuntimeError("the server closed the connection")
        return data

    def close(self) -> None:
        self._socket.close()


def _block(connection: Connection, make: Callable[[], requests.Post], calls: int, what: str) -> Block:
    expect = functools.partial(check, what=what)

    def block() -> float:
        request = connection.dump(make())
        started = time.perf_counter()
        for _ in range(calls):
            status, body = connection.exchange(request)
        seconds = (time.perf_counter() - started) / calls
        expect(status, body)
        return seconds

    return block
