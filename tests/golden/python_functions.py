"""The functions that were served while the Python recordings were made (app_id "capture"), sync and async.

In place of the recording's `first()`, which counted calls, stands the attempt: the recorded requests come as they
did then, one by one, whatever was asked before.
"""

from __future__ import annotations

import contextlib
import datetime
import functools
from typing import Any

import inngest

SECOND = datetime.timedelta(seconds=1)
A = {"n": 1.5, "s": "é😀", "nested": {"b": [1, None, True]}}
GO = "async.data.id == event.data.id"
FAN = [inngest.Event(name="cap/plain", data={"who": "fan"}), inngest.Event(name="cap/other")]


def on(name: str) -> inngest.TriggerEvent:
    return inngest.TriggerEvent(event=f"cap/{name}")


def x() -> str:
    return "x"


def boom() -> None:
    raise ValueError("boom")


def ok_unless_first(attempt: int) -> str:
    if attempt == 0:
        raise inngest.RetryAfterError("later", 500)
    return "ok"


def sync_functions(client: inngest.Inngest) -> list[inngest.Function[Any]]:
    @client.create_function(fn_id="plain", trigger=on("plain"))
    def plain(ctx: inngest.ContextSync) -> dict[str, object]:
        return {"hello": ctx.event.data.get("who")}

    @client.create_function(fn_id="steps", trigger=on("steps"))
    def steps(ctx: inngest.ContextSync) -> object:
        first = ctx.step.run("a", lambda: A)
        ctx.step.sleep("nap", SECOND)
        for _ in range(2):
            ctx.step.run("again", lambda: A)
        return first

    @client.create_function(fn_id="parallel", trigger=on("parallel"))
    def parallel(ctx: inngest.ContextSync) -> object:
        out: tuple[object, ...] = ctx.group.parallel(
            (
                lambda: ctx.step.run("p1", x),
                lambda: ctx.step.run("p2", x),
                lambda: ctx.step.sleep("p3", 500),
            )
        )
        ctx.step.run("after", x)
        return out

    @client.create_function(fn_id="race", trigger=on("race"))
    def race(ctx: inngest.ContextSync) -> object:
        return ctx.group.parallel(
            (lambda: ctx.step.run("r1", x), lambda: ctx.step.run("r2", x)), parallel_mode=inngest.ParallelMode.RACE
        )

    @client.create_function(fn_id="retry", retries=1, trigger=on("retry"))
    def retry(ctx: inngest.ContextSync) -> object:
        ctx.step.run("bad", functools.partial(ok_unless_first, ctx.attempt))
        if ctx.attempt == 0:
            raise inngest.RetryAfterError("fn later", 500)
        return "done"

    def on_fail(ctx: inngest.ContextSync) -> object:
        return "handled"

    @client.create_function(fn_id="fail", retries=0, on_failure=on_fail, trigger=on("fail"))
    def fail(ctx: inngest.ContextSync) -> object:
        with contextlib.suppress(inngest.StepError):
            ctx.step.run("bad", boom)
        raise inngest.NonRetriableError("stop")

    @client.create_function(fn_id="wait", trigger=on("wait"))
    def wait(ctx: inngest.ContextSync) -> object:
        event = ctx.step.wait_for_event("w", event="cap/go", if_exp=GO, timeout=20 * SECOND)
        none = ctx.step.wait_for_event("w2", event="cap/never", timeout=SECOND)
        return [event.data if event else None, none]

    @client.create_function(fn_id="invoker", trigger=on("invoker"))
    def invoker(ctx: inngest.ContextSync) -> object:
        result = ctx.step.invoke("call", function=plain, data={"who": "invoked"})
        try:
            ctx.step.invoke("call-fail", function=fail, data={})
        except inngest.StepError as failed:
            result["err"] = failed.message
        ctx.step.send_event("fan", FAN)
        return result

    @client.create_function(fn_id="batch", trigger=on("batch"))
    def batch(ctx: inngest.ContextSync) -> object:
        return [event.data for event in ctx.events]

    @client.create_function(fn_id="cancelme", trigger=on("cancelme"))
    def cancelme(ctx: inngest.ContextSync) -> None:
        ctx.step.sleep("long", 30000)

    def one(ctx: inngest.ContextSync) -> int:
        return 1

    ones = ["cron", "everything", "throttled", "debounced", "single"]
    return [
        *(plain, steps, parallel, race, retry, fail, wait, invoker, batch, cancelme),
        *(client.create_function(fn_id=fn_id, trigger=on(fn_id))(one) for fn_id in ones),
    ]


def async_functions(client: inngest.Inngest) -> list[inngest.Function[Any]]:
    @client.create_function(fn_id="plain", trigger=on("plain"))
    async def plain(ctx: inngest.Context) -> dict[str, object]:
        return {"hello": ctx.event.data.get("who")}

    @client.create_function(fn_id="steps", trigger=on("steps"))
    async def steps(ctx: inngest.Context) -> object:
        async def a() -> object:
            return A

        first = await ctx.step.run("a", a)
        await ctx.step.sleep("nap", SECOND)
        for _ in range(2):
            await ctx.step.run("again", a)
        return first

    @client.create_function(fn_id="parallel", trigger=on("parallel"))
    async def parallel(ctx: inngest.Context) -> object:
        async def r() -> str:
            return "x"

        out: tuple[object, ...] = await ctx.group.parallel(
            (
                lambda: ctx.step.run("p1", r),
                lambda: ctx.step.run("p2", r),
                lambda: ctx.step.sleep("p3", 500),
            )
        )
        await ctx.step.run("after", r)
        return out

    @client.create_function(fn_id="race", trigger=on("race"))
    async def race(ctx: inngest.Context) -> object:
        return await ctx.group.parallel(
            (lambda: ctx.step.run("r1", x), lambda: ctx.step.run("r2", x)), parallel_mode=inngest.ParallelMode.RACE
        )

    @client.create_function(fn_id="retry", retries=1, trigger=on("retry"))
    async def retry(ctx: inngest.Context) -> object:
        await ctx.step.run("bad", functools.partial(ok_unless_first, ctx.attempt))
        if ctx.attempt == 0:
            raise inngest.RetryAfterError("fn later", 500)
        return "done"

    async def on_fail(ctx: inngest.Context) -> object:
        return "handled"

    @client.create_function(fn_id="fail", retries=0, on_failure=on_fail, trigger=on("fail"))
    async def fail(ctx: inngest.Context) -> object:
        async def bad() -> None:
            boom()

        with contextlib.suppress(inngest.StepError):
            await ctx.step.run("bad", bad)
        raise inngest.NonRetriableError("stop")

    @client.create_function(fn_id="wait", trigger=on("wait"))
    async def wait(ctx: inngest.Context) -> object:
        event = await ctx.step.wait_for_event("w", event="cap/go", if_exp=GO, timeout=20 * SECOND)
        none = await ctx.step.wait_for_event("w2", event="cap/never", timeout=SECOND)
        return [event.data if event else None, none]

    @client.create_function(fn_id="invoker", trigger=on("invoker"))
    async def invoker(ctx: inngest.Context) -> object:
        result = await ctx.step.invoke("call", function=plain, data={"who": "invoked"})
        try:
            await ctx.step.invoke("call-fail", function=fail, data={})
        except inngest.StepError as failed:
            result["err"] = failed.message
        await ctx.step.send_event("fan", FAN)
        return result

    @client.create_function(fn_id="batch", trigger=on("batch"))
    async def batch(ctx: inngest.Context) -> object:
        return [event.data for event in ctx.events]

    @client.create_function(fn_id="cancelme", trigger=on("cancelme"))
    async def cancelme(ctx: inngest.Context) -> None:
        await ctx.step.sleep("long", 30000)

    async def one(ctx: inngest.Context) -> int:
        return 1

    ones = ["cron", "everything", "throttled", "debounced", "single"]
    return [
        *(plain, steps, parallel, race, retry, fail, wait, invoker, batch, cancelme),
        *(client.create_function(fn_id=fn_id, trigger=on(fn_id))(one) for fn_id in ones),
    ]
