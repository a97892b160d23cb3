"""One step id met more than once: `a`, `a:1`, `a:2`."""

from __future__ import annotations

import inngest

from .case import Call, Case, Expected, Saying, both, error, given, op, raised, ran, returned


def three(ctx: inngest.ContextSync) -> object:
    return [ctx.step.run("a", lambda number: number, number) for number in range(3)]


async def three_async(ctx: inngest.Context) -> object:
    return [await ctx.step.run("a", lambda number: number, number) for number in range(3)]


def kinds(ctx: inngest.ContextSync) -> None:
    ctx.step.run("a", lambda: 1)
    ctx.step.sleep("a", 1000)


async def kinds_async(ctx: inngest.Context) -> None:
    await ctx.step.run("a", lambda: 1)
    await ctx.step.sleep("a", 1000)


def clash(ctx: inngest.ContextSync) -> object:
    ctx.step.run("a:1", lambda: 1)
    ctx.step.run("a", lambda: 2)
    return ctx.step.run("a", lambda: 3)


async def clash_async(ctx: inngest.Context) -> object:
    await ctx.step.run("a:1", lambda: 1)
    await ctx.step.run("a", lambda: 2)
    return await ctx.step.run("a", lambda: 3)


first = Case(build=both(three, three_async), expect=ran("a", 0, opts=given(0)))
second = Case(
    build=both(three, three_async), call=Call(steps={"a": {"data": 0}}), expect=ran("a", 1, index=1, opts=given(1))
)
third = Case(
    build=both(three, three_async),
    call=Call(steps={"a": {"data": 0}, "a:1": {"data": 1}}),
    expect=ran("a", 2, index=2, opts=given(2)),
)
all_done = Case(
    build=both(three, three_async),
    call=Call(steps={"a": {"data": 7}, "a:1": {"data": 8}, "a:2": {"data": 9}}),
    expect=returned([7, 8, 9]),
)
target_is_a_repetition = Case(
    build=both(three, three_async),
    call=Call(target="a:1", steps={"a": {"data": 0}}),
    expect=ran("a", 1, index=1, opts=given(1)),
)
across_kinds = Case(
    build=both(kinds, kinds_async),
    call=Call(steps={"a": {"data": 1}}),
    expect=Expected(body=[op("Sleep", "a", index=1, name="1s")]),
)
explicit_id_equals_a_repetition = Case(
    build=both(clash, clash_async),
    call=Call(steps={"a:1": {"data": 1}, "a": {"data": 2}}),
    expect=raised(
        error("StepIdClashError", Saying('"a"', '"a:1"'), code="step_id_clash"),
        no_retry=True,
    ),
)
