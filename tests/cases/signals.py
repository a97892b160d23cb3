"""step.wait_for_signal and step.send_signal: the ops, the memos and the request (docs/protocol.md, Signals)."""

from __future__ import annotations

import datetime

import inngest

from .case import (
    RUN_ID,
    Call,
    Case,
    EngineAnswer,
    EngineRequest,
    Expected,
    Saying,
    both,
    error,
    op,
    planned,
    raised,
    returned,
)

HOUR = datetime.timedelta(hours=1)
PATH = "POST /v1/signals"
OPTS = {"type": "step.sendSignal", "signal": "go"}
SENT = {PATH: [EngineAnswer(200, {"data": {"run_id": RUN_ID}, "metadata": {"fetched_at": "2026-11-22T12:12:35Z"}})]}
NOBODY = {PATH: [EngineAnswer(404, {"error": "No signal found", "data": None, "status": 404})]}
REFUSED = {PATH: [EngineAnswer(400, {"error": "signal too long", "status": 400})]}
ODD = {PATH: [EngineAnswer(200, {"data": None})]}
NO_ROUTE = {PATH: [EngineAnswer(404, {"error": "not found"})]}
REQUEST = EngineRequest("POST", "/v1/signals", {"signal": "go", "data": {"n": 1}})

# Waiting


def waits(ctx: inngest.ContextSync) -> object:
    signal = ctx.step.wait_for_signal("w", signal="go", timeout=HOUR)
    return None if signal is None else [signal.signal, signal.data]


async def waits_async(ctx: inngest.Context) -> object:
    signal = await ctx.step.wait_for_signal("w", signal="go", timeout=HOUR)
    return None if signal is None else [signal.signal, signal.data]


def replaces(ctx: inngest.ContextSync) -> object:
    return ctx.step.wait_for_signal("w", signal="go", timeout=1500, on_conflict="replace")


async def replaces_async(ctx: inngest.Context) -> object:
    return await ctx.step.wait_for_signal("w", signal="go", timeout=1500, on_conflict="replace")


wait = Case(
    build=both(waits, waits_async),
    expect=Expected(
        body=[op("WaitForSignal", "w", name="go", opts={"signal": "go", "timeout": "1h", "conflict": "fail"})]
    ),
)
wait_that_replaces = Case(
    build=both(replaces, replaces_async),
    expect=Expected(
        body=[op("WaitForSignal", "w", name="go", opts={"signal": "go", "timeout": "1s500ms", "conflict": "replace"})]
    ),
)
came = Case(
    build=both(waits, waits_async),
    call=Call(steps={"w": {"data": {"signal": "go", "data": {"n": 1}}}}),
    expect=returned(["go", {"n": 1}]),
)
came_without_data = Case(
    build=both(waits, waits_async),
    call=Call(steps={"w": {"data": {"signal": "go", "data": None}}}),
    expect=returned(["go", None]),
)
returned_as_it_is = Case(
    build=both(replaces, replaces_async),
    call=Call(steps={"w": {"data": {"signal": "go", "data": 7}}}),
    expect=returned({"signal": "go", "data": 7}),
)
timed_out = Case(build=both(waits, waits_async), call=Call(steps={"w": None}), expect=returned(None))


def without_a_name(ctx: inngest.ContextSync) -> object:
    return ctx.step.wait_for_signal("w", signal="", timeout=HOUR)


async def without_a_name_async(ctx: inngest.Context) -> object:
    return await ctx.step.wait_for_signal("w", signal="", timeout=HOUR)


no_name = Case(
    build=both(without_a_name, without_a_name_async),
    expect=raised(error("ConfigError", Saying("step \"w\": signal is ''"), code="config_invalid"), no_retry=True),
)


def odd_conflict(ctx: inngest.ContextSync) -> object:
    return ctx.step.wait_for_signal("w", signal="go", timeout=HOUR, on_conflict="wait")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def odd_conflict_async(ctx: inngest.Context) -> object:
    return await ctx.step.wait_for_signal("w", signal="go", timeout=HOUR, on_conflict="wait")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


unknown_conflict = Case(
    build=both(odd_conflict, odd_conflict_async),
    expect=raised(
        error("ConfigError", Saying("on_conflict is 'wait'", '"replace"'), code="config_invalid"), no_retry=True
    ),
)

# Sending


def sends(ctx: inngest.ContextSync) -> object:
    return [ctx.step.send_signal("s", signal="go", data={"n": 1})]


async def sends_async(ctx: inngest.Context) -> object:
    return [await ctx.step.send_signal("s", signal="go", data={"n": 1})]


SENDS = both(sends, sends_async)

sent = Case(
    build=SENDS,
    engine=SENT,
    expect=Expected(body=[op("StepRun", "s", name="sendSignal", data=RUN_ID, opts=OPTS)], engine=[REQUEST]),
)
nobody_waits = Case(
    build=SENDS,
    engine=NOBODY,
    expect=Expected(body=[op("StepRun", "s", name="sendSignal", data=None, opts=OPTS)], engine=[REQUEST]),
)
sent_before = Case(build=SENDS, call=Call(steps={"s": {"data": RUN_ID}}), expect=returned([RUN_ID]))
nobody_waited = Case(build=SENDS, call=Call(steps={"s": {"data": None}}), expect=returned([None]))
sent_by_another_sdk = Case(build=SENDS, call=Call(steps={"s": {"data": {"runId": RUN_ID}}}), expect=returned([RUN_ID]))
plan_only = Case(build=SENDS, call=Call(plan_only=True), expect=planned("s", name="sendSignal", opts=OPTS))


def failed(*parts: str) -> Expected:
    told = error("SendSignalError", Saying('signal "go"', *parts), code="send_signal_failed")
    return Expected(body=[op("StepError", "s", name="sendSignal", error=told, opts=OPTS)], engine=[REQUEST])


refused = Case(build=SENDS, engine=REFUSED, expect=failed("400", "signal too long"))
odd_answer = Case(build=SENDS, engine=ODD, expect=failed("200"))
engine_without_signals = Case(build=SENDS, engine=NO_ROUTE, expect=failed("404", "not found"))


def sends_no_json(ctx: inngest.ContextSync) -> object:
    return ctx.step.send_signal("s", signal="go", data=object())


async def sends_no_json_async(ctx: inngest.Context) -> object:
    return await ctx.step.send_signal("s", signal="go", data=object())


no_json = Case(
    build=both(sends_no_json, sends_no_json_async),
    expect=Expected(
        body=[
            op(
                "StepFailed",
                "s",
                name="sendSignal",
                opts=OPTS,
                error=error("OutputUnserializableError", Saying('signal "go": data'), code="output_unserializable"),
            )
        ],
        no_retry="true",
    ),
)
