"""Parallel steps: what comes back from group.parallel, asyncio.gather and task groups."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable
from typing import assert_type

import inngest

Texts = tuple[str, ...]


def number() -> int:
    return 1


def text() -> str:
    return ""


async def fetch(item: int) -> str:
    return str(item)


def branch(step: inngest.Step, item: int) -> Callable[[], Awaitable[str]]:
    """A branch of a loop; mypy cannot infer the type of `lambda item=item: …`."""
    return lambda: step.run(f"fetch {item}", fetch, item)


def branch_sync(step: inngest.StepSync, item: int) -> Callable[[], int]:
    return lambda: step.run(f"double {item}", lambda: item * 2)


async def two_steps(step: inngest.Step, item: int) -> str:
    await step.sleep(f"wait {item}", item)
    return await step.run(f"fetch {item}", fetch, item)


async def in_async_functions(ctx: inngest.Context) -> None:
    step = ctx.step
    assert_type(
        await ctx.group.parallel((lambda: step.run("a", number), lambda: step.run("b", text))),
        tuple[int, str],
    )
    race = inngest.ParallelMode.RACE
    assert_type(
        await ctx.group.parallel((lambda: step.run("c", number), lambda: step.run("d", text)), race),
        tuple[int, str],
    )
    assert_type(
        await ctx.group.parallel(
            [branch(step, item) for item in range(3)],
            parallel_mode=inngest.ParallelMode.RACE,
        ),
        tuple[str, ...],
    )
    assert_type(
        await step.parallel((lambda: step.run("a", number), lambda: step.run("b", text), lambda: step.sleep("c", 1))),
        tuple[int, str, None],
    )
    assert_type(await step.parallel([branch(step, item) for item in range(3)]), tuple[str, ...])
    assert_type(
        await ctx.group.parallel(
            (
                lambda: step.run("a", number),
                lambda: step.run("b", text),
                lambda: step.sleep("c", 1),
                lambda: step.wait_for_event("d", event="e", timeout=1),
                lambda: step.send_event("e", inngest.Event(name="e")),
                lambda: step.run("f", number),
            )
        ),
        tuple[int, str, None, inngest.Event | None, list[str], int],
    )
    assert_type(await ctx.group.parallel([functools.partial(two_steps, step, item) for item in range(3)]), Texts)
    assert_type(await asyncio.gather(step.run("c", number), step.run("d", text)), tuple[int, str])
    assert_type(
        await asyncio.gather(step.run("c", number), step.run("d", text), return_exceptions=True),
        tuple[int | BaseException, str | BaseException],
    )
    assert_type(await asyncio.wait_for(step.run("c", number), 1), int)
    assert_type([await each for each in asyncio.as_completed([step.run("c", number)])], list[int])
    assert_type(await asyncio.gather(*(step.run(f"e{item}", fetch, item) for item in range(3))), list[str])
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(step.run("f", fetch, 1))
        second = tasks.create_task(step.sleep("g", 1000))
    assert_type(first.result(), str)
    assert_type(second.result(), None)


def in_plain_functions(ctx: inngest.ContextSync) -> None:
    step = ctx.step
    assert_type(
        ctx.group.parallel((lambda: step.run("a", number), lambda: step.run("b", text), lambda: step.sleep("c", 1))),
        tuple[int, str, None],
    )
    assert_type(ctx.group.parallel([branch_sync(step, item) for item in range(3)]), tuple[int, ...])
    assert_type(step.parallel((lambda: step.run("a", number), lambda: step.run("b", text))), tuple[int, str])
    assert_type(step.parallel([branch_sync(step, item) for item in range(3)]), tuple[int, ...])
    assert_type(
        step.parallel(
            (
                lambda: step.run("a", number),
                lambda: step.run("b", text),
                lambda: step.sleep("c", 1),
                lambda: step.send_event("d", inngest.Event(name="e")),
                lambda: step.run("e", number),
            ),
            parallel_mode=inngest.ParallelMode.RACE,
        ),
        tuple[int, str, None, list[str], int],
    )
