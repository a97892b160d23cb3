"""A task that was started before a step runs before that step has its result, in a replay as in the first call."""

from __future__ import annotations

import asyncio

import pytest

import inngest
from tests.cases.case import Call
from tests.stage.asks import Ask, ask_async, ask_sync
from tests.stage.one_function import ops, request_of, serving, shown

from .async_runs import EVERYWHERE, boom, run_to_its_end

FAILED = {"error": {"name": "ValueError", "message": "b"}}
ON_ASYNCIO = pytest.mark.parametrize("ask", [ask_sync, ask_async])


async def ends_its_group(ctx: inngest.Context) -> str:
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(ctx.step.run("a", lambda: "a"))
            await ctx.step.run("b", boom, "b")
    except* inngest.StepError:
        pass
    return await ctx.step.run("mend", lambda: "mended")


async def cancels_its_task(ctx: inngest.Context) -> str:
    task = asyncio.create_task(ctx.step.run("a", lambda: "a"))
    value = await ctx.step.run("b", lambda: "b")
    task.cancel()
    return value


@EVERYWHERE
def test_an_error_that_ends_a_group_leaves_the_steps_that_were_met(ask: Ask) -> None:
    with serving(ends_its_group) as app:
        assert ops(ask(app, request_of(Call(target="a", steps={"b": FAILED})))) == [("StepRun", "a")]


@EVERYWHERE
def test_a_task_that_is_cancelled_after_a_step_has_met_its_own(ask: Ask) -> None:
    with serving(cancels_its_task) as app:
        assert ops(ask(app, request_of(Call(target="a", steps={"b": {"data": "b"}})))) == [("StepRun", "a")]


@EVERYWHERE
@pytest.mark.parametrize("seed", range(3))
def test_the_run_ends_in_every_order(ask: Ask, seed: int) -> None:
    assert run_to_its_end(ends_its_group, ask, seed) == "mended"
    assert run_to_its_end(cancels_its_task, ask, seed) == "b"


@ON_ASYNCIO
def test_what_it_does_first_is_seen_in_a_replay_too(ask: Ask) -> None:
    async def handler(ctx: inngest.Context) -> list[str]:
        seen: list[str] = []

        async def beside() -> None:
            seen.append("begun")
            await ctx.step.run("b", lambda: "b")

        task = asyncio.create_task(beside())
        asyncio.get_running_loop().call_soon(seen.append, "called")
        await ctx.step.run("a", lambda: "a")
        found = [*seen]
        await task
        return found

    assert run_to_its_end(handler, ask) == ["begun", "called"]
    with serving(handler) as app:
        call = Call(steps={"a": {"data": "a"}, "b": {"data": "b"}})
        assert shown(ask(app, request_of(call))) == (200, ["begun", "called"])


@EVERYWHERE
def test_a_target_that_there_is_not_is_told_once(ask: Ask) -> None:
    with serving(cancels_its_task) as app:
        status, body = shown(ask(app, request_of(Call(target="gone", steps={"a": {"data": "a"}, "b": {"data": "b"}}))))
    assert (status, body["code"]) == (500, "step_unexpected")
    assert 'it met: "a", "b"' in body["message"] or 'it met: "b", "a"' in body["message"]


@EVERYWHERE
def test_a_function_that_fails_before_the_target_is_met(ask: Ask) -> None:
    async def handler(ctx: inngest.Context) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(ctx.step.run("a", lambda: "a"))
            await ctx.step.run("b", boom, "b")

    with serving(handler) as app:
        assert ops(ask(app, request_of(Call(target="a", steps={"b": FAILED})))) == [("StepRun", "a")]
