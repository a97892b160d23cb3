"""The apps that the engine of `engine.py` calls: `flask_app` with plain functions, `starlette_app` with async ones."""

from __future__ import annotations

import asyncio
from typing import Any

import flask
import starlette.applications

import inngest
import inngest.flask
import inngest.starlette

STEPS = 50


def _client() -> inngest.Inngest:
    return inngest.Inngest(app_id="bench", is_production=False)


def _number(number: int) -> int:
    return number


async def _number_async(number: int) -> int:
    return number


def make_flask() -> flask.Flask:
    client = _client()

    @client.create_function(fn_id="one-call", trigger=inngest.TriggerEvent(event="bench/one-call"))
    def one_call(ctx: inngest.ContextSync) -> object:
        return ctx.event.data

    @client.create_function(fn_id="many-steps", trigger=inngest.TriggerEvent(event="bench/many-steps"))
    def many_steps(ctx: inngest.ContextSync, step: inngest.StepSync) -> int:
        return sum(step.run(f"step {number}", _number, number) for number in range(STEPS))

    app = flask.Flask(__name__)
    inngest.flask.serve(app, client, [one_call, many_steps])
    return app


def make_starlette() -> starlette.applications.Starlette:
    client = _client()

    @client.create_function(fn_id="one-call", trigger=inngest.TriggerEvent(event="bench/one-call"))
    async def one_call(ctx: inngest.Context) -> object:
        return ctx.event.data

    @client.create_function(fn_id="many-steps", trigger=inngest.TriggerEvent(event="bench/many-steps"))
    async def many_steps(ctx: inngest.Context, step: inngest.Step) -> int:
        total = 0
        for number in range(STEPS):
            total += await step.run(f"step {number}", _number_async, number)
        return total

    @client.create_function(
        fn_id="plain-steps", trigger=inngest.TriggerEvent(event="bench/plain-steps"), checkpointing=False
    )
    async def plain_steps(ctx: inngest.Context, step: inngest.Step) -> int:
        total = 0
        for number in range(STEPS):
            total += await step.run(f"step {number}", _number_async, number)
        return total

    @client.create_function(fn_id="nap", trigger=inngest.TriggerEvent(event="bench/nap"))
    async def nap(ctx: inngest.Context, step: inngest.Step) -> None:
        await step.sleep("nap", 86_400_000)

    @client.create_function(fn_id="waits", trigger=inngest.TriggerEvent(event="bench/waits"))
    async def waits(ctx: inngest.Context, step: inngest.Step) -> None:
        same = "event.data.number == async.data.number"
        await step.wait_for_event("wait", event="bench/never", if_exp=same, timeout=86_400_000)

    @client.create_function(
        fn_id="limited",
        trigger=inngest.TriggerEvent(event="bench/limited"),
        concurrency=[inngest.Concurrency(limit=1)],
    )
    async def limited(ctx: inngest.Context) -> None:
        await asyncio.sleep(0.05)

    app = starlette.applications.Starlette()
    functions: list[inngest.Function[Any]] = [one_call, many_steps, plain_steps, nap, waits, limited]
    inngest.starlette.serve(app, client, functions)
    return app
