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


def long_waits(it: Lab) -> list[str]:
    return [line.partition("run has waited for ")[2] for line in it.lines if "has waited" in line]


def test_the_terminal_tells_of_a_function_whose_runs_wait_for_long_once_a_minute() -> None:
    async def main() -> None:
        async with lab() as it:

            async def script(_: Called) -> Reply:
                await it.time.sleep(10)
                return returned(None)

            it.serve("f", script, concurrency=[{"limit": 1}])
            for _ in range(20):
                it.send("t/f")
            await it.time.advance(2)
            assert long_waits(it) == []
            await it.time.advance(2)
            await it.said("has waited for 4 s: concurrency of app-f: 1 of 1, held by 01")
            await it.time.advance(50)
            assert len(long_waits(it)) == 1
            await it.time.advance(20)
            await it.until(lambda: len(long_waits(it)) == 2)

    asyncio.run(main())


def test_the_terminal_tells_when_all_calls_of_an_app_hang() -> None:
    async def main() -> None:
        async with lab(concurrency=4) as it:
            hang = asyncio.Event()

            async def script(_: Called) -> Reply:
                await hang.wait()
                return returned(None)

            it.serve("f", script)
            for _ in range(5):
                it.send("t/f")
            await it.called(3)
            it.clock.advance(4)
            await it.said("has waited for")
            assert long_waits(it) == ["4 s: 3 calls of its function are under way"]
            hang.set()

    asyncio.run(main())


def test_functions_that_hang_leave_calls_of_their_app_to_others() -> None:
    """A function always gets two calls at a time, up to half more than the app should, however many hang."""

    async def main() -> None:
        async with lab(concurrency=8) as it:
            never = asyncio.Event()

            async def hang(_: Called) -> Reply:
                await never.wait()
                return returned(None)

            for name in ("a", "b", "c"):
                it.serve(name, hang)
            it.serve("healthy", lambda call: returned("done"))
            stuck: list[str] = []
            for name, called in (("a", 6), ("b", 8), ("c", 10)):
                stuck += [it.send(f"t/{name}") for _ in range(10)]
                await it.called(called)
            for _ in range(3):
                assert (await it.run("t/healthy"))["output"] == "done"
            assert [len(it.app.of(name)) for name in ("a", "b", "c", "healthy")] == [6, 2, 2, 3]
            it.clock.advance(4)
            await it.said("10 calls of its app are under way")
            for event in stuck:
                run = it.runs(event)[0]["run_id"]
                assert it.request("DELETE", f"/v1/runs/{run}").status == 204
            assert (await it.run("t/healthy"))["output"] == "done"

    asyncio.run(main())


def test_a_throttled_run_says_until_when_and_one_that_waits_shortly_says_nothing() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", lambda _: returned(None), throttle={"limit": 1, "period": "2s"})
            it.serve("g", lambda _: returned(None), throttle={"limit": 1, "period": "1h"})
            for name in "ffgg":
                it.send(f"t/{name}")
            await it.time.advance(10)
            await it.said("has waited for")
            assert long_waits(it)[0].endswith("s: throttled until 2027-01-15T09:00:00.000000Z")
            assert len(long_waits(it)) == 1

    asyncio.run(main())
