"""Functions that run other functions."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

import inngest
from tests.stage.bodies import Script

from .conftest import kinds
from .world import TWO_BY_TWO, World


@kinds(TWO_BY_TWO)
@pytest.mark.parametrize(
    "value", ["plain", '{"looks": "like json"}', "", "null", None, 0, [1, {"a": None}], {"ü": "é"}]
)
def test_what_a_function_returns_is_what_its_caller_gets(world: World, value: Any) -> None:
    @world.function()
    def child(ctx: Any, step: Any) -> Script:
        yield step.run("work", world.did, "child", None)
        return value

    @world.function("t/parent")
    def parent(ctx: Any, step: Any) -> Script:
        found = yield step.invoke("call", function=child, data={"x": 1})
        return {"found": found, "same": found == value}

    with world.up():
        run = world.engine.run("t/parent")
    assert run.output == {"found": value, "same": True}


def test_what_the_invoked_function_sees(world: World) -> None:
    @world.function("t/other")
    def child(ctx: Any, step: Any) -> Any:
        data = {key: value for key, value in ctx.event.data.items() if key != "_inngest"}
        return [ctx.event.name, data, len(ctx.events)]

    @world.function("t/parent")
    def parent(ctx: Any, step: Any) -> Script:
        with_data = yield step.invoke("one", function=child, data={"n": 2**60, "t": "é"})
        without = yield step.invoke_by_id("two", function_id="child")
        named = yield step.invoke_by_id("three", app_id="app", function_id="child", data={})
        return [with_data, without, named]

    with world.up():
        name = "inngest/function.invoked"
        assert world.engine.run("t/parent").output == [
            [name, {"n": 2**60, "t": "é"}, 1],
            [name, {}, 1],
            [name, {}, 1],
        ]


@kinds(TWO_BY_TWO)
def test_the_failure_of_an_invoked_function_is_raised_in_its_caller(world: World) -> None:
    @world.function(retries=1)
    def child(ctx: Any, step: Any) -> Script:
        yield step.run("bad", world.effects.fails, "bad", 9)

    @world.function("t/parent", retries=1)
    def parent(ctx: Any, step: Any) -> Script:
        try:
            yield step.invoke("call", function=child)
        except inngest.StepError as error:
            return [error.name, error.message]

    @world.function("t/careless", retries=1)
    def careless(ctx: Any, step: Any) -> Script:
        yield step.invoke("call", function=child)

    with world.up():
        assert world.engine.run("t/parent").output == ["ValueError", "bad fails for the 2. time"]
        run = world.engine.run("t/careless")
    assert (run.status, run.error) == ("Failed", ("ValueError", "bad fails for the 4. time"))


def test_a_function_that_is_not_there(world: World) -> None:
    @world.function("t/parent")
    def parent(ctx: Any, step: Any) -> Script:
        try:
            yield step.invoke_by_id("call", function_id="nobody")
        except inngest.StepError as error:
            return error.message

    with world.up():
        assert world.engine.run("t/parent").output == "could not find function with ID: app-nobody"


@kinds(TWO_BY_TWO)
def test_an_invoked_function_that_takes_too_long_is_no_longer_waited_for(world: World) -> None:
    @world.function()
    def child(ctx: Any, step: Any) -> Script:
        found = yield step.wait_for_event("wait", event="t/go", timeout=datetime.timedelta(hours=1))
        return (yield step.run("work", world.did, "child", found is not None))

    @world.function("t/parent")
    def parent(ctx: Any, step: Any) -> Script:
        try:
            yield step.invoke("call", function=child, timeout=datetime.timedelta(milliseconds=50))
        except inngest.StepError as error:
            return (yield step.run("mend", world.did, "mend", error.name))

    with world.up():
        assert world.engine.run("t/parent").output == "InngestInvokeTimeoutError"
        world.engine.send("t/go")
        world.console.said("app-child")
        child_run = world.console.ends.until(
            lambda: next(
                (r for r in world.engine.latest() if r.function == "app-child" and r.status != "Running"), None
            ),
            "the end of the child",
        )
    assert child_run.output is True


@kinds(TWO_BY_TWO)
def test_invokes_in_invokes_and_in_parallel(world: World) -> None:
    @world.function()
    def leaf(ctx: Any, step: Any) -> Script:
        n = ctx.event.data["n"]
        return (yield step.run("leaf", world.effects.fails, f"leaf{n}", 1)) + "!"

    @world.function()
    def middle(ctx: Any, step: Any) -> Script:
        n = ctx.event.data["n"]
        calls = [lambda k=k: step.invoke("leaf", function=leaf, data={"n": n * 10 + k}) for k in range(2)]
        return list((yield ctx.group.parallel(calls)))

    @world.function("t/top")
    def top(ctx: Any, step: Any) -> Script:
        first = yield step.invoke("one", function=middle, data={"n": 1})
        second = yield step.invoke("two", function=middle, data={"n": 2})
        return [*first, *second]

    with world.up():
        assert world.engine.run("t/top").output == ["leaf10!", "leaf11!", "leaf20!", "leaf21!"]
    assert world.effects.called == {"leaf10": 2, "leaf11": 2, "leaf20": 2, "leaf21": 2}


def test_a_function_may_invoke_itself(world: World) -> None:
    @world.function("t/down")
    def down(ctx: Any, step: Any) -> Script:
        n = ctx.event.data["n"]
        yield step.run("mark", world.did, f"n{n}", None)
        if n == 0:
            return []
        return [n, *(yield step.invoke_by_id("deeper", function_id="down", data={"n": n - 1}))]

    with world.up():
        assert world.engine.run("t/down", {"n": 12}).output == list(range(12, 0, -1))
