"""Plain asyncio over steps: gather, TaskGroup, as_completed, nesting. Async functions only, written as users write."""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Iterator

import pytest

import inngest
from tests.cases.case import HandlerKind

from .conftest import kinds
from .framework_apps import Framework
from .in_virtual_time import InProcess, in_process
from .world import Kind, World

ASYNC_KINDS = [Kind(framework, HandlerKind.ASYNC) for framework in (Framework.FLASK, Framework.STARLETTE)]


@pytest.fixture(params=ASYNC_KINDS, ids=str)
def stage(request: pytest.FixtureRequest) -> Iterator[InProcess]:
    with in_process(request.param) as made:
        yield made


def one(stage: InProcess, step: inngest.Step, name: str) -> asyncio.Task[str]:
    return asyncio.create_task(step.run(name, stage.effects.adid, name, name))


def test_gather(stage: InProcess) -> None:
    @stage.client.create_function(fn_id="f", trigger=inngest.TriggerEvent(event="t/f"))
    async def function(ctx: inngest.Context) -> list[object]:
        found = await asyncio.gather(*(ctx.step.run(name, stage.did, name, name) for name in "abc"))
        last = await ctx.step.run("last", stage.effects.adid, "last", "last")
        return [*found, last]

    stage.functions.append(function)
    with stage.up():
        assert stage.run("t/f").output == ["a", "b", "c", "last"]
    assert stage.effects.order[-1] == "last"


def test_task_group_with_branches_that_do_other_things_too(stage: InProcess) -> None:
    @stage.client.create_function(fn_id="f", trigger=inngest.TriggerEvent(event="t/f"))
    async def function(ctx: inngest.Context) -> list[object]:
        async def branch(name: str) -> list[str]:
            first = await ctx.step.run(f"{name}1", stage.did, f"{name}1", "1")
            await asyncio.sleep(0.01)
            async with asyncio.TaskGroup() as inner:
                tasks = [inner.create_task(ctx.step.run(f"{name}{n}", stage.did, f"{name}{n}", str(n))) for n in "23"]
            return [first, *(task.result() for task in tasks)]

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(branch(name)) for name in "ab"]
        return [task.result() for task in tasks]

    stage.functions.append(function)
    with stage.up():
        assert stage.run("t/f").output == [["1", "2", "3"], ["1", "2", "3"]]
    assert len(stage.effects.succeeded) == 6


def test_gather_with_failures(stage: InProcess) -> None:
    @stage.client.create_function(fn_id="f", retries=1, trigger=inngest.TriggerEvent(event="t/f"))
    async def function(ctx: inngest.Context) -> list[str]:
        found = await asyncio.gather(
            ctx.step.run("a", stage.did, "a", "a"),
            ctx.step.run("bad", stage.effects.fails, "bad", 9),
            ctx.step.run("b", stage.effects.fails, "b", 1),
            return_exceptions=True,
        )
        return [str(value) for value in found]

    stage.functions.append(function)
    with stage.up():
        assert stage.run("t/f").output == ["a", "bad fails for the 2. time", "b"]
    assert stage.effects.called == {"a": 1, "bad": 2, "b": 2}


def test_a_task_group_whose_task_fails_fails_the_run_and_names_the_error(stage: InProcess) -> None:
    @stage.client.create_function(fn_id="f", retries=0, trigger=inngest.TriggerEvent(event="t/f"))
    async def function(ctx: inngest.Context) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(ctx.step.run("a", stage.did, "a", "a"))
            group.create_task(ctx.step.run("bad", stage.effects.fails, "bad", 9))

    stage.functions.append(function)
    with stage.up():
        run = stage.run("t/f")
    assert run.status == "failed"
    assert "bad fails for the 1. time" in "".join(traceback.format_exception(run.error))
    assert stage.effects.called == {"a": 1, "bad": 1}


def test_a_failed_task_group_is_caught_step_by_step(stage: InProcess) -> None:
    @stage.client.create_function(fn_id="f", retries=0, trigger=inngest.TriggerEvent(event="t/f"))
    async def function(ctx: inngest.Context) -> list[str]:
        messages: list[str] = []
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(ctx.step.run("x", stage.effects.fails, "x", 9))
                group.create_task(ctx.step.run("y", stage.effects.fails, "y", 9))
        except* inngest.StepError as errors:
            messages = [str(error) for error in errors.exceptions]
        return [*messages, await ctx.step.run("mend", stage.did, "mend", "mended")]

    stage.functions.append(function)
    with stage.up():
        output = stage.run("t/f").output
    assert output[-1] == "mended"
    assert set(output[:-1]) <= {"x fails for the 1. time", "y fails for the 1. time"}
    assert len(output) > 1


def test_as_completed_and_wait(stage: InProcess) -> None:
    @stage.client.create_function(fn_id="f", trigger=inngest.TriggerEvent(event="t/f"))
    async def function(ctx: inngest.Context) -> list[object]:
        found = [await done for done in asyncio.as_completed([one(stage, ctx.step, name) for name in "abc"])]
        tasks = {one(stage, ctx.step, name) for name in "de"}
        done, _ = await asyncio.wait(tasks)
        return [sorted(found), sorted(task.result() for task in done)]

    stage.functions.append(function)
    with stage.up():
        assert stage.run("t/f").output == [["a", "b", "c"], ["d", "e"]]


def test_a_step_behind_real_waiting_is_neither_lost_nor_run_twice(stage: InProcess) -> None:
    @stage.client.create_function(fn_id="f", trigger=inngest.TriggerEvent(event="t/f"))
    async def function(ctx: inngest.Context) -> list[str]:
        async def late() -> str:
            await asyncio.sleep(0.05)
            return await ctx.step.run("late", stage.did, "late", "late")

        async def early() -> str:
            first = await ctx.step.run("early", stage.did, "early", "early")
            return first + await ctx.step.run("early 2", stage.did, "early 2", "2")

        return list(await asyncio.gather(early(), late()))

    stage.functions.append(function)
    with stage.up():
        assert stage.run("t/f").output == ["early2", "late"]
    assert len(stage.effects.succeeded) == 3


def test_a_hundred_concurrent_steps(stage: InProcess) -> None:
    @stage.client.create_function(fn_id="f", trigger=inngest.TriggerEvent(event="t/f"))
    async def function(ctx: inngest.Context) -> int:
        async def branch(n: int) -> int:
            return await ctx.step.run(f"s{n}", stage.did, f"s{n}", n)

        return sum(await asyncio.gather(*(branch(n) for n in range(100))))

    stage.functions.append(function)
    with stage.up():
        assert stage.run("t/f").output == sum(range(100))
    assert len(stage.effects.succeeded) == 100


@kinds(ASYNC_KINDS)
def test_async_step_of_a_function_on_a_shared_loop_does_not_hold_up_others(world: World) -> None:
    """One step waits until another run's step has happened: both live on one loop."""

    @world.client.create_function(fn_id="waits", retries=0, trigger=inngest.TriggerEvent(event="t/waits"))
    async def waits(ctx: inngest.Context) -> str:
        async def wait() -> str:
            end = time.monotonic() + 60
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


def test_a_time_out_around_a_step_loses_nothing(stage: InProcess) -> None:
    @stage.client.create_function(fn_id="f", retries=3, trigger=inngest.TriggerEvent(event="t/f"))
    async def function(ctx: inngest.Context) -> list[str]:
        async def slow() -> str:
            await asyncio.sleep(0.1)
            return stage.did("slow", "slow")

        try:
            first = await asyncio.wait_for(ctx.step.run("slow", slow), 0.01)
        except TimeoutError:
            return [await ctx.step.run("instead", stage.did, "instead", "instead")]
        return [first, await ctx.step.run("then", stage.did, "then", "then")]

    stage.functions.append(function)
    with stage.up():
        assert stage.run("t/f").output == ["slow", "then"]
    assert stage.effects.called == {"slow": 1, "then": 1}


def test_a_time_out_around_a_task_group_of_steps_loses_nothing(stage: InProcess) -> None:
    @stage.client.create_function(fn_id="f", retries=3, trigger=inngest.TriggerEvent(event="t/f"))
    async def function(ctx: inngest.Context) -> list[str]:
        async def slow(name: str) -> str:
            await asyncio.sleep(0.6)
            return stage.did(name, name)

        async with asyncio.timeout(0.5), asyncio.TaskGroup() as group:
            tasks = [group.create_task(ctx.step.run(name, slow, name)) for name in "ab"]
        return [task.result() for task in tasks]

    stage.functions.append(function)
    with stage.up():
        assert stage.run("t/f").output == ["a", "b"]
    assert stage.effects.called == {"a": 1, "b": 1}


def test_a_race_in_race_mode_is_won_once(stage: InProcess) -> None:
    """The winner goes on before the others have ended; every later call takes the branch that it took."""

    @stage.client.create_function(fn_id="f", trigger=inngest.TriggerEvent(event="t/f"))
    async def function(ctx: inngest.Context) -> list[str]:
        order: list[str] = []

        async def branch(name: str, seconds: float) -> str:
            async def work() -> str:
                await asyncio.sleep(seconds)
                return stage.did(name, name)

            await ctx.step.run(name, work)
            order.append(name)
            after = f"{name} after {order}"
            return await ctx.step.run(after, stage.did, after, after)

        results = await ctx.group.parallel(
            (lambda: branch("a", 0.2), lambda: branch("b", 0.0), lambda: branch("c", 0.1)),
            parallel_mode=inngest.ParallelMode.RACE,
        )
        return [*results, *order]

    stage.functions.append(function)
    with stage.up():
        *results, first, second, third = stage.run("t/f").output
    assert sorted([first, second, third]) == ["a", "b", "c"]
    assert stage.effects.called == dict.fromkeys(["a", "b", "c", *results], 1)


def test_a_task_that_nobody_awaits_next_to_a_step_that_is_tried_again(stage: InProcess) -> None:
    @stage.client.create_function(fn_id="f", retries=2, trigger=inngest.TriggerEvent(event="t/f"))
    async def function(ctx: inngest.Context) -> str:
        task = asyncio.create_task(ctx.step.run("aside", stage.effects.fails, "aside", 2))
        await ctx.step.run("main", stage.did, "main", "main")
        return type(task).__name__

    stage.functions.append(function)
    with stage.up():
        assert stage.run("t/f").status == "completed"
    assert stage.effects.called == {"main": 1, "aside": 3}
