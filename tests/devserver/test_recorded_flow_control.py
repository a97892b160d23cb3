"""Flow control as a real engine applied it: every event of the recording is sent, and the calls must be the same.

The recorded engine was busy and looks at its queue a few times a second, so a call may be a second earlier here; and
which of the events of one moment goes first is arbitrary there.
"""

from __future__ import annotations

import asyncio
import collections
import json
import re
from pathlib import Path
from typing import Any

import pytest

from .harness import Called, Lab, Reply, Script, lab, op, ops, returned

RECORDING = Path(__file__).parents[1] / "golden" / "recordings" / "flow-control.json"
CASES: list[dict[str, Any]] = json.loads(RECORDING.read_text(encoding="utf-8"))["cases"]
SECONDS_OF_SLACK = 1.0
PASSED_OVER = {"concurrency-1-key", "concurrency-3-and-1-key"}
"""Here the recorded engine left turns unused for a second: when it meets a call that must wait, it looks at those
behind it later. Ours may be earlier, never later, and keep the limits."""
LONG_AFTER = 120.0


def script(it: Lab, what: str) -> Script:
    """Return an app that does what the recording says of the function."""
    sleeps = re.match(r"sleeps ([0-9.]+) s", what)
    answers = re.match(r"answers after ([0-9.]+) s", what)

    async def call(called: Called) -> Reply:
        if answers:
            await it.time.sleep(float(answers[1]))
        if sleeps and not called.has("nap"):
            return ops({**op("Sleep", "nap"), "name": f"{sleeps[1]}s"})
        return returned(None)

    return call


async def play(it: Lab, case: dict[str, Any]) -> list[tuple[float, str, list[int]]]:
    """Send the events of a case; return the calls: when, "start" or "again", and the numbers of the events."""
    it.serve("f", script(it, case["function"]), event="flow/go", **case["config"])
    begun = it.clock.now()
    for event in sorted(case["events"], key=lambda event: event["at_s"]):
        await it.time.move_to(begun + event["at_s"])
        fields = {"id": event["id"]} if "id" in event else {}
        it.send(event.get("name", "flow/go"), {**event["data"], "n": event["n"]}, **fields)
    await it.time.advance(LONG_AFTER)
    return [
        (
            round(call.time - begun, 3),
            "again" if call.steps else "start",
            [event["data"]["n"] for event in call.body["events"]],
        )
        for call in it.app.of("f")
    ]


def key(case: dict[str, Any], numbers: list[int]) -> tuple[Any, ...]:
    """Return what tells the events of a call from others: when they were sent, and their data."""
    events = {event["n"]: event for event in case["events"]}
    priority = "priority" in case["config"]  # among these only the times count
    return tuple(
        sorted(
            (0 if priority else events[number]["at_s"], "" if priority else json.dumps(events[number]["data"]))
            for number in numbers
        )
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_calls_are_made_when_a_real_engine_makes_them(case: dict[str, Any]) -> None:
    async def main() -> None:
        async with lab() as it:
            made = collections.defaultdict[Any, list[float]](list)
            for at, kind, numbers in await play(it, case):
                made[kind, key(case, numbers)].append(at)
            recorded = collections.defaultdict[Any, list[float]](list)
            for call in case["calls"]:
                recorded[call["kind"], key(case, call["events"])].append(call["at_s"])
            assert made.keys() == recorded.keys()
            for what, times in recorded.items():
                assert len(made[what]) == len(times), what
                for ours, theirs in zip(sorted(made[what]), sorted(times), strict=True):
                    earliest = 0.0 if case["case"] in PASSED_OVER else theirs - SECONDS_OF_SLACK
                    assert earliest <= ours <= theirs + SECONDS_OF_SLACK, what

    asyncio.run(main())


@pytest.mark.parametrize("case", [case for case in CASES if case["case"] in PASSED_OVER], ids=lambda case: case["case"])
def test_limits_with_keys_are_kept_and_used(case: dict[str, Any]) -> None:
    async def main() -> None:
        async with lab() as it:
            users = {event["n"]: event["data"]["u"] for event in case["events"]}
            calls = [(at, users[numbers[0]]) for at, _, numbers in await play(it, case)]
            most = next((each["limit"] for each in case["config"]["concurrency"] if "key" not in each), len(users))
            turns = sorted({at for at, _ in calls})
            for turn in turns:
                started = [user for at, user in calls if at == turn]
                left = {user for at, user in calls if at >= turn}
                assert len(started) == len(set(started)), "one of each user at a time"
                assert len(started) == min(most, len(left)), "no turn is left unused"
            assert turns == [float(turn) for turn in range(len(turns))], "each call takes a second"

    asyncio.run(main())


def test_the_recording_has_all_of_its_cases() -> None:
    assert len(CASES) == 28
