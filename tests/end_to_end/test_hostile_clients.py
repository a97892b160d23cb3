"""Clients that stall, lie, shout or hang up: against the engine and against apps, on real sockets."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.stage.bodies import Script
from tests.stage.sockets import NO_TLS

from .conftest import kinds
from .world import TWO_BY_TWO, World

MEGABYTE = 1024 * 1024


def connect(url: str) -> socket.socket:
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname or "", parts.port or 0), timeout=20)


def read_to_end(connection: socket.socket) -> bytes:
    content = b""
    while True:
        try:
            chunk = connection.recv(65536)
        except ConnectionResetError:
            return content
        if not chunk:
            return content
        content += chunk


def define(world: World) -> None:
    @world.function("t/f")
    def function(ctx: Any, step: Any) -> Script:
        return (yield step.run("s", world.did, f"s {ctx.run_id}", "done"))


def test_stalled_clients_do_not_keep_others_from_the_engine(world: World) -> None:
    define(world)
    beginnings = [b"", b"POST /e/k HT", b"POST /e/k HTTP/1.1\r\nhost: localhost\r\n"]
    beginnings.append(b'POST /e/k HTTP/1.1\r\nhost: localhost\r\ncontent-length: 999\r\n\r\n{"name": ')
    with world.up(), ExitStack() as stack:
        for n in range(200):
            connection = stack.enter_context(connect(world.server.origin))
            connection.sendall(beginnings[n % len(beginnings)])
        assert world.engine.run("t/f").output == "done"


@kinds(TWO_BY_TWO)
def test_stalled_clients_do_not_keep_the_engine_from_an_app(world: World) -> None:
    define(world)
    with world.up() as url, ExitStack() as stack:
        for n in range(50):
            connection = stack.enter_context(connect(url))
            head = b"POST /api/inngest?fnId=app-f&stepId=step HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9999\r\n"
            connection.sendall(head[: 20 + n] if n % 2 else head + b'\r\n{"ctx": ')
        assert world.engine.run("t/f").output == "done"


@kinds(TWO_BY_TWO)
def test_clients_that_hang_up_do_no_harm(world: World) -> None:
    define(world)
    with world.up() as url:
        for target, path in ((url, "/api/inngest?fnId=app-f&stepId=step"), (world.server.origin, "/e/k")):
            for body in (b"", b'{"name": "t/f"', b"x" * 100_000):
                for size in (len(body) + 1, len(body)):
                    with connect(target) as connection:
                        head = f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {size}\r\n\r\n"
                        connection.sendall(head.encode() + body)
        assert world.engine.run("t/f").output == "done"
        assert len(world.engine.latest()) == 1


BODIES: list[tuple[bytes, str]] = [
    (b"", "body"),
    (b"{", "JSON"),
    (b"\xff\xfe", ""),
    (b"[1]", "object"),
    (b'{"name": 1}', "name"),
    (b'{"name": ""}', "name"),
    (b'{"name": "a", "data": [1]}', "data"),
    (b'{"name": "inngest/x"}', "reserved"),
    (b'{"name": "a", "ts": "now"}', "ts"),
    (b'{"name": "a", "ts": 1e300}', "ts"),
    (b'{"name": "a", "id": 7}', "id"),
    (json.dumps({"name": "a" * 600}).encode(), "long"),
    (json.dumps({"name": "a", "data": {"x": "x" * (4 * MEGABYTE)}}).encode(), "bytes long"),
    (json.dumps([{"name": "a"}] * 5001).encode(), "5001"),
    (b'{"name": "a", "data": ' + b'{"a":' * 50_000 + b"1" + b"}" * 50_001, ""),
]


@pytest.fixture
def engine(world: World) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=world.server.origin, trust_env=False, verify=NO_TLS, timeout=30) as client:
        yield client


def test_bad_events_are_refused_in_json(world: World, engine: httpx.Client) -> None:
    for body, said in BODIES:
        answer = engine.post("/e/key", content=body)
        assert answer.status_code == 400, (body[:50], answer.text[:200])
        assert said in answer.json()["error"], (body[:50], answer.text[:200])
    assert world.engine.events("a") == []


def test_events_before_a_bad_one_are_taken_and_their_ids_told(world: World, engine: httpx.Client) -> None:
    answer = engine.post("/e/key", json=[{"name": "a"}, {"name": "b"}, {"name": ""}, {"name": "c"}])
    assert (answer.status_code, len(answer.json()["ids"])) == (400, 2)
    assert [len(world.engine.events(name)) for name in "abc"] == [1, 1, 0]


def test_a_body_that_is_far_too_large_is_refused_and_the_engine_goes_on(world: World, engine: httpx.Client) -> None:
    with connect(world.server.origin) as connection:
        size = 64 * MEGABYTE
        head = f"POST /e/k HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {size}\r\n\r\n"
        connection.sendall(head.encode())
        try:
            for _ in range(64):
                connection.sendall(b"x" * MEGABYTE)
        except (BrokenPipeError, ConnectionResetError):
            pass
        answer = read_to_end(connection)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 413"), answer[:200]
    assert engine.get("/health").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing/here", 404),
        ("GET", "/e/key", 405),
        ("PATCH", "/v1/runs", 405),
        ("GET", "/v1/runs/nope", 400),
        ("GET", "/v1/runs/01M81VAVFH3Q1M1WJAG82E1HVG", 404),
        ("GET", "/v1/events/%00%ff/runs", 404),
        ("GET", "/v1/runs?limit=0", 400),
        ("GET", "/v1/runs?limit=" + "9" * 5000, 400),
        ("GET", "/v1/runs?cursor=%00", 400),
        ("GET", "/v1/events?cursor='; DROP TABLE events; --", 200),
        ("POST", "/invoke/app-nobody", 404),
        ("OPTIONS", "/e/key", 405),
        ("POST", "/fn/register", 400),
        ("DELETE", "/fn/remove", 400),
    ],
)
def test_requests_that_make_no_sense_get_a_plain_answer(
    engine: httpx.Client, method: str, path: str, status: int
) -> None:
    answer = engine.request(method, path)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() is not None


def test_web_pages_cannot_use_the_engine(engine: httpx.Client) -> None:
    assert engine.post("/e/k", json={"name": "a"}, headers={"origin": "https://evil.example"}).status_code == 403
    assert engine.post("/e/k", json={"name": "a"}, headers={"host": "evil.example"}).status_code == 403
    assert engine.post("/e/k", json={"name": "a"}, headers={"origin": "http://localhost:3000"}).status_code == 200


def test_lone_surrogates_and_huge_numbers_do_not_stop_the_engine(world: World, engine: httpx.Client) -> None:
    define(world)
    with world.up():
        for data in (b'"\\ud800"', b"1e999", b"-0", b"1" * 5000, b'{"\\udfff": 1}'):
            body = b'{"name": "t/f", "data": {"x": ' + data + b"}}"
            answer = engine.post("/e/k", content=body)
            assert answer.status_code in (200, 400), (data[:20], answer.text)
            if answer.status_code == 200:
                (run,) = world.engine.ended(answer.json()["ids"][0])
                assert run.status in ("Completed", "Failed")
        assert world.engine.run("t/f").output == "done"
    assert not [line for line in world.console.lines if "broke the engine" in line]
