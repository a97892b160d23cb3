"""Cancelling many runs at once: those that began in a window, under way and still to come, and over a restart."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from .harness import Called, Lab, Reply, lab, op, ops, returned

START = "2027-01-15T08:00:00Z"
"""When the lab's clock starts."""
LATER = "2027-01-15T09:00:00Z"


def sleepy(call: Called) -> Reply:
    return returned("woke") if call.has("nap") else ops({**op("Sleep", "nap"), "name": "7d"})


def cancel(it: Lab, **fields: Any) -> dict[str, Any]:
    body = {"app_id": "app", "function_id": "f", "started_before": LATER, **fields}
    answer = it.request("POST", "/v1/cancellations", body)
    assert answer.status == 201, answer.body
    found: dict[str, Any] = answer.body["data"]
    return found


def statuses(it: Lab, *events: str) -> list[str]:
    return [it.runs(event)[0]["status"] for event in events]


def test_runs_that_wait_run_or_are_queued_are_cancelled() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", sleepy, concurrency=[{"limit": 1}])
            it.serve("g", sleepy)
            sleeping = it.send("t/f")
            await it.time.advance(1)
            gate = asyncio.Event()

            async def slow(_: Called) -> Reply:
                await gate.wait()
                return returned("late")

            it.app.scripts["app-f"] = slow
            running, queued, other = it.send("t/f"), it.send("t/f"), it.send("t/g")
            await it.until(lambda: len(it.app.of("f")) == 2)
            cancel(it)
            assert statuses(it, sleeping, running, queued) == ["Cancelled"] * 3
            gate.set()
            await it.time.settle()
            assert len(it.app.of("f")) == 2, "what was queued is not called"
            assert statuses(it, running, other) == ["Cancelled", "Running"]

    asyncio.run(main())


def test_only_runs_that_began_in_the_window_and_meet_the_expression_are_cancelled() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", sleepy)
            before = it.send("t/f", {"user": 7})
            await it.time.advance(60)
            inside, other, without = it.send("t/f", {"user": 7}), it.send("t/f", {"user": 8}), it.send("t/f")
            await it.time.advance(60)
            after = it.send("t/f", {"user": 7})
            cancel(
                it,
                started_after=START,
                started_before="2027-01-15T08:01:30Z",
                **{"if": "event.data.user == 7"},
            )
            assert statuses(it, inside) == ["Cancelled"]
            assert statuses(it, before, other, without, after) == ["Running"] * 4

    asyncio.run(main())


def test_runs_that_begin_while_the_window_is_open_are_cancelled_also_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "engine.db"

    async def before() -> str:
        async with lab(persist=path) as it:
            it.serve("f", sleepy)
            made = cancel(it)
            early = it.send("t/f")
            assert statuses(it, early) == ["Cancelled"]
            return str(made["id"])

    async def after(cancellation: str) -> None:
        async with lab(persist=path) as it:
            it.serve("f", sleepy)
            assert [one["id"] for one in it.request("GET", "/v1/cancellations").body["data"]] == [cancellation]
            late = it.send("t/f")
            assert statuses(it, late) == ["Cancelled"]
            assert it.request("DELETE", f"/v1/cancellations/{cancellation}").status == 204
            assert statuses(it, it.send("t/f")) == ["Running"]
            assert it.request("DELETE", f"/v1/cancellations/{cancellation}").status == 404
            assert it.app.of("f") == [], "a run that is cancelled as it begins is not called"

    asyncio.run(after(asyncio.run(before())))


def test_after_the_window_runs_begin_as_usual() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", sleepy)
            cancel(it)
            await it.time.advance(3600)
            assert statuses(it, it.send("t/f")) == ["Running"]

    asyncio.run(main())


def test_a_step_that_invokes_a_run_which_is_cancelled_at_once_hears_of_it() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", sleepy)
            invoke: dict[str, Any] = {
                **op("InvokeFunction", "i"),
                "opts": {"function_id": "app-f", "payload": {"data": {}}},
            }
            it.serve("parent", lambda call: returned(call.memo("i")) if call.has("i") else ops(invoke))
            made = cancel(it)
            event = it.send("t/parent")
            await it.time.settle()
            run = it.runs(event)[0]
            assert run["status"] == "Completed"
            message = f"function cancelled: bulk cancellation {made['id']}"
            assert run["output"]["error"]["message"] == message

    asyncio.run(main())


def test_cancellations_are_listed_shown_and_paged() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", sleepy)
            made = [cancel(it, function_id=name, started_after=START) for name in ("f", "app-f")]
            assert made[0] == {
                "id": made[0]["id"],
                "environment_id": "00000000-0000-0000-0000-000000000000",
                "app_id": "app",
                "function_id": "f",
                "started_after": "2027-01-15T08:00:00.000000Z",
                "started_before": "2027-01-15T09:00:00.000000Z",
                "if": None,
                "created_at": "2027-01-15T08:00:00.000000Z",
            }
            assert it.request("GET", "/v1/cancellations").body["data"] == made[::-1]
            assert it.request("GET", f"/v1/cancellations/{made[0]['id']}").body["data"] == made[0]
            first = it.request("GET", "/v1/cancellations?limit=1").body["data"]
            assert first == [made[1]]
            assert it.request("GET", f"/v1/cancellations?cursor={made[1]['id']}").body["data"] == [made[0]]
            assert it.request("GET", "/v1/cancellations?cursor=x").status == 400
            assert it.request("GET", "/v1/cancellations/x").status == 404

    asyncio.run(main())


@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ({"app_id": None}, 400, "app_id is None"),
        ({"function_id": 3}, 400, "function_id is 3"),
        ({"function_id": "nobody"}, 404, "function not found"),
        ({"started_before": None}, 400, "started_before is missing"),
        ({"started_before": "soon"}, 400, "started_before is 'soon'; expected an RFC 3339 time"),
        ({"started_after": 12}, 400, "started_after is 12; expected an RFC 3339 time"),
        ({"started_after": LATER}, 400, "started_after is not before started_before"),
        ({"if": 1}, 400, "if is a JSON number"),
        ({"if": "event.data.("}, 400, "if does not compile"),
    ],
)
def test_what_makes_no_sense_is_refused_and_cancels_nothing(fields: dict[str, Any], status: int, said: str) -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", sleepy)
            event = it.send("t/f")
            body = {"app_id": "app", "function_id": "f", "started_before": LATER, **fields}
            answer = it.request("POST", "/v1/cancellations", body)
            assert (answer.status, said in answer.body["error"]) == (status, True), answer.body
            assert statuses(it, event) == ["Running"]
            assert it.request("GET", "/v1/cancellations").body["data"] == []

    asyncio.run(main())


def test_only_so_many_cancellations_are_kept_but_all_that_still_count() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", sleepy)
            cancel(it)
            past = {"started_before": "2027-01-15T07:00:00Z"}
            for _ in range(1001):
                cancel(it, **past)
            found: list[dict[str, Any]] = []
            while page := it.request(
                "GET", "/v1/cancellations?limit=100" + (f"&cursor={found[-1]['id']}" if found else "")
            ).body["data"]:
                found += page
            assert len(found) == 1000
            assert found[-1]["started_before"] == "2027-01-15T09:00:00.000000Z"

    asyncio.run(main())
