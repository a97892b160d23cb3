"""A step that runs for longer than a second is announced to the engine, while its call goes on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator
from typing import Any

import pytest

import inngest
from tests.cases.case import Call
from tests.stage.asks import ASYNC_ASKS, Ask
from tests.stage.engine_api import CUT_OFF, Answer, EngineDouble, Recorded
from tests.stage.one_function import request_of, serving, shown


class Saves:
    """Takes what is saved; says when a step is announced. answers: what it answers to that."""

    def __init__(self, answer: Answer = (200, b"")) -> None:
        self.steps: list[dict[str, Any]] = []
        self.announced = threading.Event()
        self._answer = answer

    def take(self, request: Recorded) -> Answer:
        (step,) = request.json()["steps"]
        self.steps.append(step)
        if step["op"] != "StepPlanned":
            return 200, b""
        self.announced.set()
        return self._answer

    def seen(self) -> list[tuple[str, str]]:
        return [(step["op"], step["displayName"]) for step in self.steps]


@pytest.fixture
def saves(engine: EngineDouble) -> Generator[Saves]:
    taken = Saves()
    engine.reset({"*": [taken.take]})
    yield taken


def waits_for(announced: threading.Event) -> Any:
    async def function(ctx: inngest.Context) -> object:
        quick = await ctx.step.run("quick", lambda: 1)
        return [quick, await ctx.step.run("slow", lambda: asyncio.to_thread(announced.wait, 30))]

    return function


@pytest.mark.parametrize("ask", ASYNC_ASKS)
def test_a_step_that_takes_long(ask: Ask, engine: EngineDouble, saves: Saves) -> None:
    with serving(waits_for(saves.announced), api_base_url=engine.origin) as app:
        assert shown(ask(app, request_of(Call(saves=True)))) == (200, [1, True])
    assert saves.seen() == [("StepRun", "quick"), ("StepPlanned", "slow"), ("StepRun", "slow")]
    planned, ran = saves.steps[1:]
    assert {key: planned[key] for key in ("id", "name", "userland")} == {
        key: ran[key] for key in ("id", "name", "userland")
    }
    assert "timing" not in planned


@pytest.mark.parametrize("answer", [CUT_OFF, (409, {"error": "stale"}), (400, b"no"), (500, b"")])
def test_it_does_not_matter_what_the_engine_says_to_that(answer: Answer, engine: EngineDouble) -> None:
    saves = Saves(answer)
    engine.reset({"*": [saves.take]})
    with serving(waits_for(saves.announced), api_base_url=engine.origin) as app:
        assert shown(ASYNC_ASKS[0](app, request_of(Call(saves=True)))) == (200, [1, True])
    assert saves.seen() == [("StepRun", "quick"), ("StepPlanned", "slow"), ("StepRun", "slow")]
