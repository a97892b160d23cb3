"""Every hook, in the order of docs/middleware.md, of two middleware, on every target and in every kind of call."""

from __future__ import annotations

from collections.abc import Generator
from functools import partial
from typing import Any

import inngest

from .case import Call, Case, EngineAnswer, EngineRequest, Expected, both, error, op, planned, raised, ran, returned
from .checkpointing import TAKEN, and_saved, saved
from .middleware import (
    failing_async,
    failing_sync,
    invoke_async,
    invoke_sync,
    raising_async,
    raising_sync,
    step_async,
    step_sync,
    two_async,
    two_sync,
)
from .send_event import OPTS, PATH

SEEN: list[str] = []
REVERSED = ("transform_output", "after_execution", "after_send_events", "<")
Wrapping = Generator[None, Any, Any]


class Plain(inngest.MiddlewareSync):
    """Writes down each hook; `name>` and `<name` are the two halves of one that wraps."""

    def __init__(self, client: Any, raw_request: object, number: int) -> None:
        super().__init__(client, raw_request)
        self._number = number

    def _say(self, hook: str) -> None:
        SEEN.append(f"{self._number} {hook}")

    def _around(self, hook: str) -> Wrapping:
        self._say(f"{hook}>")
        try:
            return (yield)
        finally:
            self._say(f"<{hook}")

    def transform_input(self, ctx: Any, function: Any, steps: inngest.StepMemos) -> None:
        self._say("transform_input")

    def after_memoization(self) -> None:
        self._say("after_memoization")

    def before_execution(self) -> None:
        self._say("before_execution")

    def on_step_start(self, step: inngest.StepInfo) -> None:
        self._say("on_step_start")

    def on_step_complete(self, step: inngest.StepInfo, output: Any) -> None:
        self._say("on_step_complete")

    def on_step_error(self, step: inngest.StepInfo, error: BaseException, final: bool) -> None:
        self._say("on_step_error")

    def after_execution(self) -> None:
        self._say("after_execution")

    def transform_output(self, result: inngest.TransformOutputResult) -> None:
        self._say("transform_output")

    def on_function_complete(self, output: Any) -> None:
        self._say("on_function_complete")

    def on_function_error(self, error: BaseException, final: bool) -> None:
        self._say("on_function_error")

    def before_response(self) -> None:
        self._say("before_response")

    def before_invoke(self, invocation: inngest.Invocation) -> None:
        self._say("before_invoke")

    def before_send_events(self, events: list[inngest.Event]) -> None:
        self._say("before_send_events")

    def after_send_events(self, result: inngest.SendEventsResult) -> None:
        self._say("after_send_events")

    def wrap_step(self, step: inngest.StepInfo) -> Wrapping:
        return self._around("wrap_step")

    def wrap_handler(self, call: inngest.CallInfo) -> Wrapping:
        return self._around("wrap_handler")

    def wrap_request(self, call: inngest.CallInfo) -> Wrapping:
        return self._around("wrap_request")


class Awaited(inngest.Middleware):
    """The same, with hooks that are awaited."""

    def __init__(self, client: Any, raw_request: object, number: int) -> None:
        super().__init__(client, raw_request)
        self._number = number

    def _say(self, hook: str) -> None:
        SEEN.append(f"{self._number} {hook}")

    async def _around(self, hook: str, call_next: inngest.CallNext) -> object:
        self._say(f"{hook}>")
        try:
            return await call_next()
        finally:
            self._say(f"<{hook}")

    async def transform_input(self, ctx: Any, function: Any, steps: inngest.StepMemos) -> None:
        self._say("transform_input")

    async def after_memoization(self) -> None:
        self._say("after_memoization")

    async def before_execution(self) -> None:
        self._say("before_execution")

    async def on_step_start(self, step: inngest.StepInfo) -> None:
        self._say("on_step_start")

    async def on_step_complete(self, step: inngest.StepInfo, output: Any) -> None:
        self._say("on_step_complete")

    async def on_step_error(self, step: inngest.StepInfo, error: BaseException, final: bool) -> None:
        self._say("on_step_error")

    async def after_execution(self) -> None:
        self._say("after_execution")

    async def transform_output(self, result: inngest.TransformOutputResult) -> None:
        self._say("transform_output")

    async def on_function_complete(self, output: Any) -> None:
        self._say("on_function_complete")

    async def on_function_error(self, error: BaseException, final: bool) -> None:
        self._say("on_function_error")

    async def before_response(self) -> None:
        self._say("before_response")

    async def before_invoke(self, invocation: inngest.Invocation) -> None:
        self._say("before_invoke")

    async def before_send_events(self, events: list[inngest.Event]) -> None:
        self._say("before_send_events")

    async def after_send_events(self, result: inngest.SendEventsResult) -> None:
        self._say("after_send_events")

    async def wrap_step(self, step: inngest.StepInfo, call_next: inngest.CallNext) -> object:
        return await self._around("wrap_step", call_next)

    async def wrap_handler(self, call: inngest.CallInfo, call_next: inngest.CallNext) -> object:
        return await self._around("wrap_handler", call_next)

    async def wrap_request(self, call: inngest.CallInfo, call_next: inngest.CallNext) -> object:
        return await self._around("wrap_request", call_next)


class Expecting(inngest.MiddlewareSync):
    """Fails the call unless exactly these hooks have run in it, in this order."""

    def __init__(self, client: Any, raw_request: object, hooks: list[str]) -> None:
        super().__init__(client, raw_request)
        self._hooks = hooks

    def wrap_request(self, call: inngest.CallInfo) -> Wrapping:
        SEEN.clear()
        yield
        assert self._hooks == SEEN, SEEN


def of_two(hook: str) -> list[str]:
    """Return a hook of both middleware, in the order in which they run it."""
    numbers = (2, 1) if hook.startswith(REVERSED) else (1, 2)
    return [f"{number} {hook}" for number in numbers]


def seeing(*hooks: str) -> list[Any]:
    """Return two middleware with every hook, and one that checks that these have run between those of all calls."""
    called = ("wrap_request>", "transform_input", *" ".join(hooks).split(), "before_response", "<wrap_request")
    expected = [line for hook in called for line in of_two(hook)]
    recorders = [inngest.MiddlewarePair(partial(Plain, number=each), partial(Awaited, number=each)) for each in (1, 2)]
    return [partial(Expecting, hooks=expected), *recorders]


def sending_sync(ctx: inngest.ContextSync) -> object:
    return ctx.step.send_event("e", inngest.Event(name="x/a"))


async def sending_async(ctx: inngest.Context) -> object:
    return await ctx.step.send_event("e", inngest.Event(name="x/a"))


NEW_CODE = "wrap_handler> after_memoization before_execution"
STEP = "on_step_start wrap_step> <wrap_step after_execution transform_output on_step_complete"
END = "<wrap_handler after_execution transform_output on_function_complete"
SENT: list[dict[str, object]] = [{"name": "x/a", "data": {}}]
DONE = Call(steps={"s": {"data": 1}})

a_new_step = Case(
    build=both(step_sync, step_async, middleware=seeing(NEW_CODE, STEP, "<wrap_handler")), expect=ran("s", 1)
)
a_target_in_a_group = Case(
    build=both(two_sync, two_async, middleware=seeing(NEW_CODE, STEP, "<wrap_handler")),
    call=Call(target="t", plan_only=True),
    expect=ran("t", 2),
)
a_plan = Case(
    build=both(two_sync, two_async, middleware=seeing(NEW_CODE, "<wrap_handler after_execution")),
    expect=planned("s", "t", any_order=True),
)
the_end = Case(build=both(step_sync, step_async, middleware=seeing(NEW_CODE, END)), call=DONE, expect=returned(1))
the_end_of_a_group = Case(
    build=both(two_sync, two_async, middleware=seeing(NEW_CODE, END)),
    call=Call(steps={"s": {"data": 1}, "t": {"data": 2}}),
    expect=returned([1, 2]),
)
a_call_that_goes_on = Case(
    build=both(
        step_sync,
        step_async,
        middleware=seeing(NEW_CODE, "on_step_start wrap_step> <wrap_step transform_output on_step_complete", END),
    ),
    call=Call(saves=True),
    engine=TAKEN,
    expect=and_saved(returned(1), saved(op("StepRun", "s", data=1))),
)
a_step_that_fails = Case(
    build=both(
        failing_sync,
        failing_async,
        middleware=seeing(
            NEW_CODE, "on_step_start wrap_step> <wrap_step after_execution transform_output on_step_error <wrap_handler"
        ),
    ),
    expect=Expected(body=[op("StepError", "s", error=error("ValueError", "no luck"))]),
)
a_function_that_fails = Case(
    build=both(
        raising_sync,
        raising_async,
        middleware=seeing(NEW_CODE, "<wrap_handler after_execution transform_output on_function_error"),
    ),
    expect=raised(error("ValueError", "no luck")),
)
events_of_a_step = Case(
    build=both(
        sending_sync,
        sending_async,
        middleware=seeing(
            NEW_CODE,
            "on_step_start wrap_step> before_send_events after_send_events <wrap_step",
            "after_execution transform_output on_step_complete <wrap_handler",
        ),
    ),
    engine={f"POST {PATH}": [EngineAnswer(200, {"ids": ["01A"], "status": 200})]},
    expect=Expected(
        body=[op("StepRun", "e", data=["01A"], opts=OPTS)],
        engine=[EngineRequest("POST", PATH, SENT)],
    ),
)
an_invocation = Case(
    build=both(invoke_sync, invoke_async, middleware=seeing(NEW_CODE, "before_invoke <wrap_handler after_execution")),
    expect=Expected(body=[op("InvokeFunction", "i", opts={"function_id": "app-other", "payload": {"data": {"a": 1}}})]),
)
