"""The matrix over real sockets: uvicorn for Starlette and FastAPI, waitress for Flask."""

from __future__ import annotations

import contextlib
import functools
import http.client
import itertools
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.stage.case_check import ask, check
from tests.stage.effort import pairs
from tests.stage.engine_api import EngineDouble

from .bad_input.served import BODY, CAP, KEY, QUERY, expect_error, expect_signed, served, signature
from .cases import cases_by_kind
from .cases.case import HandlerKind
from .targets import find_targets
from .targets.live import LiveServer, running_server
from .targets.target import ASGITarget, WSGITarget

pytestmark = pytest.mark.live

CASES = cases_by_kind()
LIVE = {name: target for name, target in find_targets().items() if isinstance(target, ASGITarget | WSGITarget)}
CHOSEN = list(pairs(list(CASES), list(LIVE), share=2))
"""Each case with some of the servers; `test_cases.py` has it on every target, without sockets."""


@pytest.fixture(scope="session")
def running() -> Iterator[Callable[[str], LiveServer]]:
    """Start the server of a target when it is first needed; it runs until the end."""
    with contextlib.ExitStack() as stack:

        @functools.cache
        def start(name: str) -> LiveServer:
            return stack.enter_context(running_server(LIVE[name]))

        yield start


@pytest.fixture(params=list(LIVE))
def server(request: pytest.FixtureRequest, running: Callable[[str], LiveServer]) -> LiveServer:
    return running(str(request.param))


@pytest.mark.parametrize(
    ("name", "server"),
    CHOSEN,
    indirect=["server"],
    ids=[f"{target}-{name}" for name, target in CHOSEN],
)
def test_case(name: str, server: LiveServer, engine: EngineDouble) -> None:
    case, kind = CASES[name]
    check(case, server.target, ask(case, kind, server.connect, engine))


def test_every_target_serves_some_cases_of_both_kinds() -> None:
    assert {(CASES[name][1], target) for name, target in CHOSEN} == set(itertools.product(HandlerKind, LIVE))


def test_signed(server: LiveServer, engine: EngineDouble) -> None:
    with served(server, engine, is_production=True, signing_key=KEY) as send:
        answer = send("POST", QUERY, {"X-Inngest-Signature": signature(BODY)}, BODY)
        assert (answer.status, json.loads(answer.body)) == (200, {"ran": True})
        expect_signed(answer)
        refused = send("POST", QUERY, {"X-Inngest-Signature": signature(BODY + b" ")}, BODY)
        expect_error(refused, server.target, 401, "sig_verification_failed", mode="cloud")


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PATCH", "DELETE", "FOO"])
def test_other_methods(method: str, server: LiveServer, engine: EngineDouble) -> None:
    with served(server, engine) as send:
        answer = send(method, QUERY, {}, b"")
    assert answer.status == 405
    if method == "HEAD":
        assert answer.body == b""
    else:
        expect_error(answer, server.target, 405, "method_not_allowed")


def test_body_over_the_cap(server: LiveServer, engine: EngineDouble) -> None:
    with served(server, engine) as send:
        expect_error(send("POST", QUERY, {}, b" " * (CAP + 1)), server.target, 413, "body_too_large")


def test_registration(server: LiveServer, engine: EngineDouble) -> None:
    engine.reset({"POST /fn/register": [(200, {"ok": True, "modified": True})]})
    with served(server, engine) as send:
        answer = send("PUT", "", {}, b"")
    assert (answer.status, json.loads(answer.body)["modified"]) == (200, True)
    assert engine.requests[0].json()["url"] == f"http://127.0.0.1:{server.port}{server.target.path}"


@pytest.mark.parametrize("size", [1, 1000, 200_000])
def test_a_body_without_a_known_length(size: int, server: LiveServer, engine: EngineDouble) -> None:
    """`transfer-encoding: chunked`, as a proxy may send it."""
    body = BODY + b" " * size
    with served(server, engine) as send:
        assert send("GET", "", {}, b"").status == 200
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        chunks = [body[start : start + 1000] for start in range(0, len(body), 1000)]
        connection.request("POST", f"{server.target.path}?{QUERY}", iter(chunks), encode_chunked=True)
        response = connection.getresponse()
        assert (response.status, json.loads(response.read())) == (200, {"ran": True})
        connection.close()


def test_many_at_once(server: LiveServer, engine: EngineDouble) -> None:
    with served(server, engine) as send:
        assert send("GET", "", {}, b"").status == 200
        with ThreadPoolExecutor(8) as pool:
            asked = [pool.submit(server.exchange, "POST", QUERY, {}, BODY) for _ in range(40)]
            answers = [each.result() for each in asked]
        assert send("GET", "", {}, b"").status == 200
    assert [(each.status, json.loads(each.body)) for each in answers] == [(200, {"ran": True})] * 40
