"""Native concurrency: what asyncio has for it works as in any program, and nothing runs twice."""

from __future__ import annotations

import asyncio
import json
import random

import pytest

import inngest
from tests.cases.case import Call
from tests.stage.asks import Ask
from tests.stage.in_process_engine import InProcessEngine
from tests.stage.one_function import ops, request_of, serving, shown

from .async_runs import EVERYWHERE, SEEDS, Count, as_lists, ask_now, boom, run_to_its_end

# gather


@EVERYWHERE
@SEEDS
def test_gather(ask: Ask, seed: int) -> None:
    count = Count()

    async def handler(ctx: inngest.Context) -> object:
        return await asyncio.gather(*(count.step(ctx, name) for name in "abcd"))

    assert run_to_its_end(handler, ask, seed) == ["a", "b", "c", "d"]
    assert count.executed == dict.fromkeys("abcd", 1)


def test_gather_plans_together() -> None:
    count = Count()

    async def handler(ctx: inngest.Context) -> object:
        return await asyncio.gather(*(count.step(ctx, name) for name in "abc"), ctx.step.sleep("nap", 1000))

    with serving(handler) as app:
        assert ops(ask_now(app)) == [*(("StepPlanned", name) for name in "abc"), ("Sleep", "nap")]
    assert count.executed == {}


@EVERYWHERE
@SEEDS
def test_gather_of_branches_with_work_in_between(ask: Ask, seed: int) -> None:
    count = Count()

    async def handler(ctx: inngest.Context) -> object:
        async def branch(name: str, turns: int) -> list[str]:
            first = await count.step(ctx, f"{name}1")
            for _ in range(turns):
                await asyncio.sleep(0)
            return [first, await count.step(ctx, f"{name}2"), await count.step(ctx, f"{name}3")]

        return await asyncio.gather(branch("a", 0), branch("b", 3), branch("c", 7))

    assert run_to_its_end(handler, ask, seed) == [[f"{name}{n}" for n in (1, 2, 3)] for name in "abc"]
    assert count.executed == {f"{name}{n}": 1 for name in "abc" for n in (1, 2, 3)}


@EVERYWHERE
def test_gather_with_return_exceptions(ask: Ask) -> None:
    async def handler(ctx: inngest.Context) -> object:
        results = await asyncio.gather(
            ctx.step.run("bad", boom, "boom"), ctx.step.run("good", lambda: 1), return_exceptions=True
        )
        return [str(result) for result in results]

    assert run_to_its_end(handler, ask) == ["boom", "1"]


# TaskGroup


@EVERYWHERE
@SEEDS
def test_task_groups_in_task_groups(ask: Ask, seed: int) -> None:
    count = Count()

    async def handler(ctx: inngest.Context) -> object:
        async def inner(name: str) -> list[str]:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(count.step(ctx, f"{name}{number}")) for number in range(2)]
            return [task.result() for task in tasks]

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(inner(name)) for name in "ab"]
            alone = group.create_task(count.step(ctx, "c"))
        return [*(task.result() for task in tasks), alone.result()]

    assert run_to_its_end(handler, ask, seed) == [["a0", "a1"], ["b0", "b1"], "c"]
    assert count.executed == dict.fromkeys(["a0", "a1", "b0", "b1", "c"], 1)


@EVERYWHERE
def test_three_nested_task_groups_are_planned_together(ask: Ask) -> None:
    """The loop is quiet late enough, on each loop."""

    async def handler(ctx: inngest.Context) -> object:
        async def nested(depth: int, name: str) -> None:
            async with asyncio.TaskGroup() as group:
                for number in range(2):
                    inner = f"{name}{number}"
                    group.create_task(nested(depth - 1, inner) if depth else ctx.step.run(inner, lambda: None))

        await nested(2, "s")
        return None

    with serving(handler) as app:
        _, planned = InProcessEngine(app, ask, lambda _: 0).call()
    assert sorted(op["userland"]["id"] for op in planned) == [f"s{number:03b}" for number in range(8)]
    assert {op["op"] for op in planned} == {"StepPlanned"}


# as_completed, wait, wait_for


@EVERYWHERE
@SEEDS
def test_as_completed_follows_the_stack(ask: Ask, seed: int) -> None:
    count = Count()

    async def handler(ctx: inngest.Context) -> object:
        return [await each for each in asyncio.as_completed([count.step(ctx, name) for name in "abcd"])]

    chosen = random.Random(seed)  # noqa: S311 - an order, not a secret
    with serving(handler) as app:
        engine = InProcessEngine(app, ask, chosen.randrange)
        result = engine.run()
    by_stack = [json.dumps(engine.memos[step]) for step in engine.stack]
    assert [json.dumps({"data": name}) for name in as_lists(result)] == by_stack
    assert count.executed == dict.fromkeys("abcd", 1)


@EVERYWHERE
@pytest.mark.parametrize("race", [False, True])
@SEEDS
def test_first_completed_replays_the_way_it_went(ask: Ask, seed: int, race: bool) -> None:
    count = Count()

    async def handler(ctx: inngest.Context) -> object:
        tasks = {asyncio.ensure_future(count.step(ctx, name)) for name in "abc"}
        done, left = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        first = sorted(task.result() for task in done)
        then = await count.step(ctx, f"after-{first[0]}")
        rest = await asyncio.gather(*left)
        return [first, then, sorted(rest)]

    first, then, rest = as_lists(run_to_its_end(handler, ask, seed, race=race))
    assert len(first) == 1
    assert then == f"after-{first[0]}"
    assert sorted([*first, *rest]) == ["a", "b", "c"]
    assert count.executed == dict.fromkeys(["a", "b", "c", then], 1)


@EVERYWHERE
@pytest.mark.parametrize("race", [False, True])
@SEEDS
def test_the_losers_of_a_race_may_be_cancelled(ask: Ask, seed: int, race: bool) -> None:
    count = Count()

    async def handler(ctx: inngest.Context) -> object:
        tasks = [asyncio.create_task(count.step(ctx, name)) for name in "abc"]
        done, losers = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in losers:
            task.cancel()
        await asyncio.wait(losers)
        [winner] = done
        then = await count.step(ctx, f"after-{winner.result()}")
        return [winner.result(), then, sum(task.cancelled() for task in tasks)]

    winner, then, cancelled = as_lists(run_to_its_end(handler, ask, seed, race=race))
    assert (then, cancelled) == (f"after-{winner}", 2)
    assert count.executed[winner] == count.executed[then] == 1
    assert set(count.executed.values()) == {1}


@EVERYWHERE
@SEEDS
def test_wait_for_all(ask: Ask, seed: int) -> None:
    count = Count()

    async def handler(ctx: inngest.Context) -> object:
        tasks = [asyncio.create_task(count.step(ctx, name)) for name in "abc"]
        done, left = await asyncio.wait(tasks, return_when=asyncio.ALL_COMPLETED)
        return [sorted(task.result() for task in done), len(left)]

    assert run_to_its_end(handler, ask, seed) == [["a", "b", "c"], 0]
    assert count.executed == dict.fromkeys("abc", 1)


@EVERYWHERE
@pytest.mark.parametrize("race", [False, True])
@SEEDS
def test_wait_for_the_first_exception(ask: Ask, seed: int, race: bool) -> None:
    """What had finished when the first step failed is the same in every later call."""
    count = Count()

    async def handler(ctx: inngest.Context) -> object:
        tasks = [asyncio.create_task(count.step(ctx, name)) for name in "abc"]
        tasks.append(asyncio.create_task(ctx.step.run("bad", boom, "boom")))
        done, left = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        before = sorted(task.result() for task in done if task.exception() is None)
        noted = await count.step(ctx, f"after-{''.join(before)}")
        await asyncio.gather(*left)
        return [noted, before, len(left)]

    noted, before, left = as_lists(run_to_its_end(handler, ask, seed, race=race))
    assert (noted, left) == (f"after-{''.join(before)}", 3 - len(before))
    assert count.executed == dict.fromkeys(["a", "b", "c", noted], 1)


@EVERYWHERE
@SEEDS
def test_wait_for_around_each_step(ask: Ask, seed: int) -> None:
    count = Count()

    async def handler(ctx: inngest.Context) -> object:
        first = await asyncio.wait_for(count.step(ctx, "first"), 60)
        rest = await asyncio.gather(*(asyncio.wait_for(count.step(ctx, name), 60) for name in "ab"))
        return [first, *rest]

    assert run_to_its_end(handler, ask, seed) == ["first", "a", "b"]
    assert count.executed == dict.fromkeys(["first", "a", "b"], 1)


# The order of the stack


@EVERYWHERE
def test_a_race_replays_in_the_order_of_the_stack(ask: Ask) -> None:
    async def handler(ctx: inngest.Context) -> object:
        order: list[str] = []

        async def branch(name: str) -> None:
            await ctx.step.run(name, lambda: name)
            order.append(name)

        await asyncio.gather(*(branch(name) for name in "abc"))
        return order

    memos = {name: {"data": name} for name in "abc"}
    with serving(handler) as app:
        for stack in ("abc", "cba", "bca"):
            assert shown(ask(app, request_of(Call(steps=memos, stack=list(stack))))) == (200, list(stack))


def test_what_the_winner_of_a_race_meets_comes_before_the_next_memo() -> None:
    """A step behind the first memo is met before the second memo is delivered."""

    async def handler(ctx: inngest.Context) -> object:
        log: list[str] = []

        async def branch(name: str) -> None:
            await ctx.step.run(f"{name}1", lambda: 1)
            log.append(f"{name}1")
            await ctx.step.run(f"{name}2", lambda: 1)
            log.append(f"{name}2")

        await asyncio.gather(branch("a"), branch("b"))
        return log

    memos = {name: {"data": 1} for name in ("a1", "a2", "b1", "b2")}
    with serving(handler) as app:
        for stack in (["b1", "b2", "a1", "a2"], ["a1", "b1", "b2", "a2"]):
            assert shown(ask_now(app, Call(steps=memos, stack=stack))) == (200, stack)


@EVERYWHERE
@SEEDS
def test_a_step_of_the_main_task_is_not_ahead_of_a_task_that_was_faster(ask: Ask, seed: int) -> None:
    """What the task saw of the main task when it went on, it sees in every later call."""
    count = Count()

    async def handler(ctx: inngest.Context) -> object:
        done: list[str] = []

        async def branch() -> str:
            await count.step(ctx, "branch")
            return await count.step(ctx, "after main" if done else "alone")

        task = asyncio.create_task(branch())
        done.append(await count.step(ctx, "main"))
        return [await count.step(ctx, "last"), await task]

    last, then = as_lists(run_to_its_end(handler, ask, seed, race=True))
    assert count.executed == dict.fromkeys(["branch", "main", last, then], 1)


@EVERYWHERE
@SEEDS
def test_a_failed_step_that_was_ahead_stays_ahead(ask: Ask, seed: int) -> None:
    """Also in a call for a step that comes after it."""
    count = Count()

    async def handler(ctx: inngest.Context) -> object:
        order: list[str] = []

        async def branch(name: str) -> None:
            try:
                await (ctx.step.run(name, boom, name) if name == "bad" else count.step(ctx, name))
            except inngest.StepError as error:
                order.append(str(error))
            else:
                order.append(name)
            await count.step(ctx, f"{name} after {order}")

        await asyncio.gather(*(branch(name) for name in ("a", "bad", "b")))
        return order

    order = as_lists(run_to_its_end(handler, ask, seed, race=True))
    after = [f"{name} after {order[: at + 1]}" for at, name in enumerate(order)]
    assert count.executed == dict.fromkeys(["a", "b", *after], 1)


@EVERYWHERE
@SEEDS
def test_race_mode(ask: Ask, seed: int) -> None:
    """One branch goes on while another still has to run; the branch that won stays the winner."""
    count = Count()

    async def handler(ctx: inngest.Context) -> object:
        order: list[str] = []

        async def branch(name: str) -> str:
            await count.step(ctx, f"{name}1")
            order.append(name)
            return await count.step(ctx, f"{name}2 after {''.join(order)}")

        results = await ctx.group.parallel(
            (lambda: branch("a"), lambda: branch("b"), lambda: branch("c")),
            parallel_mode=inngest.ParallelMode.RACE,
        )
        return [list(results), order]

    results, order = as_lists(run_to_its_end(handler, ask, seed, race=True))
    assert sorted(order) == ["a", "b", "c"]
    assert set(results) == {f"{name}2 after {''.join(order[: at + 1])}" for at, name in enumerate(order)}
    assert count.executed == dict.fromkeys(["a1", "b1", "c1", *results], 1)


@EVERYWHERE
def test_a_thousand_memos_in_one_gather(ask: Ask) -> None:
    async def handler(ctx: inngest.Context) -> object:
        return sum(await asyncio.gather(*(ctx.step.run(f"s{n}", lambda: 0) for n in range(1000))))

    memos = {f"s{n}": {"data": n} for n in range(1000)}
    with serving(handler) as app:
        assert shown(ask(app, request_of(Call(steps=memos)))) == (200, sum(range(1000)))
