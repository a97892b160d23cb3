"""What was broken once, one test each."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

import inngest
from tests.cli.commands import SHOP, command, dev, environ, run
from tests.stage.bodies import Script
from tests.stage.servers import free_port

from .raw_app import http, raw_app, says
from .world import NATIVE_KINDS, Console, World, new_world, running_engine

NOT_UNICODE = os.fsdecode(b"caf\xe9.txt")
"""What the name of a file may look like: text with a lone surrogate."""


@pytest.fixture
def world() -> Iterator[World]:
    with new_world(NATIVE_KINDS[0]) as made:
        yield made


def test_an_error_about_a_file_name_that_is_no_unicode_is_told_to_all(world: World) -> None:
    def mourn(ctx: Any, step: Any) -> Any:
        world.effects.call("mourn")

    @world.function(retries=0, on_failure=mourn)
    def child(ctx: Any, step: Any) -> Any:
        raise FileNotFoundError(NOT_UNICODE)

    @world.function("t/parent", retries=0)
    def parent(ctx: Any, step: Any) -> Script:
        try:
            yield step.invoke("call", function=child)
        except inngest.StepError as error:
            return error.name

    with world.up():
        assert world.engine.run("t/parent").output == "FileNotFoundError"
        world.news.until(lambda: world.effects.called["mourn"], "on_failure")


def test_a_step_that_raises_such_an_error_is_tried_again_and_caught(world: World) -> None:
    @world.function("t/f", retries=1)
    def function(ctx: Any, step: Any) -> Script:
        try:
            yield step.run("open", world.effects.fails, NOT_UNICODE, 9)
        except inngest.StepError as error:
            return error.name

    with world.up():
        assert world.engine.run("t/f").output == "ValueError"
    assert list(world.effects.called.values()) == [2]


@pytest.mark.parametrize("body", [b'{"name": "\\udcff"}', b'{"name": "a", "id": "\\udcff"}'])
def test_an_event_whose_name_or_id_is_no_unicode_is_refused(world: World, body: bytes) -> None:
    answer = httpx.post(f"{world.server.origin}/e/k", content=body, trust_env=False, timeout=60)
    assert answer.status_code == 400


def test_a_terminal_that_knows_ascii_only_does_not_harm_runs(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(SHOP.replace('"say"', '"säg 世界"'))
    with dev("shop", folder=tmp_path, PYTHONIOENCODING="ascii") as it:
        origin = it.origin()
        it.until("ready:")
        run("send", "user/came", '{"name": "Ada", "n": 2}', "--url", origin)
        seen = it.until("user/came") + it.until("")
        assert "Traceback" not in seen
        assert "done" in seen


def test_runs_are_shown_on_a_terminal_that_knows_ascii_only(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(SHOP.replace('"say"', '"säg 世界"'))
    with dev("shop", folder=tmp_path) as it:
        origin = it.origin()
        it.until("ready:")
        event = run("send", "user/came", '{"name": "Ada", "n": 2}', "--url", origin).split()[2]
        it.until("run completed")
        assert "completed in" in run("runs", "--event", event, "--url", origin, PYTHONIOENCODING="ascii")


def test_an_app_that_registers_with_another_engine_is_not_called_ready(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(SHOP)
    port = free_port()
    with running_engine(Console()) as other:
        waitress = [*command()[:3], "-m", "waitress", f"--listen=127.0.0.1:{port}", "shop:app"]
        variables = environ(INNGEST_DEV=other.origin)
        with subprocess.Popen(waitress, cwd=tmp_path, env=variables, stderr=subprocess.DEVNULL) as app:
            try:
                with dev("-u", f"http://127.0.0.1:{port}/api/inngest", folder=tmp_path) as it:
                    it.origin()
                    line = it.until("")
                    while "waiting for" in line:
                        line = it.until("")
                    assert "INNGEST_DEV" in line
            finally:
                app.kill()


@pytest.mark.parametrize("location", ["http://[bad", "http://127.0.0.1:99999999/"])
def test_a_redirect_that_is_no_url_fails_the_run(world: World, location: str) -> None:
    with raw_app(world.engine, says(http("307 Temporary", b"", f"location: {location}"))):
        assert world.engine.run("raw/f").status == "Failed"


def test_a_planned_step_that_is_planned_again_for_ever_fails_the_run(world: World) -> None:
    planned = b'[{"op": "StepPlanned", "id": "a", "name": "a"}]'
    with raw_app(world.engine, says(http("206 Partial Content", planned))) as app:
        assert world.engine.run("raw/f").status == "Failed"
        assert app.calls < 200


def test_a_sleep_until_a_time_centuries_away_is_refused(world: World) -> None:
    @world.function("t/f", retries=0)
    def function(ctx: Any, step: Any) -> Script:
        yield step.sleep_until("long", datetime(9999, 1, 1, tzinfo=UTC))

    with world.up():
        assert world.engine.run("t/f").status == "Failed"


@pytest.mark.parametrize("url", ["http://", "http://[bad", "http://127.0.0.1:99999999"])
def test_a_url_that_is_none_is_refused(tmp_path: Path, url: str) -> None:
    with dev("-u", url, folder=tmp_path) as it:
        assert "is not a URL" in it.until("")
