"""Race mode: the ops say so, and the rest is as in any group (protocol §7, B1)."""

from __future__ import annotations

import inngest

from .case import Call, Case, both, planned, ran, returned

RACE = inngest.ParallelMode.RACE
OPTS = {"parallelMode": "race"}


def race(ctx: inngest.ContextSync) -> object:
    values = ctx.group.parallel(
        (lambda: ctx.step.run("r1", lambda: 1), lambda: ctx.step.run("r2", lambda: 2)), parallel_mode=RACE
    )
    return [*values, ctx.step.run("after", lambda: 3)]


async def race_async(ctx: inngest.Context) -> object:
    values = await ctx.group.parallel(
        (lambda: ctx.step.run("r1", lambda: 1), lambda: ctx.step.run("r2", lambda: 2)), RACE
    )
    return [*values, await ctx.step.run("after", lambda: 3)]


def branches(ctx: inngest.ContextSync) -> object:
    def branch(name: str) -> int:
        one = ctx.step.run(f"{name}1", lambda: 1)
        return ctx.step.run(f"{name}2", lambda: one + 1)

    return ctx.group.parallel((lambda: branch("a"), lambda: branch("b")), parallel_mode=RACE)


async def branches_async(ctx: inngest.Context) -> object:
    async def branch(name: str) -> int:
        one = await ctx.step.run(f"{name}1", lambda: 1)
        return await ctx.step.run(f"{name}2", lambda: one + 1)

    return await ctx.group.parallel((lambda: branch("a"), lambda: branch("b")), parallel_mode=RACE)


all_new = Case(build=both(race, race_async), expect=planned("r1", "r2", opts=OPTS))
target = Case(build=both(race, race_async), call=Call(target="r2", plan_only=True), expect=ran("r2", 2, opts=OPTS))
one_done = Case(
    build=both(race, race_async),
    call=Call(steps={"r2": {"data": 2}}, plan_only=True),
    expect=planned("r1", opts=OPTS),
)
all_done_and_the_mode_ends_with_the_group = Case(
    build=both(race, race_async),
    call=Call(steps={"r2": {"data": 2}, "r1": {"data": 1}}),
    expect=ran("after", 3),
)
returned_in_the_order_of_branches = Case(
    build=both(race, race_async),
    call=Call(steps={"r2": {"data": 2}, "r1": {"data": 1}, "after": {"data": 3}}),
    expect=returned([1, 2, 3]),
)
one_branch_goes_on_while_another_runs = Case(
    build=both(branches, branches_async),
    call=Call(steps={"b1": {"data": 4}}, plan_only=True),
    expect=planned("a1", "b2", opts=OPTS, any_order=True),
)
