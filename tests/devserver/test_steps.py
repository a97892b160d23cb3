"""Runs without parallelism: one call, steps one after another, sleeps, and the shape of call requests."""

from __future__ import annotations

import asyncio
import base64
import json

from inngest_core.protocol.wire import RUN_COMPLETE_ID, hash_id

from .harness import Called, Reply, Script, lab, op, ops, ran, returned


def sequence(*steps: str) -> Script:
    """Return a script that runs *steps* one after another."""

    def script(call: Called) -> Reply:
        for step in steps:
            if not call.has(step):
                return ops(ran(step, f"{step}!"))
        return returned([call.memo(step)["data"] for step in steps])

    return script


def test_one_call() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("hello", lambda call: returned({"hello": call.body["event"]["data"]["who"]}))
            run = await it.run("t/hello", {"who": "me"})
            assert (run["status"], run["output"]) == ("Completed", {"hello": "me"})
            assert len(it.app.calls) == 1

    asyncio.run(main())


def test_call_request_has_the_recorded_shape() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", lambda call: returned(1), retries=1)
            event_id = it.send("t/f", {"z": 1, "a": "é"})
            run = await it.ended(event_id)
            call = it.app.calls[0]
            event = {
                "data": {"z": 1, "a": "é"},
                "id": event_id,
                "name": "t/f",
                "ts": int(it.clock.now() * 1000),
                "user": {},
            }
            ctx = call.ctx
            assert ctx == {
                "attempt": 0,
                "disable_immediate_execution": False,
                "env": "",
                "fn_id": run["function_id"],
                "generation_id": 1,
                "job_id": ctx["job_id"],
                "max_attempts": 2,
                "qi_id": base64.b64encode(f"{ctx['job_id']}::default".encode()).decode(),
                "request_id": ctx["request_id"],
                "run_id": run["run_id"],
                "stack": {"current": 0, "stack": []},
                "step_id": "step",
                "use_api": False,
            }
            assert call.body == {
                "ctx": ctx,
                "defers": {},
                "event": event,
                "events": [event],
                "steps": {},
                "use_api": False,
                "version": -1,
            }
            canonical = json.dumps(call.body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            assert call.raw == canonical.encode()

    asyncio.run(main())


def test_call_request_headers() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", lambda call: returned(1))
            run = await it.run("t/f")
            headers, ctx = it.app.calls[0].headers, it.app.calls[0].ctx
            assert headers["x-run-id"] == run["run_id"]
            assert headers["x-request-id"] == ctx["request_id"]
            assert headers["x-inngest-job-id"] == ctx["job_id"]
            assert headers["x-inngest-generation-id"] == "1"
            assert headers["x-inngest-req-version"] == "-1"
            assert headers["x-inngest-step-id"] == "step"
            assert headers["x-inngest-server-kind"] == "dev"
            assert headers["content-type"] == "application/json"
            assert headers["traceparent"].startswith("00-")
            assert f"inngest@fn={run['function_id']}" in headers["tracestate"]
            assert "x-inngest-signature" not in headers

    asyncio.run(main())


def test_steps_one_after_another() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("seq", sequence("c", "a", "b"))
            run = await it.run("t/seq")
            assert run["output"] == ["c!", "a!", "b!"]
            calls = it.app.calls
            assert [call.stack for call in calls] == [
                [],
                [hash_id("c")],
                [hash_id("c"), hash_id("a")],
                [hash_id("c"), hash_id("a"), hash_id("b")],
            ]
            assert [call.ctx["stack"]["current"] for call in calls] == [0, 1, 2, 3]
            assert [call.body["version"] for call in calls] == [-1, 2, 2, 2]
            assert calls[-1].headers["x-inngest-req-version"] == "2"
            assert all(not call.ctx["disable_immediate_execution"] for call in calls)
            assert list(calls[-1].steps) == sorted(calls[-1].steps)
            assert any('step "a" done' in line for line in it.lines)

    asyncio.run(main())


def test_memo_shapes() -> None:
    async def main() -> None:
        async with lab() as it:

            def script(call: Called) -> Reply:
                if call.steps:
                    return returned("end")
                error = {
                    "name": "VE",
                    "message": "bad",
                    "stack": "st",
                    "code": "x",
                    "data": {"k": 1},
                    "cause": {"name": "C", "message": "why", "code": 2},
                }
                return ops(
                    ran("null"),
                    op("Step", "legacy", data=7),
                    op("steprun", "case", data={"data": 1}),
                    op("StepFailed", "failed", error=error),
                    op("StepFailed", "failed without error"),
                )

            it.serve("f", script)
            await it.run("t/f")
            call = it.app.calls[1]
            assert call.memo("null") == {"data": None}
            assert call.memo("legacy") == 7
            assert call.memo("case") == {"data": {"data": 1}}
            assert call.memo("failed") == {
                "error": {
                    "name": "VE",
                    "message": "bad",
                    "stack": "st",
                    "data": {"k": 1},
                    "cause": {"name": "C", "message": "why"},
                }
            }
            assert call.memo("failed without error") == {"error": None}

    asyncio.run(main())


def test_ops_without_data_may_say_so() -> None:
    """As engines' own conformance tests have it: `"data": null` on every op that carries none."""

    async def main() -> None:
        async with lab() as it:

            def script(call: Called) -> Reply:
                if call.targets("run"):
                    if call.ctx["attempt"] == 0:
                        return ops(op("StepError", "run", data=None, error={"name": "E", "message": "once"}))
                    return ops(op("StepFailed", "run", data=None, error={"name": "E", "message": "for good"}))
                if call.has("run"):
                    return returned([call.memo("nap"), call.memo("wait"), call.memo("call"), call.memo("run")])
                return ops(
                    op("StepPlanned", "run", data=None),
                    {**op("Sleep", "nap", data=None), "name": "1s"},
                    op("WaitForEvent", "wait", data=None, opts={"event": "t/go", "timeout": "1s"}),
                    op("InvokeFunction", "call", data=None, opts={"function_id": "app-no", "payload": {}}),
                )

            it.serve("f", script)
            event_id = it.send("t/f")
            await it.said("attempt 1 failed")
            it.clock.advance(2)
            failed = {"error": {"name": "E", "message": "for good"}}
            missing = {"error": {"name": "Error", "message": "could not find function with ID: app-no"}}
            assert (await it.ended(event_id))["output"] == [None, None, missing, failed]

    asyncio.run(main())


def test_sleep_by_duration_and_by_date() -> None:
    async def main() -> None:
        async with lab() as it:
            start = it.clock.now()

            def script(call: Called) -> Reply:
                if not call.has("nap"):
                    return ops({**op("Sleep", "nap"), "name": "1h30m"})
                if not call.has("go style"):
                    return ops(op("Sleep", "go style", opts={"duration": "30m"}))
                if not call.has("date"):
                    return ops({**op("Sleep", "date"), "name": "2027-01-15T12:00:00.000Z"})
                return returned(call.memo("nap"))

            it.serve("f", script)
            event_id = it.send("t/f")
            await it.said('step "nap" sleeps')
            it.clock.advance(5399)
            assert it.runs(event_id)[0]["status"] == "Running"
            it.clock.advance(1)
            await it.said('step "go style" sleeps')
            it.clock.advance(1800)
            await it.said('step "date" sleeps')
            assert start == 1_800_000_000.0  # 2027-01-15T08:00:00Z
            it.clock.advance(2 * 3600)
            run = await it.ended(event_id)
            assert (run["status"], run["output"]) == ("Completed", None)
            assert [call.time - start for call in it.app.calls] == [0, 5400, 7200, 14400]

    asyncio.run(main())


def test_sleep_into_the_past_is_over_at_once() -> None:
    async def main() -> None:
        async with lab() as it:

            def script(call: Called) -> Reply:
                if not call.has("past"):
                    return ops({**op("Sleep", "past"), "name": "2020-01-01T00:00:00Z"})
                if not call.has("empty"):
                    return ops({**op("Sleep", "empty"), "name": ""})
                return returned("woke")

            it.serve("f", script)
            assert (await it.run("t/f"))["output"] == "woke"

    asyncio.run(main())


def test_unreadable_sleep_fails_the_run_at_once() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", lambda call: ops({**op("Sleep", "nap"), "name": "soon"}))
            run = await it.run("t/f")
            assert run["status"] == "Failed"
            assert "'soon' is not a duration" in run["output"]["message"]
            it.serve("g", lambda call: ops({**op("Sleep", "nap"), "name": "400d"}))
            assert (await it.run("t/g"))["output"]["name"] == "InngestErrTimeoutTooLong"
            assert len(it.app.calls) == 2

    asyncio.run(main())


def test_run_complete_keeps_a_string_as_it_is() -> None:
    async def main() -> None:
        async with lab() as it:
            done = {"op": "RunComplete", "id": RUN_COMPLETE_ID, "data": '{"a":1}'}
            it.serve("f", lambda call: ops(ran("buffered", 1), done))
            run = await it.run("t/f")
            assert (run["status"], run["output"]) == ("Completed", '{"a":1}')
            history = it.request("GET", f"/v1/runs/{run['run_id']}/history").body["data"]
            assert [item["type"] for item in history] == ["run.started", "step.done", "run.ended"]

    asyncio.run(main())


def test_empty_answers_ask_again_but_not_for_ever() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("few", lambda call: ops() if len(it.app.calls) < 4 else returned("ok"))
            assert (await it.run("t/few"))["output"] == "ok"
            it.serve("endless", lambda call: ops())
            run = await it.run("t/endless")
            assert (run["status"], run["output"]["name"]) == ("Failed", "FunctionStuckError")

    asyncio.run(main())


def test_discovery_request_asks_again() -> None:
    async def main() -> None:
        async with lab() as it:
            ask = {"op": "DiscoveryRequest", "id": "one"}
            it.serve("f", lambda call: ops(ask) if len(it.app.calls) < 2 else returned("ok"))
            assert (await it.run("t/f"))["output"] == "ok"

    asyncio.run(main())


def test_discovery_requests_that_bring_nothing_come_to_an_end() -> None:
    """An app may ask for one call more as often as it has saved a step meanwhile."""

    async def main() -> None:
        async with lab() as it:
            ask = {"op": "DiscoveryRequest", "id": "one"}

            def script(call: Called) -> Reply:
                if len(call.stack) == 60:
                    return returned("ok")
                body = {key: call.ctx[key] for key in ("run_id", "fn_id", "qi_id", "request_id", "generation_id")}
                body |= {"request_started_at": 1, "ts": 2, "steps": [ran(f"{len(call.stack)}")]}
                assert it.request("POST", f"/v1/checkpoint/{call.ctx['run_id']}/async", body).status == 200
                return ops(ask)

            it.serve("saves", script)
            assert (await it.run("t/saves"))["output"] == "ok"
            it.serve("endless", lambda call: ops(ask))
            run = await it.run("t/endless")
            assert (run["status"], run["output"]["name"]) == ("Failed", "FunctionStuckError")

    asyncio.run(main())


def test_mixed_answer_of_a_result_and_a_sleep() -> None:
    async def main() -> None:
        async with lab() as it:

            def script(call: Called) -> Reply:
                if call.has("nap"):
                    return returned(call.memo("a")["data"])
                return ops(ran("a", 5), {**op("Sleep", "nap"), "name": "10s"})

            it.serve("f", script)
            event_id = it.send("t/f")
            await it.said('step "nap" sleeps')
            it.clock.advance(10)
            assert (await it.ended(event_id))["output"] == 5
            assert len(it.app.calls) == 2

    asyncio.run(main())


def test_large_state_is_fetched_by_the_app() -> None:
    async def main() -> None:
        async with lab() as it:

            def script(call: Called) -> Reply:
                for name in ("a", "b"):
                    if not call.has(name) and hash_id(name) not in call.stack:
                        return ops(ran(name, "x" * 2_500_000))
                run_id = call.ctx["run_id"]
                steps = it.request("GET", f"/v0/runs/{run_id}/actions").body
                batch = it.request("GET", f"/v0/runs/{run_id}/batch").body
                return returned([sorted(steps), len(steps[hash_id("b")]["data"]), batch])

            it.serve("f", script)
            event_id = it.send("t/f", {"k": 1})
            run = await it.ended(event_id)
            last = it.app.calls[-1]
            assert last.ctx["use_api"] is True
            assert last.body["use_api"] is True
            assert last.steps == {}
            assert last.stack == [hash_id("a"), hash_id("b")]
            assert len(last.body["events"]) == 1
            event = {"data": {"k": 1}, "id": event_id, "name": "t/f", "ts": int(it.clock.now() * 1000)}
            assert run["output"] == [sorted([hash_id("a"), hash_id("b")]), 2_500_000, [event]]
            gone = it.request("GET", f"/v0/runs/{run['run_id']}/actions")
            assert gone.status == 410
            assert "no longer available" in gone.body["error"]

    asyncio.run(main())


def test_a_huge_event_is_sent_once() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", lambda call: returned(len(call.body["event"]["data"]["x"])))
            run = await it.run("t/f", {"x": "x" * 2_900_000})
            assert run["output"] == 2_900_000
            call = it.app.calls[0]
            assert (call.ctx["use_api"], call.body["events"]) == (False, [call.body["event"]])

    asyncio.run(main())


def test_too_many_steps_fail_the_run() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", lambda call: ops(*(ran(f"{len(it.app.calls)}-{n}") for n in range(600))))
            run = await it.run("t/f")
            assert (run["status"], run["output"]["name"]) == ("Failed", "InngestErrFunctionOverflowed")
            it.serve("g", lambda call: ops(*(ran(f"{n}") for n in range(1001))))
            run = await it.run("t/g")
            assert (run["status"], run["output"]["name"]) == ("Failed", "InngestErrFunctionOverflowed")

    asyncio.run(main())
