"""Signals in the engine: sent to the one step that waits, in vain, over, and for two at once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from .harness import Answered, Called, Lab, Reply, Script, lab, op, ops, planned, ran, returned


def waiting(signal: str = "go", **opts: Any) -> Script:
    """Return a script that waits once and returns the memo."""

    def script(call: Called) -> Reply:
        if call.has("w"):
            return returned({"memo": call.memo("w")})
        wait = {"signal": signal, "timeout": "1h", **opts}
        return ops({**op("WaitForSignal", "w", opts=wait), "name": signal})

    return script


def signal(it: Lab, name: str = "go", **fields: Any) -> Answered:
    return it.request("POST", "/v1/signals", {"signal": name, **fields})


async def one_waits(it: Lab) -> str:
    """Start a run that waits for the signal; return the id of its event."""
    it.serve("f", waiting())
    event_id = it.send("t/f")
    await it.said('waits for the signal "go" for 1h')
    return event_id


def test_a_signal_ends_the_wait_once() -> None:
    async def main() -> None:
        async with lab() as it:
            event_id = await one_waits(it)
            assert signal(it, "other").status == 404
            sent = signal(it, data={"p": 1})
            assert (sent.status, sent.body["data"]) == (200, {"run_id": it.runs(event_id)[0]["run_id"]})
            assert sent.body["metadata"]["fetched_at"]
            nobody = signal(it, data={"p": 2})
            assert (nobody.status, nobody.body) == (404, {"error": "No signal found", "data": None, "status": 404})
            run = await it.ended(event_id)
            assert run["output"] == {"memo": {"data": {"signal": "go", "data": {"p": 1}}}}

    asyncio.run(main())


def test_a_signal_without_data_and_one_that_is_none() -> None:
    async def main() -> None:
        async with lab() as it:
            event_id = await one_waits(it)
            for body in ({}, {"signal": None}, {"signal": ""}, {"signal": 7}):
                refused = it.request("POST", "/v1/signals", body)
                assert (refused.status, "name of a signal" in refused.body["error"]) == (400, True)
            assert it.request("POST", "/v1/signals", raw=b"[").status == 400
            assert signal(it).status == 200
            assert (await it.ended(event_id))["output"] == {"memo": {"data": {"signal": "go", "data": None}}}

    asyncio.run(main())


def test_the_time_is_over() -> None:
    async def main() -> None:
        async with lab() as it:
            event_id = await one_waits(it)
            it.clock.advance(3601)
            assert (await it.ended(event_id))["output"] == {"memo": None}
            assert signal(it).status == 404

    asyncio.run(main())


def test_a_second_run_that_waits_fails() -> None:
    async def main() -> None:
        async with lab() as it:
            first = await one_waits(it)
            run = await it.run("t/f")
            assert run["status"] == "Failed"
            assert run["output"]["message"] == "Signal conflict; signal wait already exists for another run"
            assert signal(it, data=1).status == 200
            assert (await it.ended(first))["status"] == "Completed"

    asyncio.run(main())


def test_a_second_run_takes_the_signal_over_and_the_first_times_out() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", waiting())
            it.serve("g", waiting(conflict="replace"))
            first = it.send("t/f")
            await it.said("waits for the signal")
            second = it.send("t/g")
            await it.until(lambda: sum("waits for the signal" in line for line in it.lines) == 2)
            assert signal(it, data=1).body["data"]["run_id"] == it.runs(second)[0]["run_id"]
            assert (await it.ended(second))["output"] == {"memo": {"data": {"signal": "go", "data": 1}}}
            assert signal(it, data=2).status == 404
            it.clock.advance(3601)
            assert (await it.ended(first))["output"] == {"memo": None}

    asyncio.run(main())


def test_a_run_that_ends_leaves_its_signal_free() -> None:
    async def main() -> None:
        async with lab() as it:
            first = await one_waits(it)
            run_id = it.runs(first)[0]["run_id"]
            assert it.request("DELETE", f"/v1/runs/{run_id}").status in (200, 204)
            second = it.send("t/f")
            await it.until(lambda: sum("waits for the signal" in line for line in it.lines) == 2)
            assert signal(it, data=3).status == 200
            assert (await it.ended(second))["status"] == "Completed"

    asyncio.run(main())


def test_beside_other_steps_the_wait_is_one_of_them() -> None:
    def script(call: Called) -> Reply:
        if call.targets("a"):
            return ops(ran("a", 1))
        if call.has("a") and call.has("w"):
            return returned([call.memo("a"), call.memo("w")["data"]["data"]])
        return ops(planned("a"), {**op("WaitForSignal", "w", opts={"signal": "go"}), "name": "go"})

    async def main() -> None:
        async with lab() as it:
            it.serve("f", script)
            event_id = it.send("t/f")
            await it.said('step "a" done')
            assert signal(it, data="s").status == 200
            assert (await it.ended(event_id))["output"] == [{"data": 1}, "s"]

    asyncio.run(main())


@pytest.mark.parametrize(
    ("opts", "name", "said"),
    [
        ({"signal": ""}, "", "names no signal"),
        ({"signal": "go", "conflict": "wait"}, "go", 'opts.conflict "wait"'),
        ({"signal": 7}, "go", "opts.signal is a JSON number"),
        ({"signal": "go", "timeout": "soon"}, "go", "opts.timeout"),
    ],
)
def test_what_cannot_be_waited_for_fails_the_run(opts: dict[str, Any], name: str, said: str) -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", lambda _: ops({**op("WaitForSignal", "w", opts=opts), "name": name}), retries=0)
            run = await it.run("t/f")
            assert run["status"] == "Failed"
            assert said in run["output"]["message"]

    asyncio.run(main())


def test_waits_are_kept_over_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "engine.sqlite"

    async def before() -> tuple[str, str]:
        async with lab(persist=path) as it:
            it.serve("f", waiting())
            it.serve("g", waiting(conflict="replace"))
            first = it.send("t/f")
            await it.said("waits for the signal")
            second = it.send("t/g")
            await it.until(lambda: sum("waits for the signal" in line for line in it.lines) == 2)
            return first, second

    async def after(first: str, second: str) -> None:
        async with lab(persist=path) as it:
            it.app.scripts.update({"app-f": waiting(), "app-g": waiting()})
            assert signal(it, data=1).body["data"]["run_id"] == it.runs(second)[0]["run_id"]
            await it.ended(second)
            assert it.runs(first)[0]["status"] == "Running"

    asyncio.run(after(*asyncio.run(before())))
