"""Steps and functions that fail: how often they are called, and what is left of the error."""

from __future__ import annotations

import datetime
import time
from typing import Any

import pytest

import inngest
from tests.stage.bodies import Script

from .conftest import kinds
from .world import EVERY_KIND, TWO_BY_TWO, World


@kinds(EVERY_KIND)
def test_a_step_is_tried_until_it_works_and_the_others_are_left_alone(world: World) -> None:
    @world.function("t/step", retries=3)
    def step_retries(ctx: Any, step: Any) -> Script:
        yield step.run("before", world.did, "before", None)
        value = yield step.run("flaky", world.effects.fails, "flaky", 3)
        yield step.run("after", world.did, "after", None)
        return value

    with world.up():
        run = world.engine.run("t/step")
    assert (run.status, run.output) == ("Completed", "flaky")
    assert world.effects.called == {"before": 1, "flaky": 4, "after": 1}


@kinds(TWO_BY_TWO)
def test_each_step_has_all_its_attempts(world: World) -> None:
    """An attempt that one step used up is not missing for the next one."""

    @world.function("t/each", retries=2)
    def each(ctx: Any, step: Any) -> Script:
        yield step.run("one", world.effects.fails, "one", 2)
        yield step.run("two", world.effects.fails, "two", 2)
        return ctx.attempt

    with world.up():
        run = world.engine.run("t/each")
    assert (run.status, run.output) == ("Completed", 0)
    assert world.effects.called == {"one": 3, "two": 3}


@kinds(EVERY_KIND)
def test_a_function_is_tried_as_often_as_asked(world: World) -> None:
    attempts: list[tuple[int, int]] = []

    @world.function("t/function", retries=2)
    def function(ctx: Any, step: Any) -> Script:
        attempts.append((ctx.attempt, ctx.max_attempts))
        yield step.run("once", world.did, "once", None)
        raise ValueError("no luck")

    with world.up():
        run = world.engine.run("t/function")
    assert run.status == "Failed"
    assert run.error == ("ValueError", "no luck")
    assert "no luck" in run.output["stack"]
    assert list(dict.fromkeys(attempts)) == [(0, 3), (1, 3), (2, 3)]  # without checkpointing, the first one twice
    assert world.effects.called == {"once": 1}


@kinds(TWO_BY_TWO)
def test_a_function_without_retries_is_called_once(world: World) -> None:
    @world.function("t/never", retries=0)
    def never(ctx: Any, step: Any) -> Any:
        world.effects.call("body")
        raise ValueError("once is enough")

    with world.up():
        assert world.engine.run("t/never").status == "Failed"
    assert world.effects.called == {"body": 1}


@pytest.mark.parametrize("where", ["step", "function"])
def test_retry_after_is_waited_for(world: World, where: str) -> None:
    times: list[float] = []

    def later(name: str) -> BaseException:
        return inngest.RetryAfterError(name, datetime.timedelta(seconds=1))

    @world.function("t/later")
    def function(ctx: Any, step: Any) -> Script:
        if where == "function":
            times.append(time.monotonic())
            return world.effects.fails("body", 1, later)

        def work() -> str:
            times.append(time.monotonic())
            return world.effects.fails("body", 1, later)

        return (yield step.run("work", work))

    with world.up():
        run = world.engine.run("t/later")
    assert (run.status, run.output) == ("Completed", "body")
    assert 0.9 < times[1] - times[0] < 5
    assert world.effects.called == {"body": 2}


@kinds(TWO_BY_TWO)
def test_non_retriable_errors_end_it_at_once(world: World) -> None:
    @world.function("t/function")
    def function(ctx: Any, step: Any) -> Script:
        yield step.run("a", world.did, "a", None)
        world.effects.call("end")
        raise inngest.NonRetriableError("that is that")

    @world.function("t/step")
    def in_step(ctx: Any, step: Any) -> Script:
        return (yield step.run("b", world.effects.fails, "b", 9, inngest.NonRetriableError))

    with world.up():
        function_run, step_run = world.engine.run("t/function"), world.engine.run("t/step")
    assert (function_run.status, function_run.error) == ("Failed", ("NonRetriableError", "that is that"))
    assert (step_run.status, step_run.error) == ("Failed", ("NonRetriableError", "b fails for the 1. time"))
    assert world.effects.called == {"a": 1, "end": 1, "b": 1}


@kinds(EVERY_KIND)
def test_a_failed_step_can_be_caught(world: World) -> None:
    @world.function("t/caught", retries=1)
    def caught(ctx: Any, step: Any) -> Script:
        try:
            yield step.run("bad", world.effects.fails, "bad", 9)
        except inngest.StepError as error:
            seen = [error.name, error.message, "fails" in (error.stack or "")]
        else:
            seen = []
        yield step.run("mend", world.did, "mend", None)
        return seen

    with world.up():
        run = world.engine.run("t/caught")
    assert (run.status, run.output) == ("Completed", ["ValueError", "bad fails for the 2. time", True])
    assert world.effects.called == {"bad": 2, "mend": 1}


@kinds(TWO_BY_TWO)
def test_a_failed_step_that_nobody_catches_fails_the_run_without_more_attempts(world: World) -> None:
    bodies: list[int] = []

    @world.function("t/uncaught", retries=2)
    def uncaught(ctx: Any, step: Any) -> Script:
        bodies.append(ctx.attempt)
        yield step.run("bad", world.effects.fails, "bad", 9)

    with world.up():
        run = world.engine.run("t/uncaught")
    assert (run.status, run.error) == ("Failed", ("ValueError", "bad fails for the 3. time"))
    assert world.effects.called == {"bad": 3}
    assert bodies == [0, 1, 2, 0]


def test_another_error_raised_from_a_step_error_is_tried_again(world: World) -> None:
    @world.function("t/other", retries=1)
    def other(ctx: Any, step: Any) -> Script:
        try:
            yield step.run("bad", world.effects.fails, "bad", 9, inngest.NonRetriableError)
        except inngest.StepError as error:
            world.effects.call("body")
            raise RuntimeError("wrapped") from error

    with world.up():
        run = world.engine.run("t/other")
    assert (run.status, run.error) == ("Failed", ("RuntimeError", "wrapped"))
    assert run.output["cause"]["message"] == "bad fails for the 1. time"
    assert world.effects.called == {"bad": 1, "body": 2}


def test_steps_before_an_attempt_that_fails_are_not_repeated_in_the_next_one(world: World) -> None:
    """What fails between two steps uses up attempts of the next one: they share a call request, as on any engine."""

    @world.function("t/mixed", retries=4)
    def mixed(ctx: Any, step: Any) -> Script:
        one = yield step.run("one", world.effects.fails, "one", 1)
        world.effects.fails("between", 2)
        world.effects.may_repeat.add("between")
        two = yield step.run("two", world.effects.fails, "two", 2)
        return [one, two]

    with world.up():
        run = world.engine.run("t/mixed")
    assert (run.status, run.output) == ("Completed", ["one", "two"])
    assert (world.effects.called["one"], world.effects.called["two"]) == (2, 3)


def test_a_result_that_is_no_json_fails_at_once_and_is_named(world: World) -> None:
    @world.function("t/step")
    def in_step(ctx: Any, step: Any) -> Script:
        return (yield step.run("make", world.did, "made", {"x": object()}))

    @world.function("t/function")
    def function(ctx: Any, step: Any) -> Any:
        world.did("body", None)
        return {"x": object()}

    with world.up():
        runs = world.engine.run("t/step"), world.engine.run("t/function")
    assert [run.status for run in runs] == ["Failed", "Failed"]
    assert all("object" in run.output["message"] and "x" in run.output["message"] for run in runs)
    assert world.effects.called == {"made": 1, "body": 1}
