"""Attempts: of functions and of steps, back-off, retry-after, no-retry, and answers that are no answers."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from inngest_devserver.calls.retry import parse_retry_after

from .harness import Called, Lab, Reply, Script, lab, op, ops, raised, ran, returned

BAD = {"name": "E", "message": "bad", "stack": "st"}


def always(reply: Reply) -> Script:
    return lambda call: reply


async def _through_attempts(it: Lab, event: str, count: int) -> dict[str, Any]:
    """Send an event; let the back-off pass after each failed attempt but the last."""
    event_id = it.send(event)
    for attempt in range(1, count):
        await it.said(f"attempt {attempt} failed")
        it.clock.advance(100)
    return await it.ended(event_id)


def test_function_is_tried_as_often_as_asked() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", lambda call: raised("no", name="ValueError"), retries=2)
            run = await _through_attempts(it, "t/f", 3)
            assert (run["status"], run["output"]) == (
                "Failed",
                {"name": "ValueError", "message": "no", "stack": "st"},
            )
            assert [call.ctx["attempt"] for call in it.app.calls] == [0, 1, 2]
            assert [call.ctx["generation_id"] for call in it.app.calls] == [1, 2, 3]
            assert [call.headers["x-inngest-generation-id"] for call in it.app.calls] == ["1", "2", "3"]
            assert {call.ctx["max_attempts"] for call in it.app.calls} == {3}
            assert len({call.ctx["job_id"] for call in it.app.calls}) == 1

    asyncio.run(main())


def test_backoff_starts_at_the_interval_and_doubles() -> None:
    async def main() -> None:
        async with lab(retry_interval=1.0) as it:
            it.serve("f", lambda call: raised("no") if call.ctx["attempt"] < 4 else returned("ok"))
            event_id = it.send("t/f")
            for attempt, seconds in enumerate((1, 2, 4, 8), start=1):
                await it.said(f"attempt {attempt} failed")
                it.clock.advance(seconds * 0.99)
                await asyncio.sleep(0)
                assert len(it.app.calls) == attempt
                it.clock.advance(seconds * 0.11 + 0.01)
                await it.called(attempt + 1)
            assert (await it.ended(event_id))["output"] == "ok"

    asyncio.run(main())


def test_attempt_counter_starts_again_after_a_step() -> None:
    async def main() -> None:
        async with lab() as it:

            def script(call: Called) -> Reply:
                if not call.has("a"):
                    return raised("before") if call.ctx["attempt"] == 0 else ops(ran("a"))
                return raised("after") if call.ctx["attempt"] == 0 else returned("ok")

            it.serve("f", script, retries=1)
            event_id = it.send("t/f")
            await it.said("Error: before")
            it.clock.advance(2)
            await it.said("Error: after")
            it.clock.advance(2)
            assert (await it.ended(event_id))["output"] == "ok"
            assert [call.ctx["attempt"] for call in it.app.calls] == [0, 1, 0, 1]
            # A failed first call tells nothing about the version of the app.
            assert [call.body["version"] for call in it.app.calls] == [-1, -1, 2, 2]

    asyncio.run(main())


def test_no_retry_fails_at_once() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", lambda call: raised("stop", name="NonRetriableError", x_inngest_no_retry="true"))
            run = await it.run("t/f")
            assert (run["status"], run["output"]["message"]) == ("Failed", "stop")
            assert len(it.app.calls) == 1

    asyncio.run(main())


def test_a_400_is_retried_like_any_error() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", lambda call: Reply(400, {"message": "x"}), retries=1)
            assert (await _through_attempts(it, "t/f", 2))["status"] == "Failed"
            assert len(it.app.calls) == 2

    asyncio.run(main())


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("2027-01-15T08:00:09.000Z", 9.0),
        ("2020-01-01T00:00:00Z", 1.0),
        ("999999", 86_400.0),
    ],
)
def test_retry_after_is_honoured(header: str, seconds: float) -> None:
    async def main() -> None:
        async with lab() as it:

            def script(call: Called) -> Reply:
                return raised("wait", retry_after=header) if call.ctx["attempt"] == 0 else returned("ok")

            it.serve("f", script)
            event_id = it.send("t/f")
            await it.said("Error: wait")
            it.clock.advance(seconds - 0.01)
            assert it.runs(event_id)[0]["status"] == "Running"
            it.clock.advance(0.01)
            await it.ended(event_id)
            first, second = it.app.calls
            assert second.time - first.time == pytest.approx(seconds)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("", None),
        ("0", None),
        ("3", 3.0),
        ("12345678", None),
        ("Fri, 15 Jan 2027 08:00:05 GMT", 5.0),
        ("Friday, 15-Jan-27 08:00:05 UTC", 5.0),
        ("Fri Jan 15 08:00:05 2027", 5.0),
        ("2027-01-15T08:00:05", 5.0),
        ("2027-01-15T09:00:05+01:00", 5.0),
        ("2027-01-15", 1.0),
        ("soon", None),
        ("-3", None),
        ("3.5", None),
        ("Mon, 01 Jan 2001 00:00:00 +99999999999999999", None),
        ("Mon, 01 Jan 2001 00:00:00 GMT", 1.0),
        ("٣", None),
    ],
)
def test_retry_after_formats(text: str | None, seconds: float | None) -> None:
    assert parse_retry_after(text, now=1_800_000_000.0) == seconds


def test_step_error_is_retried_and_then_memoized() -> None:
    async def main() -> None:
        async with lab() as it:

            def script(call: Called) -> Reply:
                if call.has("a"):
                    return returned(call.memo("a"))
                return ops(op("StepError", "a", error=BAD))

            it.serve("f", script, retries=1)
            run = await _through_attempts(it, "t/f", 2)
            assert run["output"] == {"error": BAD}
            assert [call.ctx["attempt"] for call in it.app.calls] == [0, 1, 0]
            assert any('step "a" failed: E: bad' in line for line in it.lines)

    asyncio.run(main())


def test_step_error_with_no_retry_is_memoized_at_once() -> None:
    async def main() -> None:
        async with lab() as it:

            def script(call: Called) -> Reply:
                if call.has("a"):
                    return returned(call.memo("a"))
                return ops(op("StepError", "a", error=BAD), x_inngest_no_retry="true")

            it.serve("f", script)
            assert (await it.run("t/f"))["output"] == {"error": {**BAD, "noRetry": True}}

    asyncio.run(main())


def test_step_error_with_retry_after() -> None:
    async def main() -> None:
        async with lab() as it:

            def script(call: Called) -> Reply:
                if call.ctx["attempt"] == 0:
                    return ops(op("StepError", "a", error=BAD), retry_after="3")
                return returned("ok")

            it.serve("f", script)
            event_id = it.send("t/f")
            await it.said('step "a" attempt 1 failed')
            it.clock.advance(3)
            assert (await it.ended(event_id))["output"] == "ok"
            assert [call.time - it.app.calls[0].time for call in it.app.calls] == [0, 3]

    asyncio.run(main())


def test_step_failed_is_memoized_and_the_function_goes_on() -> None:
    async def main() -> None:
        async with lab() as it:

            def script(call: Called) -> Reply:
                if call.has("a"):
                    return returned(call.memo("a")["error"]["message"])
                return ops(op("StepFailed", "a", error=BAD))

            it.serve("f", script)
            assert (await it.run("t/f"))["output"] == "bad"
            assert [call.ctx["attempt"] for call in it.app.calls] == [0, 0]

    asyncio.run(main())


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (Reply(206, raw=b""), "no response data"),
        (Reply(206, raw=b"nonsense"), "cannot be read"),
        (Reply(206, [None]), "an op is a JSON null"),
        (Reply(206, ["x"]), "an op is a JSON string"),
        (Reply(206, [{"op": "StepNotFound", "id": "a"}]), "StepNotFound does not belong to Opcode values"),
        (Reply(206, [{"op": 1, "id": "a"}]), "1 does not belong to Opcode values"),
        (Reply(206, [{"op": "StepRun", "data": 1}]), "has no id"),
        (Reply(206, [{"op": "StepRun", "id": 5, "data": 1}]), "has no id"),
        (Reply(206, [{"op": "StepError", "id": "a"}]), "StepError has no error"),
        (Reply(206, [{"op": "StepError", "id": "a", "error": "x"}]), "error is a JSON string"),
        (Reply(206, [{"op": "Sleep", "id": "a", "opts": []}]), "opts is a JSON array"),
        (Reply(206, [{"op": "Sleep", "id": "a", "name": 7}]), "the duration is a JSON number"),
        (Reply(206, [{"op": "WaitForEvent", "id": "a", "opts": {"timeout": "1s"}}]), "names no event"),
        (Reply(206, [{"op": "StepRun", "id": "a", "data": "x" * 4_200_000}]), "greater than the limit"),
        (Reply(206, [ran("a")], sdk=False), "is not served by an Inngest SDK"),
        (Reply(200, "hi", sdk=False), "is not served by an Inngest SDK"),
        (
            Reply(401, {"message": "Unauthorized"}, {"x-inngest-sdk-handled": "true"}, sdk=False),
            "Unauthorized",
        ),
        (
            Reply(401, {"name": "E", "message": "not signed"}, {"x-inngest-sdk-handled": "true"}, sdk=False),
            "E: not signed",
        ),
        (Reply(404, raw=b"<html>nothing</html>", sdk=False), "Server returned a fatal error (404): <html>nothing"),
        (Reply(201, raw=b"   "), "cannot be read"),
        (Reply(201, {"body": "x"}), "the envelope has no status"),
        (Reply(200, raw=b"x" * (8 * 1024 * 1024 + 1)), "more than 8388608 bytes"),
        (Reply(200, "x", {"content-encoding": "zstd"}), "unsupported content encoding: zstd"),
    ],
)
def test_bad_answers_fail_the_attempt_and_say_why(reply: Reply, message: str) -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", lambda call: reply if call.ctx["attempt"] == 0 else returned("ok"))
            event_id = it.send("t/f")
            await it.said("attempt 1 failed")
            assert message in next(line for line in it.lines if "attempt 1 failed" in line)
            it.clock.advance(2)
            assert (await it.ended(event_id))["output"] == "ok"

    asyncio.run(main())


@pytest.mark.parametrize("header", [{"x-inngest-no-retry": "true"}, {"retry-after": "3"}])
def test_a_200_that_speaks_of_retries_fails_the_run(header: dict[str, str]) -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", lambda call: Reply(200, "out", header))
            run = await it.run("t/f")
            assert (run["status"], run["output"]) == ("Failed", "out")

    asyncio.run(main())


@pytest.mark.parametrize(
    ("body", "output"),
    [
        (b"", None),
        (b"null", None),
        (b"plain text", "plain text"),
        (b'"text"', "text"),
        (b'"{\\"a\\":1}"', {"a": 1}),
        (b'"{not json"', "{not json"),
        (b'"[1]"', "[1]"),
        (b"12345678901234567890123", 12345678901234567890123),
    ],
)
def test_how_a_200_is_read(body: bytes, output: object) -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", lambda call: Reply(200, raw=body))
            assert (await it.run("t/f"))["output"] == output

    asyncio.run(main())


def test_streamed_answers() -> None:
    async def main() -> None:
        async with lab() as it:

            def script(call: Called) -> Reply:
                headers = {"x-inngest-sdk": "x", "x-inngest-req-version": "2"}
                if call.has("a"):
                    envelope = {"status": 200, "headers": headers, "body": {"a": call.memo("a")["data"]}}
                elif call.ctx["attempt"] == 0:
                    error = json.dumps(BAD)
                    envelope = {"status": 500, "headers": {**headers, "Retry-After": "2"}, "body": error}
                else:
                    envelope = {"status": 206, "headers": headers, "body": json.dumps([ran("a", 1)])}
                return Reply(201, raw=b"   \n" + json.dumps(envelope).encode(), sdk=False)

            it.serve("f", script)
            event_id = it.send("t/f")
            await it.said("E: bad; next in 2 s")
            it.clock.advance(2)
            assert (await it.ended(event_id))["output"] == {"a": 1}

    asyncio.run(main())


def test_ops_of_later_versions_fail_clearly() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", always(ops(op("SyncRunComplete", "a"))))
            run = await it.run("t/f")
            assert run["status"] == "Failed"
            assert run["output"]["message"] == 'step "a": this engine does not know SyncRunComplete yet'

    asyncio.run(main())


def test_an_app_that_is_down_costs_no_attempts() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", lambda call: returned(call.ctx["attempt"]), retries=0)
            it.app.down = True
            event_id = it.send("t/f")
            await it.said("Unable to reach SDK URL")
            for _ in range(20):
                it.clock.advance(100)
                await asyncio.sleep(0)
            assert it.runs(event_id)[0]["status"] == "Running"
            assert sum("Unable to reach" in line for line in it.lines) == 1
            it.app.down = False
            it.clock.advance(100)
            run = await it.ended(event_id)
            assert (run["status"], run["output"]) == ("Completed", 0)

    asyncio.run(main())


def test_of_many_runs_whose_app_is_down_the_terminal_names_a_few() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", lambda call: returned("done"))
            for _ in range(2):  # it is down, there, and down again
                it.lines.clear()
                it.app.down = True
                events = [it.send("t/f") for _ in range(20)]
                await it.time.settle()
                assert sum("Unable to reach" in line for line in it.lines) == 5
                assert sum("more runs wait for this app" in line for line in it.lines) == 1
                run = it.runs(events[-1])[0]["run_id"]
                (reason,) = it.request("GET", f"/v1/runs/{run}").body["data"]["waits_for"]
                assert reason.startswith("the app does not answer")
                it.app.down = False
                it.register()
                await it.time.settle()
                assert {it.runs(event)[0]["status"] for event in events} == {"Completed"}

    asyncio.run(main())


def test_one_call_at_a_time_tries_an_app_that_is_down_and_the_other_runs_wait_for_it() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", lambda call: returned("done"))
            it.serve("g", lambda call: returned("done"))
            it.app.down = True
            events = [it.send(f"t/{name}") for name in "fg" for _ in range(150)]
            await it.time.settle()
            at_first = it.app.refused
            assert at_first <= 96, "what one app gets at once"
            await it.time.advance(60)
            assert 5 <= it.app.refused - at_first <= 9, "after 1, 2, 4 and 8 seconds, then every 10"
            run = it.runs(events[-1])[0]["run_id"]
            (reason,) = it.request("GET", f"/v1/runs/{run}").body["data"]["waits_for"]
            assert reason.startswith("the app does not answer; it is called again at ")
            assert reason.endswith(", for one of the runs that wait for it")
            it.app.down = False
            await it.time.advance(12)
            assert {it.runs(event)[0]["status"] for event in events} == {"Completed"}

    asyncio.run(main())


def test_when_the_run_that_tries_is_cancelled_another_one_tries() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", lambda call: returned("done"), retries=0)
            it.app.down = True
            first, second = it.send("t/f"), it.send("t/f")
            await it.time.settle()
            assert it.request("DELETE", f"/v1/runs/{it.runs(first)[0]['run_id']}").status == 204
            it.app.down = False
            await it.time.advance(2)
            assert it.runs(second)[0]["status"] == "Completed"

    asyncio.run(main())


def test_an_app_that_registers_again_gets_its_calls_at_once() -> None:
    async def main() -> None:
        async with lab(retry_interval=30.0) as it:
            it.serve("f", lambda call: returned("ok"))
            it.app.down = True
            event_id = it.send("t/f")
            await it.said("Unable to reach SDK URL")
            it.app.down = False
            it.register()
            assert (await it.ended(event_id))["status"] == "Completed"

    asyncio.run(main())
