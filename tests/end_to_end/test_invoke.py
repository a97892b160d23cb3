"""Functions that run other functions."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

import inngest
from tests.stage.bodies import Script

from .conftest import stages
from .in_virtual_time import InProcess, failure
from .world import TWO_BY_TWO


@stages(TWO_BY_TWO)
@pytest.mark.parametrize(
    "value", ["plain", '{"looks": "like json"}', "", "null", None, 0, [1, {"a": None}], {"ü": "é"}]
)
def test_what_a_function_returns_is_what_its_caller_gets(stage: InProcess, value: Any) -> None:
    @stage.function()
    def child(ctx: Any, step: Any) -> Script:
        yield step.run("work", stage.did, "child", None)
        return value

    @stage.function("t/parent")
    def parent(ctx: Any, step: Any) -> Script:
        found = yield step.invoke("call", function=child, data={"x": 1})
        return {"found": found, "same": found == value}

    with stage.up():
        run = stage.run("t/parent")
    assert run.output == {"found": value, "same": True}


def test_what_the_invoked_function_sees(stage: InProcess) -> None:
    @stage.function("t/other")
    def child(ctx: Any, step: Any) -> Any:
        data = {key: value for key, value in ctx.event.data.items() if key != "_inngest"}
        return [ctx.event.name, data, len(ctx.events)]

    @stage.function("t/parent")
    def parent(ctx: Any, step: Any) -> Script:
        with_data = yield step.invoke("one", function=child, data={"n": 2**60, "t": "é"})
        without = yield step.invoke_by_id("two", function_id="child")
        named = yield step.invoke_by_id("three", app_id="app", function_id="child", data={})
        return [with_data, without, named]

    with stage.up():
        name = "inngest/function.invoked"
        assert stage.run("t/parent").output == [
            [name, {"n": 2**60, "t": "é"}, 1],
            [name, {}, 1],
            [name, {}, 1],
        ]


@stages(TWO_BY_TWO)
def test_the_failure_of_an_invoked_function_is_raised_in_its_caller(stage: InProcess) -> None:
    @stage.function(retries=1)
    def child(ctx: Any, step: Any) -> Script:
        yield step.run("bad", stage.effects.fails, "bad", 9)

    @stage.function("t/parent", retries=1)
    def parent(ctx: Any, step: Any) -> Script:
        try:
            yield step.invoke("call", function=child)
        except inngest.StepError as error:
            return [error.name, error.message]

    @stage.function("t/careless", retries=1)
    def careless(ctx: Any, step: Any) -> Script:
        yield step.invoke("call", function=child)

    with stage.up():
        assert stage.run("t/parent").output == ["ValueError", "bad fails for the 2. time"]
        run = stage.run("t/careless")
    assert (run.status, failure(run)) == ("failed", ("ValueError", "bad fails for the 4. time"))


def test_a_function_that_is_not_there(stage: InProcess) -> None:
    @stage.function("t/parent")
    def parent(ctx: Any, step: Any) -> Script:
        try:
            yield step.invoke_by_id("call", function_id="nobody")
        except inngest.StepError as error:
            return error.message

    with stage.up():
        assert stage.run("t/parent").output == "could not find function with ID: app-nobody"


@stages(TWO_BY_TWO)
def test_an_invoked_function_that_takes_too_long_is_no_longer_waited_for(stage: InProcess) -> None:
    @stage.function()
    def child(ctx: Any, step: Any) -> Script:
        found = yield step.wait_for_event("wait", event="t/go", timeout=datetime.timedelta(hours=1))
        return (yield step.run("work", stage.did, "child", found is not None))

    @stage.function("t/parent")
    def parent(ctx: Any, step: Any) -> Script:
        try:
            yield step.invoke("call", function=child, timeout=datetime.timedelta(milliseconds=50))
        except inngest.StepError as error:
            return (yield step.run("mend", stage.did, "mend", error.name))

    with stage.up():
        assert stage.run("t/parent").output == "InngestInvokeTimeoutError"
        stage.send("t/go")
        stage.engine.settle()
        (child_run,) = stage.engine.runs(child)
    assert child_run.output is True


@stages(TWO_BY_TWO)
def test_invokes_in_invokes_and_in_parallel(stage: InProcess) -> None:
    @stage.function()
    def leaf(ctx: Any, step: Any) -> Script:
        n = ctx.event.data["n"]
        return (yield step.run("leaf", stage.effects.fails, f"leaf{n}", 1)) + "!"

    @stage.function()
    def middle(ctx: Any, step: Any) -> Script:
        n = ctx.event.data["n"]
        calls = [lambda k=k: step.invoke("leaf", function=leaf, data={"n": n * 10 + k}) for k in range(2)]
        return list((yield ctx.group.parallel(calls)))

    @stage.function("t/top")
    def top(ctx: Any, step: Any) -> Script:
        first = yield step.invoke("one", function=middle, data={"n": 1})
        second = yield step.invoke("two", function=middle, data={"n": 2})
        return [*first, *second]

    with stage.up():
        assert stage.run("t/top").output == ["leaf10!", "leaf11!", "leaf20!", "leaf21!"]
    assert stage.effects.called == {"leaf10": 2, "leaf11": 2, "leaf20": 2, "leaf21": 2}


def test_a_function_may_invoke_itself(stage: InProcess) -> None:
    @stage.function("t/down")
    def down(ctx: Any, step: Any) -> Script:
        n = ctx.event.data["n"]
        yield step.run("mark", stage.did, f"n{n}", None)
        if n == 0:
            return []
        return [n, *(yield step.invoke_by_id("deeper", function_id="down", data={"n": n - 1}))]

    with stage.up():
        assert stage.run("t/down", {"n": 12}).output == list(range(12, 0, -1))
