"""Events: sent by steps, by clients and by hand; in batches, with ids, with odd contents; and what cancels."""

from __future__ import annotations

import asyncio
import datetime
from typing import Any

import pytest

import inngest
from tests.cases.case import HandlerKind
from tests.stage.bodies import Script

from .conftest import kinds
from .world import TWO_BY_TWO, World

HOUR = datetime.timedelta(hours=1)


@kinds(TWO_BY_TWO)
def test_a_step_sends_its_events_once_although_the_call_is_repeated(world: World) -> None:
    """The first answer gets lost on its way: the step runs again, the events do not."""
    lost: list[int] = []

    class LoseFirstAnswer(inngest.MiddlewareSync):
        def transform_output(self, result: inngest.TransformOutputResult) -> None:
            if result.step is not None and not lost:
                lost.append(1)
                raise RuntimeError("the answer is lost")

    @world.function("t/heard")
    def hears(ctx: Any, step: Any) -> Any:
        return world.did(f"heard {ctx.event.data['n']}", ctx.event.id)

    @world.function("t/sends", retries=2, middleware=[LoseFirstAnswer])
    def sends(ctx: Any, step: Any) -> Script:
        events = [inngest.Event(name="t/heard", data={"n": n}) for n in range(3)]
        ids = yield step.send_event("send", events)
        one = yield step.send_event("one more", inngest.Event(name="t/heard", data={"n": 3}))
        return [*ids, *one]

    with world.up():
        run = world.engine.run("t/sends")
        assert lost
        heard = [world.engine.ended(event_id) for event_id in run.output]
    assert [[each.status for each in runs] for runs in heard] == [["Completed"]] * 4
    assert [runs[0].output for runs in heard] == run.output
    assert len(set(run.output)) == 4
    assert world.effects.called == {f"heard {n}": 1 for n in range(4)}


def test_an_event_with_an_id_counts_once(world: World) -> None:
    @world.function("t/once")
    def once(ctx: Any, step: Any) -> Any:
        return world.did(f"ran {ctx.event.id} {ctx.event.data}", ctx.event.id)

    with world.up():
        first = world.engine.send("t/once", {"n": 1}, id="order-1")
        again = world.engine.post_events([{"name": "t/once", "data": {"n": 2}, "id": "order-1"}] * 3)
        other = world.engine.send("t/once", {"n": 3}, id="order-2")
        runs = [world.engine.ended(each)[0].output for each in (first, other)]
        assert runs == ["order-1", "order-2"]
        assert [world.engine.runs(each) for each in again if each != first] in ([], [[], [], []])
    assert world.effects.called == {"ran order-1 {'n': 1}": 1, "ran order-2 {'n': 3}": 1}


@pytest.mark.parametrize("kind", HandlerKind)
def test_a_client_sends_fifty_at_once(world: World, kind: HandlerKind) -> None:
    @world.function("t/batch")
    def batch(ctx: Any, step: Any) -> Script:
        return (yield step.run("n", world.did, f"n{ctx.event.data['n']}", ctx.event.data["n"]))

    # A client of its own: to close the one of the app would cut off what its functions save meanwhile.
    origin = world.server.origin
    sender = inngest.Inngest(app_id="sender", is_production=False, event_api_base_url=origin)

    async def send(events: list[inngest.Event]) -> list[str]:
        async with sender:
            return await sender.send(events)

    def send_sync(events: list[inngest.Event]) -> list[str]:
        with sender:
            return sender.send_sync(events)

    events = [inngest.Event(name="t/batch", data={"n": n}) for n in range(50)]
    with world.up():
        ids = send_sync(events) if kind is HandlerKind.SYNC else asyncio.run(send(events))
        assert [world.engine.ended(event_id)[0].output for event_id in ids] == list(range(50))


def test_several_functions_wildcards_and_expressions(world: World) -> None:
    def define(name: str, *triggers: inngest.TriggerEvent) -> None:
        @world.function(fn_id=name, trigger=list(triggers))
        def function(ctx: Any, step: Any) -> Any:
            return world.did(f"{name} {ctx.event.id}", name)

    define("exact", inngest.TriggerEvent(event="shop/a"))
    define("two", inngest.TriggerEvent(event="shop/a"), inngest.TriggerEvent(event="shop/b"))
    define("star", inngest.TriggerEvent(event="shop/*"))
    define("some", inngest.TriggerEvent(event="shop/a", expression="event.data.n > 5 && event.data.who == 'é'"))
    with world.up():
        few = world.engine.ended(world.engine.send("shop/a", {"n": 9}), 3)
        all_four = world.engine.ended(world.engine.send("shop/a", {"n": 6.5, "who": "é"}), 4)
        others = world.engine.ended(world.engine.send("shop/b"), 2)
    assert sorted(run.output for run in few) == ["exact", "star", "two"]
    assert sorted(run.output for run in all_four) == ["exact", "some", "star", "two"]
    assert sorted(run.output for run in others) == ["star", "two"]


@kinds(TWO_BY_TWO)
def test_an_event_cancels_the_runs_that_its_expression_names(world: World) -> None:
    rule = inngest.Cancel(event="t/stop", if_exp="event.data.id == async.data.id")

    @world.function("t/long", cancel=[rule])
    def long(ctx: Any, step: Any) -> Script:
        yield step.run("begin", world.did, f"begin {ctx.event.data['id']}", None)
        yield step.wait_for_event("wait", event="t/go", timeout=HOUR)
        return (yield step.run("end", world.did, f"end {ctx.event.data['id']}", "ended"))

    with world.up():
        ids = [world.engine.send("t/long", {"id": n}) for n in (1, 2)]
        world.console.news.until(lambda: sum("waits for" in line for line in world.console.lines) == 2, "2 waits")
        world.engine.send("t/stop", {"id": 1})
        world.engine.send("t/stop", {"id": 3})
        (stopped,) = world.engine.ended(ids[0])
        world.engine.send("t/go")
        (went_on,) = world.engine.ended(ids[1])
        (told,) = world.engine.events("inngest/function.cancelled")
    assert (stopped.status, went_on.status, went_on.output) == ("Cancelled", "Completed", "ended")
    assert told["data"]["run_id"] == stopped.id
    assert world.effects.called == {"begin 1": 1, "begin 2": 1, "end 2": 1}


def test_a_run_that_is_cancelled_during_a_step_goes_no_further(world: World) -> None:
    """What the step did is done; nothing after it happens, and its answer does no harm."""

    @world.function("t/long", cancel=[inngest.Cancel(event="t/stop")])
    def long(ctx: Any, step: Any) -> Script:
        def work() -> None:
            world.effects.call("work")
            world.news.until(lambda: world.effects.called["stopped"], "the cancel")
            world.effects.succeed("work")

        async def awork() -> None:
            await asyncio.to_thread(work)

        yield step.run("work", work if world.kind.handlers is HandlerKind.SYNC else awork)
        yield step.run("more", world.did, "more", None)

    with world.up():
        event_id = world.engine.send("t/long")
        world.news.until(lambda: world.effects.called["work"], "the step")
        world.engine.send("t/stop")
        assert world.engine.ended(event_id)[0].status == "Cancelled"
        world.effects.call("stopped")
        world.news.until(lambda: world.effects.succeeded["work"], "the end of the step")
        other = world.engine.send("t/long")
        world.news.until(lambda: world.effects.called["work"] == 2, "the step again")
        world.effects.may_repeat.update(("work", "more"))
        assert world.engine.ended(other)[0].status == "Completed"
        assert world.engine.ended(event_id)[0].status == "Cancelled"
    assert world.effects.called["more"] == 1


def test_a_run_is_cancelled_through_the_api(world: World) -> None:
    @world.function("t/long")
    def long(ctx: Any, step: Any) -> Script:
        yield step.sleep("long", HOUR)

    with world.up():
        event_id = world.engine.send("t/long")
        world.console.said("sleeps for")
        (run,) = world.engine.runs(event_id)
        assert world.engine.request("DELETE", f"/v1/runs/{run.id}").status_code == 204
        assert world.engine.ended(event_id)[0].status == "Cancelled"
        assert world.engine.request("DELETE", f"/v1/runs/{run.id}").status_code == 204
