"""The stream of changes: what it tells of, how it is gathered and bounded, and how a client goes on after a break."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from typing import Any

import httpx
import pytest

from inngest_devserver import changes
from inngest_devserver.changes import Changes
from inngest_devserver.engine import Options
from inngest_devserver.scheduling.clock import ManualClock
from inngest_devserver.server import DevServer

from .harness import Lab, lab, op, ops, planned, raised, ran, returned
from .subscribing import Client, connected

KEY = "signkey-test-" + "ab" * 32


def stream(it: Lab, query: str = "", **headers: str) -> Client:
    return Client(it, "http", "/api/v2/changes", query, **headers)


async def told(it: Lab, client: Client) -> list[dict[str, Any]]:
    """Return what a client has been told, once everything that has happened was sent."""
    last = it.request("GET", "/api/v2/runs").body["metadata"]["lastChange"]
    while last not in client.body:
        it.clock.advance(0.1)
        await client.until(len(client.sent) + 1)
    lines = [line.removeprefix("data: ") for line in client.body.split("\n") if line.startswith("data: ")]
    return [message for line in lines for message in json.loads(line)]


def seen(messages: list[dict[str, Any]], *fields: str) -> list[tuple[Any, ...]]:
    return [tuple(message.get(field) for field in fields) for message in messages]


def test_events_runs_steps_and_apps_are_told_of() -> None:
    async def main() -> None:
        async with lab() as it, connected(stream(it)) as client:
            assert (client.status, client.headers["content-type"]) == (200, "text/event-stream")
            it.serve("f", lambda call: returned(1) if call.has("a") else ops(ran("a")))
            run = await it.run("t/f")
            messages = await told(it, client)
            kinds = seen(messages, "kind", "id", "status")
            assert ("app", "app", "registered") in kinds
            assert ("run", run["run_id"], "COMPLETED") in kinds
            assert ("event", run["event_id"], None) in kinds
            step = next(message for message in messages if message["kind"] == "step")
            assert (step["run"], step["function"], step["name"], step["status"]) == (
                run["run_id"],
                "app-f",
                "a",
                "COMPLETED",
            )
            assert it.request("DELETE", "/fn/remove?url=http://app.test/api/inngest").status == 200
            assert ("app", "app", "removed") in seen(await told(it, client), "kind", "id", "status")

    asyncio.run(main())


def test_steps_that_wait_fail_or_are_planned_are_told_of() -> None:
    async def main() -> None:
        async with lab() as it, connected(stream(it, "kind=step")) as client:
            it.serve("sleeps", lambda call: ops(op("Sleep", "s", opts={"duration": "1h"})))
            it.serve("plans", lambda call: raised("no") if call.step != "step" else ops(planned("a"), planned("b")))
            it.send("t/sleeps")
            it.send("t/plans")
            await it.called(4)
            messages = await told(it, client)
            assert {message["kind"] for message in messages} == {"step"}
            assert {("s", "RUNNING"), ("a", "RUNNING"), ("b", "RUNNING")} <= set(seen(messages, "name", "status"))

    asyncio.run(main())


def test_a_thing_that_changes_often_is_told_of_once_in_a_message() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", lambda call: returned(1) if call.has("a") else ops(ran("a")))
            async with connected(stream(it, "kind=run")) as client:
                await client.until(2)
                run = await it.run("t/f")
                messages = await told(it, client)
            assert seen(messages, "id", "status")[-1] == (run["run_id"], "COMPLETED")
            # Of a start, a step and an end, in a tenth of a second of which none passes by itself.
            assert len(messages) <= 2

    asyncio.run(main())


def test_messages_to_one_client_are_a_tenth_of_a_second_apart() -> None:
    async def main() -> None:
        async with lab() as it, connected(stream(it, "kind=event")) as client:
            await client.until(2)
            it.send("a")
            await client.until(3)
            for number in range(500):
                it.send(f"b/{number}")
            await asyncio.sleep(0)
            assert len(client.sent) == 3
            it.clock.advance(0.1)
            await client.until(4)
            assert len(await told(it, client)) == 501
            assert len(client.sent) == 4

    asyncio.run(main())


def test_the_changes_of_one_run() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", lambda call: ops(op("Sleep", "s", opts={"duration": "1h"})))
            first, other = it.send("t/f"), it.send("t/f")
            await it.called(2)
            ids = [it.runs(event)[0]["run_id"] for event in (first, other)]
            async with connected(stream(it, f"run={ids[0]}")) as client:
                for run_id in reversed(ids):
                    assert it.request("POST", f"/api/v2/runs/{run_id}/cancel").status == 200
                assert seen(await told(it, client), "id", "status") == [(ids[0], "CANCELLED")]

    asyncio.run(main())


def test_a_client_that_connects_again_goes_on_where_it_was() -> None:
    async def main() -> None:
        async with lab() as it, connected(stream(it)) as other:
            async with connected(stream(it)) as client:
                it.send("a")
                await told(it, client)
            last = re.findall(r"^id: (.*)$", client.body, re.MULTILINE)[-1]
            it.send("b")
            for again in (stream(it, last_event_id=last), stream(it, f"after={last}")):
                async with connected(again):
                    assert seen(await told(it, again), "kind", "name") == [("event", "b")]
            # What the URL says is older than what the browser had last.
            both = stream(it, "after=nonsense", last_event_id=last)
            async with connected(both):
                assert seen(await told(it, both), "kind", "name") == [("event", "b")]
            assert len(await told(it, other)) == 2

    asyncio.run(main())


def test_a_client_that_has_missed_something_is_to_read_everything_again() -> None:
    async def main() -> None:
        async with lab() as it:
            last = it.request("GET", "/api/v2/runs").body["metadata"]["lastChange"]
            nothing_new = stream(it, f"after={last}")
            async with connected(nothing_new):
                it.send("a")
                assert seen(await told(it, nothing_new), "kind", "name") == [("event", "a")]
            for old in (last, "0a0b0c0d-1", "nonsense", f"{last}0000"):
                async with connected(stream(it, f"after={old}")) as client:
                    await client.until(3)
                    assert '[{"kind":"reset"}]' in client.body, old

    asyncio.run(main())


def test_a_slow_client_and_a_flood_cost_a_bounded_amount() -> None:
    hub = Changes(ManualClock())
    slow, quick = hub.listen(), hub.listen()
    for number in range(changes.MOST_KEPT + 1):
        hub.tell("event", str(number))
        if number % 500 == 0:
            assert len(hub.take(quick)) == (1 if number == 0 else 500)
    assert hub.take(slow) == [changes.RESET]
    assert hub.take(slow) == []
    for number in range(changes.MOST_IN_BATCH + 1):
        hub.tell("event", str(number))
    assert hub.take(slow) == [changes.RESET]
    for _ in range(changes.MOST_IN_BATCH + 1):
        hub.tell("run", "one", "one", status="RUNNING")
    assert [message["id"] for message in hub.take(slow)] == ["one"]


def test_nothing_is_kept_while_nobody_listens() -> None:
    hub = Changes(ManualClock())
    before = hub.last_id
    hub.tell("event", "a")
    assert hub.take(hub.listen(before)) == [changes.RESET]
    listener = hub.listen()
    assert hub.take(listener) == []
    hub.leave(listener)


def test_too_many_clients_are_refused() -> None:
    async def main() -> None:
        async with lab() as it:
            listeners = [it.engine.changes.listen() for _ in range(changes.MOST_LISTENERS)]
            async with connected(stream(it)) as client:
                assert client.status == 503
                assert json.loads(client.body)["errors"][0]["code"] == "too_many_listeners"
            it.engine.changes.leave(listeners[0])
            async with connected(stream(it)) as client:
                assert client.status == 200

    asyncio.run(main())


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("kind=nope", "kind is 'nope'"),
        ("run=x", "the id of a run"),
        ("since=1", "the query parameter since is unknown"),
    ],
)
def test_what_is_asked_for_wrongly_is_refused(query: str, text: str) -> None:
    async def main() -> None:
        async with lab() as it, connected(stream(it, query)) as client:
            assert client.status == 400
            assert text in json.loads(client.body)["errors"][0]["message"]

    asyncio.run(main())


def test_a_sign_of_life_comes_when_nothing_happens() -> None:
    async def main() -> None:
        async with lab() as it, connected(stream(it)) as client:
            await client.until(2)
            while it.clock.next_wake() is None:
                await asyncio.sleep(0)
            it.clock.advance(15)
            await client.until(3)
            assert client.body.endswith("\n\n:\n\n")

    asyncio.run(main())


def test_it_asks_for_the_key_of_the_engine() -> None:
    async def main() -> None:
        async with lab(signing_key=KEY) as it:
            async with connected(stream(it)) as client:
                assert client.status == 401
                assert json.loads(client.body)["errors"][0]["code"] == "unauthenticated"
            async with connected(stream(it, authorization=f"Bearer {KEY}")) as client:
                assert client.status == 200

    asyncio.run(main())


@pytest.mark.live
def test_the_stream_ends_with_the_engine() -> None:
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(DevServer(Options(sink=None), port=0))
        with httpx.stream("GET", f"{server.origin}/api/v2/changes", timeout=60) as answer:
            lines = answer.iter_lines()
            assert next(lines) == "retry: 1000"
            httpx.post(f"{server.origin}/e/k", json={"name": "a"}, timeout=60)
            data = next(line for line in lines if line.startswith("data: "))
            assert json.loads(data.removeprefix("data: "))[0]["name"] == "a"
            stack.close()
            assert [line for line in lines if line.startswith("data: ")] == []
