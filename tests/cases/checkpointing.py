"""Results are saved at the engine while the call goes on: what is asked of the engine, and what the call answers."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import time
from collections.abc import Callable
from typing import Any, cast

import inngest

from .case import (
    QI_ID,
    RUN_ID,
    Call,
    Case,
    EngineAnswer,
    EngineRequest,
    Expected,
    HandlerKind,
    Saying,
    both,
    completed,
    error,
    hashed,
    op,
    planned,
    raised,
    ran,
    returned,
)

SAVE = f"/v1/checkpoint/{RUN_ID}/async"
TAKEN = {f"POST {SAVE}": [EngineAnswer(200, b"")]}
SAVES = Call(saves=True)


class Saved:
    """Equals the body of a request that saves these ops, in this order."""

    def __init__(self, *ops: dict[str, object]) -> None:
        self._ops = list(ops)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, dict):
            return False
        body: dict[str, Any] = dict(cast("dict[str, Any]", other))
        steps: list[dict[str, Any]] = [dict(step) for step in body.pop("steps")]
        timings = [step.pop("timing") for step in steps]
        started, ts = body.pop("request_started_at"), body.pop("ts")
        return (
            steps == self._ops
            and all(timing["a"] >= started * 1e6 and timing["b"] >= 0 for timing in timings)
            and started <= ts
            and body
            == {
                "run_id": RUN_ID,
                "fn_id": "77484b70-430d-5aa4-886d-9aee363fbfd0",
                "qi_id": QI_ID,
                "request_id": "01M81HH2CD9YAS636SGGW660JR",
                "generation_id": 1,
            }
        )

    def __hash__(self) -> int:
        return len(self._ops)

    def __repr__(self) -> str:
        return f"<saves {self._ops}>"


def saved(*ops: dict[str, object]) -> EngineRequest:
    return EngineRequest("POST", SAVE, Saved(*ops))


def step_run(step_id: str, data: object) -> dict[str, object]:
    return op("StepRun", step_id, data=data)


def and_saved(expected: Expected, *requests: EngineRequest) -> Expected:
    return Expected(
        status=expected.status,
        body=expected.body,
        any_order=expected.any_order,
        no_retry=expected.no_retry,
        engine=requests,
    )


A, B, C = step_run("a", 1), step_run("b", 2), step_run("c", 3)


def give(value: Any) -> Callable[[], Any]:
    return lambda: value


def boom() -> None:
    raise ValueError("boom")


def chain(ctx: inngest.ContextSync) -> object:
    return [ctx.step.run("a", give(1)), ctx.step.run("b", give(2)), ctx.step.run("c", give(3))]


async def chain_async(ctx: inngest.Context) -> object:
    return [await ctx.step.run("a", give(1)), await ctx.step.run("b", give(2)), await ctx.step.run("c", give(3))]


CHAIN = both(chain, chain_async)

one_call_for_a_chain = Case(
    build=CHAIN, call=SAVES, engine=TAKEN, expect=and_saved(returned([1, 2, 3]), saved(A), saved(B), saved(C))
)
goes_on_from_memos = Case(
    build=CHAIN,
    call=Call(saves=True, steps={"a": {"data": 10}}),
    engine=TAKEN,
    expect=and_saved(returned([10, 2, 3]), saved(B), saved(C)),
)
off_for_a_function = Case(build=both(chain, chain_async, checkpointing=False), call=SAVES, expect=ran("a", 1))
on_by_name = Case(
    build=both(chain, chain_async, checkpointing=True),
    call=Call(saves=True, steps={"a": {"data": 1}, "b": {"data": 2}}),
    engine=TAKEN,
    expect=and_saved(returned([1, 2, 3]), saved(C)),
)
without_the_id_of_the_queue_item = Case(build=CHAIN, call=Call(), expect=ran("a", 1))
in_a_later_attempt = Case(build=CHAIN, call=Call(saves=True, attempt=1), expect=ran("a", 1))
told_to_plan = Case(build=CHAIN, call=Call(saves=True, plan_only=True), expect=planned("a"))
targeted = Case(build=CHAIN, call=Call(saves=True, target="a"), expect=ran("a", 1))

# The last save fails.

refused = {f"POST {SAVE}": [EngineAnswer(200, b""), EngineAnswer(400, {"error": "run not found in state store"})]}
a_refused_result_is_the_answer = Case(
    build=CHAIN, call=SAVES, engine=refused, expect=and_saved(ran("b", 2), saved(A), saved(B))
)
a_page_of_a_proxy_is_not_taken_for_saved = Case(
    build=CHAIN,
    call=SAVES,
    engine={f"POST {SAVE}": [EngineAnswer(200, b"<html>please log in</html>")]},
    expect=and_saved(ran("a", 1), saved(A)),
)
an_error_in_a_200_is_not_taken_for_saved = Case(
    build=CHAIN,
    call=SAVES,
    engine={f"POST {SAVE}": [EngineAnswer(200, {"error": "no", "status": 500})]},
    expect=and_saved(ran("a", 1), saved(A)),
)
a_busy_engine_is_asked_again = Case(
    build=CHAIN,
    call=Call(saves=True, steps={"a": {"data": 1}, "b": {"data": 2}}),
    engine={f"POST {SAVE}": [EngineAnswer(503, {"error": "busy"}), EngineAnswer(200, b"")]},
    expect=and_saved(returned([1, 2, 3]), saved(C), saved(C)),
)
_superseded = error(
    "CallSupersededError",
    Saying("the engine answered 409", "another call of it is under way"),
    code="call_superseded",
)
a_superseded_call_stops = Case(
    build=CHAIN,
    call=SAVES,
    engine={f"POST {SAVE}": [EngineAnswer(200, b""), EngineAnswer(409, {"error": "stale"})]},
    expect=and_saved(raised(_superseded, no_retry=True), saved(A), saved(B)),
)

# Several at a time.

TWO = inngest.Checkpointing(buffered_steps=2)
TEN = inngest.Checkpointing(buffered_steps=10)

two_at_a_time = Case(
    build=both(chain, chain_async, checkpointing=TWO),
    call=SAVES,
    engine=TAKEN,
    expect=and_saved(returned([1, 2, 3]), saved(A, B), saved(C)),
)
all_at_the_end = Case(
    build=both(chain, chain_async, checkpointing=TEN),
    call=SAVES,
    engine=TAKEN,
    expect=and_saved(returned([1, 2, 3]), saved(A, B, C)),
)
what_is_not_saved_at_the_end_is_in_the_answer = Case(
    build=both(chain, chain_async, checkpointing=TEN),
    call=SAVES,
    engine={f"POST {SAVE}": [EngineAnswer(404, {"error": "nothing here"})]},
    expect=Expected(
        body=[A, B, C, {"op": "RunComplete", "id": hashed("complete"), "data": [1, 2, 3]}], engine=[saved(A, B, C)]
    ),
)


# When time passes.


def take_long(value: object) -> Callable[[], object]:
    """Return work that takes longer than SHORT."""

    def work() -> object:
        over = time.monotonic() + SHORT.total_seconds() + 0.01
        while time.monotonic() < over:
            time.sleep(0.01)
        return value

    return work


def first_takes_long(ctx: inngest.ContextSync) -> object:
    return [ctx.step.run("a", take_long(1)), ctx.step.run("b", give(2)), ctx.step.run("c", give(3))]


async def first_takes_long_async(ctx: inngest.Context) -> object:
    first = await ctx.step.run("a", take_long(1))
    return [first, await ctx.step.run("b", give(2)), await ctx.step.run("c", give(3))]


SHORT = datetime.timedelta(milliseconds=500)
"""So long that a busy machine does not take as much from the request to the first step."""
FIRST_TAKES_LONG = both(
    first_takes_long, first_takes_long_async, checkpointing=inngest.Checkpointing(max_runtime=SHORT)
)
the_next_step_is_left_to_another_call_after_max_runtime = Case(
    build=FIRST_TAKES_LONG, call=SAVES, engine=TAKEN, expect=and_saved(planned("b"), saved(A))
)
what_is_not_saved_after_max_runtime_is_saved_before = Case(
    build=both(
        first_takes_long,
        first_takes_long_async,
        checkpointing=inngest.Checkpointing(max_runtime=SHORT, buffered_steps=10),
    ),
    call=SAVES,
    engine=TAKEN,
    expect=and_saved(planned("b"), saved(A)),
)
saved_when_max_interval_has_passed = Case(
    build=both(
        first_takes_long,
        first_takes_long_async,
        checkpointing=inngest.Checkpointing(max_interval=SHORT, buffered_steps=10),
    ),
    call=SAVES,
    engine=TAKEN,
    expect=and_saved(returned([1, 2, 3]), saved(A), saved(B, C)),
)
no_limit = Case(
    build=both(first_takes_long, first_takes_long_async, checkpointing=inngest.Checkpointing(max_runtime=None)),
    call=SAVES,
    engine=TAKEN,
    expect=and_saved(returned([1, 2, 3]), saved(A), saved(B), saved(C)),
)


def swallows_after_max_runtime(ctx: inngest.ContextSync) -> object:
    ctx.step.run("a", take_long(1))
    with contextlib.suppress(BaseException):
        ctx.step.run("b", give(2))
    return "on and on"


a_swallowed_interrupt_is_told_after_max_runtime = Case(
    build=both(swallows_after_max_runtime, chain_async, checkpointing=inngest.Checkpointing(max_runtime=SHORT)),
    call=SAVES,
    engine=TAKEN,
    expect=and_saved(
        raised(error("InterruptSwallowedError", Saying('step "b"'), code="interrupt_swallowed"), no_retry=True),
        saved(A),
    ),
    kinds=[HandlerKind.SYNC],
)

# With middleware.


class Watches(inngest.MiddlewareSync):
    """Looks, and changes nothing."""

    def on_step_start(self, step: inngest.StepInfo) -> None:
        self.started = step.id

    def on_step_complete(self, step: inngest.StepInfo, output: Any) -> None:
        assert self.started == step.id

    def transform_output(self, result: inngest.TransformOutputResult) -> None:
        assert result.error is None


class Adds(inngest.MiddlewareSync):
    """Changes the results of steps."""

    def transform_output(self, result: inngest.TransformOutputResult) -> None:
        if result.step is not None:
            result.output = {"changed": result.output}


one_call_with_hooks_that_look = Case(
    build=both(chain, chain_async, middleware=[Watches]),
    call=SAVES,
    engine=TAKEN,
    expect=and_saved(returned([1, 2, 3]), saved(A), saved(B), saved(C)),
)
a_result_that_a_hook_changes_ends_the_call = Case(
    build=both(chain, chain_async, middleware=[Adds]), call=SAVES, engine=TAKEN, expect=ran("a", {"changed": 1})
)

# At the end of a call.


def until_a_sleep(ctx: inngest.ContextSync) -> None:
    ctx.step.run("a", give(1))
    ctx.step.sleep("z", 1000)


async def until_a_sleep_async(ctx: inngest.Context) -> None:
    await ctx.step.run("a", give(1))
    await ctx.step.sleep("z", 1000)


saved_before_a_sleep = Case(
    build=both(until_a_sleep, until_a_sleep_async, checkpointing=TEN),
    call=SAVES,
    engine=TAKEN,
    expect=Expected(body=[op("Sleep", "z", name="1s")], engine=[saved(A)]),
)
what_is_not_saved_before_a_sleep_is_the_answer = Case(
    build=both(until_a_sleep, until_a_sleep_async, checkpointing=TEN),
    call=SAVES,
    engine={f"POST {SAVE}": [EngineAnswer(413, {"error": "too large"})]},
    expect=and_saved(ran("a", 1), saved(A)),
)


def until_a_failure(ctx: inngest.ContextSync) -> None:
    ctx.step.run("a", give(1))
    ctx.step.run("bad", boom)


async def until_a_failure_async(ctx: inngest.Context) -> None:
    await ctx.step.run("a", give(1))
    await ctx.step.run("bad", boom)


saved_before_a_failure = Case(
    build=both(until_a_failure, until_a_failure_async, checkpointing=TEN),
    call=SAVES,
    engine=TAKEN,
    expect=Expected(body=[op("StepError", "bad", error=error("ValueError", "boom"))], engine=[saved(A)]),
)
what_is_not_saved_before_a_failure_is_alone_in_the_answer = Case(
    build=both(until_a_failure, until_a_failure_async, checkpointing=TEN),
    call=SAVES,
    engine={f"POST {SAVE}": [EngineAnswer(400, {"error": "no"})]},
    expect=and_saved(ran("a", 1), saved(A)),
)


def then_raises(ctx: inngest.ContextSync) -> None:
    ctx.step.run("a", give(1))
    boom()


async def then_raises_async(ctx: inngest.Context) -> None:
    await ctx.step.run("a", give(1))
    boom()


saved_before_an_error = Case(
    build=both(then_raises, then_raises_async, checkpointing=TEN),
    call=SAVES,
    engine=TAKEN,
    expect=and_saved(raised(error("ValueError", "boom")), saved(A)),
)
what_is_not_saved_before_an_error_is_the_answer = Case(
    build=both(then_raises, then_raises_async, checkpointing=TEN),
    call=SAVES,
    engine={f"POST {SAVE}": [EngineAnswer(400, {"error": "no"})]},
    expect=and_saved(ran("a", 1), saved(A)),
)


def then_parallel(ctx: inngest.ContextSync) -> object:
    ctx.step.run("a", give(1))
    return ctx.group.parallel((lambda: ctx.step.run("b", give(2)), lambda: ctx.step.run("c", give(3))))


async def then_parallel_async(ctx: inngest.Context) -> object:
    await ctx.step.run("a", give(1))
    return await asyncio.gather(ctx.step.run("b", give(2)), ctx.step.run("c", give(3)))


parallel_steps_are_planned = Case(
    build=both(then_parallel, then_parallel_async),
    call=SAVES,
    engine=TAKEN,
    expect=and_saved(planned("b", "c"), saved(A)),
)


# What the function sees.


def sees_json(ctx: inngest.ContextSync) -> object:
    value = ctx.step.run("pair", give((1, 2)))
    return f"{{{type(value).__name__}}}"


async def sees_json_async(ctx: inngest.Context) -> object:
    value = await ctx.step.run("pair", give((1, 2)))
    return f"{{{type(value).__name__}}}"


the_live_value_is_the_memo = Case(
    build=both(sees_json, sees_json_async),
    call=SAVES,
    engine=TAKEN,
    expect=and_saved(completed("{list}"), saved(step_run("pair", [1, 2]))),
)


def swallows(ctx: inngest.ContextSync) -> object:
    ctx.step.run("a", give(1))
    try:
        ctx.step.sleep("z", 1000)
    except BaseException:
        ctx.logger.info("swallowed")
    return "on and on"


_swallowed = error("InterruptSwallowedError", Saying('step "z"'), code="interrupt_swallowed")
a_swallowed_interrupt_is_told = Case(
    build=both(swallows, chain_async),
    call=SAVES,
    engine=TAKEN,
    expect=and_saved(raised(_swallowed, no_retry=True), saved(A)),
    kinds=[HandlerKind.SYNC],
)
