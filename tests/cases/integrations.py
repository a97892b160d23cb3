"""Remote state and dependencies on every target, and hooks in calls that go on after their steps."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator
from typing import Annotated, Any

import fastapi

import inngest
from inngest.middleware.dependency_injection import DependencyInjection, Depends
from inngest.middleware.remote_state import MemoryStore, RemoteStateMiddleware

from .case import RUN_ID, STACK, Call, Case, Expected, both, error, op, planned, raised, ran, returned
from .checkpointing import TAKEN, and_saved, saved
from .middleware import step_async, step_sync, two_async, two_sync

# Remote state

STORE = MemoryStore()
remote = both(step_sync, step_async, middleware=[RemoteStateMiddleware.factory(STORE, min_bytes=0)])
remote_group = both(two_sync, two_async, middleware=[RemoteStateMiddleware.factory(STORE, min_bytes=0)])


def place_of(value: object) -> dict[str, object]:
    """Return what the engine gets for a result, which is stored, too."""
    data = json.dumps(value).encode()
    digest = hashlib.sha256(data).hexdigest()
    key = f"inngest/remote_state/{RUN_ID}/{digest}"
    STORE.put(key, data)
    return {"__REMOTE_STATE__": True, "__STRATEGY__": "inngest/memory", "key": key, "sha256": digest}


stored_result = Case(build=remote, expect=ran("s", place_of(1)))
stored_result_is_read = Case(build=remote, call=Call(steps={"s": {"data": place_of(5)}}), expect=returned(5))
stored_result_of_a_target = Case(
    build=remote_group, call=Call(target="t", plan_only=True), expect=ran("t", place_of(2))
)
stored_results_of_a_group = Case(
    build=remote_group,
    call=Call(steps={"s": {"data": place_of(3)}, "t": {"data": place_of(4)}}),
    expect=returned([3, 4]),
)
stored_results_are_planned = Case(build=remote_group, expect=planned("s", "t", any_order=True))
stored_result_ends_a_call_that_goes_on = Case(build=remote, call=Call(saves=True), expect=ran("s", place_of(1)))


class Down(MemoryStore):
    """Can neither be written nor read."""

    def put(self, key: str, data: bytes) -> None:
        raise ConnectionError("down")

    def get(self, key: str) -> bytes:
        raise ConnectionError("down")


def unavailable(what: str, place: object) -> dict[str, object]:
    """Return the error of a store that is down, which the engine answers with another attempt."""
    cause = {"name": "ConnectionError", "message": "down", "stack": STACK}
    message = f"{what} {place}: ConnectionError: down"
    return error("RemoteStateError", message, code="remote_state_failed", cause=cause)


down = both(step_sync, step_async, middleware=[RemoteStateMiddleware.factory(Down(), min_bytes=0)])
down_group = both(two_sync, two_async, middleware=[RemoteStateMiddleware.factory(Down(), min_bytes=0)])
store_that_cannot_be_written = Case(
    build=down,
    expect=Expected(
        body=[
            op("StepError", "s", error=unavailable('step "s": output could not be stored at', place_of(1)["key"])),
        ]
    ),
)
store_that_cannot_be_written_for_a_target = Case(
    build=down_group,
    call=Call(target="t", plan_only=True),
    expect=Expected(
        body=[
            op("StepError", "t", error=unavailable('step "t": output could not be stored at', place_of(2)["key"])),
        ]
    ),
)
store_that_cannot_be_read = Case(
    build=down,
    call=Call(steps={"s": {"data": place_of(1)}}),
    expect=raised(unavailable("the result of a step could not be read from", place_of(1)["key"])),
)

# Dependencies


def get_name() -> Generator[str]:
    yield "north"


CLOSED: list[int] = []


def get_count() -> Generator[int]:
    """Give how many were closed in this call."""
    try:
        yield len(CLOSED)
    finally:
        CLOSED.append(1)


class WasClosed(inngest.MiddlewareSync):
    """Gives, as the function's result, what was closed before the answer is made."""

    def wrap_handler(self, call: inngest.CallInfo) -> Generator[None, Any, object]:
        CLOSED.clear()
        try:
            yield
        finally:
            assert CLOSED == [1]
        return list(CLOSED)


Count = Annotated[int, Depends(get_count)]


def closing_sync(ctx: inngest.ContextSync, count: Count) -> object:
    return count


async def closing_async(ctx: inngest.Context, count: Count) -> object:
    return count


def closing_at_a_step_sync(ctx: inngest.ContextSync, count: Count) -> object:
    ctx.step.run("s", lambda: 1)
    ctx.step.sleep("nap", 1000)
    return count


async def closing_at_a_step_async(ctx: inngest.Context, count: Count) -> object:
    await ctx.step.run("s", lambda: 1)
    await ctx.step.sleep("nap", 1000)
    return count


def get_broken() -> str:
    raise ValueError("no luck")


def broken_sync(ctx: inngest.ContextSync, name: Annotated[str, Depends(get_broken)]) -> object:
    return name


async def broken_async(ctx: inngest.Context, name: Annotated[str, Depends(get_broken)]) -> object:
    return name


def given_two_sync(ctx: inngest.ContextSync, name: Annotated[str, Depends(get_name)], made: int = 0) -> object:
    steps = ctx.step
    outputs = ctx.group.parallel((lambda: steps.run("s", lambda: name), lambda: steps.run("t", lambda: [name, made])))
    return [*outputs, made]


async def given_two_async(ctx: inngest.Context, name: Annotated[str, Depends(get_name)], made: int = 0) -> object:
    steps = ctx.step
    branches = (lambda: steps.run("s", lambda: name), lambda: steps.run("t", lambda: [name, made]))
    return [*await ctx.group.parallel(branches), made]


def given_sync(ctx: inngest.ContextSync, name: Annotated[str, fastapi.Depends(get_name)]) -> object:
    return ctx.step.run("s", lambda: name)


async def given_async(ctx: inngest.Context, name: Annotated[str, Depends(get_name)]) -> object:
    return await ctx.step.run("s", lambda: name)


given = both(given_sync, given_async, middleware=[DependencyInjection()])
given_to_a_step = Case(build=given, expect=ran("s", "north"))
given_to_a_target = Case(build=given, call=Call(target="s", plan_only=True), expect=ran("s", "north"))
given_group = both(given_two_sync, given_two_async, middleware=[DependencyInjection()])
given_to_a_group = Case(build=given_group, expect=planned("s", "t", any_order=True))
given_to_a_target_in_a_group = Case(
    build=given_group, call=Call(target="t", plan_only=True), expect=ran("t", ["north", 0])
)
given_to_the_end_of_a_group = Case(
    build=given_group, call=Call(steps={"s": {"data": 1}, "t": {"data": 2}}), expect=returned([1, 2, 0])
)
closed_after_the_call = Case(
    build=both(closing_sync, closing_async, middleware=[WasClosed, DependencyInjection()]), expect=returned([1])
)
closed_after_a_call_that_ends_at_a_step = Case(
    build=both(closing_at_a_step_sync, closing_at_a_step_async, middleware=[WasClosed, DependencyInjection()]),
    call=Call(steps={"s": {"data": 1}}),
    expect=Expected(body=[op("Sleep", "nap", name="1s")]),
)
a_dependency_that_fails = Case(
    build=both(broken_sync, broken_async, middleware=[DependencyInjection()]),
    expect=raised(
        error(
            "DependencyError",
            "dependency: get_broken raised ValueError: no luck",
            code="dependency_failed",
            cause={"name": "ValueError", "message": "no luck", "stack": "<stack>"},
        )
    ),
)
given_while_replaying = Case(build=given, call=Call(steps={"s": {"data": "south"}}), expect=returned("south"))
given_to_a_call_that_goes_on = Case(
    build=given,
    call=Call(saves=True),
    engine=TAKEN,
    expect=and_saved(returned("north"), saved(op("StepRun", "s", data="north"))),
)

# Hooks in a call that goes on after its steps


class Recorder(inngest.MiddlewareSync):
    """Gives the function a list of the hooks that have run."""

    def transform_input(self, ctx: Any, function: Any, steps: inngest.StepMemos) -> None:
        self.seen: list[str] = [f"transform_input of {steps.size}"]

    def wrap_handler(self, call: inngest.CallInfo) -> Generator[None]:
        call.arguments["seen"] = self.seen
        yield

    def before_execution(self) -> None:
        self.seen.append("before_execution")

    def on_step_start(self, step: inngest.StepInfo) -> None:
        self.seen.append(f"start {step.id}{list(step.input)}")

    def on_step_complete(self, step: inngest.StepInfo, output: Any) -> None:
        self.seen.append(f"complete {step.id}: {output}")

    def after_execution(self) -> None:
        self.seen.append("after_execution")


def double(number: int) -> int:
    return 2 * number


def recorded_sync(ctx: inngest.ContextSync, seen: Any = None) -> object:
    for number in range(3):
        ctx.step.run(f"s{number}", double, number)
    return list(seen)


async def recorded_async(ctx: inngest.Context, seen: Any = None) -> object:
    for number in range(3):
        await ctx.step.run(f"s{number}", double, number)
    return list(seen)


SEEN = [
    *("transform_input of 1", "before_execution"),
    *("start s1[1]", "complete s1: 2", "start s2[2]", "complete s2: 4"),
]
hooks_in_a_call_that_goes_on = Case(
    build=both(recorded_sync, recorded_async, middleware=[Recorder]),
    call=Call(saves=True, steps={"s0": {"data": 0}}),
    engine=TAKEN,
    expect=and_saved(
        returned(SEEN),
        saved(op("StepRun", "s1", data=2, opts={"input": [1]})),
        saved(op("StepRun", "s2", data=4, opts={"input": [2]})),
    ),
)
