"""A time-out of the function's own never cancels a step that was met: it is an error that teaches (design §5)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest

import inngest
from tests.cases.case import Call
from tests.stage.asks import Ask
from tests.stage.one_function import ops, request_of, serving, shown

from .async_runs import EVERYWHERE, Count, Handler, ask_now, run_to_its_end

SHORT, LONG = 0.1, 0.3
"""Seconds: a time-out that passes, and a step that takes longer."""


class Steps:
    """Steps that take a while; which of them ran to their end."""

    def __init__(self, ctx: inngest.Context, ended: list[str]) -> None:
        self._ctx = ctx
        self._ended = ended

    async def slow(self, name: str, seconds: float = LONG) -> str:
        return await self._ctx.step.run(name, self._run, name, seconds)

    async def _run(self, name: str, seconds: float) -> str:
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
        return await asyncio.gather(steps.slow("a"))


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
    return None


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
def test_the_step_runs_to_its_end_and_fails_with_an_error_that_teaches(
    ask: Ask, body: Callable[[Steps], Awaitable[object]]
) -> None:
    """And every later call gets the same error."""
    ended: list[str] = []
    with serving(handler_of(body, ended)) as app:
        response = ask(app, request_of())
        status, [op] = shown(response)
        later = [shown(ask(app, request_of(Call(steps={"a": {"error": op["error"]}})))) for _ in range(2)]
    assert (status, op["op"], op["userland"]["id"], ended) == (206, "StepFailed", "a", ["a"])
    assert response.headers["x-inngest-no-retry"] == "true"
    assert op["error"]["name"] == "StepTimeoutError"
    for part in ('"a"', "step.wait_for_event", "step.invoke", "timeouts="):
        assert part in op["error"]["message"]
    for status, answer in later:
        assert status == 500
        assert op["error"]["message"] in answer["message"]


@EVERYWHERE
@pytest.mark.parametrize("scope", [anyio.fail_after, anyio.move_on_after, asyncio.timeout])
def test_a_time_out_that_passes_before_the_step_has_begun(ask: Ask, scope: Any) -> None:
    """The loop was busy: the step was met, so it runs."""
    ended: list[str] = []

    async def handler(ctx: inngest.Context) -> object:
        async with contextlib.AsyncExitStack() as stack:
            limit = scope(0.02)
            await stack.enter_async_context(limit) if scope is asyncio.timeout else stack.enter_context(limit)
            asyncio.get_running_loop().call_soon(hold_the_loop)
            return await Steps(ctx, ended).slow("a", 0)

    with serving(handler) as app:
        status, [op] = shown(ask(app, request_of()))
    assert (status, op["op"], op["error"]["name"], ended) == (206, "StepFailed", "StepTimeoutError", ["a"])


@EVERYWHERE
def test_the_error_can_be_caught_as_that_of_the_step(ask: Ask) -> None:
    """So a function may do something else instead: the same in each call."""
    ended: list[str] = []
    went_on: list[str] = []

    async def handler(ctx: inngest.Context) -> object:
        steps = Steps(ctx, ended)
        try:
            return await asyncio.wait_for(steps.slow("a"), SHORT)
        except TimeoutError:
            went_on.append("a time-out has no effect while the step runs")
            return None
        except inngest.StepError as error:
            return [error.step_id, error.name, await steps.slow("instead", 0)]

    assert run_to_its_end(handler, ask) == ["a", "StepTimeoutError", "instead"]
    assert (ended, went_on) == (["a", "instead"], [])


@EVERYWHERE
def test_parallel_steps_each_have_their_own_clock(ask: Ask) -> None:
    """While the slow one runs in its call, the time-out around the fast one passes: it is not the fast one's fault."""
    ended: list[str] = []

    async def handler(ctx: inngest.Context) -> object:
        steps = Steps(ctx, ended)
        fast, slow, late = await asyncio.gather(
            asyncio.wait_for(steps.slow("fast", 0), 0.5),
            asyncio.wait_for(steps.slow("slow", 0.7), 60),
            asyncio.wait_for(steps.slow("late", 0.7), 0.5),
            return_exceptions=True,
        )
        return [fast, slow, type(late).__name__]

    assert run_to_its_end(handler, ask) == ["fast", "slow", "StepError"]
    assert sorted(ended) == ["fast", "late", "slow"]


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
            async with asyncio.timeout(0.3):
                await count.step(ctx, "b")
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
        task = asyncio.create_task(steps.slow("a", 0.5))
        done, _ = await asyncio.wait([task], timeout=0.3)
        try:
            second = await asyncio.wait_for(asyncio.shield(steps.slow("b", 0.5)), 0.3)
        except TimeoutError:
            return "too late"
        return [len(done), second]

    assert run_to_its_end(handler, ask) == [1, "b"]
    assert ended == ["a", "b"]


@EVERYWHERE
def test_a_task_group_whose_task_fails_while_a_step_runs_is_no_time_out(ask: Ask) -> None:
    ended: list[str] = []

    async def handler(ctx: inngest.Context) -> None:
        async def bad() -> None:
            await asyncio.sleep(SHORT)
            raise ValueError("not in a step")

        async with asyncio.TaskGroup() as group:
            group.create_task(Steps(ctx, ended).slow("a"))
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
        await asyncio.sleep(SHORT)
        task.cancel()
        await asyncio.wait([task])
        return "cancelled" if task.cancelled() else "done"

    with serving(handler) as app:
        assert ops(ask_now(app)) == [("StepRun", "a")]
    assert ended == ["a"]
