"""Memos of every shape that engines send."""

from __future__ import annotations

import inngest

from .case import STACK, Call, Case, Saying, both, raised, returned


def value(ctx: inngest.ContextSync) -> object:
    return [ctx.step.run("s", lambda: "new")]


async def value_async(ctx: inngest.Context) -> object:
    return [await ctx.step.run("s", lambda: "new")]


def failure(ctx: inngest.ContextSync) -> object:
    try:
        ctx.step.run("s", lambda: "new")
    except inngest.StepError as failed:
        return [failed.name, failed.message, failed.stack]
    return None


async def failure_async(ctx: inngest.Context) -> object:
    try:
        await ctx.step.run("s", lambda: "new")
    except inngest.StepError as failed:
        return [failed.name, failed.message, failed.stack]
    return None


def gives(memo: object, expected: object) -> Case:
    return Case(build=both(value, value_async), call=Call(steps={"s": memo}), expect=returned([expected]))


def fails(memo: object, *expected: object) -> Case:
    return Case(build=both(failure, failure_async), call=Call(steps={"s": memo}), expect=returned(list(expected)))


data = gives({"data": {"k": 1}}, {"k": 1})
data_null = gives({"data": None}, None)
data_false = gives({"data": False}, False)
data_with_a_data_key = gives({"data": {"data": 1}}, {"data": 1})
data_with_an_error_key = gives({"data": {"error": {"message": "x"}}}, {"error": {"message": "x"}})
data_with_an_input_key = gives({"data": {"input": [1]}}, {"input": [1]})
data_string = gives({"data": "text"}, "text")
data_big_integer = gives({"data": 2**80}, 2**80)
null = gives(None, None)
legacy_number = gives(7, 7)
legacy_array = gives([1, 2], [1, 2])
legacy_object = gives({"k": 1}, {"k": 1})
error = fails({"error": {"name": "VE", "message": "bad", "stack": "st", "noRetry": True}}, "VE", "bad", "st")
error_with_a_cause = fails(
    {"error": {"name": "VE", "message": "bad", "stack": "st", "cause": {"name": "C", "message": "c"}}},
    "VE",
    "bad",
    "st",
)
error_without_stack = fails({"error": {"name": "VE", "message": "bad"}}, "VE", "bad", None)
error_null = fails({"error": None}, "Error", Saying("no message"), None)
error_empty = fails({"error": {}}, "Error", Saying("no message"), None)
error_of_odd_types = fails({"error": {"name": 1, "message": {"a": 2}, "stack": [3]}}, "1", Saying("a"), None)
error_null_uncaught = Case(
    build=both(value, value_async),
    call=Call(steps={"s": {"error": None}}),
    expect=raised(
        {"name": "Error", "message": Saying("no message"), "stack": STACK, "code": "step_errored"}, no_retry=True
    ),
)
