"""Answers that go wrong, on real sockets: late, cut off, too large, no HTTP. Each is a TransportError, and in time."""

from __future__ import annotations

import asyncio
import dataclasses
import gzip
import socket
import threading
import time
import tracemalloc
import zlib
from collections.abc import Generator
from contextlib import contextmanager, suppress

import pytest

from inngest_core.runtime.transport import Transport
from inngest_core.web.messages import HTTPRequest, TransportError
from tests.stage.engine_api import EngineDouble
from tests.stage.servers import free_port

from .test_transport import BOTH, fetching, get

OK = b"HTTP/1.1 200 OK\r\n"
MIB = 1024 * 1024
LATE_SECONDS = 20.0
"""Far more than any of these time-outs, also on a busy machine, and far less than the answers take."""


@contextmanager
def answering_with(*chunks: bytes, pause_seconds: float = 0.1) -> Generator[str]:
    """Run a server that answers one request with these bytes, with a pause between chunks, and hangs up."""
    stop = threading.Event()
    listening = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        connection, _ = listening.accept()
        with connection, suppress(OSError):
            connection.recv(65536)
            for number, chunk in enumerate(chunks):
                if number and stop.wait(pause_seconds):
                    return
                connection.sendall(chunk)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        stop.set()
        with suppress(OSError):  # where a time-out has passed before anybody connected
            socket.create_connection(listening.getsockname(), LATE_SECONDS).close()
        thread.join(LATE_SECONDS)
        listening.close()


def in_bytes(text: bytes) -> list[bytes]:
    return [text[at : at + 1] for at in range(len(text))]


def closed_port() -> str:
    return f"http://127.0.0.1:{free_port()}"


@BOTH
def test_nobody_listens(how: str) -> None:
    with fetching(how) as fetch, pytest.raises(TransportError, match="ConnectError"):
        fetch(get(closed_port()))


@BOTH
def test_a_name_that_is_not_resolved(how: str) -> None:
    with fetching(how) as fetch, pytest.raises(TransportError):
        fetch(get("http://no-such-host.invalid/x"))


@BOTH
@pytest.mark.parametrize("url", ["http://", "ftp://127.0.0.1/x", "/x", "", "http://[::1/"])
def test_what_is_no_url(how: str, url: str) -> None:
    with fetching(how) as fetch, pytest.raises(TransportError):
        fetch(get(url))


@BOTH
@pytest.mark.parametrize(
    "answer",
    [b"", b"hello\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort", b"HTTP/1.1 200 OK\r\n"],
    ids=["nothing", "no-http", "cut-body", "cut-head"],
)
def test_an_answer_that_is_none(how: str, answer: bytes) -> None:
    with answering_with(answer) as origin, fetching(how) as fetch, pytest.raises(TransportError):
        fetch(get(f"{origin}/x"))


# Late

LATE = {
    "silent": [b""] * 600,
    "status byte by byte": [b"HTTP/1.1 ", *in_bytes(b"2" * 600)],
    "headers byte by byte": [OK + b"x-filler: ", *in_bytes(b"x" * 600)],
    "headers one by one": [OK, *[b"x-filler: x\r\n"] * 600],
    "chunks one by one": [OK + b"transfer-encoding: chunked\r\n\r\n", *[b"1\r\nx\r\n"] * 600],
    "body byte by byte": [OK + b"content-length: 600\r\n\r\n", *in_bytes(b"x" * 600)],
    "informational answers": [b"HTTP/1.1 100 Continue\r\n\r\n"] * 600,
}
"""Each takes a minute; every pause is shorter than the time-out."""


@BOTH
@pytest.mark.parametrize("chunks", LATE.values(), ids=LATE)
def test_the_time_out_is_that_of_the_whole_exchange(how: str, chunks: list[bytes]) -> None:
    with answering_with(*chunks) as origin, fetching(how) as fetch:
        started = time.monotonic()
        with pytest.raises(TransportError) as caught:
            fetch(get(f"{origin}/x", timeout=0.3))
        assert time.monotonic() - started < LATE_SECONDS
    assert str(caught.value) == f"no answer from {origin} to a GET: none in 0.3 s"


@BOTH
def test_a_handshake_that_does_not_end(how: str) -> None:
    with answering_with(*[b""] * 600) as origin, fetching(how) as fetch:
        started = time.monotonic()
        with pytest.raises(TransportError, match=r"none in 0\.3 s"):
            fetch(get(origin.replace("http:", "https:"), timeout=0.3))
        assert time.monotonic() - started < LATE_SECONDS


def test_a_handshake_that_does_not_end_leaves_no_connection_open() -> None:
    """httpcore leaves it open when it is cancelled."""
    opened, closed = threading.Event(), threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            opened.set()
            connection.settimeout(LATE_SECONDS)
            with connection, suppress(TimeoutError):
                while connection.recv(65536):
                    pass
                closed.set()

        async def main() -> bool:
            transport = Transport()
            while not opened.is_set():  # the time-out may pass before the connection is made
                with pytest.raises(TransportError, match=r"none in 0\.2 s"):
                    port = listening.getsockname()[1]
                    await transport.fetch_async(get(f"https://127.0.0.1:{port}/", timeout=0.2))
            ended = await asyncio.to_thread(closed.wait, LATE_SECONDS)
            await transport.close_async()
            return ended

        thread = threading.Thread(target=serve)
        thread.start()
        ended = asyncio.run(main())
        thread.join()
    assert ended, "the connection was closed only with its loop"


@BOTH
def test_a_server_that_does_not_read(how: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, fetching(how) as fetch:
        started = time.monotonic()
        with pytest.raises(TransportError, match=r"none in 0\.3 s"):
            port = listening.getsockname()[1]
            fetch(HTTPRequest("POST", f"http://127.0.0.1:{port}/x", {}, bytes(32 * MIB), timeout=0.3))
        assert time.monotonic() - started < LATE_SECONDS


@BOTH
def test_a_slow_answer_that_is_in_time(how: str) -> None:
    chunks = in_bytes(OK + b"content-length: 3\r\n\r\nyes")
    with answering_with(*chunks, pause_seconds=0.001) as origin, fetching(how) as fetch:
        assert fetch(get(f"{origin}/x")).body == b"yes"


# Large or broken bodies


def plain(body: bytes) -> list[bytes]:
    return [OK + b"content-length: %d\r\n\r\n" % len(body) + body]


def endless(piece: bytes) -> list[bytes]:
    return [OK + b"\r\n", *[piece] * 600]


def compressed(body: bytes, encoding: bytes = b"gzip") -> list[bytes]:
    head = OK + b"content-encoding: " + encoding + b"\r\ncontent-length: %d\r\n\r\n" % len(body)
    return [head + body]


def bomb(size: int) -> bytes:
    """Return *size* zeros, compressed, without having them all at once."""
    squeeze = zlib.compressobj(9, wbits=zlib.MAX_WBITS | 16)
    return b"".join([*[squeeze.compress(bytes(MIB)) for _ in range(size // MIB)], squeeze.flush()])


@BOTH
def test_a_body_may_be_as_large_as_the_limit(how: str) -> None:
    limit = HTTPRequest("GET", "http://x/", {}).max_response_bytes
    assert limit == 4 * MIB
    for chunks in (plain(bytes(limit)), compressed(gzip.compress(bytes(limit))), compressed(bytes(limit), b"identity")):
        with answering_with(*chunks) as origin, fetching(how) as fetch:
            assert len(fetch(get(f"{origin}/x")).body) == limit


@BOTH
@pytest.mark.parametrize("kind", ["plain", "endless", "compressed"])
def test_a_larger_body_is_an_error(how: str, kind: str) -> None:
    too_large = bytes(4 * MIB + 1)
    chunks = {
        "plain": plain(too_large),
        "endless": endless(too_large),
        "compressed": compressed(gzip.compress(too_large)),
    }
    with answering_with(*chunks[kind]) as origin, fetching(how) as fetch, pytest.raises(TransportError) as caught:
        fetch(get(f"{origin}/x"))
    assert str(caught.value) == (f"the answer from {origin} to a GET cannot be used: it is larger than 4,194,304 bytes")


@BOTH
def test_a_decompression_bomb_takes_no_more_memory_than_the_limit(how: str) -> None:
    chunks = compressed(bomb(128 * MIB))
    assert len(chunks[0]) < MIB
    with answering_with(*chunks) as origin, fetching(how) as fetch:
        tracemalloc.start()
        try:
            with pytest.raises(TransportError, match="it is larger than 4,194,304 bytes"):
                fetch(get(f"{origin}/x"))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 24 * MIB


@BOTH
@pytest.mark.parametrize(
    ("chunks", "says"),
    [
        (compressed(b"abc"), "it is broken: "),
        (compressed(gzip.compress(b"x" * 100)[:-9]), "it was cut off"),
        (compressed(b"abc", b"br"), "its content encoding is 'br', and only gzip was asked for"),
        (compressed(b"abc", b"gzip, gzip"), "its content encoding is 'gzip, gzip', and only gzip was asked for"),
    ],
)
def test_a_body_that_cannot_be_decompressed(how: str, chunks: list[bytes], says: str) -> None:
    with answering_with(*chunks) as origin, fetching(how) as fetch, pytest.raises(TransportError, match=says):
        fetch(get(f"{origin}/x"))


@BOTH
def test_an_empty_body_that_is_called_compressed(how: str) -> None:
    with answering_with(*compressed(b"")) as origin, fetching(how) as fetch:
        assert fetch(get(f"{origin}/x")).body == b""


@BOTH
def test_only_gzip_is_asked_for(how: str, engine: EngineDouble) -> None:
    engine.reset({"GET /x": [(200, {"ok": True})]})
    with fetching(how) as fetch:
        assert fetch(get(f"{engine.origin}/x")).status == 200
    [asked] = engine.requests
    assert asked.headers["accept-encoding"] == "gzip"


# Secrets


@BOTH
def test_the_message_does_not_hold_the_path(how: str) -> None:
    """It may be an event key."""
    with fetching(how) as fetch, pytest.raises(TransportError) as caught:
        fetch(get(f"{closed_port()}/e/secret-key?x=secret"))
    assert "secret" not in str(caught.value)


@BOTH
def test_no_log_holds_the_path(how: str, engine: EngineDouble, caplog: pytest.LogCaptureFixture) -> None:
    """Requests are logged at DEBUG; those that follow redirects by httpx, at INFO."""
    engine.reset({"GET /e/secret-key": [(200, {}), (200, {})]})
    with caplog.at_level("DEBUG"), fetching(how) as fetch:
        assert fetch(get(f"{engine.origin}/e/secret-key")).status == 200
        assert f"GET {engine.origin} answered 200" in caplog.text
        assert fetch(dataclasses.replace(get(f"{engine.origin}/e/secret-key"), follow_redirects=True)).status == 200
    assert engine.origin in caplog.text
    assert "secret" not in caplog.text
