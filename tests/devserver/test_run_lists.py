"""Lists of runs in `/api/v2` that are searched for a text: what matches, pages, and how much is looked at."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import pytest

from inngest_core.web.messages import Request
from inngest_devserver.http.api import API
from inngest_devserver.http.v2.run_lists import MOST_SEARCHED
from inngest_devserver.storage.tables import EventRow, RunRow

from .harness import Lab, lab, raised, returned
from .in_process import ask


async def listed(it: Lab, query: str) -> Mapping[str, Any]:
    """Ask for a list, which may take more than one turn of the loop."""
    url = f"http://127.0.0.1:8288/api/v2/runs?{query}"
    response = await ask(API(it.engine), Request("GET", url, {"host": "127.0.0.1:8288"}, b""))
    answer = it.read(response)
    assert answer.status == 200, answer.body
    body: Mapping[str, Any] = answer.body
    return body


def keep_runs(it: Lab, count: int) -> None:
    """Keep so many ended runs, a second after each other, of 20 functions; one in a thousand has failed."""
    store, began = it.engine.store, it.clock.now()
    for number in range(count):
        key, at = f"01K{number:023d}", began + number
        body = b'{"name":"shop/order","data":{"order":"A%d!","text":"%s"}}' % (number, b"x" * 200)
        store.add_event(EventRow(key, key, "shop/order", int(at * 1000), at, body))
        status, output = ("Failed", b'"no"') if number % 1000 == 0 else ("Completed", b'{"number":%d}' % number)
        run = RunRow(
            key, f"function-{number % 20}", key, f"shop/order\n{key}", key, status, at, at, output, 2, "", "", ""
        )
        store.add_run(run)
    store.commit()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("alice", [0]),
        ("ALICE", [0]),
        ("t/good", [2, 0]),
        ("app-bad", [1]),
        ("the card", [1]),
        ("50%25", [2, 0]),
        ("5_", []),
        ("%C3%A9t%C3%A9", [2, 0]),
        ("%22quoted", [2, 0]),
        ("sender-chose", [0]),
        ("nowhere", []),
        ("", [2, 1, 0]),
    ],
)
def test_a_text_is_looked_for_in_names_ids_events_and_outputs(text: str, found: list[int]) -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("good", lambda call: returned('50% "quoted" été'))
            it.serve("bad", lambda call: raised("the card was declined", x_inngest_no_retry="true"))
            sent = [
                it.send("t/good", {"user": "Alice"}, id="sender-chose"),
                it.send("t/bad", {"user": "Bob"}),
                it.send("t/good", {"user": "Carol"}),
            ]
            runs = [(await it.ended(event))["run_id"] for event in sent]
            answer = await listed(it, f"text={text}")
            assert sorted(runs.index(run["id"]) for run in answer["data"]) == sorted(found)
            [of_one] = (await listed(it, f"text={runs[1]}"))["data"]
            assert (of_one["id"], of_one["trigger"]["eventName"]) == (runs[1], "t/bad")

    asyncio.run(main())


def test_pages_of_a_search_follow_each_other_and_keep_to_the_other_filters() -> None:
    async def main() -> None:
        async with lab() as it:
            keep_runs(it, 9_000)
            found: list[str] = []
            cursor = ""
            while True:
                page = await listed(it, f"text=A1&status=FAILED&limit=2&order=ASC&cursor={cursor}")
                found += [run["id"] for run in page["data"]]
                cursor = page["page"].get("cursor", "")
                if not cursor:
                    break
            assert found == [f"01K{number:023d}" for number in (1000,)]
            many = await listed(it, "text=xxx&limit=100")
            assert [run["id"] for run in many["data"]] == [f"01K{8_999 - n:023d}" for n in range(100)]

    asyncio.run(main())


def test_a_search_ends_after_many_runs_and_says_where_to_go_on() -> None:
    async def main() -> None:
        async with lab() as it:
            keep_runs(it, MOST_SEARCHED + 10)
            page = await listed(it, "text=A3!")
            assert (page["data"], page["page"]["hasMore"]) == ([], True)
            rest = await listed(it, f"text=A3!&cursor={page['page']['cursor']}")
            assert [run["id"] for run in rest["data"]] == [f"01K{3:023d}"]
            assert "cursor" not in rest["page"]

    asyncio.run(main())


def test_a_text_that_is_too_long_is_refused() -> None:
    async def main() -> None:
        async with lab() as it:
            answer = it.request("GET", f"/api/v2/runs?text={'a' * 201}")
            assert answer.status == 400
            assert "201 characters" in answer.body["errors"][0]["message"]

    asyncio.run(main())


@pytest.mark.parametrize(
    "query", ["", "status=FAILED", "functionId=function-7", "status=CANCELLED", "timeField=ENDED_AT", "text=nowhere"]
)
def test_a_page_over_ten_thousand_runs_takes_little_time(query: str) -> None:
    async def main() -> None:
        async with lab() as it:
            keep_runs(it, 10_000)
            taken: list[float] = []
            for _ in range(3):
                began = time.thread_time()
                await listed(it, f"limit=50&{query}")
                taken.append(time.thread_time() - began)
            # 3 ms, and 20 ms for a text that is nowhere, on a machine that is not slow.
            assert min(taken) < 0.1

    asyncio.run(main())
