"""An engine with a signing key and apps in cloud mode: both sides sign, keys are rotated, strangers are refused."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

import inngest
from inngest_core.protocol.signing import SigningKey
from inngest_devserver.server import DevServer
from tests.cases.case import HandlerKind
from tests.stage.bodies import Script

from .engine_client import EngineClient
from .framework_apps import Framework
from .world import Console, Kind, World, running_engine

OLD, NEW = "signkey-test-" + "ab" * 32, "signkey-test-" + "cd" * 32
BIG = 5 * 1024 * 1024


@contextmanager
def signed_world(kind: Kind, engine_key: str, **client: Any) -> Generator[World, None, None]:
    console = Console()
    with running_engine(console, signing_key=engine_key, event_keys=("evt",), server_kind="cloud") as server:
        world = World(kind, server, console, is_production=True, event_key="evt", **client)
        world.engine.__exit__()
        world.engine = EngineClient(
            server.origin, console.ends, event_key="evt", bearer=SigningKey(engine_key).bearer().removeprefix("Bearer ")
        )
        try:
            yield world
        finally:
            world.close()
    world.effects.check()


def define(world: World) -> None:
    @world.function("t/f", retries=1)
    def function(ctx: Any, step: Any) -> Script:
        yield step.run("large", lambda: world.did("large", "x" * (BIG // 2)))
        yield step.run("more", lambda: world.did("more", "ü" * (BIG // 4)))
        ids = yield step.send_event("send", inngest.Event(name="t/other"))
        found = yield ctx.group.parallel((world.ran(step, "a"), world.ran(step, "b")))
        return [len(ids), *found]


KINDS = [Kind(Framework.FLASK, HandlerKind.SYNC), Kind(Framework.STARLETTE, HandlerKind.ASYNC)]
KEYS = {
    "one key": (OLD, {"signing_key": OLD}),
    "the app is ahead": (OLD, {"signing_key": NEW, "signing_key_fallback": OLD}),
    "the engine is ahead": (NEW, {"signing_key": OLD, "signing_key_fallback": NEW}),
}


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("case", list(KEYS))
def test_a_run_with_a_state_that_is_fetched(kind: Kind, case: str) -> None:
    engine_key, keys = KEYS[case]
    with signed_world(kind, engine_key, **keys) as world:
        define(world)
        with world.up() as url:
            run = world.engine.run("t/f")
            assert (run.status, run.output) == ("Completed", [1, "a", "b"])
            refused = httpx.post(f"{url}?fnId=app-f&stepId=step", json={}, trust_env=False)
            assert (refused.status_code, refused.json()["code"]) == (401, "header_missing")
            refused = httpx.get(url, trust_env=False, timeout=60)
            assert (refused.status_code, refused.json()["code"]) == (401, "header_missing")


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_an_app_with_another_key_cannot_register(kind: Kind) -> None:
    with signed_world(kind, OLD, signing_key=NEW) as world:
        define(world)
        with world.app() as url:
            assert "401" in refusal(world.server, world.console, url)
            assert world.engine.request("GET", "/dev").json()["functions"] == []


def refusal(server: DevServer, console: Console, url: str) -> str:
    """Ask an app to register until the engine says why it cannot; return that."""
    while not (said := [line for line in console.lines if "could not register" in line]):
        with pytest.raises(TimeoutError):
            server.register_and_wait(url, 0.5)
    return said[0]


def test_strangers_get_nothing_of_a_signed_engine() -> None:
    with signed_world(KINDS[0], OLD, signing_key=OLD) as world:
        origin = world.server.origin
        with httpx.Client(base_url=origin, trust_env=False, timeout=60) as stranger:
            assert stranger.post("/e/wrong", json={"name": "a"}).status_code == 401
            assert stranger.post("/fn/register", json={"appName": "x"}).status_code == 401
            assert stranger.get("/v1/runs").status_code == 401
            assert stranger.get("/v1/events").status_code == 401
            assert stranger.get("/v1/runs", headers={"authorization": "Bearer no"}).status_code == 401


def test_an_app_in_cloud_mode_refuses_a_dev_engine() -> None:
    console = Console()
    with running_engine(console) as server:
        world = World(KINDS[0], server, console, is_production=True, event_key="evt", signing_key=OLD)
        define(world)
        try:
            with world.app() as url:
                assert "cloud" in refusal(server, console, url)
        finally:
            world.close()
