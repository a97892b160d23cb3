"""`/api/v2`, and the filters of `/v1/runs`: pages, cursors, reruns, awaited invocations, the description."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from pydantic import TypeAdapter

from inngest_core.protocol.wire import hash_id
from inngest_devserver.engine import Options
from inngest_devserver.http.routes import endpoints, streams
from inngest_devserver.http.v2 import openapi, shapes
from inngest_devserver.server import DevServer

from .harness import Called, Lab, Reply, lab, op, ops, raised, ran, returned
from .live_app import LiveApp, serving

UNKNOWN = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


async def _some_runs(it: Lab) -> list[str]:
    """Run "good" three times and "bad" twice; return the ids of the runs, oldest first."""
    it.serve("good", lambda call: returned(call.body["event"]["data"]["n"]))
    it.serve("bad", lambda call: raised("no", x_inngest_no_retry="true"))
    runs: list[str] = []
    for number, name in enumerate(("good", "bad", "good", "bad", "good")):
        runs.append((await it.run(f"t/{name}", {"n": number}))["run_id"])
        it.clock.advance(60)
    return runs


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [4, 3, 2, 1, 0]),
        ("status=COMPLETED", [4, 2, 0]),
        ("status=failed&order=ASC", [1, 3]),
        ("status[]=FAILED&status[]=COMPLETED", [4, 3, 2, 1, 0]),
        ("status=FAILED,RUNNING", [3, 1]),
        ("status=RUNNING", []),
        ("functionId=good", [4, 2, 0]),
        ("functionId=app-bad&appId=app", [3, 1]),
        ("appId=other", []),
        ("functionId=nope", []),
        ("from=2027-01-15T08:01:00Z&until=2027-01-15T08:03:00Z", [2, 1]),
        ("timeField=ENDED_AT&order=ASC&status=COMPLETED", [0, 2, 4]),
    ],
)
def test_runs_are_filtered(query: str, found: list[int]) -> None:
    async def main() -> None:
        async with lab() as it:
            runs = await _some_runs(it)
            answer = it.request("GET", f"/api/v2/runs?{query}")
            assert answer.status == 200, answer.body
            assert [runs.index(run["id"]) for run in answer.body["data"]] == found
            assert "output" not in str(answer.body)

    asyncio.run(main())


@pytest.mark.parametrize("more", ["", "&order=ASC", "&timeField=ENDED_AT", "&status=COMPLETED"])
def test_pages_follow_each_other_by_cursor(more: str) -> None:
    async def main() -> None:
        async with lab() as it:
            await _some_runs(it)
            whole = it.request("GET", f"/api/v2/runs?includeOutput=true{more}").body["data"]
            found: list[Any] = []
            cursor: str | None = ""
            while cursor is not None:
                page = it.request("GET", f"/api/v2/runs?limit=2&includeOutput=1&cursor={cursor}{more}").body
                assert len(page["data"]) <= page["page"]["limit"] == 2
                found += page["data"]
                cursor = page["page"].get("cursor")
                assert page["page"].get("hasMore", False) is (cursor is not None)
            assert found == whole
            assert all("output" in run for run in whole)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/v2/runs?status=nope", 400, "invalid_field_format"),
        ("GET", "/api/v2/runs?limit=0", 400, "invalid_field_format"),
        ("GET", "/api/v2/runs?limit=101", 400, "invalid_field_format"),
        ("GET", "/api/v2/runs?from=yesterday", 400, "invalid_field_format"),
        ("GET", "/api/v2/runs?order=up", 400, "invalid_field_format"),
        ("GET", "/api/v2/runs?timeField=x", 400, "invalid_field_format"),
        ("GET", "/api/v2/runs?cursor=x", 400, "invalid_field_format"),
        ("GET", "/api/v2/runs?cursor=WzFd", 400, "invalid_field_format"),
        ("GET", "/api/v2/runs?includeOutput=maybe", 400, "invalid_field_format"),
        ("GET", "/api/v2/runs?state=FAILED", 400, "invalid_request"),
        ("GET", f"/api/v2/events/{UNKNOWN}/runs?limit=1", 400, "invalid_request"),
        ("POST", "/api/v2/events?wait=1", 400, "invalid_request"),
        ("GET", f"/api/v2/runs/{UNKNOWN}", 404, "run_not_found"),
        ("GET", f"/api/v2/runs/{UNKNOWN}/trace", 404, "run_not_found"),
        ("POST", f"/api/v2/runs/{UNKNOWN}/rerun", 404, "run_not_found"),
        ("POST", "/api/v2/runs/x/cancel", 400, "invalid_field_format"),
        ("GET", f"/api/v2/events/{UNKNOWN}/runs", 404, "event_not_found"),
        ("GET", "/api/v2/apps/nope/functions", 404, "app_not_found"),
        ("GET", "/api/v2/apps/app/functions/nope", 404, "function_not_found"),
        ("POST", "/api/v2/apps/app/functions/nope/invoke", 404, "function_not_found"),
        ("DELETE", "/api/v2/runs", 405, "method_not_allowed"),
    ],
)
def test_refusals_have_a_code(method: str, path: str, status: int, code: str) -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", lambda call: returned(1))
            answer = it.request(method, path)
            assert (answer.status, answer.body["errors"][0]["code"]) == (status, code)
            assert answer.body["errors"][0]["message"]

    asyncio.run(main())


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"fromStep": 1}, "fromStep is a JSON number"),
        ({"fromStep": {}}, "fromStep.stepId"),
        ({"fromStep": {"stepId": "a", "input": {}}}, "fromStep.input is a JSON object"),
        ({"fromStep": {"stepId": "nope"}}, 'has no step "nope"'),
        ({"wait": -1}, "wait must be a number"),
        ({"wait": "1"}, "wait must be a number"),
    ],
)
def test_a_rerun_that_is_asked_for_wrongly(body: Any, text: str) -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", lambda call: returned(1) if call.has("a") else ops(ran("a")))
            run = await it.run("t/f")
            answer = it.request("POST", f"/api/v2/runs/{run['run_id']}/rerun", body)
            assert answer.status in (400, 404)
            assert text in answer.body["errors"][0]["message"]

    asyncio.run(main())


def _three_steps(call: Called) -> Reply:
    """Take three steps one after another, of which each gives a number; "b" gives what it was given by hand."""
    for number, step in enumerate("abc"):
        memo = call.steps.get(hash_id(step))
        if memo is None:
            return ops(ran(step, number))
        if "input" in memo:
            return ops(ran(step, memo["input"]))
    return returned([call.memo(step)["data"] for step in "abc"])


@pytest.mark.parametrize("named", ["b", hash_id("b")])
def test_a_rerun_from_a_step_keeps_what_came_before(named: str) -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", _three_steps)
            first = await it.run("t/f")
            assert first["output"] == [0, 1, 2]
            before = len(it.app.calls)
            asked = {"fromStep": {"stepId": named, "input": [5]}}
            answer = it.request("POST", f"/api/v2/runs/{first['run_id']}/rerun", asked)
            again = answer.body["data"]["runId"]
            await it.until(lambda: it.engine.active.get(again) is None)
            run = it.request("GET", f"/api/v2/runs/{again}?includeOutput=true").body["data"]
            assert (run["status"], run["output"], run["rerunOf"]) == ("COMPLETED", [0, [5], 2], first["run_id"])
            call = it.app.calls[before]
            assert call.steps == {hash_id("a"): {"data": 0}, hash_id("b"): {"input": [5]}}
            assert call.stack == [hash_id("a")]
            names = [span["name"] for span in _children(it, again)]
            assert names == ["b", "c", "Finalization"]

    asyncio.run(main())


def _children(it: Lab, run_id: str) -> list[dict[str, Any]]:
    root = it.request("GET", f"/api/v2/runs/{run_id}/trace").body["data"]["rootSpan"]
    children: list[dict[str, Any]] = root["children"]
    return children


def test_a_rerun_without_a_step_begins_anew_and_arguments_outlive_a_restart(tmp_path: Any) -> None:
    path = tmp_path / "engine.sqlite"

    async def before() -> str:
        async with lab(persist=path) as it:
            it.serve("f", _three_steps)
            first = await it.run("t/f")
            plain = it.request("POST", f"/api/v2/runs/{first['run_id']}/rerun").body["data"]["runId"]
            await it.until(lambda: it.engine.active.get(plain) is None)
            assert it.request("GET", f"/v1/runs/{plain}").body["data"]["output"] == [0, 1, 2]
            it.app.down = True
            asked = {"fromStep": {"stepId": "c", "input": ["x"]}}
            again: str = it.request("POST", f"/api/v2/runs/{first['run_id']}/rerun", asked).body["data"]["runId"]
            await it.said("trying until the app is there")
            return again

    async def after(run_id: str) -> None:
        async with lab(persist=path) as it:
            it.app.scripts["app-f"] = _three_steps
            it.clock.advance(100)
            await it.until(lambda: it.engine.active.get(run_id) is None)
            assert it.request("GET", f"/v1/runs/{run_id}").body["data"]["output"] == [0, 1, ["x"]]

    asyncio.run(after(asyncio.run(before())))


def test_a_function_is_invoked_by_hand_once_for_each_key() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", lambda call: returned(call.body["event"]["data"]["x"]))
            path = "/api/v2/apps/app/functions/f/invoke"
            one = it.request("POST", path, {"data": {"x": 9}, "idempotencyKey": "k"}).body["data"]["runId"]
            same = it.request("POST", path, {"data": {"x": 8}, "idempotencyKey": "k"}).body["data"]["runId"]
            other = it.request("POST", path, {"data": {"x": 7}}).body["data"]["runId"]
            await it.until(lambda: len(it.engine.active) == 0)
            assert one == same != other
            outputs = [it.request("GET", f"/v1/runs/{run}").body["data"]["output"] for run in (one, other)]
            assert outputs == [9, 7]

    asyncio.run(main())


def test_an_invocation_is_answered_when_its_run_has_ended() -> None:
    async def main() -> None:
        async with (
            DevServer(Options(sink=None), port=0) as server,
            httpx.AsyncClient(base_url=server.origin, timeout=60) as client,
            serving(LiveApp(server.origin)) as app,
        ):
            await server.register(app.url)
            path = "/api/v2/apps/app/functions/f/invoke"
            answer = (await client.post(path, json={"data": {}, "wait": 20})).json()["data"]
            assert (answer["status"], answer["output"]) == ("COMPLETED", {"answered": "app-f"})
            again = await client.post(f"/api/v2/runs/{answer['runId']}/rerun", json={"wait": 20})
            assert again.json()["data"]["output"] == {"answered": "app-f"}

    asyncio.run(main())


def test_a_wait_that_is_too_short_is_answered_with_a_run_that_goes_on() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", lambda call: ops({**op("Sleep", "nap"), "name": "1h"}))
            run = it.engine.active
            assert await it.engine.executor.ends.wait("nothing", 0.001) is False
            event = it.send("t/f")
            await it.said("sleeps for")
            assert len(run) == 1
            ending = asyncio.create_task(it.engine.executor.ends.wait(it.runs(event)[0]["run_id"], 20))
            await asyncio.sleep(0)
            cancelled = it.request("POST", f"/api/v2/runs/{it.runs(event)[0]['run_id']}/cancel")
            assert cancelled.status == 200
            assert await ending is True

    asyncio.run(main())


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("status=Completed", 3),
        ("status=failed&status=running", 2),
        ("status=Running", 0),
        ("function=app-bad", 2),
        ("function=app-nope", 0),
    ],
)
def test_the_first_api_filters_runs_too(query: str, count: int) -> None:
    async def main() -> None:
        async with lab() as it:
            await _some_runs(it)
            assert len(it.request("GET", f"/v1/runs?{query}").body["data"]) == count
            assert it.request("GET", "/v1/runs?status=nope").status == 400
            assert it.request("GET", "/v1/runs?cursor=nope").status == 400

    asyncio.run(main())


def test_every_route_is_described_and_answers_as_described() -> None:
    async def main() -> None:
        async with lab() as it:
            served = {
                (endpoint.path, method)
                for endpoint in endpoints(it.engine)
                for method in endpoint.methods
                if endpoint.path.startswith("/api/v2/") and endpoint.path != "/api/v2/openapi.json"
            }
            assert served == set(openapi.OPERATIONS)
            described = it.request("GET", "/api/v2/openapi.json").body
            assert described["openapi"] == "3.1.0"
            lasting = {stream.path for stream in streams(it.engine) if stream.path.startswith("/api/v2/")}
            assert lasting == {path for path, _ in openapi.STREAMS}
            assert set(described["paths"]) == {path for path, _ in served} | lasting
            assert "RunView" in described["components"]["schemas"]
            run_id = (await _some_runs(it))[1]
            event = it.send("t/good", {"n": 1})
            await it.ended(event)
            filled = {"run": run_id, "event": event, "app": "app", "function": "good"}
            for (path, method), operation in openapi.OPERATIONS.items():
                if method == "GET":
                    answer = it.request(
                        "GET",
                        path.format(**filled)
                        + ("?includeOutput=true" if "includeOutput" in (operation.query or {}) else ""),
                    )
                    assert answer.status == 200, (path, answer.body)
                    TypeAdapter(operation.data).validate_python(answer.body["data"], strict=True)
                    assert set(answer.body) == {"data", "metadata"} | ({"page"} if operation.paged else set())
            refused = it.request("GET", "/api/v2/runs/x")
            TypeAdapter(shapes.Errors).validate_python(refused.body, strict=True)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        ({"query": "{ nope }"}, 200, "Cannot query field"),
        ({"query": "{"}, 200, "Syntax Error"),
        ({"query": 7}, 400, "query is missing"),
        ({"query": "{ __typename }", "variables": 7}, 400, "variables is not a JSON object"),
        ({"query": '{ runTraceSpanOutputByID(outputID: "x") { data } }'}, 200, "none that this engine gave"),
    ],
)
def test_graphql_says_what_is_wrong(body: Any, status: int, text: str) -> None:
    async def main() -> None:
        async with lab() as it:
            answer = it.request("POST", "/v0/gql", body)
            assert answer.status == status
            assert text in str(answer.body)
            nothing = it.request("POST", "/v0/gql", {"query": f'{{ run(runID: "{UNKNOWN}") {{ id }} }}'})
            assert nothing.body == {"data": {"run": None}}

    asyncio.run(main())
