"""Hooks on every target: what they add, wrap, see and change, for functions of both kinds (protocol §8)."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import inngest

from .case import Call, Case, Expected, HandlerKind, both, error, op, planned, raised, ran, returned

Wrapping = Generator[None, Any, Any]


class Tenant(inngest.Context):
    tenant: str


class TenantSync(inngest.ContextSync):
    tenant: str


class TenantMiddleware(inngest.MiddlewareSync):
    """Adds a field to the context, and arguments for the handler."""

    def transform_input(self, ctx: Tenant | TenantSync, function: object, steps: inngest.StepMemos) -> None:
        ctx.tenant = "north"

    def wrap_handler(self, call: inngest.CallInfo) -> Wrapping:
        call.arguments["more"] = type(call.ctx).__name__
        yield


def context_sync(ctx: TenantSync, more: str = "") -> object:
    return [ctx.tenant, more, type(ctx) is TenantSync]


async def context_async(ctx: Tenant, more: str = "") -> object:
    return [ctx.tenant, more, type(ctx) is Tenant]


class Onion(inngest.MiddlewareSync):
    """Writes down where it is, in the output of what it wraps."""

    name = "a"

    def wrap_step(self, step: inngest.StepInfo) -> Wrapping:
        output = yield
        return f"{self.name}({step.id}={output})"

    def wrap_handler(self, call: inngest.CallInfo) -> Wrapping:
        output = yield
        return f"{self.name}<{output}>"


class Inside(Onion):
    name = "b"


class OnionAsync(inngest.Middleware):
    """The same, with call_next."""

    async def wrap_step(self, step: inngest.StepInfo, call_next: Any) -> object:
        return f"c({step.id}={await call_next()})"

    async def wrap_handler(self, call: inngest.CallInfo, call_next: Any) -> object:
        return f"c<{await call_next()}>"


ONION = [Onion, inngest.MiddlewarePair(Inside, OnionAsync)]


def step_sync(ctx: inngest.ContextSync) -> object:
    return ctx.step.run("s", lambda: 1)


async def step_async(ctx: inngest.Context) -> object:
    return await ctx.step.run("s", lambda: 1)


def two_sync(ctx: inngest.ContextSync) -> object:
    return ctx.group.parallel((lambda: ctx.step.run("s", lambda: 1), lambda: ctx.step.run("t", lambda: 2)))


async def two_async(ctx: inngest.Context) -> object:
    return await ctx.group.parallel((lambda: ctx.step.run("s", lambda: 1), lambda: ctx.step.run("t", lambda: 2)))


def fail() -> None:
    raise ValueError("no luck")


def failing_sync(ctx: inngest.ContextSync) -> None:
    ctx.step.run("s", fail)


async def failing_async(ctx: inngest.Context) -> None:
    await ctx.step.run("s", fail)


def raising_sync(ctx: inngest.ContextSync) -> None:
    fail()


async def raising_async(ctx: inngest.Context) -> None:
    fail()


class Invoking(inngest.MiddlewareSync):
    def before_invoke(self, invocation: inngest.Invocation) -> None:
        invocation.data = {"sealed": invocation.data, "for": invocation.function_id, "by": invocation.step_id}


INVOKED = {"sealed": {"a": 1}, "for": "app-other", "by": "i"}


def invoke_sync(ctx: inngest.ContextSync) -> object:
    return ctx.step.invoke_by_id("i", function_id="other", data={"a": 1})


async def invoke_async(ctx: inngest.Context) -> object:
    return await ctx.step.invoke_by_id("i", function_id="other", data={"a": 1})


class Broken(inngest.MiddlewareSync):
    def wrap_step(self, step: inngest.StepInfo) -> Wrapping:
        if step.id:
            raise ValueError("no luck")
        yield


class Retrying(inngest.MiddlewareSync):
    """Runs a step again while it fails."""

    def wrap_step(self, step: inngest.StepInfo) -> Wrapping:
        for _ in range(2):
            try:
                return (yield)
            except ConnectionError:
                continue
        return (yield)


def flaky() -> Callable[[], int]:
    """Return a callable that fails twice."""
    tries: list[int] = []

    def run() -> int:
        tries.append(1)
        if len(tries) < 3:
            raise ConnectionError("lost")
        return len(tries)

    return run


def retry_sync(ctx: inngest.ContextSync) -> object:
    run = flaky()
    return ctx.step.run("s", run)


async def retry_async(ctx: inngest.Context) -> object:
    run = flaky()
    return await ctx.step.run("s", run)


tenants = both(context_sync, context_async, middleware=[TenantMiddleware])
fields_and_arguments_are_added = Case(
    build=tenants, expect=returned(["north", "TenantSync", True]), kinds=[HandlerKind.SYNC]
)
fields_and_arguments_are_added_async = Case(
    build=tenants, expect=returned(["north", "Tenant", True]), kinds=[HandlerKind.ASYNC]
)
steps_are_wrapped_from_outside_in = Case(
    build=both(step_sync, step_async, middleware=ONION), expect=ran("s", "a(s=b(s=1))"), kinds=[HandlerKind.SYNC]
)
steps_are_wrapped_from_outside_in_async = Case(
    build=both(step_sync, step_async, middleware=ONION), expect=ran("s", "a(s=c(s=1))"), kinds=[HandlerKind.ASYNC]
)
handlers_are_wrapped_from_outside_in = Case(
    build=both(step_sync, step_async, middleware=ONION),
    call=Call(steps={"s": {"data": 5}}),
    expect=returned("a<b<5>>"),
    kinds=[HandlerKind.SYNC],
)
handlers_are_wrapped_from_outside_in_async = Case(
    build=both(step_sync, step_async, middleware=ONION),
    call=Call(steps={"s": {"data": 5}}),
    expect=returned("a<c<5>>"),
    kinds=[HandlerKind.ASYNC],
)
planned_steps_are_not_wrapped = Case(
    build=both(two_sync, two_async, middleware=[Onion]), expect=planned("s", "t", any_order=True)
)
targeted_step_is_wrapped = Case(
    build=both(two_sync, two_async, middleware=[Onion]),
    call=Call(target="t", plan_only=True),
    expect=ran("t", "a(t=2)"),
)
data_of_an_invocation_is_changed = Case(
    build=both(invoke_sync, invoke_async, middleware=[Invoking]),
    expect=Expected(body=[op("InvokeFunction", "i", opts={"function_id": "app-other", "payload": {"data": INVOKED}})]),
)
a_hook_that_wraps_and_raises_fails_the_attempt = Case(
    build=both(step_sync, step_async, middleware=[Broken]),
    expect=raised(
        error(
            "MiddlewareError",
            "Broken.wrap_step raised ValueError: no luck",
            code="middleware_failed",
            cause={"name": "ValueError", "message": "no luck", "stack": "<stack>"},
        )
    ),
)
a_hook_may_run_a_step_again = Case(build=both(retry_sync, retry_async, middleware=[Retrying]), expect=ran("s", 3))
