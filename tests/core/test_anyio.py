"""AnyIO over steps: its task groups, scopes and streams work as in any program. Time-outs: test_async_time_outs.py."""

from __future__ import annotations

import anyio
import pytest

import inngest
from tests.stage.asks import Ask
from tests.stage.one_function import ops, serving

from .async_runs import EVERYWHERE, SEEDS, Count, ask_now, boom, run_to_its_end


@EVERYWHERE
@pytest.mark.parametrize("race", [False, True])
@SEEDS
def test_a_task_group(ask: Ask, seed: int, race: bool) -> None:
    count = Count()

    async def handler(ctx: inngest.Context) -> object:
        results: list[str] = []

        async def branch(name: str) -> None:
            results.append(await count.step(ctx, f"{name}1"))
            async with anyio.create_task_group() as inner:
                inner.start_soon(step, f"{name}2")
                inner.start_soon(step, f"{name}3")

        async def step(name: str) -> None:
            results.append(await count.step(ctx, name))

        async with anyio.create_task_group() as group:
            for name in "ab":
                group.start_soon(branch, name)
        return sorted(results)

    names = [f"{name}{n}" for name in "ab" for n in (1, 2, 3)]
    assert run_to_its_end(handler, ask, seed, race=race) == names
    assert count.executed == dict.fromkeys(names, 1)


def test_a_task_group_plans_together() -> None:
    count = Count()

    async def handler(ctx: inngest.Context) -> None:
        async with anyio.create_task_group() as group:
            for name in "abc":
                group.start_soon(count.step, ctx, name)

    with serving(handler) as app:
        assert ops(ask_now(app)) == [("StepPlanned", name) for name in "abc"]


@EVERYWHERE
@pytest.mark.parametrize("race", [False, True])
@SEEDS
def test_a_task_group_with_a_step_that_fails(ask: Ask, seed: int, race: bool) -> None:
    count = Count()

    async def handler(ctx: inngest.Context) -> object:
        failed: list[str] = []
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(count.step, ctx, "good")
                group.start_soon(ctx.step.run, "bad", boom, "boom")
        except* inngest.StepError as errors:
            failed = [str(error) for error in errors.exceptions]
        return await count.step(ctx, f"after {failed}")

    assert run_to_its_end(handler, ask, seed, race=race) == "after ['boom']"
    assert count.executed["after ['boom']"] == 1
    assert count.executed.get("good", 0) <= 1


@EVERYWHERE
@SEEDS
def test_a_scope_that_the_first_of_several_steps_cancels(ask: Ask, seed: int) -> None:
    count = Count()

    async def handler(ctx: inngest.Context) -> object:
        winners: list[str] = []

        async def run(name: str, scope: anyio.CancelScope) -> None:
            winners.append(await count.step(ctx, name))
            scope.cancel()

        async with anyio.create_task_group() as group:
            for name in "abc":
                group.start_soon(run, name, group.cancel_scope)
        [winner] = winners
        return await count.step(ctx, f"after {winner}")

    then = str(run_to_its_end(handler, ask, seed, race=True))
    assert count.executed[then] == count.executed[then.removeprefix("after ")] == 1
    assert set(count.executed.values()) == {1}


@EVERYWHERE
@SEEDS
def test_a_stream_between_a_producer_and_consumers(ask: Ask, seed: int) -> None:
    count = Count()

    async def handler(ctx: inngest.Context) -> object:
        send, receive = anyio.create_memory_object_stream[str](1)
        results: list[str] = []

        async def consume() -> None:
            async with receive.clone() as items:
                results.extend([await count.step(ctx, f"use {item}") async for item in items])

        async with anyio.create_task_group() as group:
            group.start_soon(consume)
            group.start_soon(consume)
            async with send, receive:
                for number in range(3):
                    await send.send(await count.step(ctx, f"make{number}"))
        return sorted(results)

    made = [f"make{number}" for number in range(3)]
    used = [f"use make{number}" for number in range(3)]
    assert run_to_its_end(handler, ask, seed) == used
    assert count.executed == dict.fromkeys([*made, *used], 1)


@EVERYWHERE
def test_a_step_from_a_thread_of_anyio(ask: Ask) -> None:
    count = Count()

    async def handler(ctx: inngest.Context) -> object:
        return await anyio.to_thread.run_sync(lambda: anyio.from_thread.run(count.step, ctx, "a"))

    assert run_to_its_end(handler, ask) == "a"
    assert count.executed == {"a": 1}
