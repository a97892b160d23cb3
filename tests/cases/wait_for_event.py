"""step.wait_for_event: the op, and its memo, which is a raw event or null."""

from __future__ import annotations

import datetime

import inngest

from .case import Call, Case, Expected, both, op, returned

HOUR = datetime.timedelta(hours=1)
IF = "async.data.id == event.data.id"
EVENT: dict[str, object] = {"name": "app/go", "id": "01X", "ts": 5, "user": {}, "data": {"id": 7}}


def plain(ctx: inngest.ContextSync) -> object:
    event = ctx.step.wait_for_event("w", event="app/go", timeout=HOUR)
    return None if event is None else [event.name, event.id, event.ts, event.data]


async def plain_async(ctx: inngest.Context) -> object:
    event = await ctx.step.wait_for_event("w", event="app/go", timeout=HOUR)
    return None if event is None else [event.name, event.id, event.ts, event.data]


def with_if(ctx: inngest.ContextSync) -> object:
    return ctx.step.wait_for_event("w", event="app/go", if_exp=IF, timeout=1500) is None


async def with_if_async(ctx: inngest.Context) -> object:
    return await ctx.step.wait_for_event("w", event="app/go", if_exp=IF, timeout=1500) is None


op_ = Case(
    build=both(plain, plain_async),
    expect=Expected(body=[op("WaitForEvent", "w", opts={"event": "app/go", "timeout": "1h"})]),
)
expression = Case(
    build=both(with_if, with_if_async),
    expect=Expected(body=[op("WaitForEvent", "w", opts={"event": "app/go", "timeout": "1s500ms", "if": IF})]),
)
plan_only = Case(
    build=both(plain, plain_async),
    call=Call(plan_only=True),
    expect=Expected(body=[op("WaitForEvent", "w", opts={"event": "app/go", "timeout": "1h"})]),
)
found = Case(
    build=both(plain, plain_async), call=Call(steps={"w": EVENT}), expect=returned(["app/go", "01X", 5, {"id": 7}])
)
data_is_null = Case(
    build=both(plain, plain_async),
    call=Call(steps={"w": {**EVENT, "data": None}}),
    expect=returned(["app/go", "01X", 5, dict[str, object]()]),
)
data_that_looks_like_a_memo = Case(
    build=both(plain, plain_async),
    call=Call(steps={"w": {**EVENT, "data": {"data": 1, "error": {"message": "no"}}}}),
    expect=returned(["app/go", "01X", 5, {"data": 1, "error": {"message": "no"}}]),
)
event_with_an_error_key = Case(
    build=both(plain, plain_async),
    call=Call(steps={"w": {**EVENT, "error": {"name": "E", "message": "not a failure"}}}),
    expect=returned(["app/go", "01X", 5, {"id": 7}]),
)
timed_out = Case(build=both(plain, plain_async), call=Call(steps={"w": None}), expect=returned(None))
timed_out_with_expression = Case(
    build=both(with_if, with_if_async), call=Call(steps={"w": None}), expect=returned(True)
)
