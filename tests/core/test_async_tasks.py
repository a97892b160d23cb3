"""Steps in what else programs build from asyncio: bare tasks, queues, locks, and each in each other."""

from __future__ import annotations

import asyncio
import contextlib
import logging

import pytest

import inngest
from inngest_core.errors import StepUnexpectedError
from inngest_core.runtime.drivers import run_async
from tests.cases.case import Call
from tests.stage.asks import Ask, ask_sync
from tests.stage.logs import records_of, said_by
from tests.stage.one_function import ops, request_of, serving, shown
from tests.stage.time_jumps import hurried

from .async_runs import EVERYWHERE, SEEDS, Count, Handler, ask_now, run_to_its_end

# Bare tasks


@EVERYWHERE
def test_a_single_step_in_a_task_runs_at_once(ask: Ask) -> None:
    count = Count()

    async def handler(ctx: inngest.Context) -> object:
        return await asyncio.create_task(count.step(ctx, "only"))

    with serving(handler) as app:
        assert ops(ask(app, request_of())) == [("StepRun", "only")]
    assert count.executed == {"only": 1}


@EVERYWHERE
@SEEDS
def test_a_task_that_is_awaited_late(ask: Ask, seed: int) -> None:
    count = Count()

    async def handler(ctx: inngest.Context) -> object:
        early = asyncio.create_task(count.step(ctx, "early"))
        return [await count.step(ctx, "a"), await count.step(ctx, "b"), await early]

    assert run_to_its_end(handler, ask, seed) == ["a", "b", "early"]
    assert count.executed == dict.fromkeys(["early", "a", "b"], 1)


@EVERYWHERE
@SEEDS
def test_a_task_that_nobody_awaits_next_to_a_step(ask: Ask, seed: int) -> None:
    """Both were planned, so both run, in either order: also when the function ends before the task has begun."""
    count = Count()

    async def handler(ctx: inngest.Context) -> object:
        task = asyncio.create_task(count.step(ctx, "aside"))
        await count.step(ctx, "main")
        return task.done()

    run_to_its_end(handler, ask, seed)
    assert count.executed == {"aside": 1, "main": 1}


@EVERYWHERE
def test_a_task_that_is_left_waiting_for_a_step_is_named_in_a_warning(
    ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    count = Count()

    async def handler(ctx: inngest.Context) -> object:
        tasks = [asyncio.create_task(count.step(ctx, name)) for name in ("left", "cancelled")]
        await asyncio.sleep(0)
        tasks[1].cancel()
        return "returned"

    result = run_to_its_end(handler, ask, logger=logging.getLogger("app"))
    assert (result, count.executed) == ("returned", {})
    assert said_by("app", caplog) == [
        'function app-fn returned without step "left", for which a task still waits; await the task, or cancel it'
    ]


@EVERYWHERE
@pytest.mark.parametrize("ends", ["returns", "raises", "meets a step"])
def test_a_task_that_waits_for_no_step_is_cancelled_when_its_call_ends(
    ask: Ask, ends: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Also one that another task has started; what a step has started is the step's own."""
    left: list[asyncio.Task[None]] = []
    of_a_step: list[asyncio.Task[None]] = []
    running: list[str] = []
    cancelled: list[str] = []

    async def runs_on(name: str) -> None:
        running.append(name)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(name)
            raise

    async def starts() -> None:
        left.append(asyncio.create_task(runs_on("inner")))
        await runs_on("outer")

    async def step() -> None:
        of_a_step.append(asyncio.create_task(runs_on("of a step")))

    async def handler(ctx: inngest.Context) -> object:
        left.append(asyncio.create_task(starts()))
        while len(running) < 2:  # a task that is cancelled before it begins runs none of its code
            await asyncio.sleep(0)
        if ends == "raises":
            raise ValueError("boom")
        if ends == "meets a step":
            await ctx.step.run("a", step)
        return "returned"

    async def main() -> None:
        with serving(handler, logger=logging.getLogger("app")) as app:
            await app.handle_async(request_of())
            assert sorted(cancelled) == ["inner", "outer"]
            for task in of_a_step:
                task.cancel()

    if ask is ask_sync:
        with serving(handler, logger=logging.getLogger("app")) as app:
            app.handle_sync(request_of())
            assert sorted(cancelled) == ["inner", "outer"]
    else:
        asyncio.run(main())
    assert all(task.cancelled() for task in left)
    warned = [record.getMessage() for record in records_of("app", caplog) if record.levelname == "WARNING"]
    assert (warned != []) == (ends != "meets a step")
    for text in warned:
        assert "function app-fn ended, and " in text
        assert "runs_on" in text


def test_a_task_that_meets_a_step_after_the_function_has_ended_gets_an_error() -> None:
    met: list[asyncio.Task[object]] = []

    async def late(ctx: inngest.Context) -> object:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        return await ctx.step.run("late", lambda: 1)

    async def handler(ctx: inngest.Context) -> object:
        met.append(asyncio.create_task(late(ctx)))
        await asyncio.sleep(0)
        return "returned"

    async def main() -> None:
        with serving(handler) as app:
            await app.handle_async(request_of())
            with pytest.raises(StepUnexpectedError, match='step "late" was met after the function'):
                await met[0]

    asyncio.run(main())


@EVERYWHERE
@SEEDS
def test_a_step_behind_real_input_and_output_is_found_later(ask: Ask, seed: int) -> None:
    count = Count()

    async def handler(ctx: inngest.Context) -> object:
        async def slow() -> str:
            await asyncio.to_thread(lambda: None)
            return await count.step(ctx, "behind")

        return await asyncio.gather(slow(), count.step(ctx, "front"))

    assert run_to_its_end(handler, ask, seed) == ["behind", "front"]
    assert count.executed == {"behind": 1, "front": 1}


@EVERYWHERE
def test_a_target_behind_real_input_and_output_is_found(ask: Ask) -> None:
    async def handler(ctx: inngest.Context) -> object:
        async def slow() -> str:
            await asyncio.to_thread(lambda: None)
            return await ctx.step.run("behind", lambda: "found")

        return await asyncio.gather(ctx.step.run("front", lambda: 1), slow())

    with serving(handler) as app:
        assert ops(ask(app, request_of(Call(target="behind", plan_only=True)))) == [("StepRun", "behind")]


def test_a_target_that_is_never_met_while_the_function_waits() -> None:
    async def handler(ctx: inngest.Context) -> object:
        return await ctx.step.run("parked", lambda: 1)

    with serving(handler) as app:
        request = request_of(Call(target="gone", plan_only=True))
        response = asyncio.run(run_async(hurried(app.handle(request)), app.client.resources))
    status, body = shown(response)
    assert (status, body["code"], body["totalFoundSteps"]) == (500, "step_unexpected", 1)
    assert response.headers["x-inngest-no-retry"] == "false"


# Queues, locks, loops


@EVERYWHERE
@pytest.mark.parametrize("race", [False, True])
@SEEDS
def test_a_queue_between_a_producer_and_consumers(ask: Ask, seed: int, race: bool) -> None:
    count = Count()

    async def handler(ctx: inngest.Context) -> object:
        queue = asyncio.Queue[str](maxsize=2)
        results: list[str] = []

        async def produce() -> None:
            for number in range(3):
                await queue.put(await count.step(ctx, f"make{number}"))
                await queue.put(f"extra{number}")

        async def consume() -> None:
            while True:
                item = await queue.get()
                results.append(await count.step(ctx, f"use {item}"))
                queue.task_done()

        consumers = [asyncio.create_task(consume()) for _ in range(2)]
        await produce()
        await queue.join()
        for consumer in consumers:
            consumer.cancel()
        await asyncio.gather(*consumers, return_exceptions=True)
        return sorted(results)

    made = [f"make{number}" for number in range(3)]
    used = sorted(f"use {item}" for item in [*made, *(f"extra{number}" for number in range(3))])
    assert run_to_its_end(handler, ask, seed, race=race) == used
    assert count.executed == dict.fromkeys([*made, *used], 1)


@EVERYWHERE
@pytest.mark.parametrize("race", [False, True])
@SEEDS
def test_a_semaphore_and_a_lock_around_steps(ask: Ask, seed: int, race: bool) -> None:
    count = Count()

    async def handler(ctx: inngest.Context) -> object:
        semaphore, lock = asyncio.Semaphore(2), asyncio.Lock()

        async def branch(name: str) -> list[str]:
            async with semaphore:
                first = await count.step(ctx, f"{name}1")
                async with lock:
                    return [first, await count.step(ctx, f"{name}2")]

        return await asyncio.gather(*(branch(name) for name in "abcd"))

    assert run_to_its_end(handler, ask, seed, race=race) == [[f"{name}1", f"{name}2"] for name in "abcd"]
    assert count.executed == {f"{name}{n}": 1 for name in "abcd" for n in (1, 2)}


def test_a_semaphore_lets_so_many_steps_be_planned() -> None:
    count = Count()

    async def handler(ctx: inngest.Context) -> object:
        semaphore = asyncio.Semaphore(2)

        async def branch(name: str) -> str:
            async with semaphore:
                return await count.step(ctx, name)

        return await asyncio.gather(*(branch(name) for name in "abcd"))

    with serving(handler) as app:
        assert ops(ask_now(app)) == [("StepPlanned", "a"), ("StepPlanned", "b")]


@EVERYWHERE
@SEEDS
def test_an_event_and_a_condition_between_branches(ask: Ask, seed: int) -> None:
    count = Count()

    async def handler(ctx: inngest.Context) -> object:
        ready = asyncio.Event()
        condition = asyncio.Condition()
        seen: list[str] = []

        async def waits() -> str:
            await ready.wait()
            async with condition:
                await condition.wait_for(lambda: len(seen) == 2)
            return await count.step(ctx, "last")

        async def works(name: str) -> str:
            done = await count.step(ctx, name)
            async with condition:
                seen.append(done)
                ready.set()
                condition.notify_all()
            return done

        return await asyncio.gather(waits(), works("a"), works("b"))

    assert run_to_its_end(handler, ask, seed) == ["last", "a", "b"]
    assert count.executed == dict.fromkeys(["a", "b", "last"], 1)


@EVERYWHERE
def test_a_loop_of_groups(ask: Ask) -> None:
    count = Count()

    async def handler(ctx: inngest.Context) -> object:
        return [await asyncio.gather(count.step(ctx, f"x{n}"), count.step(ctx, f"y{n}")) for n in range(4)]

    assert run_to_its_end(handler, ask, 1) == [[f"x{n}", f"y{n}"] for n in range(4)]
    assert set(count.executed.values()) == {1}


@EVERYWHERE
@SEEDS
def test_every_way_in_every_other(ask: Ask, seed: int) -> None:
    count = Count()

    async def handler(ctx: inngest.Context) -> object:
        async def group(name: str) -> list[str]:
            async with asyncio.TaskGroup() as tasks:
                made = [tasks.create_task(count.step(ctx, f"{name}{n}")) for n in range(2)]
            return [task.result() for task in made]

        async def completed(name: str) -> list[str]:
            return sorted([await each for each in asyncio.as_completed([group(f"{name}l"), group(f"{name}r")])])[0]

        async def parallel(name: str) -> list[object]:
            return list(await ctx.group.parallel([lambda: completed(f"{name}c"), lambda: group(f"{name}g")]))

        done, _ = await asyncio.wait([asyncio.create_task(parallel(name)) for name in "ab"])
        return sorted(str(task.result()) for task in done)

    assert run_to_its_end(handler, ask, seed) == [
        "[['acl0', 'acl1'], ['ag0', 'ag1']]",
        "[['bcl0', 'bcl1'], ['bg0', 'bg1']]",
    ]
    names = [f"{name}{branch}{n}" for name in "ab" for branch in ("cl", "cr", "g") for n in range(2)]
    assert count.executed == dict.fromkeys(names, 1)


# One step id in several tasks


def warnings_of(handler: Handler, ask: Ask, caplog: pytest.LogCaptureFixture, call: Call | None = None) -> list[str]:
    with serving(handler, logger=logging.getLogger("app")) as app:
        ask(app, request_of(call))
    return said_by("app", caplog)


@EVERYWHERE
def test_one_id_in_tasks_side_by_side_is_warned_of_once(ask: Ask, caplog: pytest.LogCaptureFixture) -> None:
    """`as_completed` starts its tasks in any order: one customer was charged twice, and another one never."""

    async def charges(ctx: inngest.Context, customer: str) -> str:
        return await ctx.step.run("charge", lambda: customer)

    async def handler(ctx: inngest.Context) -> object:
        return [await each for each in asyncio.as_completed([charges(ctx, name) for name in "abc"])]

    [text] = warnings_of(handler, ask, caplog)
    assert 'step "charge" is met in a task of ' in text
    assert text.count("charges") == 2


@EVERYWHERE
def test_one_id_in_a_task_and_beside_it_is_warned_of(ask: Ask, caplog: pytest.LogCaptureFixture) -> None:
    count = Count()

    async def handler(ctx: inngest.Context) -> object:
        task = asyncio.create_task(count.step(ctx, "a"))
        return [await count.step(ctx, "a"), await task]

    [text] = warnings_of(handler, ask, caplog)
    assert 'step "a" is met in the function itself and in a task of Count.step' in text


@EVERYWHERE
@pytest.mark.parametrize("memos", [0, 2, 4])
def test_one_id_in_tasks_one_after_another_is_fine(ask: Ask, memos: int, caplog: pytest.LogCaptureFixture) -> None:
    count = Count()

    async def handler(ctx: inngest.Context) -> object:
        await count.step(ctx, "a")
        return [await asyncio.gather(count.step(ctx, "a"), count.step(ctx, "b")) for _ in range(2)]

    steps = {name: {"data": 0} for name in ["a", "a:1", "b", "a:2", "b:1"][: memos + 1]}
    assert warnings_of(handler, ask, caplog, Call(steps=steps)) == []
