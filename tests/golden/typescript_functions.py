"""Python twins of the functions behind typescript-dev.jsonl, as far as there are such steps here.

They were served twice: as the app "tscp" with checkpointing, and as "tsnocp" without.
"""

from __future__ import annotations

import asyncio
import functools
from typing import Any

import inngest

SERVED = ("seq", "fail", "norty", "par", "wait", "leaf", "sig", "sendsig", "fetch")


class Error(Exception):
    """Has the name that TypeScript's errors have."""


def boom() -> None:
    raise Error("boom")


def numbered(number: int) -> dict[str, int]:
    return {"i": number}


def nope() -> None:
    raise inngest.NonRetriableError("nope")


def prefix(client: inngest.Inngest) -> str:
    return client.app_id.removeprefix("ts")


def on(client: inngest.Inngest, name: str) -> inngest.TriggerEvent:
    return inngest.TriggerEvent(event=f"{prefix(client)}/{name}")


ENGINE = "http://127.0.0.1:8422/dev"
GO = "async.data.id == event.data.id"


def sync_functions(client: inngest.Inngest) -> list[inngest.Function[Any]]:
    @client.create_function(fn_id="seq", trigger=on(client, "seq"))
    def seq(ctx: inngest.ContextSync) -> object:
        for number in range(3):
            ctx.step.run(f"s{number}", functools.partial(numbered, number))
        ctx.step.sleep("z", 1000)
        ctx.step.run("after", lambda: "x")
        return "done"

    @client.create_function(fn_id="fail", retries=1, trigger=on(client, "fail"))
    def fail(ctx: inngest.ContextSync) -> None:
        ctx.step.run("ok", lambda: 1)
        ctx.step.run("bad", boom)

    @client.create_function(fn_id="norty", retries=3, trigger=on(client, "norty"))
    def norty(ctx: inngest.ContextSync) -> None:
        ctx.step.run("bad", nope)

    @client.create_function(fn_id="par", trigger=on(client, "par"))
    def par(ctx: inngest.ContextSync) -> object:
        values = ctx.group.parallel((lambda: ctx.step.run("a", lambda: 1), lambda: ctx.step.run("b", lambda: 2)))
        ctx.step.run("c", lambda: 3)
        return values

    @client.create_function(fn_id="wait", trigger=on(client, "wait"))
    def wait(ctx: inngest.ContextSync) -> object:
        event = ctx.step.wait_for_event("w", event=f"{prefix(client)}/go", if_exp=GO, timeout=10_000)
        return event.data if event else None

    @client.create_function(fn_id="leaf", trigger=on(client, "leaf"))
    def leaf(ctx: inngest.ContextSync) -> object:
        return {"got": ctx.event.data}

    @client.create_function(fn_id="sig", trigger=on(client, "sig"))
    def sig(ctx: inngest.ContextSync) -> object:
        return ctx.step.wait_for_signal("ws", signal=f"{prefix(client)}-sig-1", timeout=20_000, on_conflict="replace")

    @client.create_function(fn_id="sendsig", trigger=on(client, "sendsig"))
    def sendsig(ctx: inngest.ContextSync) -> object:
        return ctx.step.send_signal("ss", signal=f"{prefix(client)}-sig-1", data={"hello": 1})

    @client.create_function(fn_id="fetch", trigger=on(client, "fetch"))
    def fetch(ctx: inngest.ContextSync) -> object:
        return ctx.step.fetch("step.fetch: 127.0.0.1", ENGINE).status_code

    return [seq, fail, norty, par, wait, leaf, sig, sendsig, fetch]


def async_functions(client: inngest.Inngest) -> list[inngest.Function[Any]]:
    @client.create_function(fn_id="seq", trigger=on(client, "seq"))
    async def seq(ctx: inngest.Context) -> object:
        for number in range(3):
            await ctx.step.run(f"s{number}", functools.partial(numbered, number))
        await ctx.step.sleep("z", 1000)
        await ctx.step.run("after", lambda: "x")
        return "done"

    @client.create_function(fn_id="fail", retries=1, trigger=on(client, "fail"))
    async def fail(ctx: inngest.Context) -> None:
        await ctx.step.run("ok", lambda: 1)
        await ctx.step.run("bad", boom)

    @client.create_function(fn_id="norty", retries=3, trigger=on(client, "norty"))
    async def norty(ctx: inngest.Context) -> None:
        await ctx.step.run("bad", nope)

    @client.create_function(fn_id="par", trigger=on(client, "par"))
    async def par(ctx: inngest.Context) -> object:
        values = await asyncio.gather(ctx.step.run("a", lambda: 1), ctx.step.run("b", lambda: 2))
        await ctx.step.run("c", lambda: 3)
        return values

    @client.create_function(fn_id="wait", trigger=on(client, "wait"))
    async def wait(ctx: inngest.Context) -> object:
        event = await ctx.step.wait_for_event("w", event=f"{prefix(client)}/go", if_exp=GO, timeout=10_000)
        return event.data if event else None

    @client.create_function(fn_id="leaf", trigger=on(client, "leaf"))
    async def leaf(ctx: inngest.Context) -> object:
        return {"got": ctx.event.data}

    @client.create_function(fn_id="sig", trigger=on(client, "sig"))
    async def sig(ctx: inngest.Context) -> object:
        return await ctx.step.wait_for_signal(
            "ws", signal=f"{prefix(client)}-sig-1", timeout=20_000, on_conflict="replace"
        )

    @client.create_function(fn_id="sendsig", trigger=on(client, "sendsig"))
    async def sendsig(ctx: inngest.Context) -> object:
        return await ctx.step.send_signal("ss", signal=f"{prefix(client)}-sig-1", data={"hello": 1})

    @client.create_function(fn_id="fetch", trigger=on(client, "fetch"))
    async def fetch(ctx: inngest.Context) -> object:
        return (await ctx.step.fetch("step.fetch: 127.0.0.1", ENGINE)).status_code

    return [seq, fail, norty, par, wait, leaf, sig, sendsig, fetch]
