"""The recorded exchanges, from the engine's side: the app answers as it was recorded, and the engine must ask the same.

What differs by nature (ids, times, traces) is made equal first.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx
import pytest

from inngest_core.protocol.signing import SigningKeys, verify
from inngest_devserver.calls.fetcher import HTTPFetcher

from .harness import Called, Lab, Reply, lab

RECORDINGS = Path(__file__).parents[1] / "golden" / "recordings"
_BY_NATURE = (
    (re.compile(r"\b01[0-9A-HJKMNP-TV-Z]{24}\b"), "<ulid>"),
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "<uuid>"),
    (re.compile(r"\b00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]\b"), "<trace>"),
    (re.compile(r'("(?:dsid|sid)": )"[0-9a-f]{16}"'), r'\1"<span>"'),
    (re.compile(r"\b20\d\d-\d\d-\d\dT[0-9:.]+Z\b"), "<time>"),
    (re.compile(r"\b1[78]\d{11}\b"), "0"),
    (re.compile(r'"(job_id|qi_id)": "[^"]+"'), r'"\1": "<job>"'),
)
SIGNING_KEY = "signkey-prod-" + "0123456789abcdef" * 4
Key = tuple[str, str, str, int, frozenset[str]]


def _lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (RECORDINGS / name).read_text().splitlines()]


def _key(slug: str, step: str, body: dict[str, Any]) -> Key:
    # A call for one step may find another one done or not: that is a matter of luck.
    memos = frozenset(body["steps"]) if step == "step" else frozenset[str]()
    # A failure handler is asked about runs that other events started.
    event = body["event"]["name"] + body["event"]["data"].get("event", {}).get("name", "")
    return slug, step, event, body["ctx"]["attempt"], memos


def _calls(name: str) -> dict[Key, dict[str, Any]]:
    """Return the recorded call requests by what distinguishes them within a run."""
    calls: dict[Key, dict[str, Any]] = {}
    for line in _lines(name):
        request = line["request"]
        if line["direction"] == "engine-to-sdk" and request["method"] == "POST":
            query = dict(part.split("=", 1) for part in request["query"].split("&"))
            calls.setdefault(_key(query["fnId"], query["stepId"], request["body"]), line)
    return calls


def _saved(name: str) -> dict[str, list[dict[str, Any]]]:
    """Return what the app saved during each call, by the id of the call's request."""
    saved: dict[str, list[dict[str, Any]]] = {}
    for line in _lines(name):
        if line["request"]["path"].startswith("/v1/checkpoint/"):
            body = line["request"]["body"]
            saved.setdefault(body["request_id"], []).append(body)
    return saved


def _registrations(name: str) -> list[dict[str, Any]]:
    lines = _lines(name)
    return [line["request"]["body"] for line in lines if line["request"]["path"] == "/fn/register"]


def _same_by_nature(body: dict[str, Any]) -> Any:
    """Return a body without what is never the same twice; the source's version of invoked events is the engine's."""
    text = json.dumps({**body, "ctx": {**body["ctx"], "request_id": "", "run_id": ""}}, sort_keys=True)
    for pattern, instead in _BY_NATURE:
        text = pattern.sub(instead, text)
    return json.loads(text)


class RecordedApp:
    """Saves and answers as recorded; keeps what it was asked beside what it was asked then."""

    def __init__(self, name: str, it: Lab) -> None:
        self._it = it
        self._calls = _calls(name)
        self._saved = _saved(name)
        self.pairs: list[tuple[dict[str, Any], dict[str, Any]]] = []
        self.surprises: list[Key] = []

    def __call__(self, call: Called) -> Reply:
        key = _key(call.function, call.step, call.body)
        line = self._calls.get(key)
        if line is None:
            self.surprises.append(key)
            return Reply(500, {"message": "never recorded"}, {"x-inngest-no-retry": "true"})
        self.pairs.append((line["request"]["body"], call.body))
        self._save(call, line["request"]["body"]["ctx"].get("request_id", ""))
        response = line["response"]
        dropped = {"content-type", "server-timing", "transfer-encoding", "x-inngest-signature"}  # it is signed anew
        headers = {key: value for key, value in response["headers"].items() if key not in dropped}
        return Reply(response["status"], response["body"], headers)

    def _save(self, call: Called, recorded_request: str) -> None:
        """Save what was saved in the recorded call, with the ids of this one."""
        ids = {key: call.ctx[key] for key in ("run_id", "fn_id", "qi_id", "request_id", "generation_id")}
        for body in self._saved.get(recorded_request, ()):
            answer = self._it.request("POST", f"/v1/checkpoint/{ids['run_id']}/async", {**body, **ids})
            assert (answer.status, answer.body) == (200, None)


def _options(name: str) -> dict[str, Any]:
    """Return the options of the engine that was recorded."""
    return {"signing_key": SIGNING_KEY, "server_kind": "cloud"} if name == "python-signed.jsonl" else {}


async def _replay(it: Lab, app: RecordedApp, name: str, event: str, data: dict[str, Any]) -> dict[str, Any]:
    """Register as recorded, send an event, and let its run come to its end."""
    for registration in _registrations(name):
        for function in registration["functions"]:
            it.app.scripts[function["id"]] = app
        assert it.request("POST", "/fn/register", registration).status == 200
    event_id = it.send(event, data)

    def again(line: str) -> None:
        # Nothing is left to do but to wait: for a retry, or for a wait to be met or to time out.
        if "next in" in line or "attempt 1 failed" in line or '"cap/never"' in line:
            asyncio.get_running_loop().call_soon(it.clock.advance, 5)
        if "sleeps for" in line and event == "cap/cancelme":
            it.send("cap/cancel", data)
            return
        for awaited in ("cap/go", "nocp/go", "cp/go"):
            if f'waits for "{awaited}"' in line:
                it.send(awaited, {"id": "7"})
        if "sleeps for" in line:
            asyncio.get_running_loop().call_soon(it.clock.advance, 60)

    it.on_line = again
    return await it.ended(event_id)


def assert_signed(it: Lab) -> None:
    """An engine with a key signs the very bytes that it sends; one without a key signs nothing."""
    for call in it.app.calls:
        signature = call.headers.get("x-inngest-signature")
        if it.app.key is None:
            assert signature is None
        else:
            assert verify(call.raw, signature, SigningKeys(it.app.key), now=call.time) == it.app.key


@pytest.mark.parametrize(
    ("name", "event", "data", "status", "asked"),
    [
        ("python-dev.jsonl", "cap/plain", {"who": "me", "id": "1"}, "Completed", 1),
        ("python-dev.jsonl", "cap/steps", {"who": "me", "id": "1"}, "Completed", 5),
        ("python-dev.jsonl", "cap/retry", {"who": "me", "id": "1"}, "Completed", 4),
        ("python-dev.jsonl", "cap/fail", {"who": "me", "id": "1"}, "Failed", 2),
        ("python-dev.jsonl", "cap/invoker", {"who": "me", "id": "1"}, "Completed", 7),
        ("python-dev.jsonl", "cap/wait", {"id": "7"}, "Completed", 3),
        ("python-dev.jsonl", "cap/everything", {"id": "1", "p": 10, "k": "z", "x": 2}, "Completed", 1),
        ("python-dev.jsonl", "cap/cancelme", {"id": "9"}, "Cancelled", 1),
        ("python-signed.jsonl", "cap/plain", {"who": "me", "id": "1"}, "Completed", 1),
        ("python-signed.jsonl", "cap/steps", {"who": "me", "id": "1"}, "Completed", 5),
        ("python-signed.jsonl", "cap/retry", {"who": "me", "id": "1"}, "Completed", 4),
        ("python-signed.jsonl", "cap/fail", {"who": "me", "id": "1"}, "Failed", 2),
        ("python-signed.jsonl", "cap/invoker", {"who": "me", "id": "1"}, "Completed", 7),
        ("python-signed.jsonl", "cap/wait", {"id": "7"}, "Completed", 3),
        ("python-signed.jsonl", "cap/cancelme", {"id": "9"}, "Cancelled", 1),
        ("python-signed.jsonl", "cap/everything", {"id": "1", "p": 10, "k": "z", "x": 2}, "Completed", 1),
        ("typescript-dev.jsonl", "nocp/seq", {"id": "7"}, "Completed", 6),
        ("typescript-dev.jsonl", "nocp/fail", {"id": "7"}, "Failed", 4),
        ("typescript-dev.jsonl", "nocp/norty", {"id": "7"}, "Failed", 2),
        ("typescript-dev.jsonl", "nocp/wait", {"id": "7"}, "Completed", 2),
        ("typescript-dev.jsonl", "nocp/leaf", {"id": "7"}, "Completed", 1),
        ("typescript-dev.jsonl", "cp/seq", {"id": "7"}, "Completed", 2),
        ("typescript-dev.jsonl", "cp/fail", {"id": "7"}, "Failed", 3),
        ("typescript-dev.jsonl", "cp/norty", {"id": "7"}, "Failed", 2),
        ("typescript-dev.jsonl", "cp/wait", {"id": "7"}, "Completed", 2),
        ("typescript-dev.jsonl", "cp/leaf", {"id": "7"}, "Completed", 1),
    ],
)
def test_the_engine_asks_as_recorded(name: str, event: str, data: dict[str, Any], status: str, asked: int) -> None:
    async def main() -> None:
        async with lab(**_options(name)) as it:
            it.bearer = _options(name).get("signing_key", "")
            app = RecordedApp(name, it)
            run = await _replay(it, app, name, event, data)
            assert_signed(it)
            assert app.surprises == []
            assert run["status"] == status
            for recorded, ours in app.pairs:
                assert _same_by_nature(ours) == _same_by_nature(recorded)
            handlers = [ours for _, ours in app.pairs if ours["event"]["name"] == "inngest/function.failed"]
            assert len(app.pairs) - len(handlers) == asked

    asyncio.run(main())


@pytest.mark.parametrize(
    ("name", "event", "asked"),
    [
        ("python-dev.jsonl", "cap/parallel", 5),
        ("python-dev.jsonl", "cap/race", 4),
        ("typescript-dev.jsonl", "nocp/par", 5),
        ("typescript-dev.jsonl", "cp/par", 4),
    ],
)
def test_the_engine_asks_for_parallel_steps_as_recorded(name: str, event: str, asked: int) -> None:
    """Which of parallel steps is done first differs, and with it the stack and whose discovery comes first."""

    async def main() -> None:
        async with lab() as it:
            app = RecordedApp(name, it)
            run = await _replay(it, app, name, event, {"who": "me", "id": "1"})
            assert app.surprises == []
            assert run["status"] == "Completed"
            assert len(app.pairs) == asked
            for recorded, ours in app.pairs:
                for key in ("attempt", "disable_immediate_execution", "generation_id", "max_attempts", "step_id"):
                    assert ours["ctx"][key] == recorded["ctx"][key]
                assert ours["version"] == recorded["version"]
                if not ours["ctx"]["disable_immediate_execution"]:
                    assert sorted(ours["ctx"]["stack"]["stack"]) == sorted(recorded["ctx"]["stack"]["stack"])
                    assert ours["steps"] == recorded["steps"]

    asyncio.run(main())


CONTROLLED: dict[str, list[dict[str, Any]]] = {
    "cap/batch": [{"i": 0}, {"i": 1}, {"i": 2}],
    "cap/debounced": [{"i": 0, "k": "a"}, {"i": 1, "k": "a"}, {"i": 2, "k": "a"}],
    "cap/throttled": [{"i": 0, "k": "a"}, {"i": 1, "k": "a"}, {"i": 2, "k": "a"}],
    "cap/single": [{"k": "a"}],
}


def _batches(bodies: list[dict[str, Any]]) -> list[list[str]]:
    """Return the data of the events of each call; which of one moment comes first is arbitrary."""
    return sorted(sorted(json.dumps(event["data"]) for event in body["events"]) for body in bodies)


@pytest.mark.parametrize("event", CONTROLLED)
def test_functions_under_flow_control_are_asked_as_recorded(event: str) -> None:
    name = "python-dev.jsonl"
    recorded = [
        line["request"]["body"]
        for line in _lines(name)
        if line["direction"] == "engine-to-sdk"
        and line["request"]["method"] == "POST"
        and line["request"]["body"]["event"]["name"] == event
    ]

    async def main() -> None:
        async with lab() as it:
            app = RecordedApp(name, it)
            for registration in _registrations(name):
                it.app.scripts |= {function["id"]: app for function in registration["functions"]}
                assert it.request("POST", "/fn/register", registration).status == 200
            for data in CONTROLLED[event]:
                it.send(event, data)
            await it.time.advance(120)
            ours = [ours for _, ours in app.pairs]
            assert app.surprises == []
            expected = _batches(recorded)[:1] if event == "cap/single" else _batches(recorded)
            assert _batches(ours) == expected
            for then, now in app.pairs:
                left_out = {"event", "events"}
                assert _same_by_nature({k: v for k, v in now.items() if k not in left_out}) == _same_by_nature(
                    {k: v for k, v in then.items() if k not in left_out}
                )

    asyncio.run(main())


@pytest.mark.parametrize("app_name", ["cp", "nocp"])
def test_signals_end_waits_as_recorded(app_name: str) -> None:
    """One function waits for a signal; another one sends it in a step, as TypeScript's SDK does."""
    name = "typescript-dev.jsonl"
    sent = next(
        line
        for line in _lines(name)
        if line["request"]["path"] == "/v1/signals" and line["request"]["body"]["signal"].startswith(app_name)
    )

    async def main() -> None:
        async with lab() as it:
            app = RecordedApp(name, it)
            for registration in _registrations(name):
                it.app.scripts |= {function["id"]: app for function in registration["functions"]}
                assert it.request("POST", "/fn/register", registration).status == 200
            waiting = it.send(f"{app_name}/sig", {"id": "7"})
            await it.said("waits for the signal")
            sending = it.send(f"{app_name}/sendsig", {"id": "7"})
            answer = it.request("POST", "/v1/signals", sent["request"]["body"])
            (run,) = it.runs(waiting)
            assert (answer.status, answer.body["data"]) == (sent["response"]["status"], {"run_id": run["run_id"]})
            runs = [await it.ended(waiting), await it.ended(sending)]
            assert app.surprises == []
            assert [run["status"] for run in runs] == ["Completed", "Completed"]
            assert len(app.pairs) == (3 if app_name == "cp" else 4)
            for recorded, ours in app.pairs:
                assert _same_by_nature(ours) == _same_by_nature(recorded)

    asyncio.run(main())


@pytest.mark.parametrize("event", ["cp/fetch", "nocp/fetch"])
def test_a_fetch_is_made_and_its_answer_told_as_recorded(event: str) -> None:
    name = "typescript-dev.jsonl"
    memo = next(
        step["data"]
        for line in _lines(name)
        if line["direction"] == "engine-to-sdk" and line["request"]["query"].startswith(f"fnId=ts{event[:-6]}-fetch")
        for step in line["request"]["body"]["steps"].values()
    )
    asked: list[tuple[str, str]] = []

    async def body() -> AsyncGenerator[bytes]:
        yield memo["body"].encode()

    def outside(request: httpx.Request) -> httpx.Response:
        asked.append((request.method, str(request.url)))
        return httpx.Response(memo["status_code"], headers=memo["headers"], content=body())

    async def main() -> None:
        async with lab(fetcher=HTTPFetcher(httpx.MockTransport(outside))) as it:
            app = RecordedApp(name, it)
            run = await _replay(it, app, name, event, {"id": "7"})
            assert app.surprises == []
            assert (run["status"], asked) == ("Completed", [("GET", memo["url"])])
            assert len(app.pairs) == 2
            for recorded, ours in app.pairs:
                assert _same_by_nature(ours) == _same_by_nature(recorded)

    asyncio.run(main())
