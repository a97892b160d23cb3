"""`{"input": [...]}` is not a memo: the step runs with those arguments."""

from __future__ import annotations

import inngest

from .case import Call, Case, both, given, planned, ran


def pair(a: object, b: object) -> list[object]:
    return [a, b]


def adds(ctx: inngest.ContextSync) -> object:
    return ctx.step.run("s", pair, 1, 2)


async def adds_async(ctx: inngest.Context) -> object:
    return await ctx.step.run("s", pair, 1, 2)


GIVEN = given(10, {"x": 20})
EDITED = {"s": {"input": [10, {"x": 20}]}}

runs_with_it = Case(
    build=both(adds, adds_async),
    call=Call(steps=EDITED, stack=[]),
    expect=ran("s", [10, {"x": 20}], opts=GIVEN),
)
targeted = Case(
    build=both(adds, adds_async),
    call=Call(steps=EDITED, stack=[], target="s"),
    expect=ran("s", [10, {"x": 20}], opts=GIVEN),
)
plan_only = Case(
    build=both(adds, adds_async),
    call=Call(steps=EDITED, stack=[], plan_only=True),
    expect=planned("s", opts=GIVEN),
)
