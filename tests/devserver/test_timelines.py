"""What `/api/v2/runs/<run>/trace` has for a timeline: when each step was reported, ran, failed and was tried again."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Any

from inngest_core.protocol.wire import hash_id

from .harness import Called, Lab, Reply, lab, op, ops, planned, raised, ran, returned


def trace_of(it: Lab, run_id: str) -> dict[str, Any]:
    answer = it.request("GET", f"/api/v2/runs/{run_id}/trace?includeOutput=true")
    assert answer.status == 200, answer.body
    root: dict[str, Any] = answer.body["data"]["rootSpan"]
    return root


def steps_of(root: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {span["name"]: span for span in root.get("children", []) if span.get("stepId")}


def seconds(root: dict[str, Any], moment: str) -> float:
    """Return how long after the start of a run something happened."""
    return (datetime.fromisoformat(moment) - datetime.fromisoformat(root["queuedAt"])).total_seconds()


def times(root: dict[str, Any], span: dict[str, Any]) -> list[float | None]:
    fields = (span.get(field) for field in ("queuedAt", "startedAt", "endedAt"))
    return [None if moment is None else seconds(root, moment) for moment in fields]


def step_error(step: str, message: str) -> dict[str, Any]:
    return op("StepError", step, error={"name": "ValueError", "message": message, "stack": f"stack of {message}"})


def parallel(it: Lab) -> Any:
    """Return the script of a function with two parallel steps, each of a second, and one step after them."""

    def script(call: Called) -> Reply:
        for step in ("a", "b"):
            if call.targets(step):
                it.clock.advance(1)
                return ops(ran(step, step))
        if not call.has("a"):
            return ops(planned("a"), planned("b"))
        if not (call.has("a") and call.has("b")):
            return ops()
        return returned(1) if call.has("c") else ops(ran("c"))

    return script


def test_a_step_is_queued_before_it_starts_and_knows_its_group(tmp_path: Path) -> None:
    async def main() -> None:
        async with lab(persist=tmp_path / "engine.db") as it:
            it.serve("f", parallel(it))
            run = await it.run("t/f")
            live = trace_of(it, run["run_id"])
        async with lab(persist=tmp_path / "engine.db") as it:
            root = trace_of(it, run["run_id"])
            assert root == live
            steps = steps_of(root)
            assert set(steps) == {"a", "b", "c"}
            assert times(root, steps["a"]) == [0, 0, 1]
            # Both calls were made at once; this app's clock goes on while the first is answered.
            assert times(root, steps["b"])[0] == 0
            assert times(root, steps["b"])[2] == 2
            assert steps["a"]["group"] == steps["b"]["group"] == 0
            assert "group" not in steps["c"]

    asyncio.run(main())


def test_a_step_that_stands_in_line_has_not_started() -> None:
    async def main() -> None:
        async with lab() as it:
            release = asyncio.Event()

            async def script(call: Called) -> Reply:
                if call.step == "step":
                    return ops(planned("a"), planned("b"))
                await release.wait()
                return ops(ran("a"))

            it.serve("f", script, concurrency=[{"limit": 1}])
            event = it.send("t/f")
            await it.called(2)
            it.clock.advance(5)
            steps = steps_of(trace_of(it, it.runs(event)[0]["run_id"]))
            assert [steps[name].get("startedAt") is None for name in ("a", "b")].count(True) >= 1
            waiting = next(span for span in steps.values() if "waitsFor" in span)
            assert "concurrency" in waiting["waitsFor"][0]
            release.set()

    asyncio.run(main())


def test_each_attempt_has_its_times_and_its_error() -> None:
    async def main() -> None:
        async with lab() as it:

            def script(call: Called) -> Reply:
                it.clock.advance(1)
                if call.has("a"):
                    return returned(1)
                attempt = call.ctx["attempt"]
                return ops(ran("a", "third")) if attempt == 2 else ops(step_error("a", f"no {attempt}"))

            it.serve("f", script)
            event = it.send("t/f")
            while not it.runs(event)[0]["ended_at"]:
                await it.time.settle()
                await it.time.advance(60)
            root = trace_of(it, it.runs(event)[0]["run_id"])
            step = steps_of(root)["a"]
            assert (step["status"], step["output"]) == ("COMPLETED", {"data": "third"})
            attempts = step["children"]
            assert [(one["attempt"], one["status"]) for one in attempts] == [
                (0, "FAILED"),
                (1, "FAILED"),
                (2, "COMPLETED"),
            ]
            assert [one.get("output", {}).get("stack") for one in attempts[:2]] == ["stack of no 0", "stack of no 1"]
            assert [one["durationMs"] for one in attempts] == ["1000"] * 3
            assert step["startedAt"] == attempts[0]["startedAt"] < attempts[1]["startedAt"]
            assert step["endedAt"] == attempts[2]["endedAt"]

    asyncio.run(main())


def test_a_failed_attempt_begins_when_the_app_says_and_keeps_what_the_step_was_given() -> None:
    async def main() -> None:
        async with lab() as it:

            def script(call: Called) -> Reply:
                if call.has("a"):
                    return returned(1)
                it.clock.advance(2)
                timing = {"a": round((it.clock.now() - 0.5) * 1e9), "b": 500_000_000}
                return ops(step_error("a", "no") | {"timing": timing, "opts": {"input": [7]}})

            it.serve("f", script, retries=1)
            event = it.send("t/f")
            await it.called(1)
            await it.time.advance(60)
            await it.ended(event)
            step = steps_of(trace_of(it, it.runs(event)[0]["run_id"]))["a"]
            assert [one["durationMs"] for one in step["children"]] == ["500", "500"]
            assert (step["status"], step["input"]) == ("FAILED", [7])

    asyncio.run(main())


TRACEBACK = """Traceback (most recent call last):
  File "/srv/.venv/lib/python3.12/site-packages/lib/pool.py", line 5, in call
    return function()
  File "/srv/shop/orders.py", line 12, in charge
    raise ValueError("no money")
ValueError: no money
"""


def test_an_error_has_its_frames_and_tells_which_are_the_users_own() -> None:
    async def main() -> None:
        async with lab() as it:
            error = {"name": "ValueError", "message": "no money", "stack": TRACEBACK}
            it.serve("f", lambda call: Reply(500, error, {"x-inngest-no-retry": "true"}))
            run = await it.run("t/f")
            shown = it.request("GET", f"/api/v2/runs/{run['run_id']}?includeOutput=true").body["data"]
            assert (shown["error"]["name"], shown["error"]["message"]) == ("ValueError", "no money")
            assert [(frame["file"], frame["line"], frame["own"]) for frame in shown["error"]["frames"]] == [
                ("/srv/.venv/lib/python3.12/site-packages/lib/pool.py", 5, False),
                ("/srv/shop/orders.py", 12, True),
            ]
            assert shown["error"]["frames"][1]["code"] == ['raise ValueError("no money")']
            assert "error" not in it.request("GET", f"/api/v2/runs/{run['run_id']}").body["data"]

    asyncio.run(main())


def test_attempts_of_the_function_have_their_errors_too() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", lambda call: raised(f"no {call.ctx['attempt']}"), retries=2)
            event = it.send("t/f")
            await it.called(1)
            await it.time.advance(60)
            await it.ended(event)
            root = trace_of(it, it.runs(event)[0]["run_id"])
            attempts = root["children"][-1]["children"]
            assert [one["attempt"] for one in attempts] == [0, 1, 2]
            assert attempts[0]["output"] == {"name": "Error", "message": "no 0", "stack": "st"}

    asyncio.run(main())


def test_a_very_large_error_of_an_attempt_is_cut() -> None:
    async def main() -> None:
        async with lab() as it:
            large = Reply(500, {"name": "E", "message": "m" * 50_000, "stack": "s" * 50_000})
            it.serve("f", lambda call: large)
            event = it.send("t/f")
            await it.said("attempt 1 failed")
            root = trace_of(it, it.runs(event)[0]["run_id"])
            error = root["children"][-1]["children"][0]["output"]
            assert (len(error["message"]), len(error["stack"])) == (4096, 16384)

    asyncio.run(main())


def test_invoked_parent_and_repeated_runs_are_named() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("child", lambda call: returned(7))
            it.serve(
                "f",
                lambda call: (
                    returned(1)
                    if call.has("i")
                    else ops(op("InvokeFunction", "i", opts={"function_id": "app-child", "payload": {"data": {}}}))
                ),
            )
            run = await it.run("t/f")
            step = steps_of(trace_of(it, run["run_id"]))["i"]
            child = it.request("GET", f"/api/v2/runs/{step['invokedRunId']}").body["data"]
            assert (child["function"]["id"], child["parentRunId"], child["parentStepId"]) == (
                "child",
                run["run_id"],
                hash_id("i"),
            )
            again = it.request("POST", f"/api/v2/runs/{run['run_id']}/rerun").body["data"]["runId"]
            assert it.request("GET", f"/api/v2/runs/{run['run_id']}").body["data"]["reruns"] == [again]
            assert it.request("GET", f"/api/v2/runs/{again}").body["data"]["rerunOf"] == run["run_id"]

    asyncio.run(main())


def test_what_waits_says_its_options_and_why_it_waits() -> None:
    async def main() -> None:
        async with lab() as it:
            wait = {"event": "t/x", "timeout": "1h", "if": "async.data.a == 1"}
            it.serve("f", lambda call: ops(op("WaitForEvent", "w", opts=wait)))
            event = it.send("t/f")
            await it.said("waits for")
            step = steps_of(trace_of(it, it.runs(event)[0]["run_id"]))["w"]
            assert step["stepOp"] == "WAIT_FOR_EVENT"
            assert step["detail"] == 'waits for "t/x" for 1h if async.data.a == 1'
            assert step["waitsFor"] == ['step "w" waits for the event t/x until 2027-01-15T09:00:00.000000Z']

    asyncio.run(main())
