"""step.invoke and step.invoke_by_id: the op, results, and failures of the other function."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

import inngest

from .case import FN_ID, Call, Case, Expected, HandlerKind, both, op, raised, returned

FAILED = {
    "error": {
        "error": "NonRetriableError",
        "name": "MyErr",
        "message": "boom",
        "stack": "there",
        "cause": {"name": "Inner", "message": "why"},
    }
}
MISSING = {"error": {"name": "Error", "message": "could not find function with ID: app-nope"}}
TIMED_OUT = {
    "error": {
        "error": "InngestInvokeTimeoutError: Timed out",
        "name": "InngestInvokeTimeoutError",
        "message": "Timed out waiting for invoked function to complete",
    }
}


def invokes(client: inngest.Inngest, kind: HandlerKind) -> Sequence[inngest.Function[Any]]:
    """Build a function, and one that invokes it."""

    @client.create_function(fn_id="other")
    async def other(ctx: inngest.Context) -> dict[str, int]:
        return {"got": 1}

    trigger = inngest.TriggerEvent(event="test/go")
    if kind is HandlerKind.ASYNC:

        @client.create_function(fn_id=FN_ID, trigger=trigger)
        async def invoker(ctx: inngest.Context) -> object:
            return await ctx.step.invoke(
                "call", function=other, data={"who": "me"}, timeout=datetime.timedelta(hours=1), v="2"
            )

        return [other, invoker]

    @client.create_function(fn_id=FN_ID, trigger=trigger)
    def invoker_sync(ctx: inngest.ContextSync) -> object:
        return ctx.step.invoke("call", function=other, data={"who": "me"}, timeout=datetime.timedelta(hours=1), v="2")

    return [other, invoker_sync]


def own_app(ctx: inngest.ContextSync) -> object:
    return ctx.step.invoke_by_id("call", function_id="other")


async def own_app_async(ctx: inngest.Context) -> object:
    return await ctx.step.invoke_by_id("call", function_id="other")


def other_app(ctx: inngest.ContextSync) -> object:
    return ctx.step.invoke_by_id("call", app_id="shop", function_id="other", data={"a": {"b": 1}}, timeout=500)


async def other_app_async(ctx: inngest.Context) -> object:
    return await ctx.step.invoke_by_id("call", app_id="shop", function_id="other", data={"a": {"b": 1}}, timeout=500)


def caught(ctx: inngest.ContextSync) -> object:
    try:
        ctx.step.invoke_by_id("call", function_id="other")
    except inngest.StepError as failed:
        return [failed.name, failed.message, failed.stack]
    return None


async def caught_async(ctx: inngest.Context) -> object:
    try:
        await ctx.step.invoke_by_id("call", function_id="other")
    except inngest.StepError as failed:
        return [failed.name, failed.message, failed.stack]
    return None


def asks(function_id: str, payload: Mapping[str, object], **opts: object) -> Expected:
    opts = {"function_id": function_id, "payload": payload, **opts}
    return Expected(body=[op("InvokeFunction", "call", opts=opts)])


function = Case(build=invokes, expect=asks("app-other", {"data": {"who": "me"}, "v": "2"}, timeout="1h"))
by_id = Case(build=both(own_app, own_app_async), expect=asks("app-other", {"data": {}}))
by_id_in_another_app = Case(
    build=both(other_app, other_app_async), expect=asks("shop-other", {"data": {"a": {"b": 1}}}, timeout="500ms")
)
plan_only = Case(build=both(own_app, own_app_async), call=Call(plan_only=True), expect=asks("app-other", {"data": {}}))
result = Case(build=invokes, call=Call(steps={"call": {"data": {"got": 1}}}), expect=returned({"got": 1}))
result_null = Case(build=both(own_app, own_app_async), call=Call(steps={"call": {"data": None}}), expect=returned(None))
result_with_a_data_key = Case(
    build=both(own_app, own_app_async), call=Call(steps={"call": {"data": {"data": 1}}}), expect=returned({"data": 1})
)
failed = Case(
    build=both(caught, caught_async), call=Call(steps={"call": FAILED}), expect=returned(["MyErr", "boom", "there"])
)
failed_uncaught = Case(
    build=both(own_app, own_app_async),
    call=Call(steps={"call": FAILED}),
    expect=raised(
        {
            "name": "MyErr",
            "message": "boom",
            "stack": "there",
            "cause": {"name": "Inner", "message": "why"},
            "code": "step_errored",
        },
        no_retry=True,
    ),
)
target_missing = Case(
    build=both(caught, caught_async),
    call=Call(steps={"call": MISSING}),
    expect=returned(["Error", "could not find function with ID: app-nope", None]),
)
timed_out = Case(
    build=both(caught, caught_async),
    call=Call(steps={"call": TIMED_OUT}),
    expect=returned(["InngestInvokeTimeoutError", "Timed out waiting for invoked function to complete", None]),
)
