"""Parallel steps: planning, targeted calls, one discovery when all are done, and the race mode."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from inngest_core.protocol.wire import hash_id

from .harness import Called, Lab, Reply, Script, lab, op, ops, planned, ran, returned


def test_parallel_steps_are_called_for_and_coalesced() -> None:
    async def main() -> None:
        async with lab() as it:
            both_under_way = asyncio.Barrier(2)

            async def step(name: str) -> Reply:
                # Neither answers before both are called: they run at the same time.
                await both_under_way.wait()
                return ops(ran(name, name.upper()))

            def script(call: Called) -> Reply | Awaitable[Reply]:
                for name in ("a", "b"):
                    if call.targets(name):
                        return step(name)
                if call.has("a") and call.has("b"):
                    return returned([call.memo("a")["data"], call.memo("b")["data"]])
                return ops(planned("a"), planned("b"))

            it.serve("f", script)
            assert (await it.run("t/f"))["output"] == ["A", "B"]
            first, one, two, last = it.app.calls
            assert first.ctx["disable_immediate_execution"] is False
            for call in (one, two):
                assert call.ctx["disable_immediate_execution"] is True
                assert call.ctx["step_id"] == "step"
                assert call.headers["x-inngest-step-id"] == call.step
                assert call.ctx["stack"]["current"] == 0
            assert last.step == "step"
            assert last.ctx["disable_immediate_execution"] is False
            assert sorted(last.stack) == sorted([hash_id("a"), hash_id("b")])

    asyncio.run(main())


def test_parallel_step_and_sleep_are_waited_for_together() -> None:
    async def main() -> None:
        async with lab() as it:

            def script(call: Called) -> Reply:
                if call.targets("a"):
                    return ops(ran("a", 1))
                if call.has("nap"):
                    return returned(call.stack)
                return ops(planned("a"), {**op("Sleep", "nap"), "name": "5s"})

            it.serve("f", script)
            event_id = it.send("t/f")
            await it.said('step "a" done')
            it.clock.advance(5)
            run = await it.ended(event_id)
            assert run["output"] == [hash_id("a"), hash_id("nap")]
            assert len(it.app.calls) == 3

    asyncio.run(main())


def two_branches(race: bool, version: str = "2") -> Script:
    """Return a script of two parallel branches, each of two steps."""

    def script(call: Called) -> Reply:
        for name in ("a1", "a2", "b1", "b2"):
            if call.targets(name):
                return ops(ran(name, name))
        found = [
            planned(name, race=race)
            for name, before in (("a1", ""), ("a2", "a1"), ("b1", ""), ("b2", "b1"))
            if not call.has(name) and (not before or call.has(before))
        ]
        if found:
            return Reply(206, found, {"x-inngest-req-version": version})
        return returned("both")

    return script


async def _calls_per_step(it: Lab) -> dict[str, int]:
    run = await it.run("t/f")
    assert run["output"] == "both"
    return {name: sum(call.targets(name) for call in it.app.calls) for name in ("a1", "a2", "b1", "b2")}


def test_each_step_of_racing_branches_runs_once() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", two_branches(race=True))
            assert await _calls_per_step(it) == {"a1": 1, "a2": 1, "b1": 1, "b2": 1}

    asyncio.run(main())


def test_a_racing_branch_goes_on_while_the_other_is_still_running() -> None:
    async def main() -> None:
        async with lab() as it:
            release = asyncio.Event()

            async def slow() -> Reply:
                await release.wait()
                return ops(ran("slow"))

            def script(call: Called) -> Reply | Awaitable[Reply]:
                if call.targets("slow"):
                    return slow()
                for name in ("fast", "next"):
                    if call.targets(name):
                        return ops(ran(name))
                if call.has("next"):
                    return returned("fast won")
                if call.has("fast"):
                    # A step that is still pending is reported again by some apps: the engine knows it already.
                    return ops(planned("slow", race=True), planned("next", race=True))
                return ops(planned("fast", race=True), planned("slow", race=True))

            it.serve("f", script)
            run = await it.run("t/f")
            assert run["output"] == "fast won"
            discoveries = [call for call in it.app.calls if call.step == "step"]
            assert [call.ctx["disable_immediate_execution"] for call in discoveries] == [False, False, False]
            assert sum(call.targets("slow") for call in it.app.calls) == 1
            release.set()
            history = it.request("GET", f"/v1/runs/{run['run_id']}/history").body["data"]
            assert [item["type"] for item in history].count("run.ended") == 1

    asyncio.run(main())


def test_old_request_versions_discover_after_each_step() -> None:
    async def main() -> None:
        async with lab() as it:
            first_branch_is_done = asyncio.Event()
            branches = two_branches(race=False, version="1")

            async def held(call: Called) -> Reply:
                await first_branch_is_done.wait()
                return ops(ran("b1", "b1"))

            def script(call: Called) -> Reply | Awaitable[Reply]:
                if call.targets("b1"):
                    return held(call)
                if call.has("a2"):
                    first_branch_is_done.set()
                return branches(call)

            it.serve("f", script)
            assert await _calls_per_step(it) == {"a1": 1, "a2": 1, "b1": 1, "b2": 1}
            later = [call for call in it.app.calls[1:] if call.step == "step"]
            assert {call.body["version"] for call in later} == {1}
            assert all(call.ctx["disable_immediate_execution"] for call in later)

    asyncio.run(main())


def test_missing_version_pins_version_0() -> None:
    async def main() -> None:
        async with lab() as it:

            def script(call: Called) -> Reply:
                if call.has("a"):
                    return returned(call.body["version"])
                return Reply(206, [ran("a")], {"x-inngest-req-version": ""})

            it.serve("f", script)
            assert (await it.run("t/f"))["output"] == 0

    asyncio.run(main())


def test_a_parallel_step_that_fails_is_retried_alone() -> None:
    async def main() -> None:
        async with lab() as it:

            def script(call: Called) -> Reply:
                if call.targets("bad"):
                    if call.ctx["attempt"] == 0:
                        return ops(op("StepError", "bad", error={"name": "E", "message": "once"}))
                    return ops(ran("bad", "good"))
                if call.targets("ok"):
                    return ops(ran("ok"))
                if call.has("bad"):
                    return returned(call.memo("bad")["data"])
                return ops(planned("ok"), planned("bad"))

            it.serve("f", script)
            event_id = it.send("t/f")
            await it.said('step "bad" attempt 1 failed: E: once')
            await it.said('step "ok" done')
            it.clock.advance(2)
            assert (await it.ended(event_id))["output"] == "good"
            assert sum(call.targets("ok") for call in it.app.calls) == 1
            assert [call.ctx["attempt"] for call in it.app.calls if call.targets("bad")] == [0, 1]
            assert it.app.calls[-1].ctx["attempt"] == 0

    asyncio.run(main())


def test_a_targeted_call_without_its_step_is_planned_again() -> None:
    async def main() -> None:
        async with lab() as it:

            def script(call: Called) -> Reply:
                if call.targets("a"):
                    again = sum(earlier.targets("a") for earlier in it.app.calls)
                    return ops(ran("a", again)) if again > 1 else ops()
                return returned(call.memo("a")["data"]) if call.has("a") else ops(planned("a"))

            it.serve("f", script)
            assert (await it.run("t/f"))["output"] == 2

    asyncio.run(main())
