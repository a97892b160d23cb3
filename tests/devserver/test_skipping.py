"""Ending sleeps and waits by hand, in development only; and runs as fixtures of tests."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from inngest_core.protocol.wire import hash_id

from .harness import Called, Lab, Reply, lab, op, ops, planned, returned

KEY = "signkey-test-" + "ab" * 32


def waiting_for(kind: str, **opts: Any) -> Any:
    def script(call: Called) -> Reply:
        return returned(call.memo("s")) if call.has("s") else ops(op(kind, "s", opts=opts))

    return script


SLEEP = waiting_for("Sleep", duration="7d")
WAIT = waiting_for("WaitForEvent", event="t/x", timeout="7d")


async def waits(it: Lab, script: Any) -> tuple[str, str]:
    """Start a run that waits in its step "s"; return its event and its id."""
    it.serve("f", script)
    event = it.send("t/f")
    await it.called(1)
    await it.time.settle()
    return event, it.runs(event)[0]["run_id"]


@pytest.mark.parametrize(
    ("script", "step", "body", "output"),
    [
        (SLEEP, "s", None, None),
        (SLEEP, hash_id("s"), {}, None),
        (WAIT, "s", None, None),
        (WAIT, "s", {"event": {"name": "t/x", "data": {"n": 1}, "id": "i", "ts": 1_800_000_000_000}}, {"n": 1}),
        (waiting_for("WaitForSignal", signal="go", timeout="7d"), "s", None, None),
    ],
)
def test_a_sleep_or_a_wait_ends_at_once(script: Any, step: str, body: Any, output: Any) -> None:
    async def main() -> None:
        async with lab() as it:
            event, run_id = await waits(it, script)
            answer = it.request("POST", f"/api/v2/runs/{run_id}/steps/{step}/skip", body)
            assert (answer.status, answer.body["data"]) == (200, {"runId": run_id})
            ended = await it.ended(event)
            given = ended["output"]
            assert (given if output is None else given["data"]) == output
            root = it.request("GET", f"/api/v2/runs/{run_id}/trace").body["data"]["rootSpan"]
            assert root["children"][0]["detail"].endswith("is skipped by hand")

    asyncio.run(main())


@pytest.mark.parametrize(
    ("script", "step", "body", "status", "code"),
    [
        (SLEEP, "other", None, 404, "step_not_found"),
        (SLEEP, "s", {"event": {"name": "a"}}, 409, "not_skippable"),
        (SLEEP, "s", {"evnt": {}}, 400, "invalid_field_format"),
        (WAIT, "s", {"event": {"name": ""}}, 400, "invalid_event"),
        (WAIT, "s", {"event": 1}, 400, "invalid_event"),
        (waiting_for("InvokeFunction", function_id="app-child", payload={"data": {}}), "s", None, 409, "not_skippable"),
    ],
)
def test_what_cannot_be_skipped_goes_on(script: Any, step: str, body: Any, status: int, code: str) -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("child", waiting_for("Sleep", duration="7d"))
            _, run_id = await waits(it, script)
            answer = it.request("POST", f"/api/v2/runs/{run_id}/steps/{step}/skip", body)
            assert (answer.status, answer.body["errors"][0]["code"]) == (status, code)
            assert it.request("GET", f"/api/v2/runs/{run_id}").body["data"]["status"] == "RUNNING"

    asyncio.run(main())


def test_a_run_that_has_ended_has_nothing_to_skip() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", lambda call: returned(1))
            run = await it.run("t/f")
            answer = it.request("POST", f"/api/v2/runs/{run['run_id']}/steps/s/skip")
            assert (answer.status, answer.body["errors"][0]["code"]) == (409, "run_already_ended")

    asyncio.run(main())


def test_a_self_hosted_engine_skips_nothing() -> None:
    async def main() -> None:
        async with lab(server_kind="cloud", signing_key=KEY) as it:
            it.bearer = KEY
            event, run_id = await waits(it, SLEEP)
            answer = it.request("POST", f"/api/v2/runs/{run_id}/steps/s/skip")
            assert (answer.status, answer.body["errors"][0]["code"]) == (403, "dev_only")
            assert "inngest dev" in answer.body["errors"][0]["message"]
            assert it.runs(event)[0]["status"] == "Running"

    asyncio.run(main())


def test_a_planned_step_is_not_skipped() -> None:
    async def main() -> None:
        async with lab() as it:
            gate = asyncio.Event()

            async def script(call: Called) -> Reply:
                if call.step == "step":
                    return ops(planned("a"), planned("b"))
                await gate.wait()
                return returned(1)

            it.serve("f", script)
            event = it.send("t/f")
            await it.called(3)
            run_id = it.runs(event)[0]["run_id"]
            answer = it.request("POST", f"/api/v2/runs/{run_id}/steps/a/skip")
            assert answer.body["errors"][0]["code"] == "not_skippable"
            gate.set()

    asyncio.run(main())


def test_a_run_is_exported_without_what_looks_like_a_secret() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", lambda call: returned({"apiKey": "k", "n": 1, "email": "a@b.c"}))
            run = await it.run("t/f", {"password": "hunter2", "name": "Ann"})
            path = f"/api/v2/runs/{run['run_id']}/export"
            usual = it.request("GET", path).body["data"]
            assert usual["document"]["events"][0]["data"] == {"password": "[redacted]", "name": "Ann"}
            assert usual["document"]["output"] == {"apiKey": "[redacted]", "n": 1, "email": "a@b.c"}
            assert usual["redacted"] == 2
            more = it.request("GET", f"{path}?redact=*mail*&redact=name").body["data"]
            assert more["document"]["events"][0]["data"]["name"] == "[redacted]"
            assert more["document"]["output"]["email"] == "[redacted]"
            nothing = it.request("GET", f"{path}?payloads=false").body["data"]
            assert nothing["document"]["output"] == {"apiKey": "[redacted]", "n": 0, "email": "[redacted]"}
            assert it.request("GET", f"{path}?payloads=maybe").status == 400

    asyncio.run(main())
