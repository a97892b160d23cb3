"""Race mode: the ops say so, and the rest is as in any group."""

from __future__ import annotations

import asyncio

import inngest

from .case import Call, Case, HandlerKind, both, planned, ran, returned

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

# An engine forgets "plan only" at each discovery, and in a race it discovers after each step. A step that is found
# alone may be running elsewhere, so it is planned again, and never run at once.


def beside(ctx: inngest.ContextSync) -> object:
    return ctx.group.parallel(
        (
            lambda: ctx.group.parallel((lambda: ctx.step.run("inner1", int), lambda: ctx.step.run("inner2", int))),
            lambda: ctx.step.run("other", int),
        ),
        parallel_mode=RACE,
    )


async def beside_async(ctx: inngest.Context) -> object:
    return await ctx.group.parallel(
        (
            lambda: ctx.group.parallel((lambda: ctx.step.run("inner1", int), lambda: ctx.step.run("inner2", int))),
            lambda: ctx.step.run("other", int),
        ),
        parallel_mode=RACE,
    )


async def beside_a_task(ctx: inngest.Context) -> object:
    group = asyncio.create_task(race_async(ctx))
    return [await ctx.step.run("beside", int), await group]


found_alone = Case(build=both(race, race_async), call=Call(steps={"r2": {"data": 2}}), expect=planned("r1", opts=OPTS))
found_alone_in_a_branch = Case(
    build=both(branches, branches_async),
    call=Call(steps={"a1": {"data": 1}, "b1": {"data": 4}, "a2": {"data": 2}}),
    expect=planned("b2", opts=OPTS),
)
found_alone_in_a_group_that_waits = Case(
    build=both(beside, beside_async),
    call=Call(steps={"inner1": {"data": 0}, "other": {"data": 0}}),
    expect=planned("inner2", opts=OPTS),
)
found_alone_in_a_task_beside_the_race = Case(
    build=both(race, beside_a_task),
    call=Call(steps={"r1": {"data": 1}, "r2": {"data": 2}, "after": {"data": 3}}),
    expect=planned("beside"),
    kinds=(HandlerKind.ASYNC,),
)
