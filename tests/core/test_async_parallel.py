"""Native concurrency: what asyncio has for it works as in any program, and nothing runs twice (design §5)."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

import inngest
from inngest_core.app import App
from inngest_core.http import Response
from tests.cases.case import Call

from .in_test_engine import Ask, InTestEngine, ask_async, ask_sync
from .one_function import ops, request_of, serving, shown

BOTH = pytest.mark.parametrize("ask", [ask_sync, ask_async])
SEEDS = pytest.mark.parametrize("seed", range(6))


@dataclass(slots=True)
class Count:
    """Counts how often each step was executed."""

    executed: dict[str, int] = field(default_factory=dict[str, int])

    def step(self, ctx: inngest.Context, name: str) -> Awaitable[str]:
        return ctx.step.run(name, self._run, name)

    async def _run(self, name: str) -> str:
        await asyncio.sleep(0)
        self.executed[name] = self.executed.get(name, 0) + 1
        return name


Handler = Callable[[inngest.Context], Awaitable[object]]


def run_to_its_end(handler: Handler, ask: Ask, seed: int, *, race: bool = False) -> object:
    """Run *handler* on the in-test engine, planned steps being done in an order that the seed gives."""
    chosen = random.Random(seed)  # noqa: S311 - an order, not a secret
    with serving(handler) as app:
        return InTestEngine(app, ask, chosen.randrange).run(race=race)


def ask_async_now(app: App, call: Call | None = None) -> Response:
    return asyncio.run(app.handle_async(request_of(call)))


# gather


@BOTH
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
        assert ops(ask_async_now(app)) == [
            ("StepPlanned", "a"),
            ("StepPlanned", "b"),
            ("StepPlanned", "c"),
            ("Sleep", "nap"),
        ]
    assert count.executed == {}


@BOTH
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


@BOTH
def test_gather_with_return_exceptions(ask: Ask) -> None:
    async def bad() -> None:
        raise ValueError("boom")

    async def handler(ctx: inngest.Context) -> object:
        results = await asyncio.gather(
            ctx.step.run("bad", bad), ctx.step.run("good", lambda: 1), return_exceptions=True
        )
        return [str(result) for result in results]

    assert run_to_its_end(handler, ask, 0) == ["boom", "1"]


# TaskGroup


@BOTH
@SEEDS
def test_task_groups_in_task_groups(ask: Ask, seed: int) -> None:
    count = Count()

    async def handler(ctx: inngest.Context) -> object:
        async def inner(name: str) -> list[str]:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(step(f"{name}{number}")) for number in range(2)]
            return [task.result() for task in tasks]

        async def step(name: str) -> str:
            return await count.step(ctx, name)

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(inner(name)) for name in "ab"]
            alone = group.create_task(step("c"))
        return [*(task.result() for task in tasks), alone.result()]

    assert run_to_its_end(handler, ask, seed) == [["a0", "a1"], ["b0", "b1"], "c"]
    assert count.executed == dict.fromkeys(["a0", "a1", "b0", "b1", "c"], 1)


def test_three_nested_task_groups_are_planned_together() -> None:
    async def handler(ctx: inngest.Context) -> object:
        async def nested(depth: int, name: str) -> None:
            async with asyncio.TaskGroup() as group:
                for number in range(2):
                    inner = f"{name}{number}"
                    group.create_task(nested(depth - 1, inner) if depth else as_coroutine(ctx, inner))

        await nested(2, "s")
        return None

    async def as_coroutine(ctx: inngest.Context, name: str) -> None:
        await ctx.step.run(name, lambda: 1)

    with serving(handler) as app:
        assert sorted(ops(ask_async_now(app))) == [("StepPlanned", f"s{number:03b}") for number in range(8)]


@BOTH
def test_a_failed_step_in_a_task_group_is_an_exception_group(ask: Ask) -> None:
    async def bad() -> None:
        raise ValueError("boom")

    async def handler(ctx: inngest.Context) -> object:
        messages: list[str] = []
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(ctx.step.run("bad", bad))
                group.create_task(ctx.step.run("good", lambda: 1))
        except* inngest.StepError as caught:
            messages = [str(error) for error in caught.exceptions]
        return {"caught": messages}

    assert run_to_its_end(handler, ask, 0) == {"caught": ["boom"]}


# as_completed, wait


@BOTH
@SEEDS
def test_as_completed_follows_the_stack(ask: Ask, seed: int) -> None:
    count = Count()

    async def handler(ctx: inngest.Context) -> object:
        return [await each for each in asyncio.as_completed([count.step(ctx, name) for name in "abcd"])]

    chosen = random.Random(seed)  # noqa: S311 - an order, not a secret
    with serving(handler) as app:
        engine = InTestEngine(app, ask, chosen.randrange)
        result = engine.run()
    by_stack = [json.dumps(engine.memos[step]) for step in engine.stack]
    assert [json.dumps({"data": name}) for name in _as_lists(result)] == by_stack
    assert count.executed == dict.fromkeys("abcd", 1)


@BOTH
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

    first, then, rest = _as_lists(run_to_its_end(handler, ask, seed, race=race))
    assert len(first) == 1
    assert then == f"after-{first[0]}"
    assert sorted([*first, *rest]) == ["a", "b", "c"]
    assert count.executed == dict.fromkeys(["a", "b", "c", then], 1)


def _as_lists(value: Any) -> Any:
    assert isinstance(value, list)
    return value  # pyright: ignore[reportUnknownVariableType]


def test_a_race_replays_in_the_order_of_the_stack() -> None:
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
            assert shown(ask_async_now(app, Call(steps=memos, stack=list(stack)))) == (200, list(stack))


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
            assert shown(ask_async_now(app, Call(steps=memos, stack=stack))) == (200, stack)


# Single steps, loops, time-outs, I/O


@BOTH
def test_a_single_step_in_a_task_runs_at_once(ask: Ask) -> None:
    count = Count()

    async def handler(ctx: inngest.Context) -> object:
        return await asyncio.create_task(_alone(ctx, count))

    with serving(handler) as app:
        assert ops(ask(app, request_of())) == [("StepRun", "only")]
    assert count.executed == {"only": 1}


async def _alone(ctx: inngest.Context, count: Count) -> str:
    return await count.step(ctx, "only")


@BOTH
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


@BOTH
def test_a_target_behind_real_input_and_output_is_found(ask: Ask) -> None:
    async def handler(ctx: inngest.Context) -> object:
        async def slow() -> str:
            await asyncio.to_thread(lambda: None)
            return await ctx.step.run("behind", lambda: "found")

        return await asyncio.gather(ctx.step.run("front", lambda: 1), slow())

    with serving(handler) as app:
        assert ops(ask(app, request_of(Call(target="behind", plan_only=True)))) == [("StepRun", "behind")]


def test_a_target_that_is_never_met_while_the_function_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inngest_core.execution.SEARCH_SECONDS", 0.05)

    async def handler(ctx: inngest.Context) -> object:
        return await ctx.step.run("parked", lambda: 1)

    with serving(handler) as app:
        response = ask_async_now(app, Call(target="gone", plan_only=True))
    status, body = shown(response)
    assert (status, body["code"], body["totalFoundSteps"]) == (500, "step_unexpected", 1)
    assert response.headers["x-inngest-no-retry"] == "false"


@BOTH
def test_a_loop_of_groups(ask: Ask) -> None:
    count = Count()

    async def handler(ctx: inngest.Context) -> object:
        return [await asyncio.gather(count.step(ctx, f"x{n}"), count.step(ctx, f"y{n}")) for n in range(4)]

    assert run_to_its_end(handler, ask, 1) == [[f"x{n}", f"y{n}"] for n in range(4)]
    assert set(count.executed.values()) == {1}


@BOTH
def test_a_time_out_of_the_users_own_never_cancels_a_step(ask: Ask) -> None:
    """The caller's time-out is raised as an error that teaches, the same live and on replay (design §5)."""

    async def slow() -> str:
        await asyncio.sleep(0.2)
        return "slow"

    async def handler(ctx: inngest.Context) -> object:
        return await asyncio.wait_for(ctx.step.run("s", slow), 0.01)

    with serving(handler) as app:
        first = shown(ask(app, request_of()))
    assert first[0] == 206
    assert first[1][0]["op"] == "StepRun"
    assert first[1][0]["data"] == "slow"


def test_a_thousand_memos_in_one_gather() -> None:
    async def handler(ctx: inngest.Context) -> object:
        return sum(await asyncio.gather(*(ctx.step.run(f"s{n}", lambda: 0) for n in range(1000))))

    memos = {f"s{n}": {"data": n} for n in range(1000)}
    with serving(handler) as app:
        assert shown(ask_async_now(app, Call(steps=memos))) == (200, sum(range(1000)))
