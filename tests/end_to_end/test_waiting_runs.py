"""Sleeps, and waiting for events."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from tests.stage.bodies import Script

from .conftest import stages
from .in_virtual_time import InProcess
from .world import TWO_BY_TWO

HOUR = datetime.timedelta(hours=1)


@stages(TWO_BY_TWO)
def test_sleeps_take_their_time_and_no_more(stage: InProcess) -> None:
    @stage.function("t/sleeps")
    def sleeps(ctx: Any, step: Any) -> Script:
        now = yield step.run("now", lambda: stage.did("now", stage.engine.now.timestamp()))
        yield step.sleep("none", 0)
        yield step.sleep("short", datetime.timedelta(milliseconds=150))
        yield step.sleep_until("past", datetime.datetime(2001, 1, 1, tzinfo=datetime.UTC))
        yield step.sleep_until("soon", datetime.datetime.fromtimestamp(now + 0.3, datetime.UTC))
        return (yield step.run("end", lambda: stage.did("end", stage.engine.now.timestamp() - now)))

    with stage.up():
        run = stage.run("t/sleeps")
    assert run.status == "completed", run
    assert 0.299 < run.output < 0.301


def test_a_naive_time_is_local_time(stage: InProcess) -> None:
    @stage.function("t/naive")
    def naive(ctx: Any, step: Any) -> Script:
        yield step.sleep_until("soon", datetime.datetime.now() + datetime.timedelta(milliseconds=50))
        return "awake"

    with stage.up():
        assert stage.run("t/naive").output == "awake"


@stages(TWO_BY_TWO)
def test_the_event_that_is_waited_for_comes(stage: InProcess) -> None:
    @stage.function("t/wait")
    def wait(ctx: Any, step: Any) -> Script:
        event = yield step.wait_for_event(
            "wait", event="t/came", if_exp="event.data.id == async.data.id && async.data.n > 1", timeout=HOUR
        )
        yield step.run("after", stage.did, "after", None)
        return [event.name, event.data]

    with stage.up():
        waiting = stage.send("t/wait", {"id": "ü"})
        stage.engine.settle()
        for data in ({"id": "u", "n": 5}, {"id": "ü"}, {"id": "ü", "n": 1}, {"n": 2}, {}):
            stage.send("t/came", data)
        stage.engine.settle()
        assert stage.engine.runs_of(waiting)[0].status == "running"
        stage.send("t/came", {"id": "ü", "n": 2.5})
        run = stage.ended(waiting)
    assert run.output == ["t/came", {"id": "ü", "n": 2.5}]


@stages(TWO_BY_TWO)
def test_nothing_comes_in_time(stage: InProcess) -> None:
    @stage.function("t/wait")
    def wait(ctx: Any, step: Any) -> Script:
        event = yield step.wait_for_event("wait", event="t/never", timeout=datetime.timedelta(milliseconds=50))
        other = yield step.wait_for_event("wait", event="t/never", timeout=0)
        return [event, other]

    with stage.up():
        assert stage.run("t/wait").output == [None, None]


def test_the_event_that_starts_a_run_does_not_end_its_wait(stage: InProcess) -> None:
    @stage.function("t/ping")
    def ping(ctx: Any, step: Any) -> Script:
        found = yield step.wait_for_event("wait", event="t/ping", timeout=100)
        return None if found is None else found.data

    with stage.up():
        assert stage.run("t/ping", {"n": 1}).output is None


@stages(TWO_BY_TWO)
def test_an_event_that_comes_the_moment_the_wait_begins(stage: InProcess) -> None:
    """The engine is told of wait and event in one answer's time: sent from a parallel step, it must not be lost."""

    @stage.function("t/wait")
    def wait(ctx: Any, step: Any) -> Script:
        import inngest

        event = inngest.Event(name="t/quick", data={"id": ctx.run_id})
        found = yield ctx.group.parallel(
            (
                lambda: step.wait_for_event("wait", event="t/quick", timeout=HOUR, if_exp="async.data.id != ''"),
                lambda: step.send_event("send", event),
            )
        )
        return found[0].data["id"] == ctx.run_id

    with stage.up():
        assert stage.run("t/wait").output is True


def test_one_event_wakes_every_run_that_waits(stage: InProcess) -> None:
    @stage.function("t/wait")
    def wait(ctx: Any, step: Any) -> Script:
        event = yield step.wait_for_event("wait", event="t/all", timeout=HOUR)
        return [ctx.event.data["n"], event.data["say"]]

    with stage.up():
        events = [stage.send("t/wait", {"n": n}) for n in range(20)]
        stage.engine.settle()
        stage.send("t/all", {"say": "go"})
        assert [stage.ended(each).output for each in events] == [[n, "go"] for n in range(20)]


@pytest.mark.parametrize("expression", ["event.data.id ==", "nobody.knows == 1"])
def test_an_expression_that_does_not_compile_fails_the_run_and_says_so(stage: InProcess, expression: str) -> None:
    @stage.function("t/wait")
    def wait(ctx: Any, step: Any) -> Script:
        yield step.wait_for_event("wait", event="t/x", if_exp=expression, timeout=HOUR)

    with stage.up():
        run = stage.run("t/wait")
    assert run.status == "failed"
    assert expression in str(run.error)


@stages(TWO_BY_TWO)
def test_a_signal_of_another_run_comes(stage: InProcess) -> None:
    @stage.function("t/wait")
    def wait(ctx: Any, step: Any) -> Script:
        signal = yield step.wait_for_signal("wait", signal="t/ready", timeout=HOUR)
        return [signal.signal, signal.data]

    @stage.function("t/send")
    def send(ctx: Any, step: Any) -> Script:
        waited = yield step.send_signal("send", signal="t/ready", data={"ü": [1]})
        again = yield step.send_signal("send again", signal="t/ready")
        return [waited, again]

    with stage.up():
        waiting = stage.send("t/wait")
        stage.engine.settle()
        sent = stage.run("t/send")
        run = stage.ended(waiting)
        assert run.output == ["t/ready", {"ü": [1]}]
        assert sent.output == [run.id, None]
        assert stage.client.send_signal_sync("t/ready") is None
