"""ctx.group.parallel: several new steps are planned together, and called one by one."""

from __future__ import annotations

import inngest

from .case import Call, Case, Expected, Saying, both, op, planned, raised, ran, returned

BOOM = {"error": {"name": "ValueError", "message": "boom", "stack": "st"}}


def group(ctx: inngest.ContextSync) -> object:
    values = ctx.group.parallel((lambda: ctx.step.run("p1", lambda: 1), lambda: ctx.step.run("p2", lambda: 2)))
    return [*values, ctx.step.run("after", lambda: 3)]


async def group_async(ctx: inngest.Context) -> object:
    values = await ctx.group.parallel((lambda: ctx.step.run("p1", lambda: 1), lambda: ctx.step.run("p2", lambda: 2)))
    return [*values, await ctx.step.run("after", lambda: 3)]


def older_name(ctx: inngest.ContextSync, step: inngest.StepSync) -> object:
    return step.parallel((lambda: step.run("p1", lambda: 1), lambda: step.run("p2", lambda: 2)))


async def older_name_async(ctx: inngest.Context, step: inngest.Step) -> object:
    return await step.parallel((lambda: step.run("p1", lambda: 1), lambda: step.run("p2", lambda: 2)))


def mixed(ctx: inngest.ContextSync) -> object:
    return ctx.group.parallel(
        (
            lambda: ctx.step.run("run", lambda: 1),
            lambda: ctx.step.sleep("sleep", 500),
            lambda: ctx.step.wait_for_event("wait", event="x/y", timeout=1000),
            lambda: ctx.step.run("run", lambda: 2),
        )
    )


async def mixed_async(ctx: inngest.Context) -> object:
    return await ctx.group.parallel(
        (
            lambda: ctx.step.run("run", lambda: 1),
            lambda: ctx.step.sleep("sleep", 500),
            lambda: ctx.step.wait_for_event("wait", event="x/y", timeout=1000),
            lambda: ctx.step.run("run", lambda: 2),
        )
    )


def branches(ctx: inngest.ContextSync) -> object:
    def branch(name: str) -> int:
        one = ctx.step.run(f"{name}1", lambda: 1)
        return ctx.step.run(f"{name}2", lambda: one + 1)

    return ctx.group.parallel((lambda: branch("a"), lambda: branch("b")))


async def branches_async(ctx: inngest.Context) -> object:
    async def branch(name: str) -> int:
        one = await ctx.step.run(f"{name}1", lambda: 1)
        return await ctx.step.run(f"{name}2", lambda: one + 1)

    return await ctx.group.parallel((lambda: branch("a"), lambda: branch("b")))


def nested(ctx: inngest.ContextSync) -> object:
    return ctx.group.parallel(
        (
            lambda: ctx.step.run("x", lambda: 0),
            lambda: ctx.group.parallel(
                (lambda: ctx.step.run("y", lambda: 1), lambda: ctx.step.run("z", lambda: 2)),
            ),
        )
    )


async def nested_async(ctx: inngest.Context) -> object:
    return await ctx.group.parallel(
        (
            lambda: ctx.step.run("x", lambda: 0),
            lambda: ctx.group.parallel(
                (lambda: ctx.step.run("y", lambda: 1), lambda: ctx.step.run("z", lambda: 2)),
            ),
        )
    )


def without_steps(ctx: inngest.ContextSync) -> object:
    none: tuple[object, ...] = ctx.group.parallel(())
    return [none, ctx.group.parallel((lambda: 1, lambda: "two"))]


async def without_steps_async(ctx: inngest.Context) -> object:
    async def one() -> object:
        return 1

    async def two() -> object:
        return "two"

    none: tuple[object, ...] = await ctx.group.parallel(())
    return [none, await ctx.group.parallel((one, two))]


def single(ctx: inngest.ContextSync) -> object:
    return ctx.group.parallel((lambda: ctx.step.run("only", lambda: 1),))


async def single_async(ctx: inngest.Context) -> object:
    return await ctx.group.parallel((lambda: ctx.step.run("only", lambda: 1),))


def caught(ctx: inngest.ContextSync) -> object:
    try:
        ctx.group.parallel((lambda: ctx.step.run("p1", lambda: 1), lambda: ctx.step.run("p2", lambda: 2)))
    except inngest.StepError as failed:
        return [failed.name, failed.message]
    return None


async def caught_async(ctx: inngest.Context) -> object:
    try:
        await ctx.group.parallel((lambda: ctx.step.run("p1", lambda: 1), lambda: ctx.step.run("p2", lambda: 2)))
    except inngest.StepError as failed:
        return [failed.name, failed.message]
    return None


DONE = {"p1": {"data": 10}, "p2": {"data": 20}}
BRANCHES_HALF = {"a1": {"data": 1}, "b1": {"data": 1}}

all_new = Case(build=both(group, group_async), expect=planned("p1", "p2"))
older_name_all_new = Case(build=both(older_name, older_name_async), expect=planned("p1", "p2"))
target_first = Case(build=both(group, group_async), call=Call(target="p1", plan_only=True), expect=ran("p1", 1))
target_second = Case(build=both(group, group_async), call=Call(target="p2", plan_only=True), expect=ran("p2", 2))
target_with_the_other_done = Case(
    build=both(group, group_async),
    call=Call(target="p2", plan_only=True, steps={"p1": {"data": 10}}),
    expect=ran("p2", 2),
)
one_left = Case(build=both(group, group_async), call=Call(steps={"p2": {"data": 20}}), expect=ran("p1", 1))
one_left_but_plan_only = Case(
    build=both(group, group_async), call=Call(steps={"p2": {"data": 20}}, plan_only=True), expect=planned("p1")
)
then_the_next = Case(build=both(group, group_async), call=Call(steps=DONE), expect=ran("after", 3))
results_in_the_order_of_branches = Case(
    build=both(group, group_async),
    call=Call(steps={**DONE, "after": {"data": 30}}, stack=["p2", "p1", "after"]),
    expect=returned([10, 20, 30]),
)
kinds_mixed = Case(
    build=both(mixed, mixed_async),
    expect=Expected(
        body=[
            op("StepPlanned", "run"),
            op("Sleep", "sleep", name="500ms"),
            op("WaitForEvent", "wait", opts={"event": "x/y", "timeout": "1s"}),
            op("StepPlanned", "run", index=1),
        ]
    ),
)
branches_first = Case(build=both(branches, branches_async), expect=planned("a1", "b1"))
branches_second = Case(build=both(branches, branches_async), call=Call(steps=BRANCHES_HALF), expect=planned("a2", "b2"))
one_branch_ahead = Case(
    build=both(branches, branches_async),
    call=Call(steps={"a1": {"data": 1}}),
    expect=planned("a2", "b1", any_order=True),
)
target_in_a_branch_ahead = Case(
    build=both(branches, branches_async),
    call=Call(steps={"a1": {"data": 1}}, target="a2", plan_only=True),
    expect=ran("a2", 2),
)
target_behind_a_parked_branch = Case(
    build=both(branches, branches_async),
    call=Call(steps={"b1": {"data": 4}}, target="b2", plan_only=True),
    expect=ran("b2", 5),
)
branches_done = Case(
    build=both(branches, branches_async),
    call=Call(steps={**BRANCHES_HALF, "a2": {"data": 2}, "b2": {"data": 3}}, stack=["b1", "b2", "a1", "a2"]),
    expect=returned([2, 3]),
)
group_in_group = Case(build=both(nested, nested_async), expect=planned("x", "y", "z"))
group_in_group_done = Case(
    build=both(nested, nested_async),
    call=Call(steps={"x": {"data": 1}, "y": {"data": 2}, "z": {"data": 3}}),
    expect=returned([1, [2, 3]]),
)
group_without_steps = Case(build=both(without_steps, without_steps_async), expect=returned([[], [1, "two"]]))
group_of_one = Case(build=both(single, single_async), expect=ran("only", 1))
failed_branch_waits_for_the_others = Case(
    build=both(caught, caught_async), call=Call(steps={"p1": BOOM}), expect=ran("p2", 2)
)
failed_branch = Case(
    build=both(caught, caught_async),
    call=Call(steps={"p1": BOOM, "p2": {"data": 2}}),
    expect=returned(["ValueError", "boom"]),
)
failed_branch_uncaught = Case(
    build=both(group, group_async),
    call=Call(steps={"p1": {"data": 1}, "p2": BOOM}),
    expect=raised(
        {"name": "ValueError", "message": Saying("boom"), "stack": "st", "code": "step_errored"}, no_retry=True
    ),
)
target_beside_a_failed_branch = Case(
    build=both(group, group_async), call=Call(target="p2", plan_only=True, steps={"p1": BOOM}), expect=ran("p2", 2)
)
