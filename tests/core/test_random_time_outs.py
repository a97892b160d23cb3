"""A law, on random programs: a time-out around each step changes neither the result of a function nor its steps."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies

import inngest
from inngest_core.serving.app import App
from tests.cases.case import APP_ID, FN_ID, HandlerKind
from tests.stage.asks import ASKS, Ask
from tests.stage.bodies import Script, handler
from tests.stage.effects import Effects
from tests.stage.effort import examples
from tests.stage.in_process_engine import InProcessEngine
from tests.stage.logs import silent_logger
from tests.stage.players import DurableSteps, Player, play_plainly
from tests.stage.programs import WITHOUT_STEPS, Program, Run, programs

LAW = settings(max_examples=examples(15), deadline=None, suppress_health_check=[HealthCheck.too_slow])
PROGRAMS = programs(ways=WITHOUT_STEPS, failures=[0, 0, 0, 1], uncaught=False)
WORK_SECONDS = 0.003
# A set of tasks has no order, so these laws choose a varying number of times: only a seed can be drawn from hypothesis.
SEEDED = strategies.randoms(use_true_random=True)


class SlowEffects(Effects):
    """Effects that take a moment, so that time-outs pass meanwhile."""

    async def afails(self, name: str, times: int) -> str:
        await asyncio.sleep(WORK_SECONDS)
        return await super().afails(name, times)


@dataclass(frozen=True)
class TimedSteps(DurableSteps):
    """Steps with a time-out of the function's own around each."""

    seconds: float = 0.0

    def run(self, step_id: str, name: str, node: Run) -> Awaitable[Any]:
        return self._within(step_id, name, node)

    async def _within(self, step_id: str, name: str, node: Run) -> Any:
        async with asyncio.timeout(self.seconds):
            return await self.ctx.step.run(step_id, self.effects.afails, name, node.failures)


@pytest.mark.parametrize("ask", ASKS)
@pytest.mark.parametrize("race", [False, True])
@LAW
@given(program=PROGRAMS, seconds=strategies.sampled_from([0, 0.001, 0.002]), order=SEEDED)
def test_a_time_out_around_each_step_changes_nothing(
    ask: Ask, race: bool, program: Program, seconds: float, order: random.Random
) -> None:
    plain, durable = Effects(), SlowEffects()
    expected = asyncio.run(play_plainly(program, plain))

    def body(ctx: Any, step: Any) -> Script:
        return Player(HandlerKind.ASYNC, TimedSteps(HandlerKind.ASYNC, ctx, durable, seconds)).play(program)

    with inngest.Inngest(app_id=APP_ID, is_production=False, logger=silent_logger()) as client:
        function = client.create_function(fn_id=FN_ID)(handler(body, HandlerKind.ASYNC))
        app = App(client, [function], framework="bare")
        assert InProcessEngine(app, ask, order.randrange).run(race=race) == expected
    assert durable.called == plain.called
