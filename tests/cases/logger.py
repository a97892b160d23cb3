"""ctx.logger is silent in code that has run in an earlier call: while steps are replayed, and around a target."""

from __future__ import annotations

import inngest

from .case import Call, Case, Expected, both, op


def logs(ctx: inngest.ContextSync) -> object:
    ctx.logger.info("start %s", ctx.run_id[:2])
    ctx.step.run("one", lambda: 1)
    ctx.logger.warning("between")
    ctx.step.run("two", lambda: ctx.logger.info("in two"))
    ctx.logger.info("end")
    return {"done": True}


async def logs_async(ctx: inngest.Context) -> object:
    ctx.logger.info("start %s", ctx.run_id[:2])
    await ctx.step.run("one", lambda: 1)
    ctx.logger.warning("between")
    await ctx.step.run("two", lambda: ctx.logger.info("in two"))
    ctx.logger.info("end")
    return {"done": True}


first_call = Case(
    build=both(logs, logs_async), expect=Expected(body=[op("StepRun", "one", data=1)], logged=["start 01"])
)
second_call = Case(
    build=both(logs, logs_async),
    call=Call(steps={"one": {"data": 1}}),
    expect=Expected(body=[op("StepRun", "two", data=None)], logged=["between", "in two"]),
)
last_call = Case(
    build=both(logs, logs_async),
    call=Call(steps={"one": {"data": 1}, "two": {"data": None}}),
    expect=Expected(status=200, body={"done": True}, logged=["end"]),
)
targeted_call = Case(
    build=both(logs, logs_async),
    call=Call(steps={"one": {"data": 1}}, target="two"),
    expect=Expected(body=[op("StepRun", "two", data=None)], logged=["in two"]),
)
targeted_first_step = Case(
    build=both(logs, logs_async),
    call=Call(target="one", plan_only=True),
    expect=Expected(body=[op("StepRun", "one", data=1)], logged=[]),
)
