"""What the engine asked of an app, as its API shows it for a run: when, for what, and what came back."""

from __future__ import annotations

import asyncio
from typing import Any

from inngest_core.protocol.wire import hash_id
from inngest_devserver.calls import record

from .harness import Called, Lab, Reply, lab, ops, planned, ran, returned


def calls_of(it: Lab, run_id: str) -> list[dict[str, Any]]:
    answer = it.request("GET", f"/api/v2/runs/{run_id}/calls")
    assert answer.status == 200, answer.body
    calls: list[dict[str, Any]] = answer.body["data"]
    return calls


def test_each_call_says_what_was_asked_and_what_came_back() -> None:
    async def main() -> None:
        async with lab() as it:

            def script(call: Called) -> Reply:
                it.clock.advance(2)
                if call.targets("a"):
                    return ops(ran("a", {"token": "t", "n": 1}))
                return returned("done") if call.has("a") else ops(planned("a"))

            it.serve("f", script)
            run = await it.run("t/f", {"password": "p"})
            first, step, last = calls_of(it, run["run_id"])
            assert [call["asked"] for call in (first, step, last)] == ["the function", 'the step "a"', "the function"]
            assert (step["stepId"], step["attempt"], step["durationMs"]) == (hash_id("a"), 0, "2000")
            assert [call["status"] for call in (first, step, last)] == [206, 206, 200]
            assert step["url"] == "http://app.test/api/inngest"
            assert step["received"][0]["data"] == {"token": "[masked]", "n": 1}
            assert last["sent"]["event"]["data"] == {"password": "[masked]"}
            assert last["received"] == "done"
            assert last["receivedBytes"] == len(b'"done"')
            assert last["sentBytes"] == len(it.app.calls[-1].raw)

    asyncio.run(main())


def test_a_call_that_is_under_way_shows_when_its_step_began() -> None:
    async def main() -> None:
        async with lab() as it:
            gate = asyncio.Event()

            async def script(call: Called) -> Reply:
                if call.step == "step":
                    return returned(1) if call.has("b") else ops(planned("a"), planned("b"))
                await gate.wait()
                return ops(ran("a" if call.targets("a") else "b"))

            it.serve("f", script)
            event = it.send("t/f")
            await it.called(3)
            it.clock.advance(5)
            run_id = it.runs(event)[0]["run_id"]
            under_way = calls_of(it, run_id)[1:]
            assert all("endedAt" not in call and "status" not in call for call in under_way)
            root = it.request("GET", f"/api/v2/runs/{run_id}/trace").body["data"]["rootSpan"]
            assert [step["startedAt"] for step in root["children"]] == [call["startedAt"] for call in under_way]
            gate.set()
            await it.ended(event)

    asyncio.run(main())


def test_an_app_that_does_not_answer_and_a_call_that_is_given_up() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", lambda call: returned(1))
            it.app.down = True
            event = it.send("t/f")
            await it.said("Unable to reach SDK URL")
            run_id = it.runs(event)[0]["run_id"]
            assert "connection refused" in calls_of(it, run_id)[0]["error"]
            it.app.down = False
            it.register()
            await it.ended(event)
            it.app.calls.clear()

            async def hang(_: Called) -> Reply:
                await asyncio.Event().wait()
                return returned(1)

            it.app.scripts["app-f"] = hang
            other = it.runs(it.send("t/f"))[0]["run_id"]
            await it.called(1)
            assert it.request("POST", f"/api/v2/runs/{other}/cancel").status == 200
            await it.time.settle()
            assert calls_of(it, other)[0]["error"].startswith("given up")

    asyncio.run(main())


def test_large_bodies_are_cut() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", lambda call: returned({"a": "x" * 20_000, "password": "p"}))
            run = await it.run("t/f", {"password": "p", "text": "y" * 20_000})
            [call] = calls_of(it, run["run_id"])
            assert call["receivedBytes"] > 20_000
            assert call["received"].startswith('{"a": "xxx')
            assert len(call["received"]) < record.LARGEST_BODY + 100
            assert '"password":"[masked]"' in call["sent"]

    asyncio.run(main())


def test_a_run_keeps_its_latest_calls() -> None:
    async def main() -> None:
        async with lab() as it:
            steps = record.MOST_OF_A_RUN + 5

            def script(call: Called) -> Reply:
                done = len(call.stack)
                return returned(1) if done == steps else ops(ran(f"s{done}"))

            it.serve("f", script)
            run = await it.run("t/f")
            calls = calls_of(it, run["run_id"])
            assert len(calls) == record.MOST_OF_A_RUN
            assert calls[-1]["received"] == 1

    asyncio.run(main())


def test_all_calls_together_take_a_bounded_amount() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", lambda call: returned("z" * record.LARGEST_BODY))
            count = record.MOST_BYTES // record.LARGEST_BODY + 10
            events = [it.send("t/f") for _ in range(count)]
            for event in events:
                await it.ended(event)
            runs = [it.runs(event)[0]["run_id"] for event in events]
            assert calls_of(it, runs[0]) == []
            assert len(calls_of(it, runs[-1])) == 1

    asyncio.run(main())
