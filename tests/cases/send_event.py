"""step.send_event: one request to the event API, and the ids as the step's result."""

from __future__ import annotations

import inngest

from .case import Call, Case, EngineAnswer, EngineRequest, Expected, Saying, both, error, op, returned

PATH = "/e/NO_EVENT_KEY_SET"
USER: dict[str, object] = {"id": 1}
OPTS = {"type": "step.sendEvent"}
SENT = {f"POST {PATH}": [EngineAnswer(200, {"ids": ["01A", "01B"], "status": 200})]}
LATER = {
    f"POST {PATH}": [EngineAnswer(503, {"error": "busy"}), EngineAnswer(200, {"ids": ["01A", "01B"], "status": 200})]
}
REFUSED = {f"POST {PATH}": [EngineAnswer(400, {"ids": list[str](), "status": 400, "error": "event name is empty"})]}


def fan(ctx: inngest.ContextSync) -> object:
    return ctx.step.send_event("fan", [inngest.Event(name="x/a", data={"n": 1}), inngest.Event(name="x/b", id="b")])


async def fan_async(ctx: inngest.Context) -> object:
    return await ctx.step.send_event(
        "fan", [inngest.Event(name="x/a", data={"n": 1}), inngest.Event(name="x/b", id="b")]
    )


def one(ctx: inngest.ContextSync) -> object:
    return ctx.step.send_event("fan", inngest.Event(name="x/a", ts=5, user=USER, v="2"))


async def one_async(ctx: inngest.Context) -> object:
    return await ctx.step.send_event("fan", inngest.Event(name="x/a", ts=5, user=USER, v="2"))


EVENTS: list[dict[str, object]] = [{"name": "x/a", "data": {"n": 1}}, {"name": "x/b", "data": {}, "id": "b"}]
REQUEST = EngineRequest("POST", PATH, EVENTS)

several = Case(
    build=both(fan, fan_async),
    engine=SENT,
    expect=Expected(body=[op("StepRun", "fan", data=["01A", "01B"], opts=OPTS)], engine=[REQUEST]),
)
single = Case(
    build=both(one, one_async),
    engine={f"POST {PATH}": [EngineAnswer(200, {"ids": ["01A"], "status": 200})]},
    expect=Expected(
        body=[op("StepRun", "fan", data=["01A"], opts=OPTS)],
        engine=[EngineRequest("POST", PATH, [{"name": "x/a", "data": {}, "ts": 5, "user": {"id": 1}, "v": "2"}])],
    ),
)
engine_is_busy_at_first = Case(
    build=both(fan, fan_async),
    engine=LATER,
    expect=Expected(body=[op("StepRun", "fan", data=["01A", "01B"], opts=OPTS)], engine=[REQUEST, REQUEST]),
)
memo = Case(build=both(fan, fan_async), call=Call(steps={"fan": {"data": ["01A"]}}), expect=returned(["01A"]))
memo_of_another_sdk = Case(
    build=both(fan, fan_async), call=Call(steps={"fan": {"data": {"ids": ["01A"]}}}), expect=returned(["01A"])
)
planned = Case(
    build=both(fan, fan_async),
    call=Call(plan_only=True),
    expect=Expected(body=[op("StepPlanned", "fan", opts=OPTS)]),
)
refused = Case(
    build=both(fan, fan_async),
    engine=REFUSED,
    expect=Expected(
        body=[
            op(
                "StepError",
                "fan",
                opts=OPTS,
                error=error("SendEventsError", Saying("400", "event name is empty"), code="send_event_failed"),
            )
        ],
        engine=[REQUEST],
    ),
)
