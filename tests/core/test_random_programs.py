"""Laws of replay, on random programs: they come to what the model says, or to what the same asyncio program does."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies

import inngest
from inngest_core.serving.app import App
from tests.cases.case import APP_ID, FN_ID, HandlerKind, hashed
from tests.stage.asks import ASKS, Ask, ask_async, ask_sync
from tests.stage.bodies import Script, handler
from tests.stage.effects import Effects
from tests.stage.effort import examples
from tests.stage.in_process_engine import InProcessEngine, RunFailedError
from tests.stage.logs import silent_logger
from tests.stage.players import DurableSteps, Player, play_plainly
from tests.stage.program_model import calls, frontier, memo, outcome
from tests.stage.programs import WITHOUT_STEPS, Nap, Program, Run, Way, programs

LAW = settings(max_examples=examples(30), deadline=None, suppress_health_check=[HealthCheck.too_slow])
NATIVE_LAW = settings(LAW, max_examples=examples(30))
BOTH_KINDS = pytest.mark.parametrize("kind", HandlerKind)
BOTH_DRIVERS = pytest.mark.parametrize("ask", [ask_sync, ask_async])
ON_EVERY_LOOP = pytest.mark.parametrize("ask", ASKS)

PROGRAMS = programs(ways=[Way.PARALLEL, Way.RACE], failures=[0, 0, 0, 1], uncaught=True)
NATIVE_PROGRAMS = programs(ways=WITHOUT_STEPS, failures=[0, 0, 0, 1], uncaught=False)
# A set of tasks has no order, so these laws choose a varying number of times: only a seed can be drawn from hypothesis.
SEEDED = strategies.randoms(use_true_random=True)


def serve(program: Program, kind: HandlerKind, effects: Effects | None, client: inngest.Inngest) -> App:
    """Serve *program* as a function of that kind; without effects, each call is as if it were the first."""

    def body(ctx: Any, step: Any) -> Script:
        return Player(kind, DurableSteps(kind, ctx, effects or Effects())).play(program)

    return App(client, [client.create_function(fn_id=FN_ID)(handler(body, kind))], framework="bare")


def new_client() -> inngest.Inngest:
    return inngest.Inngest(app_id=APP_ID, is_production=False, logger=silent_logger())


def run_to_its_end(engine: InProcessEngine, *, race: bool) -> tuple[str, Any]:
    """Return what `outcome` returns."""
    try:
        return "returned", engine.run(race=race)
    except RunFailedError as failed:
        return "failed", failed.answer["message"]


@BOTH_DRIVERS
@BOTH_KINDS
@LAW
@given(program=PROGRAMS, race=strategies.booleans(), data=strategies.data())
def test_a_program_ends_as_the_model_says_with_every_step_executed_once(
    kind: HandlerKind, ask: Ask, program: Program, race: bool, data: strategies.DataObject
) -> None:
    def choose(count: int) -> int:
        return data.draw(strategies.integers(0, count - 1))

    effects = Effects()
    with new_client() as client:
        engine = InProcessEngine(serve(program, kind, effects, client), ask, choose)
        assert run_to_its_end(engine, race=race) == outcome(program, 1)
    assert effects.called == calls(program, 1)


@BOTH_DRIVERS
@BOTH_KINDS
@LAW
@given(program=PROGRAMS, plan_only=strategies.booleans(), data=strategies.data())
def test_any_prefix_of_memos_gives_the_next_ops_and_the_same_ones_again(
    kind: HandlerKind, ask: Ask, program: Program, plan_only: bool, data: strategies.DataObject
) -> None:
    with new_client() as client:
        engine = InProcessEngine(serve(program, kind, None, client), ask, lambda _: 0)
        for _ in range(data.draw(strategies.integers(0, calls(program, 1).total() + 3))):
            ready = frontier(program, engine.memos).pending
            if not ready:
                break
            step = data.draw(strategies.sampled_from(sorted(ready)))
            engine.memos[step] = memo(ready[step], step)
            engine.stack.append(step)
        first = engine.call(plan_only=plan_only)
        expect_frontier(first, program, engine.memos, plan_only=plan_only)
        again = engine.call(plan_only=plan_only)
        assert (again[0], without_error(again[1])) == (first[0], without_error(first[1]))
        for step, node in frontier(program, engine.memos).pending.items():
            status, ops = engine.call(step, plan_only=True)
            assert status == 206
            assert [each["id"] for each in ops] == [step]
            assert ops[0]["op"] == executed_as(node)


def executed_as(node: Run | Nap) -> str:
    """Return the opcode of a step that is done now."""
    if isinstance(node, Nap):
        return "Sleep"
    return "StepFailed" if node.failures else "StepRun"


def expect_frontier(answer: tuple[int, Any], program: Program, memos: dict[str, object], *, plan_only: bool) -> None:
    """Assert that *answer* is what the model says comes next."""
    model = frontier(program, memos)
    ready = model.pending
    status, value = answer
    if ready:
        assert status == 206
        planned = set(ready) if len(ready) > 1 or plan_only else model.raced
        assert sorted((op["id"], op["op"]) for op in value) == sorted(
            (step, "StepPlanned" if step in planned and isinstance(node, Run) else executed_as(node))
            for step, node in ready.items()
        )
    else:
        how, wanted = outcome(program, 1)
        ended = ("returned", value) if status == 200 else ("failed", value["message"])
        assert ended == (how, wanted)


def without_error(answer: Any) -> Any:
    """Leave out errors, whose tracebacks name lines."""
    return json.loads(json.dumps(answer), object_hook=_without_error)


def _without_error(value: dict[str, Any]) -> dict[str, Any]:
    return {key: item for key, item in value.items() if key not in ("error", "stack")}


@BOTH_KINDS
def test_a_thousand_memos_replay(kind: HandlerKind) -> None:
    program: Program = tuple(Run(f"s{number}") for number in range(1000))
    effects = Effects()
    with new_client() as client:
        engine = InProcessEngine(serve(program, kind, effects, client), ask_sync, lambda _: 0)
        engine.memos = {hashed(f"s{number}"): {"data": f"s{number}"} for number in range(1000)}
        engine.stack = list(engine.memos)
        assert engine.call() == (200, outcome(program, 1)[1])
    assert not effects.called


@ON_EVERY_LOOP
@pytest.mark.parametrize("race", [False, True])
@NATIVE_LAW
@given(program=NATIVE_PROGRAMS, order=SEEDED)
def test_native_concurrency_comes_to_the_same_as_without_steps(
    ask: Ask, race: bool, program: Program, order: random.Random
) -> None:
    """A durable function comes to what the same asyncio program does, each step executed once."""

    plain, durable = Effects(), Effects()
    expected = asyncio.run(play_plainly(program, plain))
    with new_client() as client:
        app = serve(program, HandlerKind.ASYNC, durable, client)
        assert InProcessEngine(app, ask, order.randrange).run(race=race) == expected
    assert durable.called == plain.called
