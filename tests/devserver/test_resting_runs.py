"""Many runs that sleep: most of them are put to rest, which nobody notices."""

from __future__ import annotations

import asyncio
from pathlib import Path

from .harness import Called, Lab, Reply, lab, op, ops, returned

MANY = 1100
"""More than an engine keeps in memory when they only sleep."""
HOUR = 3600.0


def sleeper(call: Called) -> Reply:
    n = call.body["event"]["data"]["n"]
    return returned(n) if call.has("nap") else ops({**op("Sleep", "nap"), "name": "1h"})


async def many_asleep(it: Lab) -> list[str]:
    it.serve("f", sleeper)
    answer = it.request("POST", "/e/key", [{"name": "t/f", "data": {"n": n}} for n in range(MANY)])
    await it.time.settle()
    ids: list[str] = answer.body["ids"]
    return ids


def outputs(it: Lab, events: list[str]) -> list[object]:
    return [it.runs(event)[0]["output"] for event in events]


EXPECTED = list(range(MANY))


def test_all_of_them_wake_and_end() -> None:
    async def main() -> None:
        async with lab() as it:
            events = await many_asleep(it)
            await it.time.advance(HOUR)
            assert outputs(it, events) == EXPECTED
            assert len(it.app.calls) == 2 * MANY

    asyncio.run(main())


def test_they_are_shown_cancelled_and_counted_like_others() -> None:
    async def main() -> None:
        async with lab() as it:
            events = await many_asleep(it)
            run = it.runs(events[-1])[0]["run_id"]
            shown = it.request("GET", f"/v1/runs/{run}").body["data"]
            assert shown["waits_for"] == ['step "nap" sleeps until 2027-01-15T09:00:00.000000Z']
            assert it.request("DELETE", f"/v1/runs/{run}").status == 204
            assert it.runs(events[-1])[0]["status"] == "Cancelled"
            body = {"app_id": "app", "function_id": "f", "started_before": "2028-01-01T00:00:00Z"}
            assert it.request("POST", "/v1/cancellations", body).status == 201
            assert {it.runs(event)[0]["status"] for event in events} == {"Cancelled"}
            await it.time.advance(HOUR)
            assert len(it.app.calls) == MANY

    asyncio.run(main())


def test_they_go_on_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "engine.db"

    async def before() -> list[str]:
        async with lab(persist=path) as it:
            return await many_asleep(it)

    async def after(events: list[str]) -> None:
        async with lab(persist=path) as it:
            it.serve("f", sleeper)
            assert any(f"resumed {MANY} runs" in line for line in it.lines)
            await it.time.advance(HOUR)
            assert outputs(it, events) == EXPECTED

    asyncio.run(after(asyncio.run(before())))


def test_an_app_that_is_removed_takes_its_sleepers_with_it() -> None:
    async def main() -> None:
        async with lab() as it:
            events = await many_asleep(it)
            assert it.request("DELETE", "/fn/remove?url=http://app.test/api/inngest").status == 200
            assert {it.runs(event)[0]["status"] for event in events} == {"Cancelled"}

    asyncio.run(main())
