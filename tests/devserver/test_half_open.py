"""Clients that send nothing, half a request or a head without end are cut off; all others are not. On real sockets."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator

import httpx
import pytest

from inngest_devserver.engine import Options
from inngest_devserver.server import DevServer

pytestmark = pytest.mark.live

SECONDS, MORE_SECONDS = 0.25, 2.0
"""What a request may take: too little for anything but to be cut off, and enough to send it on a busy machine."""
HEAD = b"POST /e/k HTTP/1.1\r\nhost: localhost\r\ncontent-length: 13\r\n\r\n"
WHOLE = b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n"


@pytest.fixture
def server() -> Iterator[DevServer]:
    with DevServer(Options(sink=None), port=0, request_seconds=MORE_SECONDS) as made:
        yield made


@pytest.fixture
def hasty() -> Iterator[DevServer]:
    with DevServer(Options(sink=None), port=0, request_seconds=SECONDS) as made:
        yield made


def connect(server: DevServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=60)


def answer_of(connection: socket.socket) -> bytes:
    """Return the answer to WHOLE."""
    content = b""
    while not content.endswith(b"}"):
        chunk = connection.recv(65536)
        assert chunk, content
        content += chunk
    return content


@pytest.mark.parametrize(
    ("sent", "patience"),
    [(b"", 1), (b"POST /e", 1), (HEAD[:-2], 1), (HEAD, 4), (HEAD + b'{"name":', 4)],
    ids=["nothing", "half a line", "half a head", "no body", "half a body"],
)
def test_half_a_request_is_cut_off_in_time(hasty: DevServer, sent: bytes, patience: int) -> None:
    """A busy machine may hold the client up, too, before it has sent anything: then it tries again."""
    assert any(seconds_until_cut_off(hasty, sent) >= patience * SECONDS * 0.9 for _ in range(10))


def seconds_until_cut_off(server: DevServer, sent: bytes) -> float:
    began = time.monotonic()
    with connect(server) as connection, contextlib.suppress(ConnectionError):
        connection.sendall(sent)
        assert connection.recv(1) == b""
    return time.monotonic() - began


def test_the_next_request_of_a_connection_has_its_own_time(server: DevServer) -> None:
    with connect(server) as connection:
        for _ in range(3):
            connection.sendall(WHOLE)
            assert answer_of(connection).startswith(b"HTTP/1.1 200")
        connection.sendall(WHOLE[:20])
        assert connection.recv(1) == b""
    with httpx.Client(base_url=server.origin, trust_env=False, timeout=60) as client:
        assert client.get("/health").status_code == 200


def test_a_connection_that_is_kept_and_a_stream_are_not_cut_off(server: DevServer) -> None:
    """A stalled client that came later is cut off first: so much time has passed."""
    with httpx.Client(base_url=server.origin, trust_env=False, timeout=60) as client:
        token = client.post("/v1/realtime/token", json=[{"channel": "c", "name": "t"}]).json()["jwt"]
        with connect(server) as kept, client.stream("GET", f"/v1/realtime/sse?token={token}") as stream:
            kept.sendall(WHOLE)
            answer_of(kept)
            pieces = stream.iter_raw()
            assert next(pieces) == b":\n\n"
            for _ in range(2):
                with connect(server) as stalled:
                    assert stalled.recv(1) == b""
            kept.sendall(WHOLE)
            assert answer_of(kept).startswith(b"HTTP/1.1 200")
            assert client.post("/v1/realtime/publish?channel=c&topic=t", content=b"1").status_code == 200
            assert b'"data":1' in next(pieces)


def test_a_body_that_comes_slowly_is_taken(server: DevServer) -> None:
    body = b'{"name": "a"}'
    with connect(server) as connection:
        connection.sendall(HEAD)
        with connect(server) as stalled:
            assert stalled.recv(1) == b""  # more time has passed than a head may take
        connection.sendall(body)
        assert b"200 OK" in connection.recv(65536)


def test_a_head_that_never_ends_is_refused_and_large_ones_are_not(server: DevServer) -> None:
    with connect(server) as connection:
        for _ in range(3):
            connection.sendall(WHOLE[:-2] + b"x: " + b"a" * 16_000 + b"\r\n\r\n")
            assert b"200 OK" in answer_of(connection)
        connection.sendall(WHOLE[:-2])
        with pytest.raises(ConnectionError):
            for _ in range(10_000):
                connection.sendall(b"x: " + b"a" * 16_000 + b"\r\n")
    with httpx.Client(base_url=server.origin, trust_env=False, timeout=60) as client:
        assert client.get("/health").status_code == 200
