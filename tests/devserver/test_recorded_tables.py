"""What a real engine made of expressions and of configurations, case by case: this one must make the same of them."""

from __future__ import annotations

import asyncio
import functools
import json
from pathlib import Path
from typing import Any

import pytest

from .harness import APP_URL, Called, Lab, Reply, lab, op, ops, returned

RECORDINGS = Path(__file__).parents[1] / "golden" / "recordings"


def recorded(name: str) -> dict[str, Any]:
    table: dict[str, Any] = json.loads((RECORDINGS / name).read_text(encoding="utf-8"))
    return table


EXPRESSIONS = recorded("expressions.json")
WAITS = recorded("wait-expressions.json")
REGISTRATIONS = recorded("registration-cases.json")


def function(**changed: Any) -> dict[str, Any]:
    runtime = {"type": "http", "url": f"{APP_URL}?fnId=app-f&stepId=step"}
    steps = {"step": {"id": "step", "name": "step", "runtime": runtime}}
    return {"id": "app-f", "name": "f", "triggers": [{"event": "a"}], "steps": steps, **changed}


def register(it: Lab, config: dict[str, Any]) -> tuple[int, Any]:
    answer = it.request("POST", "/fn/register", {"appName": "app", "url": APP_URL, "functions": [config]})
    return answer.status, answer.body


@pytest.mark.parametrize("case", EXPRESSIONS["expressions"], ids=lambda case: case["expression"])
def test_which_events_start_a_function(case: dict[str, Any]) -> None:
    async def main() -> None:
        async with lab() as it:
            it.app.scripts["app-f"] = lambda call: returned(None)
            trigger = {"event": "x/test", "expression": case["expression"]}
            status, _ = register(it, function(triggers=[trigger]))
            assert (status == 200) is case["registers"]
            ids = [it.request("POST", "/e/key", event).body["ids"][0] for event in EXPRESSIONS["events"]]
            started = [number for number, event_id in enumerate(ids) if it.runs(event_id)]
            assert started == case["starts_for_events"]

    asyncio.run(main())


@pytest.mark.parametrize("case", WAITS["expressions"], ids=lambda case: case["if"])
def test_which_events_end_a_wait(case: dict[str, Any]) -> None:
    """Where the recorded run never got to its wait, the run fails here and says why."""

    async def main() -> None:
        async with lab() as it:

            def script(call: Called) -> Reply:
                if call.has("w"):
                    return returned(call.memo("w") is not None)
                opts = {"event": "x/w", "timeout": "1h", "if": case["if"]}
                return ops(op("WaitForEvent", "w", opts=opts))

            it.serve("f", script)
            matched: list[bool | None] = []
            for number, (first, second) in enumerate(WAITS["cases"]):
                event_id = it.send("t/f", first)
                await it.called(len(it.app.calls) + 1)
                await it.until(functools.partial(settled, it, event_id))
                it.send("x/w", second)
                it.clock.advance(3600)
                run = await it.ended(event_id)
                matched.append(run["output"] if run["status"] == "Completed" else None)
                if run["status"] == "Failed":
                    assert run["output"]["name"] == "InvalidExpression", number
            assert matched == case["matched"]

    asyncio.run(main())


def settled(it: Lab, event_id: str) -> bool:
    """Tell whether something has happened in the run since it started: it waits, or has failed."""
    run_id = it.runs(event_id)[0]["run_id"]
    return len(it.request("GET", f"/v1/runs/{run_id}/history").body["data"]) > 1


@pytest.mark.parametrize("case", REGISTRATIONS["cases"], ids=lambda case: case["case"])
def test_which_configurations_are_taken(case: dict[str, Any]) -> None:
    config = {key: value for key, value in function(**case["changed"]).items() if key not in case["without"]}

    async def main() -> None:
        async with lab() as it:
            status, body = register(it, config)
            assert (status == 200) is case["accepted"], body
            if status != 200:
                assert body["error"] == "At least one function is invalid"
                assert body["details"], "a refusal says why"

    asyncio.run(main())


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"batchEvents": {"maxSize": 10, "timeout": "500ms"}}, "batchEvents.timeout is '500ms'; expected at least 1s"),
        ({"batchEvents": {"maxSize": 10, "timeout": "5s"}, "priority": {"run": "1"}}, "together with priority"),
        ({"concurrency": {"fn": [{"limit": 1}, {"limit": 2}]}}, "concurrency.fn has 2 limits; at most 1 is allowed"),
        ({"concurrency": {"fn": [{"limit": 0}]}}, "concurrency.fn.limit is 0; expected at least 1"),
        (
            {"concurrency": {"fn": [{"limit": 1, "scope": "env", "key": "'x'"}]}},
            "concurrency.fn.scope is 'env'; only 'fn' is allowed here",
        ),
        ({"concurrency": "5"}, "concurrency is a JSON string; expected an integer, an object or an array"),
        ({"concurrency": [{"limit": "5"}]}, "concurrency[0].limit is '5'; expected an integer"),
        ({"cancel": [{"event": "z", "if": "has(async.data.x)"}]}, "has() does not work in a cancellation"),
        (
            {"cancel": [{"event": "z", "if": "async.data.l.map(x, x)[0] == 1"}]},
            "a macro such as exists() or map() does not work in a cancellation",
        ),
        (
            {"cancel": [{"event": "z", "if": "async.data.s.startsWith('a')"}]},
            "startsWith() does not work in a cancellation",
        ),
        ({"cancel": [{"event": "z", "if": "lowercase(async.data.s) == 'a'"}]}, "lowercase() does not work"),
        ({"debounce": 1}, "debounce is a JSON number; expected an object"),
        ({"triggers": [{"cron": "0 * * * *", "jitter": "soon"}]}, "triggers[0].jitter is 'soon'; expected a duration"),
        ({"triggers": [{"cron": "0 * * *"}]}, "triggers[0].cron is '0 * * *'; expected five fields"),
    ],
)
def test_refusals_say_what_to_change(changed: dict[str, Any], said: str) -> None:
    async def main() -> None:
        async with lab() as it:
            status, body = register(it, function(**changed))
            assert status == 400
            assert any(said in detail for detail in body["details"]), body["details"]

    asyncio.run(main())


@pytest.mark.parametrize("expression", ["event.data.x == '" + "x" * 778 + "'", "event.data.id == async.data.id"])
def test_long_expressions_are_taken(expression: str) -> None:
    async def main() -> None:
        async with lab() as it:
            assert register(it, function(triggers=[{"event": "a", "expression": expression}]))[0] == 200

    asyncio.run(main())


@pytest.mark.parametrize("fields", [{}, {"key": None}, {"key": "event.data.x", "scope": "account"}])
def test_the_new_form_of_concurrency_is_taken(fields: dict[str, Any]) -> None:
    async def main() -> None:
        async with lab() as it:
            both = {"fn": [{"limit": 3}], "step": [{"limit": 1, **fields}, {"limit": 2}]}
            assert register(it, function(concurrency=both))[0] == 200

    asyncio.run(main())


def test_a_function_without_an_id_is_named_after_its_name() -> None:
    async def main() -> None:
        async with lab() as it:
            config = {**function(name="My Function!"), "id": ""}
            assert register(it, config)[0] == 200
            assert [one["slug"] for one in it.request("GET", "/dev").body["functions"]] == ["my-function"]

    asyncio.run(main())


@pytest.mark.parametrize(
    ("pattern", "starts"),
    [("app/*", True), ("app/user.*", True), ("app/us*", False), ("*", False), ("app/*.made", False)],
)
def test_wildcards_work_after_a_slash_or_a_dot_at_the_end(pattern: str, starts: bool) -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", lambda call: returned(None), event=pattern)
            assert bool(it.runs(it.send("app/user.made"))) is starts

    asyncio.run(main())


def test_a_cancellation_may_end_at_a_date() -> None:
    async def main() -> None:
        async with lab() as it:
            assert it.clock.now() == 1_800_000_000.0  # 2027-01-15T08:00:00Z
            rules = [{"event": "t/stop", "timeout": "2027-01-15T09:00:00Z"}]
            it.serve("f", lambda call: ops({**op("Sleep", "nap"), "name": "1d"}), cancel=rules)
            early = it.send("t/f")
            await it.said("sleeps for")
            it.send("t/stop")
            assert it.runs(early)[0]["status"] == "Cancelled"
            late = it.send("t/f")
            await it.called(2)
            it.clock.advance(3601)
            it.send("t/stop")
            assert it.runs(late)[0]["status"] == "Running"

    asyncio.run(main())
