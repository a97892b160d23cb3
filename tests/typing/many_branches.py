"""group.parallel keeps the type of each of up to eight branches."""

from __future__ import annotations

from typing import assert_type

import inngest


def one() -> int:
    return 1


def two() -> str:
    return ""


async def three() -> bytes:
    return b""


async def in_async_functions(ctx: inngest.Context) -> None:
    step, parallel = ctx.step, ctx.group.parallel
    five = await parallel(
        (
            lambda: step.run("1", one),
            lambda: step.run("2", two),
            lambda: step.run("3", three),
            lambda: step.sleep("4", 1),
            lambda: step.send_event("5", inngest.Event(name="x")),
        )
    )
    assert_type(five, tuple[int, str, bytes, None, list[str]])
    eight = await parallel(
        (
            lambda: step.run("1", one),
            lambda: step.run("2", two),
            lambda: step.run("3", three),
            lambda: step.run("4", one),
            lambda: step.run("5", two),
            lambda: step.run("6", three),
            lambda: step.run("7", one),
            lambda: step.run("8", two),
        ),
        parallel_mode=inngest.ParallelMode.RACE,
    )
    assert_type(eight, tuple[int, str, bytes, int, str, bytes, int, str])


def in_plain_functions(ctx: inngest.ContextSync) -> None:
    step = ctx.step
    six = ctx.group.parallel(
        (
            lambda: step.run("1", one),
            lambda: step.run("2", two),
            lambda: step.run("3", one),
            lambda: step.run("4", two),
            lambda: step.run("5", one),
            lambda: step.sleep("6", 1),
        )
    )
    assert_type(six, tuple[int, str, int, str, int, None])
    seven = ctx.group.parallel(
        (
            lambda: step.run("1", one),
            lambda: step.run("2", two),
            lambda: step.run("3", one),
            lambda: step.run("4", two),
            lambda: step.run("5", one),
            lambda: step.run("6", two),
            lambda: step.run("7", one),
        )
    )
    assert_type(seven, tuple[int, str, int, str, int, str, int])
