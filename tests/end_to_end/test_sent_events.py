"""Events: sent by steps, by clients and by hand; in batches, with ids, with odd contents; and what an event cancels."""

from __future__ import annotations

import asyncio
import datetime
from typing import Any

import pytest

import inngest
from inngest import testing
from tests.cases.case import HandlerKind
from tests.stage.bodies import Script

from .conftest import stages
from .in_virtual_time import InProcess
from .world import TWO_BY_TWO

HOUR = datetime.timedelta(hours=1)


@stages(TWO_BY_TWO)
def test_a_step_sends_its_events_once_although_the_call_is_repeated(stage: InProcess) -> None:
    """The first answer gets lost on its way: the step runs again, the events do not."""
    lost: list[int] = []

    class LoseFirstAnswer(inngest.MiddlewareSync):
        def transform_output(self, result: inngest.TransformOutputResult) -> None:
            if result.step is not None and not lost:
                lost.append(1)
                raise RuntimeError("the answer is lost")

    @stage.function("t/heard")
    def hears(ctx: Any, step: Any) -> Any:
        return stage.did(f"heard {ctx.event.data['n']}", ctx.event.id)

    @stage.function("t/sends", retries=2, middleware=[LoseFirstAnswer])
    def sends(ctx: Any, step: Any) -> Script:
        events = [inngest.Event(name="t/heard", data={"n": n}) for n in range(3)]
        ids = yield step.send_event("send", events)
        one = yield step.send_event("one more", inngest.Event(name="t/heard", data={"n": 3}))
        return [*ids, *one]

    with stage.up() as engine:
        run = stage.run("t/sends")
        assert lost
        engine.settle()
        heard = [engine.runs_of(event_id) for event_id in run.output]
    assert [[each.status for each in runs] for runs in heard] == [[testing.Status.COMPLETED]] * 4
    assert [runs[0].output for runs in heard] == run.output
    assert len(set(run.output)) == 4
    assert stage.effects.called == {f"heard {n}": 1 for n in range(4)}


def test_an_event_with_an_id_counts_once(stage: InProcess) -> None:
    @stage.function("t/once")
    def once(ctx: Any, step: Any) -> Any:
        return stage.did(f"ran {ctx.event.id} {ctx.event.data}", ctx.event.id)

    def event(n: int, event_id: str) -> inngest.Event:
        return inngest.Event(name="t/once", data={"n": n}, id=event_id)

    with stage.up() as engine:
        (first,) = stage.client.send_sync(event(1, "order-1"))
        again = stage.client.send_sync([event(2, "order-1")] * 3)
        (other,) = stage.client.send_sync(event(3, "order-2"))
        engine.settle()
        assert [[run.output for run in engine.runs_of(each)] for each in (first, other)] == [["order-1"], ["order-2"]]
        assert [engine.runs_of(each) for each in again if each != first] in ([], [[], [], []])
    assert stage.effects.called == {"ran order-1 {'n': 1}": 1, "ran order-2 {'n': 3}": 1}


@pytest.mark.parametrize("kind", HandlerKind)
def test_a_client_sends_fifty_at_once(stage: InProcess, kind: HandlerKind) -> None:
    @stage.function("t/batch")
    def batch(ctx: Any, step: Any) -> Script:
        return (yield step.run("n", stage.did, f"n{ctx.event.data['n']}", ctx.event.data["n"]))

    # A client of its own: to close the one of the app would cut off what its functions save meanwhile.
    sender = inngest.Inngest(app_id="sender", is_production=False)

    async def send(events: list[inngest.Event]) -> list[str]:
        async with sender:
            return await sender.send(events)

    def send_sync(events: list[inngest.Event]) -> list[str]:
        with sender:
            return sender.send_sync(events)

    events = [inngest.Event(name="t/batch", data={"n": n}) for n in range(50)]
    with stage.up() as engine:
        ids = send_sync(events) if kind is HandlerKind.SYNC else asyncio.run(send(events))
        engine.settle()
        assert [[run.output for run in engine.runs_of(event_id)] for event_id in ids] == [[n] for n in range(50)]


def test_several_functions_wildcards_and_expressions(stage: InProcess) -> None:
    def define(name: str, *triggers: inngest.TriggerEvent) -> None:
        @stage.function(fn_id=name, trigger=list(triggers))
        def function(ctx: Any, step: Any) -> Any:
            return stage.did(f"{name} {ctx.event.id}", name)

    define("exact", inngest.TriggerEvent(event="shop/a"))
    define("two", inngest.TriggerEvent(event="shop/a"), inngest.TriggerEvent(event="shop/b"))
    define("star", inngest.TriggerEvent(event="shop/*"))
    define("some", inngest.TriggerEvent(event="shop/a", expression="event.data.n > 5 && event.data.who == 'é'"))
    with stage.up() as engine:
        sent = [stage.send("shop/a", {"n": 9}), stage.send("shop/a", {"n": 6.5, "who": "é"}), stage.send("shop/b")]
        engine.settle()
        few, all_four, others = (engine.runs_of(event) for event in sent)
    assert sorted(run.output for run in few) == ["exact", "star", "two"]
    assert sorted(run.output for run in all_four) == ["exact", "some", "star", "two"]
    assert sorted(run.output for run in others) == ["star", "two"]


@stages(TWO_BY_TWO)
def test_an_event_cancels_the_runs_that_its_expression_names(stage: InProcess) -> None:
    rule = inngest.Cancel(event="t/stop", if_exp="event.data.id == async.data.id")

    @stage.function("t/long", cancel=[rule])
    def long(ctx: Any, step: Any) -> Script:
        yield step.run("begin", stage.did, f"begin {ctx.event.data['id']}", None)
        yield step.wait_for_event("wait", event="t/go", timeout=HOUR)
        return (yield step.run("end", stage.did, f"end {ctx.event.data['id']}", "ended"))

    @stage.function("inngest/function.cancelled")
    def told(ctx: Any, step: Any) -> Any:
        return ctx.event.data["run_id"]

    with stage.up() as engine:
        sent = [stage.send("t/long", {"id": n}) for n in (1, 2)]
        engine.settle()
        stage.send("t/stop", {"id": 1})
        stage.send("t/stop", {"id": 3})
        engine.settle()
        (stopped,), (other,) = (engine.runs_of(event) for event in sent)
        assert (stopped.status, other.status) == (testing.Status.CANCELLED, testing.Status.RUNNING)
        stage.send("t/go")
        assert engine.wait(other).output == "ended"
        assert [run.output for run in engine.runs(told)] == [stopped.id]
    assert (stopped.status, other.status) == (testing.Status.CANCELLED, testing.Status.COMPLETED)
    assert stage.effects.called == {"begin 1": 1, "begin 2": 1, "end 2": 1}
