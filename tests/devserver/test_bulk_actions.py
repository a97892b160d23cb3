"""One thing done with many runs: cancelling and doing again what a filter finds, or what is named."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from inngest_core.web.messages import Request
from inngest_devserver.http.api import API

from .harness import Answered, Called, Lab, Reply, lab, op, ops, raised, returned
from .in_process import ask

UNKNOWN = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


def sleepy(call: Called) -> Reply:
    return returned("woke") if call.has("nap") else ops({**op("Sleep", "nap"), "name": "7d"})


def serve(it: Lab) -> None:
    it.serve("good", lambda call: returned(call.body["event"]["data"]))
    it.serve("bad", lambda call: raised("no", x_inngest_no_retry="true"))
    it.serve("sleepy", sleepy)


async def bulk(it: Lab, what: str, **body: Any) -> dict[str, Any]:
    answer = await asked(it, what, body)
    assert answer.status == 200, answer.body
    data: dict[str, Any] = answer.body["data"]
    return data


async def asked(it: Lab, what: str, body: Any) -> Answered:
    """Ask for something that may take more than one turn of the loop."""
    content = json.dumps(body).encode()
    request = Request("POST", f"http://127.0.0.1:8288/api/v2/bulk/{what}", {"host": "127.0.0.1:8288"}, content)
    return it.read(await ask(API(it.engine), request))


def test_failed_runs_are_done_again_in_their_order() -> None:
    async def main() -> None:
        async with lab() as it:
            serve(it)
            failed = [(await it.run("t/bad", {"n": number}))["run_id"] for number in range(3)]
            good = (await it.run("t/good"))["run_id"]
            it.app.scripts["app-bad"] = lambda call: returned("mended")
            dry = await bulk(it, "rerun", filter={"status": "FAILED"}, dryRun=True)
            assert (dry["counts"], dry["dryRun"]) == ({"done": 3, "refused": 0}, True)
            assert dry["runs"] == [{"runId": run_id} for run_id in failed]
            done = await bulk(it, "rerun", filter={"status": ["FAILED"], "functionId": "bad"})
            assert [one["runId"] for one in done["runs"]] == failed
            again = [one["newRunId"] for one in done["runs"]]
            assert again == sorted(again)
            await it.until(lambda: all(_run(it, run_id)["status"] == "COMPLETED" for run_id in again))
            assert [_run(it, run_id)["rerunOf"] for run_id in again] == failed
            named = await bulk(it, "rerun", runIds=[good])
            assert named["counts"] == {"done": 1, "refused": 0}

    asyncio.run(main())


def _run(it: Lab, run_id: str) -> dict[str, Any]:
    data: dict[str, Any] = it.request("GET", f"/api/v2/runs/{run_id}").body["data"]
    return data


def test_waiting_runs_are_cancelled_and_others_are_not() -> None:
    async def main() -> None:
        async with lab() as it:
            serve(it)
            gate = asyncio.Event()

            async def slow(_: Called) -> Reply:
                await gate.wait()
                return returned("late")

            it.serve("slow", slow)
            sleeping = [it.send("t/sleepy"), it.send("t/sleepy")]
            running = it.send("t/slow")
            await it.called(3)
            await it.until(lambda: sum("sleeps for" in line for line in it.lines) == 2)
            done = await bulk(it, "cancel", filter={"functionId": ["sleepy", "slow"], "status": "waiting"})
            assert done["counts"] == {"done": 2, "refused": 0}
            assert [it.runs(event)[0]["status"] for event in (*sleeping, running)] == [
                "Cancelled",
                "Cancelled",
                "Running",
            ]
            gate.set()
            await it.ended(running)

    asyncio.run(main())


def test_lists_tell_runs_that_wait_from_those_that_run_and_that_are_queued() -> None:
    async def main() -> None:
        async with lab() as it:
            gate = asyncio.Event()

            async def slow(_: Called) -> Reply:
                await gate.wait()
                return returned("late")

            it.serve("slow", slow, concurrency=[{"limit": 1}])
            it.serve("sleepy", sleepy)
            running, queued = it.send("t/slow"), it.send("t/slow")
            waiting = it.send("t/sleepy")
            await it.said("sleeps for")
            await it.called(2)
            ids = [it.runs(event)[0]["run_id"] for event in (running, queued, waiting)]
            for query, found in (
                ("status=WAITING", {2}),
                ("status=QUEUED", {1}),
                ("status=QUEUED&status=WAITING", {1, 2}),
                ("status=RUNNING&status=QUEUED", {0, 1, 2}),
                ("status=WAITING&status=FAILED", {2}),
            ):
                answer = it.request("GET", f"/api/v2/runs?{query}")
                assert {ids.index(run["id"]) for run in answer.body["data"]} == found, query
            gate.set()
            await it.ended(queued)

    asyncio.run(main())


def test_what_cannot_be_done_is_told_for_each_run() -> None:
    async def main() -> None:
        async with lab() as it:
            serve(it)
            ended = (await it.run("t/good"))["run_id"]
            waiting = it.runs(it.send("t/sleepy"))[0]["run_id"]
            cancelled = await bulk(it, "cancel", runIds=[ended, waiting])
            assert cancelled["counts"] == {"done": 1, "refused": 1}
            assert cancelled["refused"] == [
                {"runId": ended, "code": "run_already_ended", "message": "Cannot cancel an ended run"}
            ]
            other = it.runs(it.send("t/sleepy"))[0]["run_id"]
            again = await bulk(it, "rerun", runIds=[other])
            assert again["refused"][0]["code"] == "run_not_ended"
            assert it.request("DELETE", "/fn/remove?url=http://app.test/api/inngest").status == 200
            gone = await bulk(it, "rerun", filter={"functionId": "good"})
            assert gone["refused"][0]["code"] == "function_not_found"

    asyncio.run(main())


def test_a_request_is_bounded_and_says_whether_there_is_more() -> None:
    async def main() -> None:
        async with lab() as it:
            serve(it)
            for number in range(5):
                await it.run("t/good", {"n": number})
            some = await bulk(it, "rerun", filter={"functionId": "good"}, limit=2, dryRun=True)
            assert (some["counts"]["done"], some["hasMore"]) == (2, True)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({}, "either filter or runIds"),
        ({"filter": {"status": "FAILED"}, "runIds": []}, "either filter or runIds"),
        ({"filter": {}}, "filter is empty"),
        ({"filter": {"state": "FAILED"}}, "filter.state is unknown"),
        ({"filter": {"status": "nope"}}, "Status 'nope' is unknown"),
        ({"filter": {"status": 1}}, "filter.status must be a text"),
        ({"filter": {"from": "yesterday"}}, "from must be an RFC 3339 time"),
        ({"filter": {"status": "FAILED"}, "limit": 1001}, "limit must be an integer from 1 to 1000"),
        ({"filter": {"status": "FAILED"}, "limit": True}, "limit must be an integer"),
        ({"filter": {"status": "FAILED"}, "dry": True}, "dry is unknown"),
        ({"filter": {"status": "FAILED"}, "dryRun": 1}, "dryRun is a JSON number"),
        ({"runIds": ["x"]}, "must be a valid ULID"),
        ({"runIds": [UNKNOWN]}, "There is no run"),
        ({"runIds": [UNKNOWN, "01ARZ3NDEKTSV4RRFFQ69G5FAW"], "limit": 1}, "runIds are 2; at most 1"),
    ],
)
def test_what_is_asked_for_wrongly_does_nothing(body: Any, text: str) -> None:
    async def main() -> None:
        async with lab() as it:
            serve(it)
            await it.run("t/bad")
            answer = await asked(it, "rerun", body)
            assert answer.status in (400, 404)
            assert text in answer.body["errors"][0]["message"]
            assert len(it.request("GET", "/api/v2/runs").body["data"]) == 1

    asyncio.run(main())
