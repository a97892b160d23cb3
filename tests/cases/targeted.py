"""Targeted calls: only the step that the engine asks for."""

from __future__ import annotations

import inngest

from .case import Call, Case, Expected, Saying, both, error, hashed, op, ran

BOOM = {"error": {"name": "ValueError", "message": "boom", "stack": "st"}}


def sequence(ctx: inngest.ContextSync) -> object:
    one = ctx.step.run("one", lambda: 1)
    ctx.step.sleep("nap", 1000)
    return ctx.step.run("two", lambda: one + 1)


async def sequence_async(ctx: inngest.Context) -> object:
    one = await ctx.step.run("one", lambda: 1)
    await ctx.step.sleep("nap", 1000)
    return await ctx.step.run("two", lambda: one + 1)


def recovers(ctx: inngest.ContextSync) -> object:
    try:
        ctx.step.run("one", lambda: 1)
    except inngest.StepError:
        return ctx.step.run("rescue", lambda: "rescued")
    return None


async def recovers_async(ctx: inngest.Context) -> object:
    try:
        await ctx.step.run("one", lambda: 1)
    except inngest.StepError:
        return await ctx.step.run("rescue", lambda: "rescued")
    return None


def ends(ctx: inngest.ContextSync) -> None:
    ctx.step.run("one", lambda: 1)


async def ends_async(ctx: inngest.Context) -> None:
    await ctx.step.run("one", lambda: 1)


def fails(ctx: inngest.ContextSync) -> object:
    raise ValueError("before any step")


async def fails_async(ctx: inngest.Context) -> object:
    raise ValueError("before any step")


def refuses(ctx: inngest.ContextSync) -> object:
    raise inngest.NonRetriableError("stop")


async def refuses_async(ctx: inngest.Context) -> object:
    raise inngest.NonRetriableError("stop")


def missing(target: str, *found: str) -> Expected:
    """Expect that the target was not met."""
    about = Saying(hashed(target), *found)
    return Expected(
        status=500,
        no_retry="false",
        body={
            "code": "step_unexpected",
            "name": "StepUnexpectedError",
            "message": about,
            "error": about,
            "requestedStep": hashed(target),
            "foundSteps": [{"id": hashed(step), "displayName": step} for step in found],
            "totalFoundSteps": len(found),
        },
    )


first = Case(build=both(sequence, sequence_async), call=Call(target="one"), expect=ran("one", 1))
behind_memos = Case(
    build=both(sequence, sequence_async),
    call=Call(target="two", steps={"one": {"data": 5}, "nap": None}),
    expect=ran("two", 6),
)
plan_only_does_not_matter = Case(
    build=both(sequence, sequence_async), call=Call(target="one", plan_only=True), expect=ran("one", 1)
)
answered_again_from_its_memo = Case(
    build=both(sequence, sequence_async), call=Call(target="one", steps={"one": {"data": 5}}), expect=ran("one", 5)
)
answered_again_from_its_error = Case(
    build=both(sequence, sequence_async),
    call=Call(target="one", steps={"one": BOOM}),
    expect=Expected(body=[op("StepFailed", "one", error={"name": "ValueError", "message": "boom", "stack": "st"})]),
)
of_the_engine = Case(
    build=both(sequence, sequence_async),
    call=Call(target="nap", steps={"one": {"data": 5}}),
    expect=Expected(body=[op("Sleep", "nap", name="1s")]),
)
behind_an_error_that_is_caught = Case(
    build=both(recovers, recovers_async),
    call=Call(target="rescue", steps={"one": BOOM}),
    expect=ran("rescue", "rescued"),
)
missing_after_the_end = Case(
    build=both(ends, ends_async),
    call=Call(target="gone", steps={"one": {"data": 1}}),
    expect=missing("gone", "one"),
)
missing_in_a_function_that_raises = Case(
    build=both(fails, fails_async),
    call=Call(target="gone"),
    expect=Expected(
        status=500,
        body=error("ValueError", "before any step"),
        logged=["function app-fn will be tried again: before any step"],
    ),
)
missing_in_a_function_that_raises_for_good = Case(
    build=both(refuses, refuses_async),
    call=Call(target="gone"),
    expect=Expected(
        status=500,
        body=error("NonRetriableError", "stop", code="non_retriable_error"),
        no_retry="true",
        logged=["function app-fn failed: stop"],
    ),
)
missing_after_an_error = Case(
    build=both(ends, ends_async),
    call=Call(target="gone", steps={"one": BOOM}),
    expect=Expected(
        status=500,
        body={"name": "ValueError", "message": "boom", "stack": "st", "code": "step_errored"},
        no_retry="true",
        logged=["function app-fn failed: boom"],
    ),
)
