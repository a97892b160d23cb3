"""Errors in steps and in functions: what may be tried again, when, and what the engine is told."""

from __future__ import annotations

import datetime
from collections.abc import Callable

import inngest

from .case import STACK, Build, Call, Case, Expected, HandlerKind, Later, Saying, both, error, op, raised, ran, returned

LATER = datetime.datetime(2027, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
FAILED = {"error": {"name": "ValueError", "message": "boom", "stack": "there", "data": None}}


class CustomError(Exception):
    """An error of the user's own."""


class UnreadableError(Exception):
    """An error whose text cannot be read."""

    def __str__(self) -> str:
        raise RuntimeError("broken __str__")


def step_raises(make: Callable[[], BaseException]) -> Build:
    """Build a function whose only step raises."""

    def fail() -> object:
        raise make()

    async def fail_async() -> object:
        raise make()

    def sync(ctx: inngest.ContextSync) -> object:
        return ctx.step.run("bad", fail)

    async def asynchronous(ctx: inngest.Context) -> object:
        return await ctx.step.run("bad", fail_async)

    return both(sync, asynchronous)


def function_raises(make: Callable[[], BaseException]) -> Build:
    """Build a function that raises, without steps."""

    def sync(ctx: inngest.ContextSync) -> object:
        raise make()

    async def asynchronous(ctx: inngest.Context) -> object:
        raise make()

    return both(sync, asynchronous)


def caused() -> BaseException:
    try:
        try:
            raise KeyError("key")
        except KeyError as inner:
            raise CustomError("outer") from inner
    except CustomError as outer:
        return outer


def catches(ctx: inngest.ContextSync) -> object:
    try:
        ctx.step.run("bad", lambda: 1)
    except inngest.StepError as failed:
        return [failed.name, failed.message, failed.stack]
    return None


async def catches_async(ctx: inngest.Context) -> object:
    try:
        await ctx.step.run("bad", lambda: 1)
    except inngest.StepError as failed:
        return [failed.name, failed.message, failed.stack]
    return None


def rescues(ctx: inngest.ContextSync) -> object:
    try:
        return ctx.step.run("bad", lambda: 1)
    except inngest.StepError:
        return ctx.step.run("rescue", lambda: "rescued")


async def rescues_async(ctx: inngest.Context) -> object:
    try:
        return await ctx.step.run("bad", lambda: 1)
    except inngest.StepError:
        return await ctx.step.run("rescue", lambda: "rescued")


def lets_through(ctx: inngest.ContextSync) -> object:
    return ctx.step.run("bad", lambda: 1)


async def lets_through_async(ctx: inngest.Context) -> object:
    return await ctx.step.run("bad", lambda: 1)


def wraps(ctx: inngest.ContextSync) -> object:
    try:
        return ctx.step.run("bad", lambda: 1)
    except inngest.StepError as failed:
        raise CustomError("wrapped") from failed


async def wraps_async(ctx: inngest.Context) -> object:
    try:
        return await ctx.step.run("bad", lambda: 1)
    except inngest.StepError as failed:
        raise CustomError("wrapped") from failed


def tries_in_the_function(ctx: inngest.ContextSync) -> object:
    def fail() -> object:
        raise ValueError("boom")

    try:
        ctx.step.run("bad", fail)
    except Exception:
        return "must not be reached while attempts are left"
    return None


async def tries_in_the_function_async(ctx: inngest.Context) -> object:
    def fail() -> object:
        raise ValueError("boom")

    try:
        await ctx.step.run("bad", fail)
    except Exception:
        return "must not be reached while attempts are left"
    return None


def step_error(name: str, message: object, **fields: object) -> list[object]:
    return [op("StepError", "bad", error=error(name, message, **fields))]


def step_failed(name: str, message: object, **fields: object) -> list[object]:
    return [op("StepFailed", "bad", error=error(name, message, **fields))]


BOOM = step_raises(lambda: ValueError("boom"))

step_will_be_tried_again = Case(build=BOOM, expect=Expected(body=step_error("ValueError", "boom")))
step_next_to_last_attempt = Case(
    build=BOOM, call=Call(attempt=2, max_attempts=4), expect=Expected(body=step_error("ValueError", "boom"))
)
step_last_attempt = Case(
    build=BOOM, call=Call(attempt=3, max_attempts=4), expect=Expected(body=step_failed("ValueError", "boom"))
)
step_only_attempt = Case(
    build=BOOM, call=Call(attempt=0, max_attempts=1), expect=Expected(body=step_failed("ValueError", "boom"))
)
step_without_a_known_number_of_attempts = Case(
    build=BOOM, call=Call(attempt=9, max_attempts=None), expect=Expected(body=step_error("ValueError", "boom"))
)
step_targeted = Case(
    build=BOOM,
    call=Call(target="bad", plan_only=True),
    expect=Expected(body=step_error("ValueError", "boom")),
)
step_is_not_caught_while_attempts_are_left = Case(
    build=both(tries_in_the_function, tries_in_the_function_async),
    expect=Expected(body=step_error("ValueError", "boom")),
)
step_cause = Case(
    build=step_raises(caused),
    expect=Expected(
        body=step_error("CustomError", "outer", cause={"name": "KeyError", "message": "'key'", "stack": STACK})
    ),
)
step_non_retriable = Case(
    build=step_raises(lambda: inngest.NonRetriableError("stop")),
    expect=Expected(body=step_failed("NonRetriableError", "stop", code="non_retriable_error"), no_retry="true"),
)
step_non_retriable_without_message = Case(
    build=step_raises(lambda: inngest.NonRetriableError()),
    expect=Expected(body=step_failed("NonRetriableError", "", code="non_retriable_error"), no_retry="true"),
)
step_retry_after_milliseconds = Case(
    build=step_raises(lambda: inngest.RetryAfterError("later", 1500)),
    expect=Expected(body=step_error("RetryAfterError", "later", code="retry_after_error"), retry_after=Later(1.5)),
)
step_retry_after_timedelta = Case(
    build=step_raises(lambda: inngest.RetryAfterError("later", datetime.timedelta(minutes=5))),
    expect=Expected(body=step_error("RetryAfterError", "later", code="retry_after_error"), retry_after=Later(300)),
)
step_retry_after_datetime = Case(
    build=step_raises(lambda: inngest.RetryAfterError("later", LATER)),
    expect=Expected(
        body=step_error("RetryAfterError", "later", code="retry_after_error"), retry_after="2027-01-02T03:04:05.000Z"
    ),
)
step_retry_after_at_once = Case(
    build=step_raises(lambda: inngest.RetryAfterError("later", 0)),
    expect=Expected(body=step_error("RetryAfterError", "later", code="retry_after_error"), retry_after=Later(0)),
)
step_exits = Case(build=step_raises(lambda: SystemExit(3)), expect=Expected(body=step_error("SystemExit", "3")))
step_stops_iteration = Case(
    build=step_raises(lambda: StopIteration("end")),
    expect=Expected(body=step_error("StopIteration", "end")),
    kinds=(HandlerKind.SYNC,),
)
step_unreadable_error = Case(
    build=step_raises(UnreadableError),
    expect=Expected(body=step_error("UnreadableError", Saying("RuntimeError"))),
)

caught = Case(
    build=both(catches, catches_async),
    call=Call(steps={"bad": FAILED}),
    expect=returned(["ValueError", "boom", "there"]),
)
caught_then_another_step = Case(
    build=both(rescues, rescues_async), call=Call(steps={"bad": FAILED}), expect=ran("rescue", "rescued")
)
uncaught_step_error_keeps_the_steps_own_words = Case(
    build=both(lets_through, lets_through_async),
    call=Call(steps={"bad": FAILED}),
    expect=raised({"name": "ValueError", "message": "boom", "stack": "there", "code": "step_errored"}, no_retry=True),
)
wrapped_step_error = Case(
    build=both(wraps, wraps_async),
    call=Call(steps={"bad": FAILED}),
    expect=raised(error("CustomError", "wrapped", cause={"name": "ValueError", "message": "boom", "stack": "there"})),
)

function = Case(build=function_raises(lambda: CustomError("boom")), expect=raised(error("CustomError", "boom")))
function_last_attempt = Case(
    build=function_raises(lambda: CustomError("boom")),
    call=Call(attempt=3, max_attempts=4),
    expect=raised(error("CustomError", "boom")),
)
function_cause = Case(
    build=function_raises(caused),
    expect=raised(error("CustomError", "outer", cause={"name": "KeyError", "message": "'key'", "stack": STACK})),
)
function_non_retriable = Case(
    build=function_raises(lambda: inngest.NonRetriableError("stop")),
    expect=raised(error("NonRetriableError", "stop", code="non_retriable_error"), no_retry=True),
)
function_retry_after = Case(
    build=function_raises(lambda: inngest.RetryAfterError("later", datetime.timedelta(hours=1))),
    expect=raised(error("RetryAfterError", "later", code="retry_after_error"), retry_after=Later(3600)),
)
function_retry_after_datetime = Case(
    build=function_raises(lambda: inngest.RetryAfterError("later", LATER)),
    expect=raised(error("RetryAfterError", "later", code="retry_after_error"), retry_after="2027-01-02T03:04:05.000Z"),
)
function_exits = Case(build=function_raises(lambda: SystemExit(3)), expect=raised(error("SystemExit", "3")))
function_stops_iteration = Case(
    build=function_raises(lambda: StopIteration("end")),
    expect=raised(error("StopIteration", "end")),
    kinds=(HandlerKind.SYNC,),
)
step_quiet_error_is_not_logged = Case(
    build=step_raises(lambda: inngest.NonRetriableError("stop", quiet=True)),
    expect=Expected(
        body=step_failed("NonRetriableError", "stop", code="non_retriable_error"),
        no_retry="true",
        logged=[],
    ),
)
step_quiet_retry_is_not_logged = Case(
    build=step_raises(lambda: inngest.RetryAfterError("later", 1000, quiet=True)),
    expect=Expected(
        body=step_error("RetryAfterError", "later", code="retry_after_error"),
        retry_after=Later(1),
        logged=[],
    ),
)
step_error_is_logged_once = Case(
    build=step_raises(lambda: CustomError("boom")),
    expect=Expected(
        body=step_error("CustomError", "boom"),
        logged=['step "bad" of app-fn will be tried again: boom'],
    ),
)
function_quiet_error_is_not_logged = Case(
    build=function_raises(lambda: inngest.NonRetriableError("stop", quiet=True)),
    expect=Expected(
        status=500,
        body=error("NonRetriableError", "stop", code="non_retriable_error"),
        no_retry="true",
        logged=[],
    ),
)
function_error_is_logged_once = Case(
    build=function_raises(lambda: CustomError("boom")),
    expect=Expected(
        status=500, body=error("CustomError", "boom"), logged=["function app-fn will be tried again: boom"]
    ),
)
