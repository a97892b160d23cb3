"""One step id that is met in two branches of a parallel group: warned of, and refused where it is sure to go wrong."""

from __future__ import annotations

import inngest

from .case import Call, Case, Expected, HandlerKind, Saying, both, error, op, planned, raised


def at_once(ctx: inngest.ContextSync) -> object:
    return ctx.group.parallel((lambda: ctx.step.run("charge", lambda: 1), lambda: ctx.step.run("charge", lambda: 2)))


async def at_once_async(ctx: inngest.Context) -> object:
    return await ctx.group.parallel(
        (lambda: ctx.step.run("charge", lambda: 1), lambda: ctx.step.run("charge", lambda: 2))
    )


def uneven(ctx: inngest.ContextSync) -> object:
    def first() -> str:
        ctx.step.run("look up", lambda: 1)
        return ctx.step.run("charge", lambda: "first")

    return ctx.group.parallel((first, lambda: ctx.step.run("charge", lambda: "second")))


async def uneven_async(ctx: inngest.Context) -> object:
    async def first() -> str:
        await ctx.step.run("look up", lambda: 1)
        return await ctx.step.run("charge", lambda: "first")

    return await ctx.group.parallel((first, lambda: ctx.step.run("charge", lambda: "second")))


def twice(ctx: inngest.ContextSync) -> object:
    def first() -> list[str]:
        return [ctx.step.run("charge", lambda: "first"), ctx.step.run("charge", lambda: "first again")]

    return ctx.group.parallel((first, lambda: ctx.step.run("charge", lambda: "second")))


def nested(ctx: inngest.ContextSync) -> object:
    def inner() -> object:
        return ctx.group.parallel((lambda: ctx.step.run("charge", lambda: 1), lambda: ctx.step.run("b", lambda: 2)))

    return ctx.group.parallel((inner, lambda: ctx.step.run("charge", lambda: 3)))


def one_after_another(ctx: inngest.ContextSync) -> object:
    ctx.group.parallel((lambda: ctx.step.run("a", int), lambda: ctx.step.run("b", int)))
    return ctx.group.parallel((lambda: ctx.step.run("b", int), lambda: ctx.step.run("a", int)))


async def one_after_another_async(ctx: inngest.Context) -> object:
    await ctx.group.parallel((lambda: ctx.step.run("a", int), lambda: ctx.step.run("b", int)))
    return await ctx.group.parallel((lambda: ctx.step.run("b", int), lambda: ctx.step.run("a", int)))


def warned(one: str, other: str) -> list[object]:
    return [Saying("app-fn", f'step "charge" is met in {one} and in {other}', "its own id")]


PLANNED = [op("StepPlanned", "charge"), op("StepPlanned", "charge", index=1)]
CLASH = raised(
    error("StepIdClashError", Saying('"charge"', "branch 1", "branch 2", '"charge-2"'), code="step_id_clash"),
    no_retry=True,
)

warned_of_with_both_branches = Case(
    build=both(at_once, at_once_async), expect=Expected(body=PLANNED, logged=warned("branch 1", "branch 2"))
)
in_a_group_in_a_branch = Case(
    build=both(nested, nested),
    expect=Expected(
        body=[op("StepPlanned", "charge"), op("StepPlanned", "b"), op("StepPlanned", "charge", index=1)],
        logged=warned("branch 1.1", "branch 2"),
    ),
    kinds=(HandlerKind.SYNC,),
)
the_later_branch_is_ahead = Case(build=both(uneven, uneven_async), expect=planned("look up", "charge"))
refused_when_the_earlier_branch_has_caught_up = Case(
    build=both(uneven, uneven),
    call=Call(steps={"look up": {"data": 1}, "charge": {"data": "second"}}),
    expect=CLASH,
    kinds=(HandlerKind.SYNC,),
)
refused_when_the_earlier_branch_meets_it_twice = Case(
    build=both(twice, twice),
    call=Call(steps={"charge": {"data": "first"}, "charge:1": {"data": "second"}}),
    expect=CLASH,
    kinds=(HandlerKind.SYNC,),
)
groups_one_after_another_are_fine = Case(
    build=both(one_after_another, one_after_another_async),
    call=Call(steps={"a": {"data": 0}, "b": {"data": 0}}),
    expect=Expected(body=[op("StepPlanned", "b", index=1), op("StepPlanned", "a", index=1)], logged=[]),
)
