"""Code that works against the loop: shields, threads, other loops, and what catches its own cancellation."""

from __future__ import annotations

import asyncio
import contextlib
import logging

import pytest

import inngest
from tests.cases.case import Call
from tests.stage.asks import Ask
from tests.stage.logs import said_by
from tests.stage.one_function import ops, request_of, serving, shown
from tests.stage.time_jumps import JumpingLoop

from .async_runs import EVERYWHERE, SEEDS, Count, run_to_its_end

# Shields, threads, other loops


@EVERYWHERE
@SEEDS
def test_shielded_steps(ask: Ask, seed: int) -> None:
    count = Count()

    async def handler(ctx: inngest.Context) -> object:
        return await asyncio.gather(*(asyncio.shield(count.step(ctx, name)) for name in "ab"))

    assert run_to_its_end(handler, ask, seed) == ["a", "b"]
    assert count.executed == {"a": 1, "b": 1}


@EVERYWHERE
def test_a_step_from_a_thread_by_way_of_the_loop_of_the_function(ask: Ask) -> None:
    count = Count()

    async def handler(ctx: inngest.Context) -> object:
        loop = asyncio.get_running_loop()

        def in_thread() -> str:
            return asyncio.run_coroutine_threadsafe(count.step(ctx, "a"), loop).result(10)

        return await asyncio.to_thread(in_thread)

    assert run_to_its_end(handler, ask) == "a"
    assert count.executed == {"a": 1}


@EVERYWHERE
@pytest.mark.parametrize("memos", [{}, {"a": {"data": 1}}], ids=["live", "replay"])
def test_a_step_on_another_loop_is_refused(ask: Ask, memos: dict[str, object]) -> None:
    async def handler(ctx: inngest.Context) -> object:
        return await asyncio.to_thread(lambda: asyncio.run(ctx.step.run("a", lambda: 1)))

    with serving(handler) as app:
        status, body = shown(ask(app, request_of(Call(steps=memos))))
    assert (status, body["code"]) == (500, "step_unexpected")
    assert 'step "a" was met in another event loop' in body["message"]
    assert "run_coroutine_threadsafe" in body["message"]


# What catches everything


@EVERYWHERE
def test_a_function_that_catches_its_cancellation(ask: Ask) -> None:
    """It is cancelled when the call ends; what it does then counts for nothing, and it goes on in the next call."""
    count = Count()

    async def handler(ctx: inngest.Context) -> object:
        results: list[str] = []
        for name in "abc":
            try:
                results.append(await count.step(ctx, name))
            except BaseException:
                results.append("caught")
        return results

    assert run_to_its_end(handler, ask) == ["a", "b", "c"]
    assert count.executed == dict.fromkeys("abc", 1)


def test_a_function_that_will_not_end_is_left_behind(caplog: pytest.LogCaptureFixture) -> None:
    tasks: list[asyncio.Task[object] | None] = []

    async def handler(ctx: inngest.Context) -> object:
        tasks.append(asyncio.current_task())
        while True:
            with contextlib.suppress(BaseException):
                return await ctx.step.run("a", lambda: 1)
            if released.is_set():
                return None
            with contextlib.suppress(BaseException):
                await asyncio.sleep(0.01)

    async def main() -> None:
        with serving(handler, logger=logging.getLogger("app")) as app:
            assert ops(await app.handle_async(request_of())) == [("StepRun", "a")]
        released.set()
        [task] = tasks
        assert task is not None
        await task

    released = asyncio.Event()
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(main())
    assert said_by("app", caplog) == ["function app-fn did not end when it was cancelled; it is left behind"]
