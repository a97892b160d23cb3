"""Ending a call unwinds the function: clean-up runs, and a swallowed interrupt is reported."""

from __future__ import annotations

import contextlib

import inngest

from .case import Call, Case, HandlerKind, Saying, both, error, raised, ran, returned

SWALLOWED = raised(
    error("InterruptSwallowedError", Saying('step "s"', "BaseException"), code="interrupt_swallowed"), no_retry=True
)


def swallows(ctx: inngest.ContextSync) -> object:
    with contextlib.suppress(BaseException):
        ctx.step.run("s", lambda: 1)
    return "went on"


def swallows_and_raises(ctx: inngest.ContextSync) -> None:
    try:
        ctx.step.run("s", lambda: 1)
    except BaseException:
        raise ValueError("instead") from None


def swallows_in_a_group(ctx: inngest.ContextSync) -> object:
    def branch() -> object:
        with contextlib.suppress(BaseException):
            ctx.step.run("s", lambda: 1)
        return "went on"

    return ctx.group.parallel((branch, lambda: ctx.step.run("t", lambda: 1)))


def swallows_and_meets_another(ctx: inngest.ContextSync) -> object:
    with contextlib.suppress(BaseException):
        ctx.step.run("s", lambda: 1)
    with contextlib.suppress(BaseException):
        ctx.step.run("t", lambda: 1)
    return None


def cleans_up(ctx: inngest.ContextSync) -> object:
    try:
        ctx.step.run("s", lambda: 1)
    finally:
        ctx.step.run("clean", lambda: 1)
    return "done"


async def cleans_up_async(ctx: inngest.Context) -> object:
    try:
        await ctx.step.run("s", lambda: 1)
    finally:
        await ctx.step.run("clean", lambda: 1)
    return "done"


def catches_exceptions(ctx: inngest.ContextSync) -> object:
    try:
        ctx.step.run("s", lambda: 1)
    except Exception:
        return "caught"
    return "done"


async def catches_exceptions_async(ctx: inngest.Context) -> object:
    try:
        await ctx.step.run("s", lambda: 1)
    except Exception:
        return "caught"
    return "done"


async def swallows_async(ctx: inngest.Context) -> object:
    with contextlib.suppress(BaseException):
        await ctx.step.run("s", lambda: 1)
    return "went on"


in_a_function = Case(build=both(swallows, swallows), expect=SWALLOWED, kinds=(HandlerKind.SYNC,))
in_a_function_that_raises = Case(
    build=both(swallows_and_raises, swallows_and_raises), expect=SWALLOWED, kinds=(HandlerKind.SYNC,)
)
in_a_branch = Case(build=both(swallows_in_a_group, swallows_in_a_group), expect=SWALLOWED, kinds=(HandlerKind.SYNC,))
twice = Case(
    build=both(swallows_and_meets_another, swallows_and_meets_another), expect=SWALLOWED, kinds=(HandlerKind.SYNC,)
)
async_functions_are_cancelled_when_the_step_is_reported = Case(
    build=both(swallows_async, swallows_async), expect=ran("s", 1), kinds=(HandlerKind.ASYNC,)
)
steps_in_clean_up_are_refused_while_the_call_ends = Case(build=both(cleans_up, cleans_up_async), expect=ran("s", 1))
steps_in_clean_up_run_when_the_function_goes_on = Case(
    build=both(cleans_up, cleans_up_async), call=Call(steps={"s": {"data": 1}}), expect=ran("clean", 1)
)
all_done = Case(
    build=both(cleans_up, cleans_up_async),
    call=Call(steps={"s": {"data": 1}, "clean": {"data": 1}}),
    expect=returned("done"),
)
is_no_exception = Case(build=both(catches_exceptions, catches_exceptions_async), expect=ran("s", 1))
