"""Apps that are down, that die, that move; several of them on one engine; one with several endpoints."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import flask
import pytest
import starlette.applications
import starlette.routing

import inngest
import inngest.flask
import inngest.starlette
from tests.cases.case import HandlerKind
from tests.cli.commands import environ
from tests.stage.bodies import Script
from tests.stage.effects import News
from tests.stage.servers import free_port

from .conftest import kinds
from .framework_apps import Framework, make_app, serving
from .world import TWO_BY_TWO, Console, Kind, World, new_world, running_engine

FLASK = Kind(Framework.FLASK, HandlerKind.SYNC)


@kinds(TWO_BY_TWO)
def test_an_app_that_is_down_at_first_is_waited_for(world: World) -> None:
    @world.function("t/f")
    def function(ctx: Any, step: Any) -> Script:
        return (yield step.run("s", world.did, "s", "done"))

    port = free_port()
    registering = threading.Thread(
        target=world.server.register_and_wait, args=(f"http://127.0.0.1:{port}/api/inngest", 60)
    )
    registering.start()
    world.console.said("waiting for an app at")
    with world.app(port):
        registering.join(60)
        assert world.engine.run("t/f").output == "done"


def test_runs_wait_for_an_app_that_is_away_and_lose_no_attempt(world: World) -> None:
    @world.function("t/f", retries=0)
    def function(ctx: Any, step: Any) -> Script:
        yield step.run("one", world.did, "one", None)
        yield step.wait_for_event("wait", event="t/go", timeout=10**7)
        return (yield step.run("two", world.did, "two", ctx.attempt))

    port = free_port()
    with world.up(port):
        event_id = world.engine.send("t/f")
        world.console.said("waits for")
    world.engine.send("t/go")
    other = world.engine.send("t/f")
    world.console.said("Unable to reach SDK URL")
    with world.up(port):
        (run,) = world.engine.ended(event_id)
        world.console.news.until(lambda: sum("waits for" in line for line in world.console.lines) == 2, "second wait")
        world.engine.send("t/go")
        world.effects.may_repeat.update(("one", "two"))
        assert world.engine.ended(other)[0].output == 0
    assert (run.status, run.output) == ("Completed", 0)
    assert world.effects.called == {"one": 2, "two": 2}


def test_an_app_that_comes_back_elsewhere_is_called_there(world: World) -> None:
    @world.function("t/f")
    def function(ctx: Any, step: Any) -> Script:
        yield step.run("one", world.did, "one", None)
        yield step.wait_for_event("wait", event="t/go", timeout=10**7)
        return (yield step.run("two", world.did, "two", "done"))

    with world.up():
        event_id = world.engine.send("t/f")
        world.console.said("waits for")
    with world.up():
        world.engine.send("t/go")
        assert world.engine.ended(event_id)[0].output == "done"


MORTAL = """
import os, pathlib, sys
import flask, inngest, inngest.flask

client = inngest.Inngest(app_id="mortal", is_production=False)
log = pathlib.Path(os.environ["LOG"])

def note(line):
    with log.open("a") as file:
        file.write(line + "\\n")

def work():
    note("work")
    if not pathlib.Path(os.environ["MAY_LIVE"]).exists():
        import time
        time.sleep(600)
    return "worked"

@client.create_function(fn_id="f", trigger=inngest.TriggerEvent(event="t/f"), retries=2)
def f(ctx, step):
    step.run("before", lambda: note("before"))
    found = step.run("work", work)
    step.run("after", lambda: note("after"))
    return [found, ctx.attempt]

app = flask.Flask(__name__)
inngest.flask.serve(app, client, [f])
"""


@contextmanager
def app_process(folder: Path, port: int, engine: str) -> Generator[subprocess.Popen[bytes], None, None]:
    variables = environ(INNGEST_DEV=engine, LOG=str(folder / "log"), MAY_LIVE=str(folder / "may_live"))
    command = [sys.executable, "-m", "waitress", f"--listen=127.0.0.1:{port}", "mortal:app"]
    with subprocess.Popen(command, cwd=folder, env=variables, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()


def test_an_app_that_is_killed_in_the_middle_of_a_step_goes_on_after_its_restart(tmp_path: Path) -> None:
    (tmp_path / "mortal.py").write_text(MORTAL)
    log, port, files = tmp_path / "log", free_port(), News()
    with new_world(FLASK) as world:
        url = f"http://127.0.0.1:{port}/api/inngest"
        with app_process(tmp_path, port, world.server.origin) as process:
            world.server.register_and_wait(url, 30)
            event_id = world.engine.send("t/f")
            until_written(files, log, "before\nwork\n")
            process.kill()
        world.console.said("Unable to reach SDK URL")
        (tmp_path / "may_live").touch()
        with app_process(tmp_path, port, world.server.origin):
            (run,) = world.engine.ended(event_id)
    assert (run.status, run.output) == ("Completed", ["worked", 0])
    assert log.read_text().splitlines() == ["before", "work", "work", "after"]


def until_written(news: News, log: Path, text: str) -> None:
    """A file of another process tells nobody: look again until it holds the text."""
    ticking = threading.Event()

    def tick() -> None:
        while not ticking.wait(0.02):
            news.tell()

    clock = threading.Thread(target=tick)
    clock.start()
    try:
        news.until(lambda: log.exists() and log.read_text() == text, f"{text!r} in the log")
    finally:
        ticking.set()
        clock.join()


def test_two_apps_on_one_engine_invoke_each_other() -> None:
    console = Console()
    with running_engine(console) as server:
        one = World(FLASK, server, console, app_id="one")
        two = World(Kind(Framework.STARLETTE, HandlerKind.ASYNC), server, console, app_id="two")

        @one.function("t/both", "t/one", fn_id="f")
        def first(ctx: Any, step: Any) -> Script:
            found = yield step.invoke_by_id("call", app_id="two", function_id="g", data={"n": 1})
            return ["one", found]

        @two.function("t/both", fn_id="f")
        def second(ctx: Any, step: Any) -> Script:
            return (yield step.run("s", two.did, "s", "two"))

        @two.function(fn_id="g")
        def third(ctx: Any, step: Any) -> Script:
            return (yield step.run("s", two.did, "g", ctx.fn_id))

        try:
            with one.up(), two.up():
                runs = one.engine.ended(one.engine.send("t/both"), 2)
            assert {run.function: run.output for run in runs} == {"one-f": ["one", "two-g"], "two-f": "two"}
            two.effects.check()
        finally:
            one.close()
            two.close()


@pytest.mark.parametrize("framework", [Framework.FLASK, Framework.STARLETTE])
def test_one_app_with_several_endpoints(framework: Framework) -> None:
    console = Console()
    with running_engine(console) as server:
        worlds = [World(Kind(framework, HandlerKind.SYNC), server, console, app_id=name) for name in ("a", "b", "c")]
        for each in worlds:

            @each.function("t/all", fn_id="f")
            def function(ctx: Any, step: Any, each: World = each) -> Script:
                found = yield ctx.group.parallel((each.ran(step, "x"), each.ran(step, "y")))
                return [ctx.fn_id, *found]

        app, paths = _app_with_endpoints(framework, worlds)
        try:
            with serving(framework, app) as origin:
                for path in paths:
                    server.register_and_wait(origin + path, 60)
                runs = worlds[0].engine.ended(worlds[0].engine.send("t/all"), 3)
            assert sorted(run.output for run in runs) == [[f"{name}-f", "x", "y"] for name in "abc"]
            for each in worlds:
                each.effects.check()
        finally:
            for each in worlds:
                each.close()


def _app_with_endpoints(framework: Framework, worlds: list[World]) -> tuple[Any, list[str]]:
    first, second, third = worlds
    if framework is Framework.FLASK:
        app = make_app(framework, first.client, first.functions)
        inngest.flask.serve(app, second.client, second.functions, serve_path="/other/place")
        blueprint = flask.Blueprint("more", "more", url_prefix="/more")
        inngest.flask.serve(blueprint, third.client, third.functions)
        app.register_blueprint(blueprint)
    else:
        mount = starlette.routing.Mount("/more", routes=[])
        app = starlette.applications.Starlette(routes=[mount])
        inngest.starlette.serve(app, first.client, first.functions)
        inngest.starlette.serve(app, second.client, second.functions, serve_path="/other/place")
        inngest.starlette.serve(mount, third.client, third.functions)
    return app, ["/api/inngest", "/other/place", "/more/api/inngest"]
