"""Memos whose delivery the function cannot tell apart come together; of all others it sees one after another."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

import inngest
from tests.cases.case import Call
from tests.stage.asks import Ask, ask_async
from tests.stage.one_function import request_of, serving, shown

from .async_runs import EVERYWHERE, Handler
from .test_async_settling import CountingSelector

NAMES = [f"step {number}" for number in range(300)]


def replayed(handler: Handler, stack: str, ask: Ask = ask_async) -> object:
    """Return what a call comes to in which each step has its name as memo, or an error where that is in upper case."""
    memos = {
        name: {"error": {"name": "E", "message": name}} if name.isupper() else {"data": name} for name in stack.split()
    }
    with serving(handler) as app:
        status, body = shown(ask(app, request_of(Call(steps=memos, stack=list(memos)))))
    assert status == 200, body
    return body


def done(tasks: list[asyncio.Task[str]]) -> str:
    return "".join("x" if task.done() else "-" for task in tasks)


def start(ctx: inngest.Context, names: str) -> list[asyncio.Task[str]]:
    return [asyncio.create_task(ctx.step.run(name, lambda: "new")) for name in names.split()]


async def gathered(ctx: inngest.Context) -> int:
    return len(await asyncio.gather(*(ctx.step.run(name, lambda: None) for name in NAMES)))


async def grouped(ctx: inngest.Context) -> int:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(ctx.step.run(name, lambda: None)) for name in NAMES]
    return len(tasks)


async def parallel(ctx: inngest.Context) -> int:
    return len(await ctx.group.parallel([lambda name=name: ctx.step.run(name, lambda: None) for name in NAMES]))  # type: ignore[misc]


@pytest.mark.parametrize("handler", [gathered, grouped, parallel])
def test_many_memos_take_few_turns_of_the_loop(handler: Callable[[inngest.Context], Awaitable[int]]) -> None:
    call = request_of(Call(steps={name: {"data": None} for name in NAMES}, stack=NAMES[::-1]))
    selector = CountingSelector()
    with (
        serving(handler) as app,
        asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selector)) as runner,
    ):
        assert shown(runner.run(app.handle_async(call))) == (200, len(NAMES))
    assert selector.turns < len(NAMES) / 5


@EVERYWHERE
def test_a_callback_of_a_task_sees_one_end_at_a_time(ask: Ask) -> None:
    async def handler(ctx: inngest.Context) -> object:
        seen: list[str] = []
        tasks = start(ctx, "a b c")
        for task in tasks:
            task.add_done_callback(lambda _: seen.append(done(tasks)))
        await asyncio.gather(*tasks)
        return seen

    assert replayed(handler, "b c a", ask) == ["-x-", "-xx", "xxx"]


@EVERYWHERE
def test_who_waits_for_one_of_the_tasks_sees_its_end_first(ask: Ask) -> None:
    async def handler(ctx: inngest.Context) -> object:
        seen: list[str] = []
        tasks = start(ctx, "a b c")

        async def wait() -> None:
            await tasks[1]
            for _ in range(3):
                await asyncio.sleep(0)
            seen.append(done(tasks))

        await asyncio.gather(wait(), *tasks)
        return seen

    assert replayed(handler, "a b c", ask) == ["xx-"]


@EVERYWHERE
def test_the_last_of_a_gather_is_seen_before_those_of_another(ask: Ask) -> None:
    async def handler(ctx: inngest.Context) -> object:
        seen: list[str] = []
        tasks = start(ctx, "a b c d")

        async def pair(name: str, of: list[asyncio.Task[str]]) -> None:
            await asyncio.gather(*of)
            for _ in range(3):
                await asyncio.sleep(0)
            seen.append(f"{name} {done(tasks)}")
            await ctx.step.run(f"{name}2", lambda: None)
            seen.append(f"{name}2 {done(tasks)}")

        await asyncio.gather(pair("ab", tasks[:2]), pair("cd", tasks[2:]))
        return seen

    assert replayed(handler, "c b a ab2 d cd2", ask) == ["ab xxx-", "ab2 xxx-", "cd xxxx", "cd2 xxxx"]


@EVERYWHERE
def test_a_failure_is_seen_before_the_steps_that_ended_later(ask: Ask) -> None:
    async def handler(ctx: inngest.Context) -> object:
        tasks = start(ctx, "a B c d")
        try:
            await asyncio.gather(*tasks)
        except inngest.StepError as error:
            return [error.message, done(tasks), await tasks[3], done(tasks)]
        return "no error"

    assert replayed(handler, "a B c d", ask) == ["B", "xx--", "d", "xxxx"]


@EVERYWHERE
def test_a_task_group_is_left_when_its_last_step_has_ended(ask: Ask) -> None:
    async def handler(ctx: inngest.Context) -> object:
        other = start(ctx, "z")
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(ctx.step.run(name, lambda: "new")) for name in "abc"]
        return [done(tasks), done(other), await other[0]]

    assert replayed(handler, "c a b z", ask) == ["xxx", "-", "z"]


@EVERYWHERE
def test_a_branch_that_goes_on_sees_the_others_as_they_were(ask: Ask) -> None:
    async def handler(ctx: inngest.Context) -> object:
        seen: list[str] = []

        async def noted(name: str) -> str:
            result: object = await ctx.step.run(name, lambda: None)
            seen.append(f"{result}")
            for _ in range(3):
                await asyncio.sleep(0)
            seen.append(f"{result} goes on")
            return name

        await ctx.group.parallel(
            (
                lambda: noted("a"),
                lambda: ctx.step.run("b", lambda: None),
                lambda: noted("c"),
                lambda: ctx.step.run("d", lambda: None),
            )
        )
        return seen

    assert replayed(handler, "d c b a", ask) == ["c", "c goes on", "a", "a goes on"]
