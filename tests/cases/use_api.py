"""use_api: the state is too large for the request and is fetched from the engine."""

from __future__ import annotations

import inngest

from .case import RUN_ID, Call, Case, EngineAnswer, EngineRequest, Expected, Saying, both, hashed

ACTIONS, BATCH = f"/v0/runs/{RUN_ID}/actions", f"/v0/runs/{RUN_ID}/batch"
EVENTS = [{"name": "test/go", "data": {"n": 1}, "id": "1", "ts": 1}, {"name": "test/go", "data": {"n": 2}, "id": "2"}]
STATE = {
    f"GET {ACTIONS}": [EngineAnswer(200, {hashed("one"): {"data": 5}})],
    f"GET {BATCH}": [EngineAnswer(200, EVENTS)],
}
ASKED = [EngineRequest("GET", ACTIONS), EngineRequest("GET", BATCH)]


def uses(ctx: inngest.ContextSync) -> object:
    return [ctx.step.run("one", lambda: 1), [event.data for event in ctx.events], ctx.event.data]


async def uses_async(ctx: inngest.Context) -> object:
    return [await ctx.step.run("one", lambda: 1), [event.data for event in ctx.events], ctx.event.data]


def failed(*parts: str) -> dict[str, object]:
    return {"code": "state_fetch_failed", "name": "StateFetchError", "message": Saying(*parts)}


CALL = Call(use_api=True, steps={"one": {"data": "is not in the body"}}, events=[], event={"data": {"n": 1}})

fetched = Case(
    build=both(uses, uses_async),
    call=CALL,
    engine=STATE,
    expect=Expected(status=200, body=[5, [{"n": 1}, {"n": 2}], {"n": 1}], engine=ASKED),
)
run_is_gone = Case(
    build=both(uses, uses_async),
    call=CALL,
    engine={f"GET {ACTIONS}": [EngineAnswer(410, {"error": "run not found"})]},
    expect=Expected(status=500, body=failed("410", "run not found"), engine=ASKED[:1]),
)
engine_answers_another_shape = Case(
    build=both(uses, uses_async),
    call=CALL,
    engine={f"GET {ACTIONS}": [EngineAnswer(200, [])]},
    expect=Expected(status=500, body=failed("not a JSON object"), engine=ASKED[:1]),
)
engine_answers_no_json = Case(
    build=both(uses, uses_async),
    call=CALL,
    engine={f"GET {ACTIONS}": [EngineAnswer(200, {})], f"GET {BATCH}": [EngineAnswer(200, "text")]},
    expect=Expected(status=500, body=failed("not a JSON array"), engine=ASKED),
)
