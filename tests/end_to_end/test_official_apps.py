"""An app written for the official SDK, unchanged, behind each framework: what docs/migrating.md promises."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager
from typing import Any

import fastapi
import flask
import pytest
import tornado.web

import inngest
import inngest.digital_ocean
import inngest.django
import inngest.fast_api
import inngest.flask
import inngest.tornado
from inngest.experimental.digital_ocean_simulator import FULL_PATH, DigitalOceanSimulator
from inngest_middleware.encryption import Keyring
from tests.stage.servers import by_tornado, by_uvicorn, by_waitress
from tests.targets.django_site import ASGISite, WSGISite

from .engine_client import EngineClient, Seen
from .official_apps import SECRET, Watching, functions, new_client
from .world import Console, running_engine

PATH = "/api/inngest"
Serve = Callable[[inngest.Inngest, list[inngest.Function[Any]]], AbstractContextManager[int]]


def on_flask(client: inngest.Inngest, served: list[inngest.Function[Any]]) -> AbstractContextManager[int]:
    app = flask.Flask("official")
    inngest.flask.serve(app, client, served, public_path=None, serve_origin=None, serve_path=None)
    return by_waitress(app)


def on_fastapi(client: inngest.Inngest, served: list[inngest.Function[Any]]) -> AbstractContextManager[int]:
    app = fastapi.FastAPI()
    inngest.fast_api.serve(app, client, served, streaming=inngest.Streaming.DISABLE)
    return by_uvicorn(app, [client])


def on_tornado(client: inngest.Inngest, served: list[inngest.Function[Any]]) -> AbstractContextManager[int]:
    app = tornado.web.Application()
    inngest.tornado.serve(app, client, served)
    return by_tornado(app, [client])


def on_django(client: inngest.Inngest, served: list[inngest.Function[Any]]) -> AbstractContextManager[int]:
    return by_waitress(WSGISite([inngest.django.serve(client, served)]))


def on_django_asgi(client: inngest.Inngest, served: list[inngest.Function[Any]]) -> AbstractContextManager[int]:
    return by_uvicorn(ASGISite([inngest.django.serve(client, served)]), [client])


def on_digital_ocean(client: inngest.Inngest, served: list[inngest.Function[Any]]) -> AbstractContextManager[int]:
    return by_waitress(DigitalOceanSimulator(inngest.digital_ocean.serve(client, served)).app)


WAYS: list[tuple[Serve, str]] = [
    *((serve, PATH) for serve in (on_flask, on_fastapi, on_tornado, on_django, on_django_asgi)),
    (on_digital_ocean, FULL_PATH),
]


OUTPUTS = {
    "option": {"n": 1},
    "old": {"total": 3, "both": ["a", "b"], "doubled": 4, "again": 6, "fn": True},
    "old-async": {"both": [1, 2], "doubled": 4},
    "new": {
        "total": 3,
        "waited": None,
        "groups": [1, 2],
        "ids": 1,
        "decorated": 2,
        "one": True,
        "ids_of_the_call": True,
    },
}
"""What the functions return, to which the middleware adds that it was there."""


def output_of(run: Seen) -> dict[str, Any]:
    """Return the output of a run that completed, which the engine has only encrypted."""
    assert run.status == "Completed", run
    output: Any = Keyring([SECRET]).decrypt(run.output, "the output")
    assert output.pop("watched") is True
    found: dict[str, Any] = output
    return found


@pytest.fixture(params=WAYS, ids=lambda way: way[0].__name__)
def engine(request: pytest.FixtureRequest) -> Generator[EngineClient]:
    serve, path = request.param
    console = Console()
    with running_engine(console) as server:
        client = new_client(server.origin)
        with serve(client, functions(client)) as port, contextlib.closing(client):
            server.register_and_wait(f"http://127.0.0.1:{port}{path}", 60)
            with EngineClient(server.origin, console.ends) as asked:
                yield asked


def test_an_official_app_runs_unchanged(engine: EngineClient) -> None:
    sent = {
        "option": engine.send("shop/option", {"n": 1}),
        "old": engine.send("shop/old", {"order": {"id": "1", "total": 2}}),
        "old-async": engine.send("shop/old-async"),
        "new": engine.send("shop/new", {"id": "1"}),
        "fail": engine.send("shop/fail"),
    }
    ended = {name: engine.ended(event)[0] for name, event in sent.items()}
    failed = ended.pop("fail")
    assert (failed.status, failed.error) == ("Failed", ("NonRetriableError", "never: no"))
    assert {name: output_of(run) for name, run in ended.items()} == OUTPUTS
    assert "sends shop/sent" in Watching.noted
    assert {"before_execution", "after_execution", "before_response"} <= set(Watching.noted)
