"""Sleeps, and waiting for events."""

from __future__ import annotations

import datetime
import time
from typing import Any

import pytest

from tests.stage.bodies import Script

from .conftest import kinds
from .world import TWO_BY_TWO, World

HOUR = datetime.timedelta(hours=1)


@kinds(TWO_BY_TWO)
def test_sleeps_take_their_time_and_no_more(world: World) -> None:
    @world.function("t/sleeps")
    def sleeps(ctx: Any, step: Any) -> Script:
        now = yield step.run("now", lambda: world.did("now", time.time()))
        yield step.sleep("none", 0)
        yield step.sleep("short", datetime.timedelta(milliseconds=150))
        yield step.sleep_until("past", datetime.datetime(2001, 1, 1, tzinfo=datetime.UTC))
        yield step.sleep_until("soon", datetime.datetime.fromtimestamp(now + 0.3, datetime.UTC))
        return (yield step.run("end", lambda: world.did("end", time.time() - now)))

    with world.up():
        run = world.engine.run("t/sleeps")
    assert run.status == "Completed", run
    assert 0.29 <= run.output < 10


def test_a_naive_time_is_local_time(world: World) -> None:
    @world.function("t/naive")
    def naive(ctx: Any, step: Any) -> Script:
        yield step.sleep_until("soon", datetime.datetime.now() + datetime.timedelta(milliseconds=50))
        return "awake"

    with world.up():
        assert world.engine.run("t/naive").output == "awake"


@kinds(TWO_BY_TWO)
def test_the_event_that_is_waited_for_comes(world: World) -> None:
    @world.function("t/wait")
    def wait(ctx: Any, step: Any) -> Script:
        event = yield step.wait_for_event(
            "wait", event="t/came", if_exp="event.data.id == async.data.id && async.data.n > 1", timeout=HOUR
        )
        yield step.run("after", world.did, "after", None)
        return [event.name, event.data]

    with world.up():
        waiting = world.engine.send("t/wait", {"id": "ü"})
        world.console.said("waits for")
        for data in ({"id": "u", "n": 5}, {"id": "ü"}, {"id": "ü", "n": 1}, {"n": 2}, {}):
            world.engine.send("t/came", data)
        assert world.engine.runs(waiting)[0].status == "Running"
        world.engine.send("t/came", {"id": "ü", "n": 2.5})
        (run,) = world.engine.ended(waiting)
    assert run.output == ["t/came", {"id": "ü", "n": 2.5}]


@kinds(TWO_BY_TWO)
def test_nothing_comes_in_time(world: World) -> None:
    @world.function("t/wait")
    def wait(ctx: Any, step: Any) -> Script:
        event = yield step.wait_for_event("wait", event="t/never", timeout=datetime.timedelta(milliseconds=50))
        other = yield step.wait_for_event("wait", event="t/never", timeout=0)
        return [event, other]

    with world.up():
        assert world.engine.run("t/wait").output == [None, None]


def test_the_event_that_starts_a_run_does_not_end_its_wait(world: World) -> None:
    @world.function("t/ping")
    def ping(ctx: Any, step: Any) -> Script:
        found = yield step.wait_for_event("wait", event="t/ping", timeout=100)
        return None if found is None else found.data

    with world.up():
        assert world.engine.run("t/ping", {"n": 1}).output is None


@kinds(TWO_BY_TWO)
def test_an_event_that_comes_the_moment_the_wait_begins(world: World) -> None:
    """The engine is told of wait and event in one answer's time: sent from a parallel step, it must not be lost."""

    @world.function("t/wait")
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

    with world.up():
        assert world.engine.run("t/wait").output is True


def test_one_event_wakes_every_run_that_waits(world: World) -> None:
    @world.function("t/wait")
    def wait(ctx: Any, step: Any) -> Script:
        event = yield step.wait_for_event("wait", event="t/all", timeout=HOUR)
        return [ctx.event.data["n"], event.data["say"]]

    with world.up():
        ids = world.engine.post_events([{"name": "t/wait", "data": {"n": n}} for n in range(20)])
        world.console.news.until(lambda: sum("waits for" in line for line in world.console.lines) == 20, "20 waits")
        world.engine.send("t/all", {"say": "go"})
        assert [world.engine.ended(each)[0].output for each in ids] == [[n, "go"] for n in range(20)]


@pytest.mark.parametrize("expression", ["event.data.id ==", "nobody.knows == 1"])
def test_an_expression_that_does_not_compile_fails_the_run_and_says_so(world: World, expression: str) -> None:
    @world.function("t/wait")
    def wait(ctx: Any, step: Any) -> Script:
        yield step.wait_for_event("wait", event="t/x", if_exp=expression, timeout=HOUR)

    with world.up():
        run = world.engine.run("t/wait")
    assert run.status == "Failed"
    assert expression in run.output["message"]


@kinds(TWO_BY_TWO)
def test_a_signal_of_another_run_comes(world: World) -> None:
    @world.function("t/wait")
    def wait(ctx: Any, step: Any) -> Script:
        signal = yield step.wait_for_signal("wait", signal="t/ready", timeout=HOUR)
        return [signal.signal, signal.data]

    @world.function("t/send")
    def send(ctx: Any, step: Any) -> Script:
        waited = yield step.send_signal("send", signal="t/ready", data={"ü": [1]})
        again = yield step.send_signal("send again", signal="t/ready")
        return [waited, again]

    with world.up():
        waiting = world.engine.send("t/wait")
        world.console.said("waits for the signal")
        sent = world.engine.run("t/send")
        (run,) = world.engine.ended(waiting)
        assert run.output == ["t/ready", {"ü": [1]}]
        assert sent.output == [run.id, None]
        assert world.client.send_signal_sync("t/ready") is None
