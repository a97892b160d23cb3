"""Runs of apps whose answers are streams, on every framework: they go as they do without."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import inngest
from tests.stage.bodies import Script

from .world import EVERY_KIND, TWO_BY_TWO, Kind, World, new_world

STREAMING = {"streaming": inngest.Streaming.FORCE}


@pytest.fixture
def streaming_world(request: pytest.FixtureRequest) -> Iterator[World]:
    kind: Kind = request.param
    with new_world(kind, STREAMING) as made:
        yield made


def on(kinds: list[Kind]) -> Callable[[Any], Any]:
    return pytest.mark.parametrize("streaming_world", kinds, indirect=True, ids=str)


@on(EVERY_KIND)
def test_a_run_with_every_kind_of_answer(streaming_world: World) -> None:
    world = streaming_world

    @world.function("t/streams", retries=2)
    def streams(ctx: Any, step: Any) -> Script:
        first = yield step.run("first", world.did, "first", {"ü": '"quoted"'})
        yield step.sleep("nap", datetime.timedelta(milliseconds=20))
        both = yield ctx.group.parallel((world.ran(step, "a"), world.ran(step, "b")))
        text = yield step.run("text", lambda: '{"looks": "like an object"}')
        return [first, list(both), text]

    with world.up():
        run = world.engine.run("t/streams")
    assert run.status == "Completed", run
    assert run.output == [{"ü": '"quoted"'}, ["a", "b"], '{"looks": "like an object"}']


@on(TWO_BY_TWO)
def test_failures_are_tried_again_or_not_as_their_headers_say(streaming_world: World) -> None:
    world = streaming_world
    tries: list[int] = []

    def flaky() -> str:
        tries.append(1)
        if len(tries) < 3:
            raise inngest.RetryAfterError("not yet", datetime.timedelta(milliseconds=5))
        return "at last"

    @world.function("t/flaky", retries=4)
    def again(ctx: Any, step: Any) -> Script:
        return (yield step.run("flaky", flaky))

    @world.function("t/final", retries=4)
    def final(ctx: Any, step: Any) -> Script:
        yield step.run("once", world.did, "once", None)
        raise inngest.NonRetriableError("never")

    with world.up():
        assert world.engine.run("t/flaky").output == "at last"
        run = world.engine.run("t/final")
    assert (run.status, run.output["message"]) == ("Failed", "never")


@on(TWO_BY_TWO)
def test_a_text_as_the_output(streaming_world: World) -> None:
    world = streaming_world

    @world.function("t/text")
    def text(ctx: Any, step: Any) -> Any:
        return "plain"

    with world.up():
        assert world.engine.run("t/text").output == "plain"
