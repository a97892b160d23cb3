"""Context variables that a function sets are seen in its steps and branches, and nowhere else."""

from __future__ import annotations

import contextvars

import inngest

from .case import Call, Case, both, planned, ran, returned

tenant: contextvars.ContextVar[str] = contextvars.ContextVar("tenant", default="nobody")


def sets(ctx: inngest.ContextSync) -> object:
    before = tenant.get()
    tenant.set("acme")
    return ctx.step.run("s", lambda: [before, tenant.get()])


async def sets_async(ctx: inngest.Context) -> object:
    before = tenant.get()
    tenant.set("acme")

    async def read() -> list[str]:
        return [before, tenant.get()]

    return await ctx.step.run("s", read)


def set_tenant() -> None:
    tenant.set("from a step")


def step_sets(ctx: inngest.ContextSync) -> object:
    ctx.step.run("s", set_tenant)
    return [tenant.get()]


async def step_sets_async(ctx: inngest.Context) -> object:
    await ctx.step.run("s", set_tenant)
    return [tenant.get()]


def branches(ctx: inngest.ContextSync) -> object:
    def branch(name: str) -> list[str]:
        before = tenant.get()
        tenant.set(name)
        return ctx.step.run(name, lambda: [before, tenant.get()])

    tenant.set("outer")
    return ctx.group.parallel((lambda: branch("a"), lambda: branch("b")))


async def branches_async(ctx: inngest.Context) -> object:
    async def branch(name: str) -> list[str]:
        before = tenant.get()
        tenant.set(name)
        return await ctx.step.run(name, lambda: [before, tenant.get()])

    tenant.set("outer")
    return await ctx.group.parallel((lambda: branch("a"), lambda: branch("b")))


seen_in_a_step = Case(build=both(sets, sets_async), expect=ran("s", ["nobody", "acme"]))
memoized = Case(
    build=both(step_sets, step_sets_async), call=Call(steps={"s": {"data": None}}), expect=returned(["nobody"])
)
branches_planned = Case(build=both(branches, branches_async), expect=planned("a", "b"))
last_open_branch_has_its_own = Case(
    build=both(branches, branches_async), call=Call(steps={"a": {"data": 1}}), expect=ran("b", ["outer", "b"])
)
first_open_branch_has_its_own = Case(
    build=both(branches, branches_async), call=Call(steps={"b": {"data": 1}}), expect=ran("a", ["outer", "a"])
)
branch_has_its_own = Case(
    build=both(branches, branches_async), call=Call(target="b", plan_only=True), expect=ran("b", ["outer", "b"])
)
