"""What happens after a function has failed for good."""

from __future__ import annotations

from typing import Any

import inngest
from tests.stage.bodies import Script

from .conftest import stages
from .in_virtual_time import InProcess, failure
from .world import TWO_BY_TWO


@stages(TWO_BY_TWO)
def test_on_failure_gets_the_event_and_the_error_and_has_steps_of_its_own(stage: InProcess) -> None:
    seen: list[Any] = []

    def mourn(ctx: Any, step: Any) -> Script:
        seen.append(ctx.event.model_dump())
        yield step.run("mourn", stage.effects.fails, "mourn", 0)
        return ctx.fn_id

    @stage.function("t/fail", retries=1, on_failure=mourn)
    def fail(ctx: Any, step: Any) -> Script:
        yield step.run("ok", stage.did, "ok", None)
        raise ValueError("ouch")

    with stage.up():
        run = stage.run("t/fail", {"k": "vä"})
        (mourned,) = stage.mourned()
    assert (run.status, failure(run)) == ("failed", ("ValueError", "ouch"))
    assert (mourned.status, mourned.output, mourned.function_id) == (
        "completed",
        "app-fail-failure",
        "app-fail-failure",
    )
    event = seen[0]
    assert event["name"] == "inngest/function.failed"
    data = event["data"]
    assert (data["function_id"], data["run_id"]) == ("app-fail", run.id)
    assert (data["error"]["name"], data["error"]["message"]) == ("ValueError", "ouch")
    assert "ouch" in data["error"]["stack"]
    assert (data["event"]["name"], data["event"]["data"]) == ("t/fail", {"k": "vä"})
    assert stage.effects.called == {"ok": 1, "mourn": 1}


def test_on_failure_runs_for_its_own_function_only_and_not_when_all_is_well(stage: InProcess) -> None:
    def mourn(ctx: Any, step: Any) -> Any:
        stage.did(f"mourn {ctx.event.data['function_id']}", None)

    def define(name: str) -> None:
        @stage.function(f"t/{name}", fn_id=name, retries=0, on_failure=mourn)
        def function(ctx: Any, step: Any) -> Any:
            if ctx.event.data.get("bad"):
                raise inngest.NonRetriableError("no")
            return "fine"

    define("one")
    define("two")
    with stage.up():
        assert stage.run("t/one").output == "fine"
        assert stage.run("t/two", {"bad": True}).status == "failed"
        (mourned,) = stage.mourned()
        assert mourned.status == "completed"
    assert stage.effects.called == {"mourn app-two": 1}


def test_an_on_failure_that_fails_itself_ends_there(stage: InProcess) -> None:
    def mourn(ctx: Any, step: Any) -> Any:
        stage.effects.call("mourn")
        raise ValueError("too sad")

    @stage.function("t/fail", retries=0, on_failure=mourn)
    def fail(ctx: Any, step: Any) -> Any:
        raise ValueError("ouch")

    with stage.up():
        stage.run("t/fail")
        (mourned,) = stage.mourned()
    assert (mourned.status, failure(mourned)) == ("failed", ("ValueError", "too sad"))
    assert stage.effects.called == {"mourn": 1}
