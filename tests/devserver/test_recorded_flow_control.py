"""Flow control as a real engine applied it: every event of the recording is sent, and the calls must be the same.

The recorded engine was busy and looks at its queue a few times a second, so a call may be up to a second off; and
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


def schedules(case: dict[str, Any], calls: list[tuple[str, list[int], float]]) -> dict[Any, list[list[float]]]:
    """Return the times of the calls, by their kind and the moments of their events; a list for each value of a key.

    Which value goes first of those that were sent at one moment is arbitrary, so their lists are in order of time.
    """
    events = {event["n"]: event for event in case["events"]}
    priority = "priority" in case["config"]  # among these only the times count
    found = collections.defaultdict[Any, dict[str, list[float]]](dict)
    for kind, numbers, at in calls:
        sent = () if priority else tuple(sorted(events[number]["at_s"] for number in numbers))
        data = "" if priority else json.dumps(sorted(json.dumps(events[number]["data"]) for number in numbers))
        found[kind, sent].setdefault(data, []).append(at)
    return {what: sorted(sorted(times) for times in by_data.values()) for what, by_data in found.items()}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_calls_are_made_when_a_real_engine_makes_them(case: dict[str, Any]) -> None:
    async def main() -> None:
        async with lab() as it:
            made = [(kind, numbers, at) for at, kind, numbers in await play(it, case)]
            recorded = [(call["kind"], call["events"], call["at_s"]) for call in case["calls"]]
            ours, theirs = schedules(case, made), schedules(case, recorded)
            assert ours.keys() == theirs.keys()
            for what in theirs:
                assert len(ours[what]) == len(theirs[what]), what
                for our_times, their_times in zip(ours[what], theirs[what], strict=True):
                    assert our_times == pytest.approx(their_times, abs=SECONDS_OF_SLACK), what

    asyncio.run(main())


def test_the_recording_has_all_of_its_cases() -> None:
    assert len(CASES) == 28
