"""Connections of the engine to apps: kept alive, given up when they fail, and answers of every form that HTTP has."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
from collections.abc import AsyncGenerator

import pytest

from inngest_core.web.messages import TransportError
from inngest_devserver.calls.connections import Connections, UnreachableError
from inngest_devserver.calls.reply import Answer
from tests.stage.servers import free_port

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"
LIMIT = 8 * 1024 * 1024


class Server:
    """Answers each request with the next of some bytes. requests: what it was asked; opened: connections."""

    def __init__(self, answers: list[bytes], *, closes: bool) -> None:
        self.requests: list[bytes] = []
        self.opened = 0
        self.port = 0
        self.tasks: list[asyncio.Task[None]] = []
        self._answers = answers
        self._closes = closes

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened += 1
        self.tasks.append(asyncio.create_task(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.requests.append(head)
                writer.write(self._answers[min(len(self.requests), len(self._answers)) - 1])
                await writer.drain()
                if self._closes:
                    break
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    async def ask(self, connections: Connections, **headers: str) -> Answer:
        return await connections.exchange("POST", f"http://127.0.0.1:{self.port}/x?a=b", headers, b"", 60)


@contextlib.asynccontextmanager
async def answering(*answers: bytes, closes: bool = False) -> AsyncGenerator[tuple[Server, Connections]]:
    it, connections = Server(list(answers), closes=closes), Connections()
    server = await asyncio.start_server(it, "127.0.0.1", 0)
    it.port = server.sockets[0].getsockname()[1]
    try:
        yield it, connections
    finally:
        connections.close()
        server.close()
        await asyncio.gather(*it.tasks)


def test_a_connection_is_used_again() -> None:
    async def main() -> None:
        async with answering(OK) as (it, connections):
            for _ in range(3):
                assert (await it.ask(connections)).body == b"hi"
            assert it.opened == 1
            host = f"Host: 127.0.0.1:{it.port}\r\n".encode()
            assert it.requests[0] == b"POST /x?a=b HTTP/1.1\r\n" + host + b"Content-Length: 0\r\n\r\n"

    asyncio.run(main())


def test_requests_at_the_same_time_have_connections_of_their_own() -> None:
    async def main() -> None:
        async with answering(OK) as (it, connections):
            answers = await asyncio.gather(*(it.ask(connections) for _ in range(5)))
            assert [answer.body for answer in answers] == [b"hi"] * 5
            assert it.opened == 5

    asyncio.run(main())


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi",
        b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi",
    ],
    ids=["connection: close", "HTTP/1.0"],
)
def test_a_connection_that_the_app_closes_is_not_used_again(answer: bytes) -> None:
    async def main() -> None:
        async with answering(answer) as (it, connections):
            assert [(await it.ask(connections)).body for _ in range(2)] == [b"hi", b"hi"]
            assert it.opened == 2

    asyncio.run(main())


FORMS: dict[str, tuple[bytes, bytes]] = {
    "chunked": (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nh\r\n1\r\ni\r\n0\r\n\r\n", b"hi"),
    "up to the end": (b"HTTP/1.1 200 OK\r\nx: y\r\n\r\nhi", b"hi"),
    "after 103": (b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + OK, b"hi"),
    "no reason": (b"HTTP/1.1 200\r\ncontent-length: 2\r\n\r\nhi", b"hi"),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    "gzip": (
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\nconnection: close\r\n\r\n" + gzip.compress(b"hi"),
        b"hi",
    ),
}


@pytest.mark.parametrize(("answer", "body"), FORMS.values(), ids=FORMS.keys())
def test_every_form_of_an_answer_is_read(answer: bytes, body: bytes) -> None:
    async def main() -> None:
        async with answering(answer, closes=True) as (it, connections):
            assert (await it.ask(connections)).body == body

    asyncio.run(main())


def test_headers_are_lower_case_and_those_that_repeat_are_joined() -> None:
    async def main() -> None:
        async with answering(b"HTTP/1.1 206 X\r\nX-A: 1\r\nx-a: 2\r\ncontent-length: 0\r\n\r\n") as (it, connections):
            answer = await it.ask(connections)
            assert (answer.status, answer.headers["x-a"]) == (206, "1, 2")

    asyncio.run(main())


BOMB = gzip.compress(b"x" * (3 * LIMIT))


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (3 * LIMIT) + b"x" * (2 * LIMIT),
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(BOMB) + BOMB,
    ],
    ids=["plain", "compressed"],
)
def test_a_body_is_read_one_byte_beyond_the_limit(answer: bytes) -> None:
    async def main() -> None:
        async with answering(answer) as (it, connections):
            assert len((await it.ask(connections)).body) == LIMIT + 1

    asyncio.run(main())


FAULTS: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "disconnected"),
    "half": (OK[:-1], "disconnected"),
    "no HTTP": (b"hello\r\n\r\n", "not HTTP"),
    "another protocol": (b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", "another protocol"),
    "encoding": (b"HTTP/1.1 200 OK\r\ncontent-encoding: br\r\ncontent-length: 1\r\n\r\nx", "content encoding: br"),
    "broken gzip": (b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 1\r\n\r\nx", "decompressed"),
    "endless headers": (b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 100_000, "headers of the answer are larger"),
}


@pytest.mark.parametrize(("answer", "said"), FAULTS.values(), ids=FAULTS.keys())
def test_what_cannot_be_read_is_an_error_that_says_why(answer: bytes, said: str) -> None:
    async def main() -> None:
        async with answering(answer, OK, closes=True) as (it, connections):
            with pytest.raises(TransportError, match=said):
                await it.ask(connections)
            assert (await it.ask(connections)).body == b"hi", "the next one works"

    asyncio.run(main())


def test_an_answer_that_does_not_come_in_time_is_given_up() -> None:
    async def main() -> None:
        async with answering(b"HTTP/1.1 200 OK\r\n") as (it, connections):
            with pytest.raises(TransportError, match=r"no answer in 0\.05 seconds"):
                await connections.exchange("GET", f"http://127.0.0.1:{it.port}/", {}, b"", 0.05)

    asyncio.run(main())


def test_a_port_where_nobody_listens_and_urls_that_lead_nowhere() -> None:
    async def main() -> None:
        connections = Connections()
        with pytest.raises(UnreachableError):
            await connections.exchange("GET", f"http://127.0.0.1:{free_port()}/", {}, b"", 60)
        with pytest.raises(TransportError, match="not an http"):
            await connections.exchange("GET", "file:///etc/passwd", {}, b"", 60)

    asyncio.run(main())


def test_a_header_cannot_end_early() -> None:
    async def main() -> None:
        async with answering(OK) as (it, connections):
            with pytest.raises(TransportError, match="line break"):
                await it.ask(connections, step="a\r\nx-evil: 1")
            assert it.requests == []

    asyncio.run(main())


def test_a_connection_that_is_closed_before_the_request_is_no_answer_and_does_not_hang() -> None:
    async def main() -> None:
        connections, troubles = Connections(), list[str]()
        asyncio.get_running_loop().set_exception_handler(lambda _, context: troubles.append(str(context)))

        async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()

        async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            for _ in range(100):
                with pytest.raises(TransportError, match=r"disconnected|closed the connection|reset"):
                    await connections.exchange("POST", f"http://127.0.0.1:{port}/", {}, b"", 60)
        assert troubles == []

    asyncio.run(main())


def test_a_request_may_be_given_up_at_any_moment() -> None:
    async def main() -> None:
        troubles: list[str] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: troubles.append(str(context)))
        async with answering(OK) as (it, _):
            for turns in range(12):
                connections = Connections()
                request = asyncio.create_task(it.ask(connections))
                for _turn in range(turns):
                    await asyncio.sleep(0)
                request.cancel()
                await asyncio.wait([request])
                await it.ask(connections)
                connections.close()
        assert troubles == []

    asyncio.run(main())
