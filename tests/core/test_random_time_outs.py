"""The law of time-outs: one around a step, however short, changes nothing about what a program comes to."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings, strategies

import inngest
from inngest_core.serving.app import App
from tests.cases.case import APP_ID, FN_ID

from .async_programs import ASYNC_PROGRAMS, Program, play
from .async_runs import EVERYWHERE
from .in_test_engine import Ask, InTestEngine

LAW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
WORK_SECONDS = 0.003


class Worker:
    """Does pieces of work, and counts them. What race was won by whom is left out: it may differ."""

    def __init__(self, seconds: float) -> None:
        self.done = Counter[str]()
        self._seconds = seconds

    async def work(self, name: str) -> str:
        await asyncio.sleep(self._seconds)
        self.done[name.partition("~")[0]] += 1
        if name.endswith("!"):
            raise ValueError(name)
        return name


@EVERYWHERE
@pytest.mark.parametrize("race", [False, True])
@LAW
@given(program=ASYNC_PROGRAMS, seconds=strategies.sampled_from([0, 0.001, 0.002]), data=strategies.data())
def test_a_time_out_around_each_step_changes_nothing(
    ask: Ask, race: bool, program: Program, seconds: float, data: strategies.DataObject
) -> None:
    def choose(count: int) -> int:
        return data.draw(strategies.integers(0, count - 1))

    plain, durable = Worker(0), Worker(WORK_SECONDS)
    expected = asyncio.run(play(program, plain.work))
    silent = logging.Logger("silent")
    silent.addHandler(logging.NullHandler())
    with inngest.Inngest(app_id=APP_ID, is_production=False, logger=silent) as client:

        @client.create_function(fn_id=FN_ID)
        async def function(ctx: inngest.Context) -> object:
            async def step(name: str) -> str:
                async with asyncio.timeout(seconds):
                    return await ctx.step.run(name, durable.work, name)

            return await play(program, step)

        app = App(client, [function], framework="bare")
        assert InTestEngine(app, ask, choose).run(race=race) == expected
    assert durable.done == plain.done
