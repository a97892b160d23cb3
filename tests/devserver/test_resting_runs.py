"""Many runs that sleep, wait or stand in line: most of them are put to rest, which nobody notices."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from .harness import Called, Lab, Reply, Script, lab, op, ops, returned

MANY = 1100
"""More than an engine keeps in memory when they only wait."""
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


def waiter(call: Called) -> Reply:
    """Wait for an event about the same number, beside a sleep, and then for a signal."""
    n = call.body["event"]["data"]["n"]
    if call.has("signal"):
        return returned([n, call.memo("wait")["data"]["text"]])
    if call.has("wait"):
        return ops({**op("WaitForSignal", "signal"), "opts": {"signal": f"signal {n}", "timeout": "1h"}})
    met = "event.data.n == async.data.n"
    return ops({**op("WaitForEvent", "wait"), "opts": {"event": "t/go", "if": met, "timeout": "1h"}})


CANCELLED_BY = {"event": "t/stop", "if": "event.data.n == async.data.n"}


async def many_waiting(it: Lab) -> list[str]:
    it.serve("f", waiter, cancel=[CANCELLED_BY])
    answer = it.request("POST", "/e/key", [{"name": "t/f", "data": {"n": n}} for n in range(MANY)])
    await it.time.settle()
    ids: list[str] = answer.body["ids"]
    return ids


def test_events_and_signals_find_those_that_wait_for_them() -> None:
    met, stopped = MANY - 1, MANY - 2

    async def main() -> None:
        async with lab() as it:
            events = await many_waiting(it)
            it.send("t/go", {"n": met, "text": "hello"})
            it.send("t/stop", {"n": stopped})
            await it.time.settle()
            assert it.request("POST", "/v1/signals", {"signal": f"signal {met}", "data": None}).status == 200
            await it.time.settle()
            assert it.runs(events[met])[0]["output"] == [met, "hello"]
            statuses = [it.runs(event)[0]["status"] for event in events]
            assert statuses == ["Running"] * stopped + ["Cancelled", "Completed"]
            assert len(it.app.calls) == MANY + 2

    asyncio.run(main())


def test_events_and_signals_find_them_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "engine.db"

    async def before() -> list[str]:
        async with lab(persist=path) as it:
            return await many_waiting(it)

    async def after(events: list[str]) -> None:
        async with lab(persist=path) as it:
            it.app.scripts["app-f"] = waiter
            it.send("t/go", {"n": MANY - 1, "text": "hello"})
            it.send("t/stop", {"n": MANY - 2})
            await it.time.settle()
            assert it.runs(events[MANY - 2])[0]["status"] == "Cancelled"
            assert len(it.app.calls) == 1

    asyncio.run(after(asyncio.run(before())))


def test_what_cancels_them_may_be_registered_anew() -> None:
    """An event that cancelled the runs of a function before is like any other one then."""

    async def main() -> None:
        async with lab() as it:
            (first, *_, last) = await many_waiting(it)
            it.serve("f", waiter, cancel=[{"event": "t/end"}])
            it.send("t/go", {"n": 0, "text": "hello"})
            it.send("t/go", {"n": MANY - 1, "text": "hello"})
            await it.time.settle()
            it.send("t/end")
            for name in ("t/stop", "t/end"):
                assert it.request("POST", "/e/key", {"name": name, "data": {"n": 5}}).status == 200
            assert {it.runs(event)[0]["status"] for event in (first, last)} == {"Cancelled"}

    asyncio.run(main())


def test_a_run_that_is_looked_at_stays_at_rest() -> None:
    async def main() -> None:
        async with lab() as it:
            events = await many_waiting(it)
            before = len(it.engine.active.awake())
            for event in events:
                run = it.runs(event)[0]["run_id"]
                assert it.request("GET", f"/v1/runs/{run}").body["data"]["waits_for"]
            body = {"app_id": "app", "function_id": "f", "started_before": "2027-01-15T07:59:59Z"}
            assert it.request("POST", "/v1/cancellations", body).status == 201
            assert len(it.engine.active.awake()) == before

    asyncio.run(main())


ONE_AT_A_TIME: dict[str, Any] = {
    "concurrency": [{"limit": 1}],
    "priority": {"run": "event.data.first ? 60 : 0"},
    "cancel": [CANCELLED_BY],
}
URGENT, STOPPED = 1050, 1051


def busy_until(go: asyncio.Event) -> Script:
    """Answer calls once *go* is set."""

    async def answer(call: Called) -> Reply:
        await go.wait()
        return returned(call.body["event"]["data"]["n"])

    return answer


def many_in_line(it: Lab, go: asyncio.Event) -> list[str]:
    it.serve("f", busy_until(go), **ONE_AT_A_TIME)
    events = [{"name": "t/f", "data": {"n": n, "first": n == URGENT}} for n in range(MANY)]
    ids: list[str] = it.request("POST", "/e/key", events).body["ids"]
    return ids


def called_for(it: Lab) -> list[int]:
    return [call.body["event"]["data"]["n"] for call in it.app.calls]


def test_runs_that_stand_in_line_are_called_in_their_order() -> None:
    async def main() -> None:
        go = asyncio.Event()
        async with lab() as it:
            events = many_in_line(it, go)
            await it.called(1)
            assert called_for(it) == [URGENT]
            assert len(it.engine.active.awake()) < MANY
            it.send("t/stop", {"n": STOPPED})
            assert it.runs(events[STOPPED])[0]["status"] == "Cancelled"
            last = it.runs(events[-1])[0]["run_id"]
            (reason,) = it.request("GET", f"/v1/runs/{last}").body["data"]["waits_for"]
            assert "1 of 1, held by" in reason
            queued = it.request("GET", "/api/v2/runs?status=QUEUED&limit=1").body["data"]
            assert [run["id"] for run in queued] == [last]
            go.set()
            await it.time.settle()
            assert called_for(it) == [URGENT, *(n for n in range(MANY) if n not in (URGENT, STOPPED))]
            assert outputs(it, events[-3:]) == EXPECTED[-3:]

    asyncio.run(main())


def test_runs_whose_app_is_down_wait_at_rest_and_go_on_when_it_registers() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", lambda call: returned(call.body["event"]["data"]["n"]))
            it.app.down = True
            events = [{"name": "t/f", "data": {"n": n}} for n in range(MANY)]
            ids: list[str] = it.request("POST", "/e/key", events).body["ids"]
            await it.time.settle()
            assert len(it.engine.active.awake()) < MANY
            run = it.runs(ids[-1])[0]["run_id"]
            (reason,) = it.request("GET", f"/v1/runs/{run}").body["data"]["waits_for"]
            assert reason.startswith("the app does not answer; it is called again at")
            it.app.down = False
            it.register()
            await it.time.settle()
            assert sorted(called_for(it)) == EXPECTED
            assert outputs(it, ids[-3:]) == EXPECTED[-3:]

    asyncio.run(main())


def test_runs_that_stand_in_line_do_so_after_a_restart_and_a_change_of_limits(tmp_path: Path) -> None:
    path = tmp_path / "engine.db"

    async def before() -> list[str]:
        async with lab(persist=path) as it:
            events = many_in_line(it, asyncio.Event())
            await it.called(1)
            return events

    async def after(events: list[str]) -> None:
        go = asyncio.Event()
        async with lab(persist=path) as it:
            it.app.scripts["app-f"] = busy_until(go)
            await it.called(1)
            it.serve("f", busy_until(go), concurrency=[{"limit": 3, "key": "event.data.n % 3"}])
            go.set()
            await it.time.settle()
            assert called_for(it) == [URGENT, *(n for n in range(MANY) if n != URGENT)]
            assert outputs(it, events[-3:]) == EXPECTED[-3:]

    asyncio.run(after(asyncio.run(before())))
