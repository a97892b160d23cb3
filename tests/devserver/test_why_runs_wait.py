"""What a run says about why it waits."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from .harness import Called, Lab, Reply, lab, op, ops, raised, returned


def reasons(it: Lab, event_id: str) -> list[str]:
    run_id = it.runs(event_id)[0]["run_id"]
    one: list[str] = it.request("GET", f"/v1/runs/{run_id}").body["data"].get("waits_for", [])
    other = it.request("GET", f"/api/v2/runs/{run_id}").body["data"].get("waitsFor", [])
    assert one == other
    return one


def nap(called: Called) -> Reply:
    return returned(None) if called.has("nap") else ops({**op("Sleep", "nap"), "name": "1h"})


def wait(_: Called) -> Reply:
    return ops({**op("WaitForEvent", "paid"), "opts": {"event": "shop/paid", "timeout": "1h"}})


def fail(_: Called) -> Reply:
    return raised("no")


@pytest.mark.parametrize(
    ("script", "config", "events", "expected"),
    [
        (nap, {}, 1, 'step "nap" sleeps until 2027-01-15T09:00:00'),
        (wait, {}, 1, 'step "paid" waits for the event shop/paid until 2027-01-15T09:00:00'),
        (fail, {}, 1, "retry 1 of 4 is made in "),
        (nap, {"throttle": {"limit": 1, "period": "1h"}}, 2, "throttled until 2027-01-15T09:00:00"),
        (nap, {"concurrency": {"fn": [{"limit": 1}]}}, 2, "concurrency of app-f: 1 of 1, held by 01"),
    ],
    ids=["sleep", "wait", "retry", "throttle", "concurrency"],
)
def test_a_run_says_what_it_waits_for(script: Any, config: dict[str, Any], events: int, expected: str) -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", script, **config)
            ids = [it.send("t/f") for _ in range(events)]
            await it.time.advance(1)
            said = [text for event_id in ids for text in reasons(it, event_id) if text.startswith(expected)]
            assert len(said) == 1, [reasons(it, event_id) for event_id in ids]

    asyncio.run(main())


def test_a_run_whose_app_is_down_says_so_and_one_that_has_ended_says_nothing() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", lambda _: returned(None))
            it.app.down = True
            event_id = it.send("t/f")
            await it.said("trying until the app is there")
            assert reasons(it, event_id)[0].startswith("the app does not answer; it is called again at 2027-01-15T08:")
            it.app.down = False
            await it.time.advance(60)
            assert it.runs(event_id)[0]["status"] == "Completed"
            assert reasons(it, event_id) == []

    asyncio.run(main())


def test_an_app_that_answers_nothing_is_spoken_of_once() -> None:
    async def main() -> None:
        async with lab(concurrency=4) as it:
            hangs = asyncio.Event()

            async def hang(_: Called) -> Reply:
                await hangs.wait()
                return returned(None)

            it.serve("f", hang)
            it.serve("g", hang)
            for name in ("f", "f", "f", "f", "g"):
                it.send(f"t/{name}")
            await it.called(4)
            it.clock.advance(31)
            await it.said('the app "app" has not answered any of 4 calls for 30 s')
            assert len([line for line in it.lines if "has not answered" in line]) == 2
            assert any("the function app-f has not answered any of 3 calls" in line for line in it.lines)
            hangs.set()
            await it.until(lambda: len([line for line in it.lines if "run completed" in line]) == 5)

    asyncio.run(main())
