"""Runs that are asked for through the API, and what flow control makes of them; runs whose app is removed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from .harness import APP_URL, Answered, Called, Lab, Reply, lab, op, ops, returned

INVOKE = "/api/v2/apps/app/functions/f/invoke"


def nap(called: Called) -> Reply:
    return returned(None) if called.has("nap") else ops({**op("Sleep", "nap"), "name": "1h"})


def invoke(it: Lab, route: str, data: dict[str, Any]) -> Answered:
    return it.request("POST", route, {"data": data})


def refusal(answer: Answered) -> str:
    assert answer.status == 409, answer.body
    return str(answer.body["errors"][0]["message"] if "errors" in answer.body else answer.body["error"])


def end_of(it: Lab, event_id: str) -> str:
    """Return what the history of the run of an event says last."""
    run_id = it.runs(event_id)[0]["run_id"]
    return str(it.request("GET", f"/v1/runs/{run_id}/history").body["data"][-1]["detail"])


@pytest.mark.parametrize("route", ["/invoke/app-f", INVOKE])
@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({"rateLimit": {"limit": 1, "period": "10s", "key": "event.data.u"}}, "the rate limit is used up for a"),
        ({"idempotency": "event.data.u"}, "idempotency: it has run in the last 24 hours for a"),
        ({"singleton": {"mode": "skip", "key": "event.data.u"}}, "has not ended for a"),
    ],
    ids=["rate limit", "idempotency", "singleton"],
)
def test_an_invocation_that_is_one_too_many_is_refused(route: str, config: dict[str, Any], why: str) -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", nap, **config)
            assert invoke(it, route, {"u": "a"}).status == 200
            assert why in refusal(invoke(it, route, {"u": "a"}))
            assert invoke(it, route, {"u": "b"}).status == 200
            await it.time.advance(1)
            assert len(it.app.calls) == 2

    asyncio.run(main())


def test_an_invocation_with_a_key_that_was_refused_starts_once_later() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", lambda _: returned("done"), rateLimit={"limit": 1, "period": "10s"})
            assert invoke(it, INVOKE, {}).status == 200
            asked: dict[str, Any] = {"data": {}, "idempotencyKey": "k"}
            assert "rate limit" in refusal(it.request("POST", INVOKE, asked))
            await it.time.advance(11)
            one = it.request("POST", INVOKE, asked).body["data"]["runId"]
            assert it.request("POST", INVOKE, asked).body["data"]["runId"] == one
            await it.time.advance(1)
            assert len(it.app.calls) == 2

    asyncio.run(main())


@pytest.mark.parametrize(
    "config",
    [{"idempotency": "event.data.u"}, {"rateLimit": {"limit": 1, "period": "10s"}}],
    ids=["idempotency", "rate limit"],
)
def test_a_rerun_is_not_counted_again(config: dict[str, Any]) -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", lambda _: returned("done"), **config)
            run = await it.run("t/f", {"u": "a"})
            again = it.request("POST", f"/api/v2/runs/{run['run_id']}/rerun")
            assert again.status == 200
            await it.time.advance(1)
            assert len(it.app.calls) == 2

    asyncio.run(main())


@pytest.mark.parametrize(("mode", "status"), [("skip", 409), ("cancel", 200)])
def test_a_rerun_heeds_a_singleton(mode: str, status: int) -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", nap, singleton={"mode": mode})
            event_id = it.send("t/f")
            await it.time.advance(1)
            run_id = it.runs(event_id)[0]["run_id"]
            assert it.request("POST", f"/api/v2/runs/{run_id}/rerun").status == status
            await it.time.advance(1)
            assert len(it.engine.active) == 1
            assert (it.engine.active.get(run_id) is None) is (mode == "cancel")

    asyncio.run(main())


def test_removing_an_app_cancels_its_runs_and_says_why() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", nap)
            it.serve("down", nap)
            asleep = it.send("t/f")
            await it.time.advance(1)
            it.app.down = True
            unreached = it.send("t/down")
            await it.said("trying until the app is there")
            assert it.request("DELETE", f"/fn/remove?url={APP_URL}").status == 200
            assert [it.runs(event)[0]["status"] for event in (asleep, unreached)] == ["Cancelled", "Cancelled"]
            why = f'the app "app" at {APP_URL} was removed from the engine'
            assert why in end_of(it, asleep)
            assert why in end_of(it, unreached)
            calls = len(it.app.calls)
            await it.time.advance(7200)
            assert len(it.app.calls) == calls

    asyncio.run(main())


def test_a_step_that_invokes_a_function_of_a_removed_app_is_told() -> None:
    async def main() -> None:
        async with lab() as it:
            opts: dict[str, Any] = {"function_id": "other-g", "payload": {"data": {}}}
            invokes = {**op("InvokeFunction", "ask"), "opts": opts}
            it.serve("f", lambda called: returned(called.memo("ask")) if called.has("ask") else ops(invokes))
            it.app.scripts["other-g"] = nap
            url = "http://other.test/api/inngest"
            step = {"id": "step", "name": "step", "runtime": {"type": "http", "url": f"{url}?fnId=other-g&stepId=step"}}
            function = {"id": "other-g", "name": "g", "triggers": [{"event": "t/g"}], "steps": {"step": step}}
            body = {"appName": "other", "url": url, "functions": [function]}
            assert it.request("POST", "/fn/register", body).status == 200
            event_id = it.send("t/f")
            await it.time.advance(1)
            it.request("DELETE", f"/fn/remove?url={url}")
            run = await it.ended(event_id)
            assert run["status"] == "Completed"
            assert "was removed from the engine" in run["output"]["error"]["message"]

    asyncio.run(main())


def test_a_run_whose_function_is_not_registered_any_more_is_not_done_again() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", lambda _: returned("done"))
            run = await it.run("t/f")
            it.request("DELETE", f"/fn/remove?url={APP_URL}")
            answer = it.request("POST", f"/api/v2/runs/{run['run_id']}/rerun")
            assert "not registered any more" in refusal(answer)
            assert len(it.engine.active) == 0

    asyncio.run(main())
