"""The recorded answers of a real engine's own API, judged by shape: what it answers, this engine answers, too.

The runs that were recorded are done again; ids and times are put into the recorded questions. A recorded key must be
there with a value of the same kind; a text that names a state must be the same text. What is better here than it was
there stands in a table, with the reason.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, cast

import pytest

from inngest_core.protocol.wire import hash_id

from .harness import Called, Lab, Reply, lab, op, ops, ran, returned

RECORDINGS = Path(__file__).parents[1] / "golden" / "recordings"
CHAIN, FLAKY = "01M8DEE34QPY0VJY5ZZJKAZVV6", "01M8DEE34P741BWEQZGS4TB41H"
CHAIN_EVENT, FLAKY_EVENT = "01M8DEE2YDY8W0ZAPCS90NC2SV", "01M8DEE2YQ2XVP0K20SC3Y1GRF"
SAME_FIRST = {"status", "message"}
SAME_SECOND = {
    "status",
    "stepOp",
    "code",
    "name",
    "method",
    "stepId",
    "__typename",
    "hasMore",
    "slug",
    "isRoot",
    "output",
}
"""Keys whose values must be the same, and not only of the same kind. The first was recorded with other apps."""
STATUS = {
    "unknown run": (404, "it was 200 around an error"),
    "bad run id": (400, "it was 200 around an error"),
    "unknown path": (404, "it was the page of the web interface"),
    "cancel an ended run": (204, "it was 200 with an empty body"),
}
LEFT_OUT = {
    "list cancellations": "the recorded engine failed; see test_bulk_cancellations.py",
    "signal nobody waits for": "signals",
    "POST /v1/realtime/token": "realtime",
}
"""What other tests check."""
NOT_HERE = {
    ".startOpts": "ways to start that this engine does not have",
    ".features": "switches of the web interface",
    "*.metadata": "of a span: what only hosted engines measure",
}


def lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (RECORDINGS / name).read_text(encoding="utf-8").splitlines()]


def chain(call: Called) -> Reply:
    if not call.has("a"):
        return ops(ran("a", 1))
    if not call.has("nap"):
        return ops({**op("Sleep", "nap"), "name": "100ms"})
    return returned({"a": 1})


def flaky(call: Called) -> Reply:
    error = {"code": "non_retriable_error", "message": "never", "name": "NonRetriableError", "stack": "<stack>"}
    return Reply(500, error, {"x-inngest-no-retry": "true"} if call.ctx["attempt"] else {})


class Recorded:
    """The engine with the apps and runs of the recordings, and what stands for recorded ids here."""

    def __init__(self, it: Lab) -> None:
        self.it = it
        self.ids: dict[str, str] = {}

    async def prepare(self) -> None:
        functions = [_function(name) for name in ("chain", "flaky", "slow")]
        self.it.app.scripts |= {"connect-demo-chain": chain, "connect-demo-flaky": flaky}
        self.it.app.scripts["connect-demo-slow"] = lambda call: returned(None)
        body = {"appName": "connect-demo", "appVersion": "v1", "sdk": "py:v0.5.19", "functions": functions}
        assert self.it.request("POST", "/fn/register", {**body, "url": "ws://connect"}).status == 200
        self.it.on_line = self._pass_time
        for name, event, run in (("chain", CHAIN_EVENT, CHAIN), ("flaky", FLAKY_EVENT, FLAKY)):
            self.ids[event] = self.it.send(f"demo/{name}", {"x": 1})
            ended = await self.it.ended(self.ids[event])
            self.ids[run] = ended["run_id"]
            self.it.clock.advance(1)
        await self.it.ended(self.it.send("demo/chain", {"x": 2}))

    def _pass_time(self, line: str) -> None:
        if "sleeps for" in line or "next in" in line:
            asyncio.get_running_loop().call_soon(self.it.clock.advance, 5)

    def ask(self, request: str, body: Any) -> tuple[int, Any]:
        method, path = str(self.here(request)).split(" ", 1)
        answer = self.it.request(method, path, self.here(body))
        return answer.status, answer.body

    def here(self, value: Any) -> Any:
        """Return *value* with the ids that stand here for the recorded ones."""
        text = json.dumps(value)
        for there, here in self.ids.items():
            text = text.replace(there, here)
        return json.loads(text)


def _function(name: str) -> dict[str, Any]:
    runtime = {"type": "http", "url": f"http://app.test/api/inngest?fnId=connect-demo-{name}&stepId=step"}
    step: dict[str, Any] = {"id": "step", "name": "step", "runtime": runtime}
    if name != "slow":
        step["retries"] = {"attempts": 1}
    triggers = [{"event": f"demo/{name}"}]
    return {"id": f"connect-demo-{name}", "name": name, "triggers": triggers, "steps": {"step": step}}


def differences(recorded: Any, ours: Any, same: set[str], where: str = "") -> list[str]:
    """Return where *ours* lacks what was recorded, or has another kind of value. same: keys with equal values."""
    key = where.rpartition(".")[2]
    if isinstance(recorded, dict):
        if not isinstance(ours, dict):
            return [f"{where} is {ours!r}, was an object"]
        found: list[str] = []
        for name, value in cast("dict[str, Any]", recorded).items():
            place = f"{where}.{name}"
            if name not in ours:
                found += [] if place in NOT_HERE or (f"*.{name}" in NOT_HERE and where) else [f"{place} is missing"]
            elif place not in NOT_HERE:
                found += differences(value, ours[name], same, place)
        return found
    if isinstance(recorded, list):
        if not isinstance(ours, list):
            return [f"{where} is {ours!r}, was an array"]
        then, now = list[Any](recorded), list[Any](ours)  # pyright: ignore[reportUnknownArgumentType]
        if not then or not now:
            return [f"{where} is empty"] if then else []
        return min((differences(then[0], one, same, where + "[]") for one in now), key=len)
    if recorded is not None and type(ours) is not type(recorded):
        return [f"{where} is {ours!r}, was {recorded!r}"]
    return [f"{where} is {ours!r}, was {recorded!r}"] if key in same and _read(ours) != _read(recorded) else []


def _read(value: Any) -> Any:
    """Return what a text of JSON holds: its white space may differ."""
    return json.loads(value) if isinstance(value, str) and value.startswith("{") else value


FIRST = [line for line in lines("engine-api.jsonl") if line["name"] not in LEFT_OUT]
SECOND = [line for line in lines("engine-api-v2.jsonl") if line["request"] not in LEFT_OUT]


@pytest.mark.parametrize("line", FIRST, ids=[line["name"] for line in FIRST])
def test_the_first_api_answers_as_recorded(line: dict[str, Any]) -> None:
    request, response = line["request"], line["response"]

    async def main() -> None:
        async with lab() as it:
            stage = Recorded(it)
            await stage.prepare()
            it.send("digitalocean/change_step_error-gw1")
            stage.ids |= {"01M81MDBK4XKWVS9T1M2W2GJPW": stage.ids[FLAKY], "apps/capture": "apps/connect-demo"}
            stage.ids |= {"01M81MDBGNMD63K5GHHDW84ZSZ": stage.ids[FLAKY_EVENT]}
            status, body = stage.ask(f"{request['method']} {request['path']}", request["body"])
            assert status == STATUS.get(line["name"], (response["status"], ""))[0]
            recorded = response["body"]
            if isinstance(recorded, str):
                assert line["name"] in STATUS
                assert body is None or "error" in body
            else:
                assert [one for one in differences(recorded, body, SAME_FIRST) if not _odd(line["name"], one)] == []

    asyncio.run(main())


def _odd(name: str, problem: str) -> bool:
    """Tell whether the recorded value was odd, and is better here."""
    if name == "send not json object":  # it held an empty id, which is the id of nothing
        return problem.startswith(".ids")
    return (name in STATUS and problem.startswith(".status")) or problem.startswith((".data.output", ".data[].output"))


@pytest.mark.parametrize("line", SECOND, ids=[f"{n} {line['request']}" for n, line in enumerate(SECOND)])
def test_the_second_api_and_graphql_answer_as_recorded(line: dict[str, Any]) -> None:
    async def main() -> None:
        async with lab() as it:
            stage = Recorded(it)
            await stage.prepare()
            body = line["body"]
            if "runTraceSpanOutputByID" in str(body):
                body = {**body, "variables": {"o": _output_id(stage, failed="never" in str(line["response"]))}}
            status, answer = stage.ask(line["request"], body)
            assert status == line["status"]
            found = differences(stage.here(line["response"]), answer, SAME_SECOND)
            assert [one for one in found if not _better(line, one)] == []

    asyncio.run(main())


def _output_id(stage: Recorded, *, failed: bool) -> str:
    """Return the outputID of the first span of one of the runs that are here."""
    query = "query($r: String!){ run(runID: $r){ trace { childrenSpans { outputID } } } }"
    run = stage.ids[FLAKY if failed else CHAIN]
    _, answer = stage.ask("POST /v0/gql", {"query": query, "variables": {"r": run}})
    found: str = answer["data"]["run"]["trace"]["childrenSpans"][0]["outputID"]
    return found


def _better(line: dict[str, Any], problem: str) -> bool:
    """Tell whether this engine is right where the recorded answer was odd."""
    asked = line["request"] + str(line["body"])
    if "/trace" in asked or "preview" in asked:
        # Spans of steps that had ended were shown as running, and once more with their end.
        return (
            "is 'COMPLETED', was 'RUNNING'" in problem
            or "is 'FAILED', was 'RUNNING'" in problem
            or ".children" in problem
        )
    return False


def test_a_trace_shows_steps_attempts_and_outputs() -> None:
    async def main() -> None:
        async with lab() as it:
            stage = Recorded(it)
            await stage.prepare()
            _, chained = stage.ask(f"GET /api/v2/runs/{CHAIN}/trace?includeOutput=true", None)
            root = chained["data"]["rootSpan"]
            assert (root["name"], root["status"], root["output"]) == ("Run", "COMPLETED", {"a": 1})
            assert root["input"]["data"][0]["data"] == {"x": 1}
            spans = [(one["name"], one.get("stepOp"), one["status"]) for one in root["children"]]
            assert spans == [
                ("a", "RUN", "COMPLETED"),
                ("nap", "SLEEP", "COMPLETED"),
                ("Finalization", None, "COMPLETED"),
            ]
            assert root["children"][0]["output"] == {"data": 1}
            assert root["children"][0]["stepId"] == hash_id("a")
            assert root["children"][1]["durationMs"] == "5000"
            _, failed = stage.ask(f"GET /api/v2/runs/{FLAKY}/trace", None)
            (final,) = failed["data"]["rootSpan"]["children"]
            attempts = [(one["name"], one["status"]) for one in final["children"]]
            assert (final["name"], attempts) == ("Finalization", [("Attempt 0", "FAILED"), ("Attempt 1", "FAILED")])
            assert "output" not in final

    asyncio.run(main())
