"""create_function keeps what a handler returns, sync and async, in both forms; invoke gives it back."""

from __future__ import annotations

import datetime
import functools
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, assert_type

import inngest

client = inngest.Inngest(app_id="typing", is_production=False)
signed_up = inngest.TriggerEvent(event="user/signed.up")


@client.create_function(fn_id="async-ctx", trigger=signed_up)
async def async_ctx(ctx: inngest.Context) -> int:
    assert_type(ctx.step, inngest.Step)
    assert_type(ctx.group, inngest.Group)
    return ctx.attempt


@client.create_function(fn_id="async-ctx-step", trigger=signed_up)
async def async_ctx_step(ctx: inngest.Context, step: inngest.Step) -> str:
    return ctx.run_id


@client.create_function(fn_id="sync-ctx", trigger=signed_up)
def sync_ctx(ctx: inngest.ContextSync) -> list[str]:
    assert_type(ctx.step, inngest.StepSync)
    assert_type(ctx.group, inngest.GroupSync)
    return [event.name for event in ctx.events]


@client.create_function(fn_id="sync-ctx-step", trigger=signed_up)
def sync_ctx_step(ctx: inngest.ContextSync, step: inngest.StepSync) -> dict[str, bool]:
    return {"mailed": True}


@client.create_function(fn_id="older", trigger=signed_up)
def older_form(ctx: inngest.Context, step: inngest.StepSync) -> float:
    """The form of the 0.4 release, which had one Context for sync and async functions."""
    return ctx.event.ts / 1000


@client.create_function(fn_id="nothing", trigger=[signed_up, inngest.TriggerCron(cron="0 3 * * *")])
def returns_nothing(ctx: inngest.ContextSync) -> None: ...


async def on_failure_async(ctx: inngest.Context) -> str:
    return ctx.event.name


def on_failure_sync(ctx: inngest.ContextSync, step: inngest.StepSync) -> None: ...


@client.create_function(fn_id="with-failure-handler", trigger=signed_up, on_failure=on_failure_async)
async def with_failure_handler(ctx: inngest.Context) -> int:
    return 1


@client.create_function(fn_id="with-sync-failure-handler", trigger=signed_up, on_failure=on_failure_sync)
def with_sync_failure_handler(ctx: inngest.ContextSync) -> int:
    return 1


class Mailer:
    """Its methods are handlers."""

    async def run(self, ctx: inngest.Context) -> int:
        return 1

    def run_sync(self, ctx: inngest.ContextSync, step: inngest.StepSync) -> str:
        return ""


class Handler:
    """Its instances are handlers."""

    async def __call__(self, ctx: inngest.Context, step: inngest.Step) -> bytes:
        return b""


def logged(
    handler: Callable[[inngest.Context], Awaitable[int]],
) -> Callable[[inngest.Context], Awaitable[int]]:
    return handler


@client.create_function(fn_id="decorated", trigger=signed_up)
@logged
async def decorated(ctx: inngest.Context) -> int:
    return 1


async def generic_result(ctx: inngest.Context) -> Sequence[tuple[int, str]] | None:
    return None


@client.create_function(fn_id="any", trigger=signed_up, output_type=list[int])
def returns_any(ctx: inngest.ContextSync) -> Any:
    return [1]


of_object = client.create_function(fn_id="object")(Handler())
of_partial = client.create_function(fn_id="partial")(functools.partial(generic_result))
of_method = client.create_function(fn_id="method")(Mailer().run)
of_sync_method = client.create_function(fn_id="sync-method")(Mailer().run_sync)

assert_type(async_ctx, inngest.Function[int])
assert_type(async_ctx_step, inngest.Function[str])
assert_type(sync_ctx, inngest.Function[list[str]])
assert_type(sync_ctx_step, inngest.Function[dict[str, bool]])
assert_type(older_form, inngest.Function[float])
assert_type(returns_nothing, inngest.Function[None])
assert_type(with_failure_handler, inngest.Function[int])
assert_type(with_sync_failure_handler, inngest.Function[int])
assert_type(of_method, inngest.Function[int])
assert_type(of_sync_method, inngest.Function[str])
assert_type(of_object, inngest.Function[bytes])
assert_type(of_partial, inngest.Function[Sequence[tuple[int, str]] | None])
assert_type(decorated, inngest.Function[int])
assert_type(returns_any, inngest.Function[Any])


async def steps_of_async_functions(step: inngest.Step) -> None:
    assert_type(await step.invoke("async", function=async_ctx, data={"id": 1}), int)
    assert_type(await step.invoke("sync", function=sync_ctx_step), dict[str, bool])
    assert_type(await step.invoke("none", function=returns_nothing), None)
    assert_type(await step.invoke("partial", function=of_partial), Sequence[tuple[int, str]] | None)
    assert_type(await step.invoke_by_id("by id", function_id="async-ctx"), Any)
    assert_type(await step.invoke_by_id("by id, typed", function_id="async-ctx", output_type=int), int)
    assert_type(await step.send_event("send", inngest.Event(name="user/mailed")), list[str])
    assert_type(
        await step.wait_for_event("wait", event="user/mailed", timeout=datetime.timedelta(days=1)),
        inngest.Event | None,
    )
    await step.sleep("sleep", 1000)
    await step.sleep_until("sleep until", datetime.datetime.now(datetime.UTC))


def steps_of_plain_functions(step: inngest.StepSync) -> None:
    assert_type(step.invoke("async", function=async_ctx, data={"id": 1}), int)
    assert_type(step.invoke("sync", function=sync_ctx_step), dict[str, bool])
    assert_type(step.invoke("none", function=returns_nothing), None)
    assert_type(step.invoke_by_id("by id", function_id="async-ctx"), Any)
    assert_type(step.invoke_by_id("by id, typed", function_id="async-ctx", output_type=int), int)
    assert_type(step.send_event("send", [inngest.Event(name="user/mailed")]), list[str])
    assert_type(step.wait_for_event("wait", event="user/mailed", timeout=1000), inngest.Event | None)
    step.sleep("sleep", datetime.timedelta(hours=1))


def concurrency_has_two_forms() -> None:
    limit = inngest.Concurrency(limit=1)
    client.create_function(fn_id="x", concurrency=[limit])
    client.create_function(fn_id="x", concurrency=inngest.ConcurrencyLimits(fn=[limit], step=(limit, limit)))
    client.create_function(fn_id="x", concurrency=limit)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def misuse_is_refused() -> None:
    client.create_function(fn_id="x", trigger="user/signed.up")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.create_function(sync_ctx)  # type: ignore[call-arg, arg-type]  # pyright: ignore[reportCallIssue]
    client.create_function(fn_id="x", trigger=None, priorty=None)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    client.create_function(fn_id="x", retries="many")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
