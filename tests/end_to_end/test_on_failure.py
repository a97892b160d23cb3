"""What happens after a function has failed for good."""

from __future__ import annotations

from typing import Any

import inngest
from tests.stage.bodies import Script

from .conftest import kinds
from .world import TWO_BY_TWO, World


@kinds(TWO_BY_TWO)
def test_on_failure_gets_the_event_and_the_error_and_has_steps_of_its_own(world: World) -> None:
    seen: list[Any] = []

    def mourn(ctx: Any, step: Any) -> Script:
        seen.append(ctx.event.model_dump())
        yield step.run("mourn", world.effects.fails, "mourn", 0)
        return ctx.fn_id

    @world.function("t/fail", retries=1, on_failure=mourn)
    def fail(ctx: Any, step: Any) -> Script:
        yield step.run("ok", world.did, "ok", None)
        raise ValueError("ouch")

    with world.up():
        run = world.engine.run("t/fail", {"k": "vä"})
        failed = world.engine.events("inngest/function.failed")
        (mourned,) = world.engine.ended(failed[0]["internal_id"])
    assert (run.status, run.error) == ("Failed", ("ValueError", "ouch"))
    assert (mourned.status, mourned.output, mourned.function) == ("Completed", "app-fail-failure", "app-fail-failure")
    event = seen[0]
    assert event["name"] == "inngest/function.failed"
    data = event["data"]
    assert (data["function_id"], data["run_id"]) == ("app-fail", run.id)
    assert (data["error"]["name"], data["error"]["message"]) == ("ValueError", "ouch")
    assert "ouch" in data["error"]["stack"]
    assert (data["event"]["name"], data["event"]["data"]) == ("t/fail", {"k": "vä"})
    assert world.effects.called == {"ok": 1, "mourn": 1}


def test_on_failure_runs_for_its_own_function_only_and_not_when_all_is_well(world: World) -> None:
    def mourn(ctx: Any, step: Any) -> Any:
        world.did(f"mourn {ctx.event.data['function_id']}", None)

    def define(name: str) -> None:
        @world.function(f"t/{name}", fn_id=name, retries=0, on_failure=mourn)
        def function(ctx: Any, step: Any) -> Any:
            if ctx.event.data.get("bad"):
                raise inngest.NonRetriableError("no")
            return "fine"

    define("one")
    define("two")
    with world.up():
        assert world.engine.run("t/one").output == "fine"
        assert world.engine.run("t/two", {"bad": True}).status == "Failed"
        (event,) = world.engine.events("inngest/function.failed")
        assert len(world.engine.ended(event["internal_id"])) == 1
    assert world.effects.called == {"mourn app-two": 1}


def test_an_on_failure_that_fails_itself_ends_there(world: World) -> None:
    def mourn(ctx: Any, step: Any) -> Any:
        world.effects.call("mourn")
        raise ValueError("too sad")

    @world.function("t/fail", retries=0, on_failure=mourn)
    def fail(ctx: Any, step: Any) -> Any:
        raise ValueError("ouch")

    with world.up():
        world.engine.run("t/fail")
        first = world.engine.events("inngest/function.failed")[-1]
        (mourned,) = world.engine.ended(first["internal_id"])
    assert (mourned.status, mourned.error) == ("Failed", ("ValueError", "too sad"))
    assert world.effects.called == {"mourn": 1}
