"""The law of native concurrency: a durable function comes to what the same asyncio program does, each step run once."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable

import pytest
from hypothesis import HealthCheck, given, settings, strategies

import inngest
from inngest_core.serving.app import App
from tests.cases.case import APP_ID, FN_ID

from .async_programs import ASYNC_PROGRAMS, Program, play
from .async_runs import EVERYWHERE
from .in_test_engine import Ask, InTestEngine

LAW = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])


class Worker:
    """Does pieces of work, and counts them. What race was won by whom is left out: it may differ."""

    def __init__(self) -> None:
        self.done = Counter[str]()

    async def work(self, name: str) -> str:
        await asyncio.sleep(0)
        self.done[name.partition("~")[0]] += 1
        if name.endswith("!"):
            raise ValueError(name)
        return name


def serve(program: Program, worker: Worker, client: inngest.Inngest) -> App:
    @client.create_function(fn_id=FN_ID)
    async def function(ctx: inngest.Context) -> object:
        def step(name: str) -> Awaitable[str]:
            return ctx.step.run(name, worker.work, name)

        return await play(program, step)

    return App(client, [function], framework="bare")


@EVERYWHERE
@pytest.mark.parametrize("race", [False, True])
@LAW
@given(program=ASYNC_PROGRAMS, data=strategies.data())
def test_a_program_comes_to_the_same_as_without_steps(
    ask: Ask, race: bool, program: Program, data: strategies.DataObject
) -> None:
    def choose(count: int) -> int:
        return data.draw(strategies.integers(0, count - 1))

    plain, durable = Worker(), Worker()
    expected = asyncio.run(play(program, plain.work))
    silent = logging.Logger("silent")
    silent.addHandler(logging.NullHandler())
    with inngest.Inngest(app_id=APP_ID, is_production=False, logger=silent) as client:
        assert InTestEngine(serve(program, durable, client), ask, choose).run(race=race) == expected
    assert durable.done == plain.done
