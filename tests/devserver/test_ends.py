"""How runs end: cancelled by events and by the API; what the engine sends about it; failure handlers."""

from __future__ import annotations

import asyncio
from typing import Any

from .harness import Called, Reply, Script, lab, op, ops, raised, returned


def sleepy(call: Called) -> Reply:
    return returned("woke") if call.has("nap") else ops({**op("Sleep", "nap"), "name": "1d"})


def test_an_event_cancels_the_runs_that_it_matches() -> None:
    async def main() -> None:
        async with lab() as it:
            rule = {"event": "t/stop", "if": "async.data.id == event.data.id"}
            it.serve("f", sleepy, cancel=[rule])
            one, two = it.send("t/f", {"id": 1}), it.send("t/f", {"id": 2})
            await it.until(lambda: sum("sleeps for" in line for line in it.lines) == 2)
            it.send("t/stop", {"id": 1})
            run = await it.ended(one)
            assert (run["status"], run["output"]) == ("Cancelled", None)
            assert it.runs(two)[0]["status"] == "Running"
            it.clock.advance(86_400)
            assert (await it.ended(two))["output"] == "woke"
            assert len(it.app.calls) == 3

    asyncio.run(main())


def test_a_cancel_counts_within_its_window() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", sleepy, cancel=[{"event": "t/stop", "timeout": "1h"}])
            event_id = it.send("t/f")
            await it.said("sleeps for")
            it.clock.advance(3601)
            it.send("t/stop")
            assert it.runs(event_id)[0]["status"] == "Running"
            other = it.send("t/f")
            it.send("t/stop")
            assert (await it.ended(other))["status"] == "Cancelled"

    asyncio.run(main())


def test_an_event_does_not_cancel_what_it_starts() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", sleepy, cancel=[{"event": "t/f"}])
            first = it.send("t/f")
            second = it.send("t/f")
            assert (await it.ended(first))["status"] == "Cancelled"
            assert it.runs(second)[0]["status"] == "Running"

    asyncio.run(main())


def test_an_answer_that_comes_after_the_cancel_changes_nothing() -> None:
    async def main() -> None:
        async with lab() as it:
            release = asyncio.Event()

            async def script(call: Called) -> Reply:
                await release.wait()
                return returned("too late")

            it.serve("f", script)
            event_id = it.send("t/f")
            await it.until(lambda: it.app.calls)
            run_id = it.runs(event_id)[0]["run_id"]
            assert it.request("DELETE", f"/v0/runs/{run_id}").status == 204
            release.set()
            it.serve("g", lambda call: returned(1))
            await it.run("t/g")
            run = it.request("GET", f"/v1/runs/{run_id}").body["data"]
            assert (run["status"], run["output"]) == ("Cancelled", None)
            assert it.request("DELETE", f"/v1/runs/{run_id}").status == 204

    asyncio.run(main())


def collecting(into: list[dict[str, Any]]) -> Script:
    def script(call: Called) -> Reply:
        into.append(call.body["event"])
        return returned("noted")

    return script


def test_failure_handler_gets_the_event_of_the_failure() -> None:
    async def main() -> None:
        async with lab() as it:
            seen: list[dict[str, Any]] = []
            it.serve("f", lambda call: raised("stop", name="MyErr", x_inngest_no_retry="true"))
            it.serve("other", lambda call: raised("x", x_inngest_no_retry="true"))
            trigger = {"event": "inngest/function.failed", "expression": "event.data.function_id == 'app-f'"}
            it.serve("f-failure", collecting(seen), triggers=[trigger], retries=0)
            await it.run("t/other")
            event_id = it.send("t/f", {"k": 1})
            run = await it.ended(event_id)
            await it.until(lambda: any("app-f-failure" in line and "completed" in line for line in it.lines))
            assert len(seen) == 1
            source = {"data": {"k": 1}, "id": event_id, "name": "t/f", "ts": int(it.clock.now() * 1000)}
            assert seen[0] == {
                "name": "inngest/function.failed",
                "id": run["run_id"],
                "ts": int(it.clock.now() * 1000),
                "user": {},
                "data": {
                    "function_id": "app-f",
                    "run_id": run["run_id"],
                    "error": {"error": "NonRetriableError", "name": "MyErr", "message": "stop", "stack": "st"},
                    "result": {"name": "MyErr", "message": "stop", "stack": "st"},
                    "event": {**source, "user": {}},
                    "events": [source],
                    "_inngest": {"status": "Failed"},
                },
            }

    asyncio.run(main())


def test_events_of_the_engine_about_ends() -> None:
    async def main() -> None:
        async with lab() as it:
            seen: list[dict[str, Any]] = []
            it.serve("ok", lambda call: returned({"n": 1}))
            it.serve("bad", lambda call: raised("no"), retries=0)
            it.serve("long", sleepy)
            expression = "event.data.function_id != 'app-watch'"
            names = ("finished", "failed", "cancelled")
            triggers = [{"event": f"inngest/function.{name}", "expression": expression} for name in names]
            it.serve("watch", collecting(seen), triggers=triggers)
            await it.run("t/ok")
            await it.run("t/bad")
            event_id = it.send("t/long")
            await it.said("sleeps for")
            it.request("DELETE", f"/v1/runs/{it.runs(event_id)[0]['run_id']}")
            await it.until(lambda: len(seen) >= 4)
            told = {(event["name"], event["data"]["function_id"]): event["data"] for event in seen}
            assert set(told) == {
                ("inngest/function.finished", "app-ok"),
                ("inngest/function.finished", "app-bad"),
                ("inngest/function.failed", "app-bad"),
                ("inngest/function.cancelled", "app-long"),
            }
            finished = told["inngest/function.finished", "app-ok"]
            assert (finished["result"], finished["_inngest"], "error" in finished) == (
                {"n": 1},
                {"status": "Completed"},
                False,
            )
            failed = told["inngest/function.failed", "app-bad"]
            assert failed["error"]["error"] == "invalid status code: 500"

    asyncio.run(main())


def test_a_function_that_watches_all_ends_does_not_start_itself_for_ever() -> None:
    async def main() -> None:
        async with lab() as it:
            seen: list[dict[str, Any]] = []
            it.serve("ok", lambda call: returned(1))
            it.serve("watch", collecting(seen), triggers=[{"event": "inngest/function.finished"}])
            await it.run("t/ok")
            await it.until(lambda: any("app-watch" in line and "completed" in line for line in it.lines))
            await it.run("t/ok")
            await it.until(lambda: len(seen) >= 2)
            assert {event["data"]["function_id"] for event in seen} == {"app-ok"}

    asyncio.run(main())


def test_invoked_runs_name_their_correlation_id() -> None:
    async def main() -> None:
        async with lab() as it:
            seen: list[dict[str, Any]] = []
            it.serve("child", lambda call: raised("no"), retries=0)
            invoke = op("InvokeFunction", "i", opts={"function_id": "app-child", "payload": {"data": {}}})
            it.serve("f", lambda call: returned(1) if call.steps else ops(invoke))
            it.serve("watch", collecting(seen), triggers=[{"event": "inngest/function.failed"}])
            run = await it.run("t/f")
            await it.until(lambda: seen)
            assert seen[0]["data"]["correlation_id"].startswith(run["run_id"])

    asyncio.run(main())


def test_plain_text_errors_have_a_message() -> None:
    async def main() -> None:
        async with lab() as it:
            seen: list[dict[str, Any]] = []
            it.serve("f", lambda call: Reply(500, raw=b"it broke"), retries=0)
            it.serve("watch", collecting(seen), triggers=[{"event": "inngest/function.failed"}])
            run = await it.run("t/f")
            assert run["output"] == "it broke"
            await it.until(lambda: seen)
            assert seen[0]["data"]["error"]["message"] == "it broke"

    asyncio.run(main())


def test_a_long_chain_of_cancels_is_no_recursion() -> None:
    async def main() -> None:
        async with lab(concurrency=500) as it:
            it.serve("f", sleepy, cancel=[{"event": "inngest/function.cancelled"}])
            ids = [it.send("t/f") for _ in range(400)]
            await it.until(lambda: sum("sleeps for" in line for line in it.lines) == 400)
            it.request("DELETE", f"/v1/runs/{it.runs(ids[0])[0]['run_id']}")
            assert {it.runs(event_id)[0]["status"] for event_id in ids} == {"Cancelled"}

    asyncio.run(main())


def test_a_run_that_breaks_the_engine_ends() -> None:
    async def main() -> None:
        async with lab() as it:

            def broken(call: Called) -> Reply:
                raise RuntimeError("a bug in what sends requests")

            it.serve("f", broken)
            it.serve("g", lambda call: returned(1))
            run = await it.run("t/f")
            assert (run["status"], run["output"]["name"]) == ("Failed", "EngineError")
            assert any("the engine failed in run" in line for line in it.lines)
            assert (await it.run("t/g"))["status"] == "Completed"

    asyncio.run(main())
