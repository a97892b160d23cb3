"""Whoever reads the body of a request second gets the same bytes, on every server: a socket gives them once.

And a body that nobody will want is not waited for.
"""

from __future__ import annotations

import http.client
import itertools
import json
from collections.abc import Sequence
from contextlib import closing

import pytest

from tests.cases.case import Call
from tests.stage.engine_api import EngineDouble
from tests.stage.sockets import PATIENCE, read

from .endpoints import CLOUD_PATH, PATH
from .process import Running, Server, running
from .readers import HEADER, PLACES
from .table import APPS, SERVERS

pytestmark = pytest.mark.live

CALL = Call(fn_id="app-reads")
BODY = CALL.body()
_DJANGO = ("-m", "django", "runserver", "--noreload", f"--settings={APPS}.django_reads_settings", "127.0.0.1:{port}")

# A hook of a framework that reads after the endpoint finds the stream consumed in Starlette, whatever the endpoint is.
IN_ASGI = tuple(
    places
    for size in range(len(PLACES) + 1)
    for places in itertools.combinations(PLACES, size)
    if "after" not in places or "before" in places
)
IN_WSGI = tuple(places for size in range(len(PLACES) + 1) for places in itertools.combinations(PLACES, size))
WITHOUT_BEFORE = tuple(places for places in IN_WSGI if "before" not in places)
ALWAYS = (("middleware", "inside"),)


def instead(name: str, old: str, new: str) -> Server:
    """Return a server of the table with another app."""
    found = next(server for server in SERVERS if server.name == name)
    command = [each.replace(old, new) for each in found.command]
    assert command != list(found.command)
    return Server(f"{name}-{new.partition('_')[0]}", command, found.framework, ready=found.ready)


READERS: Sequence[tuple[Server, Sequence[tuple[str, ...]]]] = (
    (
        Server(
            "werkzeug-flask",
            ("-m", "flask", "--app", f"{APPS}.flask_reads:app", "run", "--port={port}"),
            "flask",
            ready="Running on http",
        ),
        IN_WSGI,
    ),
    (instead("gunicorn-sync", "served_flask", "flask_reads"), IN_WSGI),
    (instead("gunicorn-gevent", "served_flask", "flask_reads"), IN_WSGI),
    (instead("waitress", "served_wsgi", "flask_reads"), IN_WSGI),
    (instead("granian-wsgi", "served_flask", "flask_reads"), IN_WSGI),
    (instead("gunicorn-gthread", "served_django:wsgi", "wsgi_reads:app"), WITHOUT_BEFORE),
    (instead("uvicorn", "served_fastapi", "starlette_reads"), IN_ASGI),
    (instead("uvicorn-uvloop", "served_asgi", "starlette_reads"), IN_ASGI),
    (instead("hypercorn", "served_starlette", "starlette_reads"), IN_ASGI),
    (instead("granian-asgi", "served_starlette", "starlette_reads"), IN_ASGI),
    (Server("runserver-django", _DJANGO, "django", ready="Starting development server at"), IN_WSGI),
    (instead("uvicorn-django", "served_django:asgi", "django_reads_asgi:app"), IN_WSGI),
    (instead("tornado", "served_tornado", "tornado_reads"), ALWAYS),
)


@pytest.mark.parametrize(("server", "combinations"), READERS, ids=[server.name for server, _ in READERS])
def test_whoever_reads_second_gets_the_same_bytes(
    server: Server, combinations: Sequence[tuple[str, ...]], engine: EngineDouble, subtests: pytest.Subtests
) -> None:
    with running(server, engine.origin) as started:
        for places in combinations:
            with subtests.test(",".join(places)):
                check_reads(started, places)


def check_reads(started: Running, places: tuple[str, ...]) -> None:
    """Ask twice on one connection, which stays open behind the body."""
    with closing(http.client.HTTPConnection("127.0.0.1", started.port, timeout=PATIENCE)) as connection:
        for _ in range(2):
            connection.request("POST", f"{PATH}?{CALL.query()}&reads={','.join(places)}", BODY)
            answer = read(connection.getresponse())
            assert answer.status == 200, answer
            seen = json.loads(answer.body)
            assert seen == {place: len(BODY) for place in places if place != "after"}
            told = json.loads(answer.headers.get(HEADER, json.dumps(seen)))
            assert told == {place: len(BODY) for place in places}


# --- a body that nobody will want

BUFFERS = ("uvicorn-django", "waitress", "waitress-signal")
"""Where the body is read before the app is asked: by Django under ASGI, by waitress, both into a file."""


@pytest.mark.parametrize("server", SERVERS, ids=[server.name for server in SERVERS])
def test_an_unsigned_body_is_not_waited_for(server: Server, engine: EngineDouble, subtests: pytest.Subtests) -> None:
    with running(server, engine.origin) as started:
        if server.name not in BUFFERS:
            with subtests.test("half sent"):
                assert answer_to_half(started, path=CLOUD_PATH, size=1_000_000) == (401, "header_missing")
            with subtests.test("half sent, and over the cap"):
                assert answer_to_half(started, path=PATH, size=10**9) == (413, "body_too_large")
        with subtests.test("sent before the answer is looked for"):
            answer = started.ask("POST", CALL.query(), b" " * 4_000_000, path=CLOUD_PATH)
            assert (answer.status, json.loads(answer.body)["code"]) == (401, "header_missing")
        with subtests.test("the next request"):
            assert started.ask("GET").status == 200
        assert "Traceback" not in started.text()


def answer_to_half(started: Running, *, path: str, size: int) -> tuple[int, str]:
    """Announce a body, send the beginning of it, and wait for the answer."""
    with started.connect() as connection:
        head = f"POST {path}?{CALL.query()} HTTP/1.1\r\nHost: shop.example\r\nContent-Length: {size}\r\n\r\n"
        connection.sendall(head.encode() + b"{")
        with closing(http.client.HTTPResponse(connection)) as response:
            response.begin()
            body = response.read1()  # what has come; under ASGI, the end comes when the body has
    return response.status, json.loads(body)["code"]
