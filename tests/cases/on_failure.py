"""The failure handler: a function of its own, called with the failed event."""

from __future__ import annotations

from typing import Any

import inngest

from .case import FULL_ID, Build, Call, Case, Expected, HandlerKind, both, error, raised, ran, returned

EVENT = {
    "name": "inngest/function.failed",
    "data": {
        "function_id": FULL_ID,
        "run_id": "01M",
        "error": {"error": "NonRetriableError", "name": "MyErr", "message": "boom"},
        "event": {"name": "test/go", "data": {"order": 7}},
    },
}


def fails(ctx: inngest.ContextSync) -> object:
    raise ValueError("the function itself")


async def fails_async(ctx: inngest.Context) -> object:
    raise ValueError("the function itself")


def tells(ctx: inngest.Context) -> object:
    return [ctx.event.name, ctx.event.data["error"]["message"], ctx.event.data["event"]["data"], ctx.fn_id]


async def tells_async(ctx: inngest.Context) -> object:
    return tells(ctx)


def steps(ctx: inngest.ContextSync, step: inngest.StepSync) -> object:
    return step.run("clean", lambda: "cleaned")


async def steps_async(ctx: inngest.Context, step: inngest.Step) -> object:
    return await step.run("clean", lambda: "cleaned")


def handled_by(sync: Any, asynchronous: Any) -> Build:
    """Build a failing function with a failure handler of its kind."""

    def build(client: inngest.Inngest, kind: HandlerKind) -> list[inngest.Function[Any]]:
        handler = sync if kind is HandlerKind.SYNC else asynchronous
        return list(both(fails, fails_async, on_failure=handler)(client, kind))

    return build


called = Case(
    build=handled_by(tells, tells_async),
    call=Call(fn_id=f"{FULL_ID}-failure", event=EVENT),
    expect=returned(["inngest/function.failed", "boom", {"order": 7}, f"{FULL_ID}-failure"]),
)
with_steps = Case(
    build=handled_by(steps, steps_async),
    call=Call(fn_id=f"{FULL_ID}-failure", event=EVENT),
    expect=ran("clean", "cleaned"),
)
with_steps_done = Case(
    build=handled_by(steps, steps_async),
    call=Call(fn_id=f"{FULL_ID}-failure", event=EVENT, steps={"clean": {"data": "cleaned"}}),
    expect=returned("cleaned"),
)
the_function_itself = Case(
    build=handled_by(tells, tells_async), expect=raised(error("ValueError", "the function itself"))
)
fails_too = Case(
    build=handled_by(fails, fails_async),
    call=Call(fn_id=f"{FULL_ID}-failure", event=EVENT, max_attempts=1),
    expect=Expected(status=500, body=error("ValueError", "the function itself")),
)
