"""Plain asyncio over steps: gather, TaskGroup, as_completed, nesting. Async functions only, written as users write."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest

import inngest
from tests.cases.case import HandlerKind

from .framework_apps import Framework
from .world import Kind, World, new_world

ASYNC_KINDS = [Kind(framework, HandlerKind.ASYNC) for framework in (Framework.FLASK, Framework.STARLETTE)]


@pytest.fixture(params=ASYNC_KINDS, ids=str)
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with new_world(request.param) as made:
        yield made


def one(world: World, step: inngest.Step, name: str) -> asyncio.Task[str]:
    return asyncio.create_task(step.run(name, world.effects.adid, name, name))


def test_gather(world: World) -> None:
    @world.client.create_function(fn_id="f", trigger=inngest.TriggerEvent(event="t/f"))
    async def function(ctx: inngest.Context) -> list[object]:
        found = await asyncio.gather(*(ctx.step.run(name, world.did, name, name) for name in "abc"))
        last = await ctx.step.run("last", world.effects.adid, "last", "last")
        return [*found, last]

    world.functions.append(function)
    with world.up():
        assert world.engine.run("t/f").output == ["a", "b", "c", "last"]
    assert world.effects.order[-1] == "last"


def test_task_group_with_branches_that_do_other_things_too(world: World) -> None:
    @world.client.create_function(fn_id="f", trigger=inngest.TriggerEvent(event="t/f"))
    async def function(ctx: inngest.Context) -> list[object]:
        async def branch(name: str) -> list[str]:
            first = await ctx.step.run(f"{name}1", world.did, f"{name}1", "1")
            await asyncio.sleep(0.01)
            async with asyncio.TaskGroup() as inner:
                tasks = [inner.create_task(ctx.step.run(f"{name}{n}", world.did, f"{name}{n}", str(n))) for n in "23"]
            return [first, *(task.result() for task in tasks)]

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(branch(name)) for name in "ab"]
        return [task.result() for task in tasks]

    world.functions.append(function)
    with world.up():
        assert world.engine.run("t/f").output == [["1", "2", "3"], ["1", "2", "3"]]
    assert len(world.effects.succeeded) == 6


def test_gather_with_failures(world: World) -> None:
    @world.client.create_function(fn_id="f", retries=1, trigger=inngest.TriggerEvent(event="t/f"))
    async def function(ctx: inngest.Context) -> list[str]:
        found = await asyncio.gather(
            ctx.step.run("a", world.did, "a", "a"),
            ctx.step.run("bad", world.effects.fails, "bad", 9),
            ctx.step.run("b", world.effects.fails, "b", 1),
            return_exceptions=True,
        )
        return [str(value) for value in found]

    world.functions.append(function)
    with world.up():
        assert world.engine.run("t/f").output == ["a", "bad fails for the 2. time", "b"]
    assert world.effects.called == {"a": 1, "bad": 2, "b": 2}


def test_a_task_group_whose_task_fails_fails_the_run_and_names_the_error(world: World) -> None:
    @world.client.create_function(fn_id="f", retries=0, trigger=inngest.TriggerEvent(event="t/f"))
    async def function(ctx: inngest.Context) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(ctx.step.run("a", world.did, "a", "a"))
            group.create_task(ctx.step.run("bad", world.effects.fails, "bad", 9))

    world.functions.append(function)
    with world.up():
        run = world.engine.run("t/f")
    assert run.status == "Failed"
    assert "bad fails for the 1. time" in str(run.output), run.output
    assert world.effects.called == {"a": 1, "bad": 1}


def test_a_failed_task_group_is_caught_step_by_step(world: World) -> None:
    @world.client.create_function(fn_id="f", retries=0, trigger=inngest.TriggerEvent(event="t/f"))
    async def function(ctx: inngest.Context) -> list[str]:
        messages: list[str] = []
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(ctx.step.run("x", world.effects.fails, "x", 9))
                group.create_task(ctx.step.run("y", world.effects.fails, "y", 9))
        except* inngest.StepError as errors:
            messages = [str(error) for error in errors.exceptions]
        return [*messages, await ctx.step.run("mend", world.did, "mend", "mended")]

    world.functions.append(function)
    with world.up():
        output = world.engine.run("t/f").output
    assert output[-1] == "mended"
    assert set(output[:-1]) <= {"x fails for the 1. time", "y fails for the 1. time"}
    assert len(output) > 1


def test_as_completed_and_wait(world: World) -> None:
    @world.client.create_function(fn_id="f", trigger=inngest.TriggerEvent(event="t/f"))
    async def function(ctx: inngest.Context) -> list[object]:
        found = [await done for done in asyncio.as_completed([one(world, ctx.step, name) for name in "abc"])]
        tasks = {one(world, ctx.step, name) for name in "de"}
        done, _ = await asyncio.wait(tasks)
        return [sorted(found), sorted(task.result() for task in done)]

    world.functions.append(function)
    with world.up():
        assert world.engine.run("t/f").output == [["a", "b", "c"], ["d", "e"]]


def test_a_step_behind_real_waiting_is_neither_lost_nor_run_twice(world: World) -> None:
    @world.client.create_function(fn_id="f", trigger=inngest.TriggerEvent(event="t/f"))
    async def function(ctx: inngest.Context) -> list[str]:
        async def late() -> str:
            await asyncio.sleep(0.05)
            return await ctx.step.run("late", world.did, "late", "late")

        async def early() -> str:
            first = await ctx.step.run("early", world.did, "early", "early")
            return first + await ctx.step.run("early 2", world.did, "early 2", "2")

        return list(await asyncio.gather(early(), late()))

    world.functions.append(function)
    with world.up():
        assert world.engine.run("t/f").output == ["early2", "late"]
    assert len(world.effects.succeeded) == 3


def test_a_hundred_concurrent_steps(world: World) -> None:
    @world.client.create_function(fn_id="f", trigger=inngest.TriggerEvent(event="t/f"))
    async def function(ctx: inngest.Context) -> int:
        async def branch(n: int) -> int:
            return await ctx.step.run(f"s{n}", world.did, f"s{n}", n)

        return sum(await asyncio.gather(*(branch(n) for n in range(100))))

    world.functions.append(function)
    with world.up():
        assert world.engine.run("t/f").output == sum(range(100))
    assert len(world.effects.succeeded) == 100


def test_async_step_of_a_function_on_a_shared_loop_does_not_hold_up_others(world: World) -> None:
    """One step waits until another run's step has happened: both live on one loop."""

    @world.client.create_function(fn_id="waits", retries=0, trigger=inngest.TriggerEvent(event="t/waits"))
    async def waits(ctx: inngest.Context) -> str:
        async def wait() -> str:
            end = time.monotonic() + 15
            while not world.effects.called["other"]:
                assert time.monotonic() < end
                await asyncio.sleep(0.005)
            return world.did("waits", "waited")

        return await ctx.step.run("wait", wait)

    @world.client.create_function(fn_id="other", trigger=inngest.TriggerEvent(event="t/other"))
    async def other(ctx: inngest.Context) -> str:
        return await ctx.step.run("other", world.did, "other", "done")

    world.functions += [waits, other]
    with world.up():
        first = world.engine.send("t/waits")
        assert world.engine.run("t/other").output == "done"
        assert world.engine.ended(first)[0].output == "waited"


def test_a_time_out_around_a_step_loses_nothing(world: World) -> None:
    @world.client.create_function(fn_id="f", retries=3, trigger=inngest.TriggerEvent(event="t/f"))
    async def function(ctx: inngest.Context) -> list[str]:
        async def slow() -> str:
            await asyncio.sleep(0.1)
            return world.did("slow", "slow")

        try:
            first = await asyncio.wait_for(ctx.step.run("slow", slow), 0.01)
        except TimeoutError:
            return [await ctx.step.run("instead", world.did, "instead", "instead")]
        return [first, await ctx.step.run("then", world.did, "then", "then")]

    world.functions.append(function)
    with world.up():
        assert world.engine.run("t/f").output == ["slow", "then"]
    assert world.effects.called == {"slow": 1, "then": 1}


def test_a_time_out_around_a_task_group_of_steps_loses_nothing(world: World) -> None:
    @world.client.create_function(fn_id="f", retries=3, trigger=inngest.TriggerEvent(event="t/f"))
    async def function(ctx: inngest.Context) -> list[str]:
        async def slow(name: str) -> str:
            await asyncio.sleep(0.6)
            return world.did(name, name)

        async with asyncio.timeout(0.5), asyncio.TaskGroup() as group:
            tasks = [group.create_task(ctx.step.run(name, slow, name)) for name in "ab"]
        return [task.result() for task in tasks]

    world.functions.append(function)
    with world.up():
        assert world.engine.run("t/f").output == ["a", "b"]
    assert world.effects.called == {"a": 1, "b": 1}


def test_a_race_in_race_mode_is_won_once(world: World) -> None:
    """The winner goes on before the others have ended; every later call takes the branch that it took."""

    @world.client.create_function(fn_id="f", trigger=inngest.TriggerEvent(event="t/f"))
    async def function(ctx: inngest.Context) -> list[str]:
        order: list[str] = []

        async def branch(name: str, seconds: float) -> str:
            async def work() -> str:
                await asyncio.sleep(seconds)
                return world.did(name, name)

            await ctx.step.run(name, work)
            order.append(name)
            after = f"{name} after {order}"
            return await ctx.step.run(after, world.did, after, after)

        results = await ctx.group.parallel(
            (lambda: branch("a", 0.2), lambda: branch("b", 0.0), lambda: branch("c", 0.1)),
            parallel_mode=inngest.ParallelMode.RACE,
        )
        return [*results, *order]

    world.functions.append(function)
    with world.up():
        *results, first, second, third = world.engine.run("t/f").output
    assert sorted([first, second, third]) == ["a", "b", "c"]
    assert world.effects.called == dict.fromkeys(["a", "b", "c", *results], 1)


def test_a_task_that_nobody_awaits_next_to_a_step_that_is_tried_again(world: World) -> None:
    @world.client.create_function(fn_id="f", retries=2, trigger=inngest.TriggerEvent(event="t/f"))
    async def function(ctx: inngest.Context) -> str:
        task = asyncio.create_task(ctx.step.run("aside", world.effects.fails, "aside", 2))
        await ctx.step.run("main", world.did, "main", "main")
        return type(task).__name__

    world.functions.append(function)
    with world.up():
        assert world.engine.run("t/f").status == "Completed"
    assert world.effects.called == {"main": 1, "aside": 3}
