"""A step inside a step is refused, with both names."""

from __future__ import annotations

import inngest

from .case import Case, Expected, HandlerKind, Saying, both, error, op


def nested(ctx: inngest.ContextSync) -> object:
    return ctx.step.run("outer", lambda: ctx.step.run("inner", lambda: 1))


async def nested_async(ctx: inngest.Context) -> object:
    return await ctx.step.run("outer", lambda: ctx.step.run("inner", lambda: 1))


def sleep(ctx: inngest.ContextSync) -> object:
    return ctx.step.run("outer", lambda: ctx.step.sleep("inner", 1000))


async def sleep_async(ctx: inngest.Context) -> object:
    return await ctx.step.run("outer", lambda: ctx.step.sleep("inner", 1000))


async def in_a_task(ctx: inngest.Context) -> object:
    async def outer() -> object:
        return (await ctx.group.parallel([lambda: ctx.step.run("inner", lambda: 1)]))[0]

    return await ctx.step.run("outer", outer)


def caught(ctx: inngest.ContextSync) -> object:
    def outer() -> str:
        try:
            ctx.step.run("inner", lambda: 1)
        except inngest.InngestError as refused:
            return refused.code
        return "went through"

    return ctx.step.run("outer", outer)


async def caught_async(ctx: inngest.Context) -> object:
    async def outer() -> str:
        try:
            await ctx.step.run("inner", lambda: 1)
        except inngest.InngestError as refused:
            return refused.code
        return "went through"

    return await ctx.step.run("outer", outer)


REFUSED = Expected(
    body=[op("StepFailed", "outer", error=error("StepNestedError", Saying('"outer"', '"inner"'), code="step_nested"))],
    no_retry="true",
)

run_in_run = Case(build=both(nested, nested_async), expect=REFUSED)
sleep_in_run = Case(build=both(sleep, sleep_async), expect=REFUSED)
run_in_a_group_in_run = Case(build=both(in_a_task, in_a_task), expect=REFUSED, kinds=(HandlerKind.ASYNC,))
refusal_is_no_less_for_being_caught = Case(build=both(caught, caught_async), expect=REFUSED)
