"""Waits for events and invoked functions: met, missed, timed out, failed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from inngest_core.protocol.wire import hash_id

from .harness import Called, Reply, Script, lab, op, ops, raised, returned


def waiting(name: str = "t/go", **opts: Any) -> Script:
    """Return a script that waits once and returns the memo."""

    def script(call: Called) -> Reply:
        if call.has("w"):
            return returned({"memo": call.memo("w")})
        return ops({**op("WaitForEvent", "w", opts=opts), "name": name})

    return script


def invoking(slug: str, payload: Any, **opts: Any) -> Script:
    """Return a script that invokes once and returns the memo."""

    def script(call: Called) -> Reply:
        if call.has("i"):
            return returned(call.memo("i"))
        return ops(op("InvokeFunction", "i", opts={"function_id": slug, "payload": payload, **opts}))

    return script


def test_wait_is_met_by_the_event_that_matches() -> None:
    async def main() -> None:
        async with lab() as it:
            expression = "event.data.id == async.data.id && async.data.n > 1"
            it.serve("f", waiting(timeout="1h", **{"if": expression}))
            event_id = it.send("t/f", {"id": "7"})
            await it.said('waits for "t/go"')
            it.send("t/go", {"id": "8", "n": 2})
            it.send("t/go", {"id": "7"})  # a missing key is not a match
            it.send("t/go", {"id": "7", "n": 1})
            assert it.runs(event_id)[0]["status"] == "Running"
            go = it.send("t/go", {"id": "7", "n": 2.0})
            it.send("t/go", {"id": "7", "n": 9})
            run = await it.ended(event_id)
            memo = run["output"]["memo"]
            assert memo == {
                "data": {"id": "7", "n": 2.0},
                "id": go,
                "name": "t/go",
                "ts": int(it.clock.now() * 1000),
                "user": {},
            }

    asyncio.run(main())


@pytest.mark.parametrize("form", [{"name": "w", "opts": {"event": "t/go"}}, {"name": "t/go", "opts": {}}])
def test_a_wait_names_its_event_in_opts_or_as_its_name(form: dict[str, Any]) -> None:
    async def main() -> None:
        async with lab() as it:

            def script(call: Called) -> Reply:
                if call.has("w"):
                    return returned(call.memo("w")["name"])
                wait = op("WaitForEvent", "w", data=None, error=None)
                return ops({**wait, "name": form["name"], "opts": {"timeout": "1h", **form["opts"]}})

            it.serve("f", script)
            event_id = it.send("t/f")
            await it.said('step "w" waits for "t/go"')
            it.send("w")
            it.send("t/go")
            assert (await it.ended(event_id))["output"] == "t/go"

    asyncio.run(main())


def test_waits_and_invocations_may_end_at_a_date() -> None:
    async def main() -> None:
        async with lab() as it:
            assert it.clock.now() == 1_800_000_000.0  # 2027-01-15T08:00:00Z
            it.serve("child", lambda call: ops({**op("Sleep", "nap"), "name": "1d"}))
            it.serve("waits", waiting(timeout="2027-01-15T09:00:00Z"))
            it.serve("invokes", invoking("app-child", {"data": {}}, timeout="2027-01-15T10:00:00.000+01:00"))
            waits, invokes = it.send("t/waits"), it.send("t/invokes")
            await it.said('waits for "t/go" for 1h')
            await it.said("invokes app-child")
            it.clock.advance(3599)
            assert [it.runs(event)[0]["status"] for event in (waits, invokes)] == ["Running", "Running"]
            it.clock.advance(1)
            assert (await it.ended(waits))["output"] == {"memo": None}
            assert (await it.ended(invokes))["output"]["error"]["name"] == "InngestInvokeTimeoutError"

    asyncio.run(main())


def test_wait_times_out() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", waiting(timeout="1h"))
            event_id = it.send("t/f")
            await it.said('waits for "t/go"')
            it.clock.advance(3599)
            it.send("t/other")
            assert it.runs(event_id)[0]["status"] == "Running"
            it.clock.advance(1)
            run = await it.ended(event_id)
            assert run["output"] == {"memo": None}
            jobs = it.request("GET", f"/v1/runs/{run['run_id']}/jobs")
            assert (jobs.status, jobs.body["data"]) == (200, [])

    asyncio.run(main())


def test_an_event_right_after_the_op_is_never_missed() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", waiting(timeout="1h"))
            # The event is sent in the very turn in which the engine says that it waits.
            it.on_line = lambda line: it.send("t/go", {"n": 1}) if "waits for" in line else None
            run = await it.run("t/f")
            assert run["output"]["memo"]["data"] == {"n": 1}

    asyncio.run(main())


def test_one_event_meets_all_who_wait() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", waiting(timeout="1h"))
            ids = [it.send("t/f", {"n": n}) for n in range(3)]
            await it.until(lambda: sum("waits for" in line for line in it.lines) == 3)
            it.send("t/go")
            for event_id in ids:
                assert (await it.ended(event_id))["output"]["memo"]["name"] == "t/go"

    asyncio.run(main())


def test_wait_without_timeout_is_over_at_once_and_opts_event_wins() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", waiting("ignored", timeout="", **{"event": "t/go", "if": None}))
            assert (await it.run("t/f"))["output"] == {"memo": None}
            assert any('waits for "t/go" for 0s' in line for line in it.lines)

    asyncio.run(main())


def test_a_wait_that_does_not_compile_fails_the_run() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", waiting(timeout="1h", **{"if": "event.data.id =="}))
            run = await it.run("t/f")
            assert (run["status"], run["output"]["name"]) == ("Failed", "InvalidExpression")
            assert len(it.app.calls) == 1

    asyncio.run(main())


def test_invoke_returns_what_the_function_returned() -> None:
    async def main() -> None:
        async with lab() as it:

            def child(call: Called) -> Reply:
                event = call.body["event"]
                return returned({"name": event["name"], "data": event["data"], "v": event.get("v")})

            it.serve("child", child, event="never/sent")
            it.serve("f", invoking("app-child", {"data": {"who": "me"}, "v": "1"}, timeout="1h"))
            run = await it.run("t/f")
            answer = run["output"]["data"]
            mark = answer["data"].pop("_inngest")
            assert answer == {"name": "inngest/function.invoked", "data": {"who": "me"}, "v": "1"}
            assert mark["correlation_id"] == f"{run['run_id']}.{hash_id('i')}"
            assert mark["fn_id"] == "app-child"
            assert mark["name"] == "i"
            assert mark["source_fn_id"] == run["function_id"]
            assert mark["expire"] == int((it.clock.now() + 3600) * 1000)

    asyncio.run(main())


def test_invoke_of_a_function_that_fails() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("child", lambda call: raised("boom", name="MyErr", x_inngest_no_retry="true"))
            it.serve("f", invoking("app-child", {"data": None}))
            run = await it.run("t/f")
            assert run["output"] == {
                "error": {"error": "NonRetriableError", "name": "MyErr", "message": "boom", "stack": "st"}
            }

    asyncio.run(main())


def test_invoke_of_a_function_that_does_not_exist() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", invoking("app-nope", {"data": {}}))
            run = await it.run("t/f")
            assert run["output"] == {"error": {"name": "Error", "message": "could not find function with ID: app-nope"}}

    asyncio.run(main())


def test_invoke_times_out() -> None:
    async def main() -> None:
        async with lab() as it:

            def child(call: Called) -> Reply:
                return returned("late") if call.has("nap") else ops({**op("Sleep", "nap"), "name": "1d"})

            it.serve("child", child)
            it.serve("f", invoking("app-child", {"data": {}}, timeout="1h"))
            event_id = it.send("t/f")
            await it.said("sleeps for")
            it.clock.advance(3600)
            run = await it.ended(event_id)
            message = "Timed out waiting for invoked function to complete"
            name = "InngestInvokeTimeoutError"
            assert run["output"] == {"error": {"error": f"{name}: {message}", "name": name, "message": message}}
            # The function that was invoked goes on by itself.
            it.clock.advance(86_400)
            await it.said("app-child")
            await it.until(lambda: any("app-child" in line and "completed" in line for line in it.lines))

    asyncio.run(main())


def test_invoke_without_payload_fails_the_run_instead_of_hanging() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", invoking("app-f", None))
            run = await it.run("t/f")
            assert (run["status"], run["output"]["name"]) == ("Failed", "InvalidInvokeError")

    asyncio.run(main())


def test_invoked_function_that_is_cancelled() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("child", lambda call: ops({**op("Sleep", "nap"), "name": "1d"}), cancel=[{"event": "t/stop"}])
            it.serve("f", invoking("app-child", {"data": {}}))
            event_id = it.send("t/f")
            await it.said("sleeps for")
            it.send("t/stop")
            run = await it.ended(event_id)
            assert run["output"]["error"]["message"] == 'function cancelled: event "t/stop"'

    asyncio.run(main())


def test_a_parent_that_is_over_does_not_mind_its_child() -> None:
    async def main() -> None:
        async with lab() as it:
            release = asyncio.Event()

            async def child(call: Called) -> Reply:
                await release.wait()
                return returned("late")

            it.serve("child", child)
            it.serve("f", invoking("app-child", {"data": {}}))
            event_id = it.send("t/f")
            await it.said("invokes app-child")
            run_id = it.runs(event_id)[0]["run_id"]
            await it.until(lambda: len(it.app.calls) == 2)
            assert it.request("DELETE", f"/v1/runs/{run_id}").status == 204
            release.set()
            await it.until(lambda: any("app-child" in line and "completed" in line for line in it.lines))
            assert it.runs(event_id)[0]["status"] == "Cancelled"
            assert len(it.app.of("f")) == 1

    asyncio.run(main())
