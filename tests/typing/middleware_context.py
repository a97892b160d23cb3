"""Middleware that adds to the context, and gives arguments, is typed from the hook to the handler."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any, assert_type

import inngest

client = inngest.Inngest(app_id="typing", is_production=False)


class TenantContext(inngest.Context):
    tenant: str


class TenantContextSync(inngest.ContextSync):
    tenant: str


class Tenant(inngest.Middleware):
    async def transform_input(
        self, ctx: TenantContext, function: inngest.Function[Any], steps: inngest.StepMemos
    ) -> None:
        ctx.tenant = str(ctx.event.data["tenant"])

    async def wrap_step(self, step: inngest.StepInfo, call_next: inngest.CallNext) -> object:
        assert_type(step.id, str)
        return await call_next()

    async def before_invoke(self, invocation: inngest.Invocation) -> None:
        assert_type(invocation.data, dict[str, Any])


class TenantSync(inngest.MiddlewareSync):
    def transform_input(
        self, ctx: TenantContextSync, function: inngest.Function[Any], steps: inngest.StepMemos
    ) -> None:
        ctx.tenant = str(ctx.event.data["tenant"])

    def wrap_step(self, step: inngest.StepInfo) -> Generator[None, object, object]:
        return (yield)

    def wrap_request(self, call: inngest.CallInfo) -> Iterator[None]:
        assert_type(call.request.method, str)
        yield

    def on_register(self, registration: inngest.Registration) -> None:
        assert_type(registration.functions, list[dict[str, object]])


both = inngest.MiddlewarePair(TenantSync, Tenant)


@client.create_function(fn_id="async", middleware=[both])
async def of_tenant(ctx: TenantContext) -> str:
    assert_type(ctx.step, inngest.Step)
    return ctx.tenant


@client.create_function(fn_id="async-step", middleware=[Tenant])
async def of_tenant_with_step(ctx: TenantContext, step: inngest.Step) -> int:
    return len(ctx.tenant)


@client.create_function(fn_id="sync", middleware=[both])
def of_tenant_sync(ctx: TenantContextSync) -> list[str]:
    assert_type(ctx.step, inngest.StepSync)
    return [ctx.tenant]


@client.create_function(fn_id="more", middleware=[TenantSync])
def with_another_parameter(ctx: inngest.ContextSync, more: int = 0) -> int:
    return more


assert_type(of_tenant, inngest.Function[str])
assert_type(of_tenant_with_step, inngest.Function[int])
assert_type(of_tenant_sync, inngest.Function[list[str]])
assert_type(with_another_parameter, inngest.Function[int])


# What is wrong


class AsyncInSync(inngest.MiddlewareSync):
    async def before_execution(self) -> None: ...  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]


class SyncInAsync(inngest.Middleware):
    def before_execution(self) -> None: ...  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]


class NoYield(inngest.MiddlewareSync):
    def wrap_step(self, step: inngest.StepInfo) -> int:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        return 1


class CallNextInSync(inngest.MiddlewareSync):
    def wrap_step(self, step: inngest.StepInfo, call_next: inngest.CallNext) -> Any:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        return call_next()


class YieldInAsync(inngest.Middleware):
    def wrap_step(self, step: inngest.StepInfo, call_next: inngest.CallNext) -> Iterator[None]:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        yield


class WrongValues(inngest.Middleware):
    async def transform_input(self, ctx: TenantContext, function: Any, steps: inngest.StepMemos) -> None:
        ctx.tenant = 5  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]
        ctx.tenent = "north"  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]

    async def transform_output(self, result: inngest.TransformOutputResult) -> None:
        result.error = "no luck"  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]


def wrong() -> None:
    inngest.MiddlewarePair(Tenant, TenantSync)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
