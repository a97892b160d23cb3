"""Runs that are cancelled while something goes on: a call of a step, or a sleep that the API is asked about."""

from __future__ import annotations

import asyncio
import datetime
from typing import Any

import inngest
from tests.cases.case import HandlerKind
from tests.stage.bodies import Script

from .world import World

HOUR = datetime.timedelta(hours=1)


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
