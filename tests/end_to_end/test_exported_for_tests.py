"""Runs of every outcome, exported without their secrets as `inngest runs RUN --export` does it, and replayed."""

from __future__ import annotations

import datetime
import json
from typing import Any

import inngest
from inngest import testing
from tests.stage.bodies import Script

from .world import World

HOUR = datetime.timedelta(hours=1)


def export(world: World, run_id: str, query: str = "") -> tuple[dict[str, Any], int]:
    """Return the document, and how many values were taken out of it."""
    found = world.engine.get(f"/api/v2/runs/{run_id}/export?{query}")
    return found["document"], found["redacted"]


def test_secrets_stay_where_they_are(world: World) -> None:
    @world.function("t/pays")
    def pays(ctx: Any, step: Any) -> Script:
        account = yield step.run("log in", world.did, "log in", {"Api-Key": "hush", "has_password": True, "user": "u"})
        answer = yield step.wait_for_event("answer", event="t/answer", timeout=HOUR)
        if not account["has_password"]:
            yield step.run("ask for one", world.did, "ask for one", None)
        return [answer.data["n"], {"token": ["hush"]}]

    with world.up():
        event_id = world.engine.send("t/pays", {"password": "hush", "note": "by ada"}, user={"name": "hush"})
        world.console.said("waits for")
        world.engine.send("t/answer", {"n": 5, "secret": {"deep": "hush"}}, user={"name": "hush"})
        (run,) = world.engine.ended(event_id)
        document, redacted = export(world, run.id)
        named, _ = export(world, run.id, "redact=no*")
        bare, _ = export(world, run.id, "payloads=false")
    assert "hush" not in json.dumps([document, named, bare])
    assert redacted == 4
    assert document["events"][0]["data"] == {"password": "[redacted]", "note": "by ada"}
    assert named["events"][0]["data"]["note"] == "[redacted]"
    memos = [each["memo"] for each in document["steps"]]
    assert memos[0] == {"data": {"Api-Key": "[redacted]", "has_password": True, "user": "u"}}
    assert memos[1]["data"] == {"n": 5, "secret": "[redacted]"}
    assert document["output"] == [5, {"token": "[redacted]"}]
    assert "ada" not in json.dumps(bare)
    assert bare["steps"][1]["memo"]["data"]["n"] == 0
    for each in (document, named, bare):
        assert testing.replay(pays, each).ok


def test_what_an_error_says_is_kept_but_for_its_secrets(world: World) -> None:
    @world.function("t/fails", retries=0)
    def fails(ctx: Any, step: Any) -> Script:
        def connect() -> None:
            world.effects.call("connect")
            raise ConnectionError("no answer: password=hush, host=db")

        try:
            yield step.run("connect", connect)
        except inngest.StepError as error:
            yield step.run("tidy", world.did, "tidy", None)
            raise inngest.NonRetriableError(error.message) from None

    with world.up():
        run = world.engine.run("t/fails")
        document, _ = export(world, run.id)
    assert (run.status, document["status"]) == ("Failed", "Failed")
    assert "hush" not in json.dumps(document)
    assert document["steps"][0]["memo"]["error"]["message"] == "no answer: password=[masked], host=db"
    assert document["output"]["message"] == "no answer: password=[masked], host=db"
    assert testing.replay(fails, document).ok


def test_a_cancelled_run_and_one_that_goes_on(world: World) -> None:
    @world.function("t/waits", cancel=[inngest.Cancel(event="t/stop")])
    def waits(ctx: Any, step: Any) -> Script:
        yield step.run("first", world.did, "first", 1)
        yield step.sleep("nap", HOUR)

    with world.up():
        event_id = world.engine.send("t/waits")
        world.console.said("sleeps for")
        (run,) = world.engine.runs(event_id)
        going_on, _ = export(world, run.id)
        world.engine.send("t/stop")
        (run,) = world.engine.ended(event_id)
        cancelled, _ = export(world, run.id)
    assert (going_on["status"], cancelled["status"]) == ("Running", "Cancelled")
    for document in (going_on, cancelled):
        assert [each["name"] for each in document["steps"]] == ["first"]
        assert testing.replay(waits, document).ok


def test_a_run_of_many_steps(world: World) -> None:
    many = 120

    @world.function("t/many")
    def goes(ctx: Any, step: Any) -> Script:
        total = 0
        for number in range(many):
            total += yield step.run(f"step {number}", lambda number=number: number)
        return total

    with world.up():
        document, _ = export(world, world.engine.run("t/many").id)
    assert document["output"] == sum(range(many))
    replayed = testing.replay(goes, document)
    assert [each.id for each in replayed.steps] == [f"step {number}" for number in range(many)]
    document["steps"][60]["id"] = document["steps"][59]["id"]
    assert not testing.replay(goes, document, check=False).ok
