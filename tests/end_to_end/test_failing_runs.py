"""Steps and functions that fail: how often they are called, and what is left of the error."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

import inngest
from tests.stage.bodies import Script

from .conftest import stages
from .in_virtual_time import InProcess, failure
from .world import EVERY_KIND, TWO_BY_TWO


@stages(EVERY_KIND)
def test_a_step_is_tried_until_it_works_and_the_others_are_left_alone(stage: InProcess) -> None:
    @stage.function("t/step", retries=3)
    def step_retries(ctx: Any, step: Any) -> Script:
        yield step.run("before", stage.did, "before", None)
        value = yield step.run("flaky", stage.effects.fails, "flaky", 3)
        yield step.run("after", stage.did, "after", None)
        return value

    with stage.up():
        run = stage.run("t/step")
    assert (run.status, run.output) == ("completed", "flaky")
    assert stage.effects.called == {"before": 1, "flaky": 4, "after": 1}


@stages(TWO_BY_TWO)
def test_each_step_has_all_its_attempts(stage: InProcess) -> None:
    """An attempt that one step used up is not missing for the next one."""

    @stage.function("t/each", retries=2)
    def each(ctx: Any, step: Any) -> Script:
        yield step.run("one", stage.effects.fails, "one", 2)
        yield step.run("two", stage.effects.fails, "two", 2)
        return ctx.attempt

    with stage.up():
        run = stage.run("t/each")
    assert (run.status, run.output) == ("completed", 0)
    assert stage.effects.called == {"one": 3, "two": 3}


@stages(EVERY_KIND)
def test_a_function_is_tried_as_often_as_asked(stage: InProcess) -> None:
    attempts: list[tuple[int, int]] = []

    @stage.function("t/function", retries=2)
    def function(ctx: Any, step: Any) -> Script:
        attempts.append((ctx.attempt, ctx.max_attempts))
        yield step.run("once", stage.did, "once", None)
        raise ValueError("no luck")

    with stage.up():
        run = stage.run("t/function")
    assert run.status == "failed"
    assert failure(run) == ("ValueError", "no luck")
    assert list(dict.fromkeys(attempts)) == [(0, 3), (1, 3), (2, 3)]  # without checkpointing, the first one twice
    assert stage.effects.called == {"once": 1}


@stages(TWO_BY_TWO)
def test_a_function_without_retries_is_called_once(stage: InProcess) -> None:
    @stage.function("t/never", retries=0)
    def never(ctx: Any, step: Any) -> Any:
        stage.effects.call("body")
        raise ValueError("once is enough")

    with stage.up():
        assert stage.run("t/never").status == "failed"
    assert stage.effects.called == {"body": 1}


@pytest.mark.parametrize("where", ["step", "function"])
def test_retry_after_is_waited_for(stage: InProcess, where: str) -> None:
    times: list[datetime.datetime] = []

    def later(name: str) -> BaseException:
        return inngest.RetryAfterError(name, datetime.timedelta(seconds=1))

    @stage.function("t/later")
    def function(ctx: Any, step: Any) -> Script:
        if where == "function":
            times.append(stage.engine.now)
            return stage.effects.fails("body", 1, later)

        def work() -> str:
            times.append(stage.engine.now)
            return stage.effects.fails("body", 1, later)

        return (yield step.run("work", work))

    with stage.up():
        run = stage.run("t/later")
    assert (run.status, run.output) == ("completed", "body")
    assert times[1] - times[0] == datetime.timedelta(seconds=1)
    assert stage.effects.called == {"body": 2}


@stages(TWO_BY_TWO)
def test_non_retriable_errors_end_it_at_once(stage: InProcess) -> None:
    @stage.function("t/function")
    def function(ctx: Any, step: Any) -> Script:
        yield step.run("a", stage.did, "a", None)
        stage.effects.call("end")
        raise inngest.NonRetriableError("that is that")

    @stage.function("t/step")
    def in_step(ctx: Any, step: Any) -> Script:
        return (yield step.run("b", stage.effects.fails, "b", 9, inngest.NonRetriableError))

    with stage.up():
        function_run, step_run = stage.run("t/function"), stage.run("t/step")
    assert (function_run.status, failure(function_run)) == ("failed", ("NonRetriableError", "that is that"))
    assert (step_run.status, failure(step_run)) == ("failed", ("NonRetriableError", "b fails for the 1. time"))
    assert stage.effects.called == {"a": 1, "end": 1, "b": 1}


@stages(EVERY_KIND)
def test_a_failed_step_can_be_caught(stage: InProcess) -> None:
    @stage.function("t/caught", retries=1)
    def caught(ctx: Any, step: Any) -> Script:
        try:
            yield step.run("bad", stage.effects.fails, "bad", 9)
        except inngest.StepError as error:
            seen = [error.name, error.message, "fails" in (error.stack or "")]
        else:
            seen = []
        yield step.run("mend", stage.did, "mend", None)
        return seen

    with stage.up():
        run = stage.run("t/caught")
    assert (run.status, run.output) == ("completed", ["ValueError", "bad fails for the 2. time", True])
    assert stage.effects.called == {"bad": 2, "mend": 1}


@stages(TWO_BY_TWO)
def test_a_failed_step_that_nobody_catches_fails_the_run_without_more_attempts(stage: InProcess) -> None:
    bodies: list[int] = []

    @stage.function("t/uncaught", retries=2)
    def uncaught(ctx: Any, step: Any) -> Script:
        bodies.append(ctx.attempt)
        yield step.run("bad", stage.effects.fails, "bad", 9)

    with stage.up():
        run = stage.run("t/uncaught")
    assert (run.status, failure(run)) == ("failed", ("ValueError", "bad fails for the 3. time"))
    assert stage.effects.called == {"bad": 3}
    assert bodies == [0, 1, 2, 0]


def test_another_error_raised_from_a_step_error_is_tried_again(stage: InProcess) -> None:
    @stage.function("t/other", retries=1)
    def other(ctx: Any, step: Any) -> Script:
        try:
            yield step.run("bad", stage.effects.fails, "bad", 9, inngest.NonRetriableError)
        except inngest.StepError as error:
            stage.effects.call("body")
            raise RuntimeError("wrapped") from error

    with stage.up():
        run = stage.run("t/other")
    assert (run.status, failure(run)) == ("failed", ("RuntimeError", "wrapped"))
    assert run.error is not None
    assert str(run.error.__cause__) == "bad fails for the 1. time"
    assert stage.effects.called == {"bad": 1, "body": 2}


def test_steps_before_an_attempt_that_fails_are_not_repeated_in_the_next_one(stage: InProcess) -> None:
    """What fails between two steps uses up attempts of the next one: they share a call request, as on any engine."""

    @stage.function("t/mixed", retries=4)
    def mixed(ctx: Any, step: Any) -> Script:
        one = yield step.run("one", stage.effects.fails, "one", 1)
        stage.effects.fails("between", 2)
        stage.effects.may_repeat.add("between")
        two = yield step.run("two", stage.effects.fails, "two", 2)
        return [one, two]

    with stage.up():
        run = stage.run("t/mixed")
    assert (run.status, run.output) == ("completed", ["one", "two"])
    assert (stage.effects.called["one"], stage.effects.called["two"]) == (2, 3)


def test_a_result_that_is_no_json_fails_at_once_and_is_named(stage: InProcess) -> None:
    @stage.function("t/step")
    def in_step(ctx: Any, step: Any) -> Script:
        return (yield step.run("make", stage.did, "made", {"x": object()}))

    @stage.function("t/function")
    def function(ctx: Any, step: Any) -> Any:
        stage.did("body", None)
        return {"x": object()}

    with stage.up():
        runs = stage.run("t/step"), stage.run("t/function")
    assert [run.status for run in runs] == ["failed", "failed"]
    assert all("object" in str(run.error) and "x" in str(run.error) for run in runs)
    assert stage.effects.called == {"made": 1, "body": 1}
