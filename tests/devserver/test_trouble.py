"""What goes wrong around the engine: a file that cannot be written, runs that nobody can take up, curious pages."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from pathlib import Path

import pytest

from inngest_devserver.calls.requests import without_password
from inngest_devserver.storage.retention import Keep

from .harness import Called, Reply, lab, left_asleep, op, ops, ran, returned

ELSEWHERE = "http://elsewhere.test/api/inngest"


def test_a_full_disk_stops_the_engine_until_there_is_room(tmp_path: Path) -> None:
    async def main() -> None:
        async with lab(persist=tmp_path / "engine.sqlite") as it:
            it.serve("f", lambda call: returned("done") if call.has("a") else ops(ran("a", "x" * 200_000)))
            database = it.engine.store.database
            pages = database.one("PRAGMA page_count")[0]
            database.one(f"PRAGMA max_page_count = {pages + 4}")
            event = it.send("t/f")
            await it.said("the engine stops: database or disk is full")
            refused = it.request("POST", "/e/key", {"name": "t/f"})
            assert refused.status == 503
            assert "disk is full" in refused.body["error"]
            assert it.request("GET", "/health").status == 200
            calls = len(it.app.calls)
            database.one("PRAGMA max_page_count = 100000")
            it.clock.advance(1)
            await it.said("the engine goes on")
            assert (await it.ended(event))["output"] == "done"
            assert len(it.app.calls) == calls + 1
            assert database.one("SELECT count(*) FROM memos")[0] == 1

    asyncio.run(main())


def test_a_run_whose_function_is_not_known_any_more_fails_at_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "engine.sqlite"

    async def after(event_id: str) -> None:
        async with lab(persist=path) as it:
            (run,) = it.runs(event_id)
            assert (run["status"], run["output"]["name"]) == ("Failed", "RunLostError")
            assert any("cannot go on" in line for line in it.lines)

    event_id = asyncio.run(left_asleep(path))
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE functions SET config = '{}'")
        database.commit()
    asyncio.run(after(event_id))


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://user:pass@host/api?x=1", "http://user:***@host/api?x=1"),
        ("http://user@host/", "http://user@host/"),
        ("http://host/", "http://host/"),
    ],
)
def test_a_password_is_not_shown(url: str, shown: str) -> None:
    assert without_password(url) == shown


def test_the_password_in_the_url_of_an_app_is_sent_to_it_and_to_no_other() -> None:
    def script(call: Called) -> Reply:
        if call.has("a"):
            return returned("done")
        return ops(ran("a")) if "elsewhere" in call.headers["host"] else Reply(307, None, {"location": ELSEWHERE})

    async def main() -> None:
        async with lab() as it:
            it.serve("f", script)
            ping = "http://me:p%40ss@app.test/api/inngest?fnId=app-f&stepId=step"
            await it.engine.caller.send("PUT", ping, {}, b'{"steps": {}}')
            run = await it.run("t/f")
            sent = {(call.headers["host"], call.headers.get("authorization")) for call in it.app.calls}
            assert sent == {("app.test", "Basic bWU6cEBzcw=="), ("elsewhere.test", None)}
            assert "p@ss" not in str((it.lines, run))
            assert "p%40ss" not in str((it.lines, run))

    asyncio.run(main())


def test_the_past_is_kept_by_count_and_by_age() -> None:
    async def main() -> None:
        async with lab(keep=Keep(runs=100, seconds=3600)) as it:
            it.serve("f", lambda call: returned(1) if call.has("a") else ops(ran("a")))
            it.serve("nap", lambda call: ops({**op("Sleep", "nap"), "name": "30d"}))
            sleeping = it.send("t/nap")
            await it.said("sleeps for")
            database = it.engine.store.database
            for _ in range(5):
                events = it.request("POST", "/e/key", [{"name": "t/f"}] * 100).body["ids"]
                await it.ended(events[-1])
                await it.until(lambda: len(it.engine.active) == 1)
            counts = {table: database.one(f"SELECT count(*) FROM {table}")[0] for table in ("runs", "memos", "events")}  # noqa: S608
            assert counts["runs"] <= 301
            assert counts["memos"] <= 300
            assert counts["events"] <= 800
            it.clock.advance(3601)
            it.engine.retention.prune(it.clock.now())
            it.engine.retention.prune(it.clock.now())
            assert database.one("SELECT count(*) FROM runs")[0] == 1
            assert database.one("SELECT count(*) FROM events")[0] == 1
            assert it.runs(sleeping)[0]["status"] == "Running"

    asyncio.run(main())
