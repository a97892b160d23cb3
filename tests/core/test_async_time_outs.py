"""A time-out around a step has no effect on it: the step ends, and the function gets its result in every call."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest

import inngest
from tests.cases.case import Call
from tests.stage.asks import Ask
from tests.stage.logs import said_by
from tests.stage.one_function import ops, request_of, serving, shown

from .async_runs import EVERYWHERE, Count, Handler, ask_now, no_garbage_collector, run_to_its_end

SHORT, LONG = 0.1, 0.3
"""Seconds: a time-out that passes, and a step that takes longer."""
PATIENCE = 20.0


class Steps:
    """Steps that take a while; which of them ran to their end."""

    def __init__(self, ctx: inngest.Context, ended: list[str]) -> None:
        self._ctx = ctx
        self._ended = ended
        self._begun = {name: asyncio.Event() for name in "ab"}

    async def begun(self, name: str) -> None:
        """Wait until a step runs, unless it has ended in a call before this one."""
        if name not in self._ended:
            await self._begun[name].wait()

    async def slow(self, name: str, seconds: float = LONG) -> str:
        return await self._ctx.step.run(name, self._run, name, seconds)

    async def _run(self, name: str, seconds: float) -> str:
        if name in self._begun:
            self._begun[name].set()
        await asyncio.sleep(seconds)
        self._ended.append(name)
        return name


async def waits(steps: Steps) -> object:
    return await asyncio.wait_for(steps.slow("a"), SHORT)


async def waits_for_a_task(steps: Steps) -> object:
    return await asyncio.wait_for(asyncio.create_task(steps.slow("a")), SHORT)


async def waits_in_a_task(steps: Steps) -> object:
    return await asyncio.create_task(asyncio.wait_for(steps.slow("a"), SHORT))


async def times_out(steps: Steps) -> object:
    async with asyncio.timeout(SHORT):
        return await steps.slow("a")


async def times_out_at_once(steps: Steps) -> object:
    async with asyncio.timeout(0):
        return await steps.slow("a")


async def times_out_around_gather(steps: Steps) -> object:
    async with asyncio.timeout(SHORT):
        return (await asyncio.gather(steps.slow("a")))[0]


async def times_out_around_a_group(steps: Steps) -> object:
    async with asyncio.timeout(SHORT), asyncio.TaskGroup() as group:
        task = group.create_task(steps.slow("a"))
    return task.result()


async def times_out_in_a_group(steps: Steps) -> object:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(asyncio.wait_for(steps.slow("a"), SHORT))
    return task.result()


async def fails_after(steps: Steps) -> object:
    with anyio.fail_after(SHORT):
        return await steps.slow("a")


async def moves_on(steps: Steps) -> object:
    with anyio.move_on_after(SHORT):
        return await steps.slow("a")
    return "moved on"


async def fails_after_around_a_group(steps: Steps) -> object:
    async def run() -> None:
        await steps.slow("a")

    with anyio.fail_after(SHORT):
        async with anyio.create_task_group() as group:
            group.start_soon(run)
    return "a"


ALL: list[Callable[[Steps], Awaitable[object]]] = [
    waits,
    waits_for_a_task,
    waits_in_a_task,
    times_out,
    times_out_at_once,
    times_out_around_gather,
    times_out_around_a_group,
    times_out_in_a_group,
    fails_after,
    moves_on,
    fails_after_around_a_group,
]
EVERY_TIME_OUT = pytest.mark.parametrize("body", ALL, ids=lambda body: body.__name__)


def handler_of(body: Callable[[Steps], Awaitable[object]], ended: list[str]) -> Handler:
    async def handler(ctx: inngest.Context) -> object:
        return await body(Steps(ctx, ended))

    return handler


@EVERYWHERE
@EVERY_TIME_OUT
def test_the_step_runs_to_its_end_and_the_function_gets_its_result(
    ask: Ask, body: Callable[[Steps], Awaitable[object]], caplog: pytest.LogCaptureFixture
) -> None:
    """And one warning names the step and says where a time-out belongs."""
    ended: list[str] = []
    with serving(handler_of(body, ended), logger=logging.getLogger("app")) as app:
        first = shown(ask(app, request_of()))
        texts = said_by("app", caplog)
        later = [shown(ask(app, request_of(Call(steps={"a": {"data": "a"}})))) for _ in range(2)]
    status, [op] = first
    assert (status, op["op"], op["userland"]["id"], op["data"], ended) == (206, "StepRun", "a", "a", ["a"])
    assert later == [(200, "a")] * 2
    [text] = texts
    for part in ("app-fn", 'step "a"', "time-out", "inside what the step runs", "wait_for_event", "timeouts="):
        assert part in text
    assert said_by("app", caplog) == [text]


@EVERYWHERE
@pytest.mark.parametrize("scope", [anyio.fail_after, anyio.move_on_after, asyncio.timeout])
def test_a_time_out_that_passes_before_the_step_has_begun(ask: Ask, scope: Any) -> None:
    """The loop was busy: the step was met, so it runs, and its result counts."""
    ended: list[str] = []

    async def handler(ctx: inngest.Context) -> object:
        async with contextlib.AsyncExitStack() as stack:
            limit = scope(0.02)
            await stack.enter_async_context(limit) if scope is asyncio.timeout else stack.enter_context(limit)
            asyncio.get_running_loop().call_soon(hold_the_loop)
            return await Steps(ctx, ended).slow("a", 0)

    with serving(handler) as app:
        status, [op] = shown(ask(app, request_of()))
    assert (status, op["op"], op["data"], ended) == (206, "StepRun", "a", ["a"])


@EVERYWHERE
def test_a_time_out_never_leads_the_function_another_way(ask: Ask) -> None:
    """Neither in the call that runs the step, nor in a later one."""
    ended: list[str] = []
    went_on: list[str] = []

    async def handler(ctx: inngest.Context) -> object:
        steps = Steps(ctx, ended)
        try:
            first = await asyncio.wait_for(steps.slow("a"), SHORT)
        except TimeoutError:
            went_on.append("time-out")
            raise
        return [first, await steps.slow("b", 0)]

    assert run_to_its_end(handler, ask) == ["a", "b"]
    assert (ended, went_on) == (["a", "b"], [])


@EVERYWHERE
def test_time_outs_around_parallel_steps(ask: Ask) -> None:
    """Also those around steps that another call runs: while the slow one runs, the time-outs of all of them pass."""
    ended: list[str] = []
    went_on: list[str] = []

    async def handler(ctx: inngest.Context) -> object:
        steps = Steps(ctx, ended)

        async def in_time(name: str, seconds: float) -> str:
            try:
                return await asyncio.wait_for(steps.slow(name, seconds), SHORT)
            except TimeoutError:
                went_on.append(name)
                raise

        return await asyncio.gather(in_time("fast", 0), in_time("slow", 0.4), in_time("late", 0.4))

    assert run_to_its_end(handler, ask) == ["fast", "slow", "late"]
    assert (sorted(ended), went_on) == (["fast", "late", "slow"], [])


@EVERYWHERE
@pytest.mark.parametrize("scope", [asyncio.timeout, anyio.fail_after])
def test_a_loop_does_not_spin_while_a_step_outlives_its_time_out(ask: Ask, scope: Any) -> None:
    """AnyIO repeats its cancelling in each turn of the loop until something gives in."""
    turns: list[int] = []

    async def work() -> str:
        await asyncio.sleep(SHORT)
        for turn in range(30):
            await asyncio.sleep(LONG / 30)
            turns.append(turn)
        return "worked"

    used: list[float] = []

    async def handler(ctx: inngest.Context) -> object:
        async with contextlib.AsyncExitStack() as stack:
            limit = scope(SHORT / 2)
            await stack.enter_async_context(limit) if scope is asyncio.timeout else stack.enter_context(limit)
            return await ctx.step.run("a", work)

    with serving(handler) as app, no_garbage_collector():
        started = time.process_time()
        assert ops(ask(app, request_of())) == [("StepRun", "a")]
        used.append(time.process_time() - started)
    assert len(turns) == 30
    assert used[0] < LONG


@EVERYWHERE
def test_a_time_out_around_a_group_of_steps_counts_in_the_call_of_each(ask: Ask) -> None:
    ended: list[str] = []

    async def handler(ctx: inngest.Context) -> object:
        steps = Steps(ctx, ended)
        async with asyncio.timeout(1):
            return await asyncio.gather(*(steps.slow(name, 0.4) for name in "abc"))

    assert run_to_its_end(handler, ask) == ["a", "b", "c"]
    assert sorted(ended) == ["a", "b", "c"]


@EVERYWHERE
def test_a_time_out_that_passes_while_memos_are_delivered_has_no_effect(ask: Ask) -> None:
    """The loop was busy with something else: the steps are done, and their results count."""
    turned: list[str] = []

    async def handler(ctx: inngest.Context) -> object:
        async def busy() -> None:
            await ctx.step.run("x", lambda: 1)
            hold_the_loop()
            turned.append("held")

        async def waits() -> object:
            await asyncio.sleep(0)
            return await asyncio.wait_for(ctx.step.run("y", lambda: 1), 0.02)

        return await asyncio.gather(waits(), busy())

    memos = {"x": {"data": 1}, "y": {"data": 2}}
    with serving(handler) as app:
        assert shown(ask(app, request_of(Call(steps=memos)))) == (200, [2, None])
    assert turned == ["held"]


def hold_the_loop() -> None:
    """Use up more than the shortest time-out, on the loop."""
    loop = asyncio.get_running_loop()
    end = loop.time() + 0.05
    while loop.time() < end:
        pass


@EVERYWHERE
def test_a_step_that_fails_by_itself_is_tried_again(ask: Ask) -> None:
    async def fails() -> None:
        await asyncio.sleep(LONG)
        raise ValueError("its own")

    async def handler(ctx: inngest.Context) -> object:
        return await asyncio.wait_for(ctx.step.run("a", fails), SHORT)

    with serving(handler) as app:
        status, [op] = shown(ask(app, request_of()))
    assert (status, op["op"], op["error"]["message"]) == (206, "StepError", "its own")


@EVERYWHERE
def test_what_is_no_step_times_out_as_in_any_program(ask: Ask) -> None:
    count = Count()

    async def handler(ctx: inngest.Context) -> object:
        seen: list[str] = []
        await count.step(ctx, "a")
        try:
            await asyncio.wait_for(asyncio.Event().wait(), 0.01)
        except TimeoutError:
            seen.append("wait_for")
        try:
            async with asyncio.timeout(PATIENCE) as limit:  # it must not pass while the step is awaited
                await count.step(ctx, "b")
                limit.reschedule(asyncio.get_running_loop().time() + 0.01)
                await asyncio.Event().wait()
        except TimeoutError:
            seen.append("timeout")
        with anyio.move_on_after(0.01):
            await anyio.sleep_forever()
        return [*seen, await count.step(ctx, "c")]

    assert run_to_its_end(handler, ask) == ["wait_for", "timeout", "c"]
    assert count.executed == dict.fromkeys("abc", 1)


@EVERYWHERE
def test_what_waits_without_cancelling_has_no_effect_on_a_step(ask: Ask) -> None:
    """The call ends with the result of the step, whatever the function did meanwhile; the next one has it at once."""
    ended: list[str] = []

    async def handler(ctx: inngest.Context) -> object:
        steps = Steps(ctx, ended)

        def seconds(name: str) -> float:  # less than the step takes; a step that has ended is waited for
            return PATIENCE if name in ended else LONG

        first = asyncio.create_task(steps.slow("a", 0.5))
        await steps.begun("a")
        done, _ = await asyncio.wait([first], timeout=seconds("a"))
        task = asyncio.create_task(steps.slow("b", 0.5))
        await steps.begun("b")
        try:
            second = await asyncio.wait_for(asyncio.shield(task), seconds("b"))
        except TimeoutError:
            return "too late"
        return [len(done), second]

    assert run_to_its_end(handler, ask) == [1, "b"]
    assert ended == ["a", "b"]


@EVERYWHERE
def test_a_task_group_whose_task_fails_while_a_step_runs_is_no_time_out(ask: Ask) -> None:
    ended: list[str] = []

    async def handler(ctx: inngest.Context) -> None:
        steps = Steps(ctx, ended)

        async def bad() -> None:
            await steps.begun("a")
            raise ValueError("not in a step")

        async with asyncio.TaskGroup() as group:
            group.create_task(steps.slow("a"))
            group.create_task(bad())

    with serving(handler) as app:
        first = ask(app, request_of())
        status, body = shown(ask(app, request_of(Call(steps={"a": {"data": "a"}}))))
    assert (ops(first), ended) == ([("StepRun", "a")], ["a"])
    assert (status, body["name"]) == (500, "ExceptionGroup")
    assert "ValueError: not in a step" in body["message"]


@pytest.mark.parametrize("how", ["wait_for", "timeout", "group"])
def test_a_branch_that_is_cancelled_while_it_has_a_time_out_is_no_time_out(how: str) -> None:
    """On Python 3.11 `wait_for` itself cancels what it waits for when it is cancelled."""
    ended: list[str] = []

    async def handler(ctx: inngest.Context) -> object:
        steps = Steps(ctx, ended)

        async def branch() -> object:
            if how == "wait_for":
                return await asyncio.wait_for(steps.slow("a", 0.1), 10)
            if how == "timeout":
                async with asyncio.timeout(10):
                    return await steps.slow("a", 0.1)
            async with asyncio.TaskGroup() as group:
                group.create_task(steps.slow("a", 0.1))
            return None

        task = asyncio.create_task(branch())
        await steps.begun("a")
        task.cancel()
        await asyncio.wait([task])
        return "cancelled" if task.cancelled() else "done"

    with serving(handler) as app:
        assert ops(ask_now(app)) == [("StepRun", "a")]
    assert ended == ["a"]
