"""ctx.disable_immediate_execution: new steps are planned, not run."""

from __future__ import annotations

import inngest

from .case import Call, Case, Expected, both, op, planned, returned


def sequence(ctx: inngest.ContextSync) -> object:
    ctx.step.run("one", lambda: 1)
    ctx.step.sleep("nap", 1000)
    return {"done": True}


async def sequence_async(ctx: inngest.Context) -> object:
    await ctx.step.run("one", lambda: 1)
    await ctx.step.sleep("nap", 1000)
    return {"done": True}


single = Case(build=both(sequence, sequence_async), call=Call(plan_only=True), expect=planned("one"))
of_the_engine = Case(
    build=both(sequence, sequence_async),
    call=Call(plan_only=True, steps={"one": {"data": 1}}),
    expect=Expected(body=[op("Sleep", "nap", name="1s")]),
)
end = Case(
    build=both(sequence, sequence_async),
    call=Call(plan_only=True, steps={"one": {"data": 1}, "nap": None}),
    expect=returned({"done": True}),
)
