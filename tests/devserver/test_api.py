"""The engine's HTTP API: registration, events, look-ups, refusals."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from inngest_core.protocol.signing import SigningKey, SigningKeys, verify
from inngest_devserver.storage.database import FileUnusableError, StoreVersionError
from inngest_devserver.storage.tables import MIGRATIONS

from .harness import APP_URL, Lab, Reply, lab, left_asleep, op, ops, planned, ran, returned

UNKNOWN = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
KEY = "signkey-test-" + "0123456789abcdef" * 4


def function(name: str = "f", **fields: Any) -> dict[str, Any]:
    runtime = {"type": "http", "url": f"{APP_URL}?fnId=app-{name}&stepId=step"}
    return {
        "id": f"app-{name}",
        "name": name,
        "triggers": [{"event": f"t/{name}"}],
        "steps": {"step": {"id": "step", "name": "step", "runtime": runtime}},
        **fields,
    }


def registration(*functions: Any, **fields: Any) -> dict[str, Any]:
    return {"appName": "app", "url": APP_URL, "functions": list(functions), **fields}


# --- registration


def test_registration_says_whether_anything_changed() -> None:
    async def main() -> None:
        async with lab() as it:
            first = it.request("POST", "/fn/register", registration(function()))
            again = it.request("PUT", "/fn/register?deployId=x", registration(function()))
            other = it.request("POST", "/fn/register", registration(function(), function("g")))
            assert first.status == again.status == other.status == 200
            assert first.body["ok"] is True
            assert set(first.body) == {"ok", "modified", "sync_id", "app_id"}
            assert [answer.body["modified"] for answer in (first, again, other)] == [True, False, True]
            assert first.body["app_id"] == other.body["app_id"]

    asyncio.run(main())


def test_an_app_that_is_refused_again_and_again_is_told_of_once() -> None:
    def refusals(it: Lab) -> int:
        return sum("registration refused" in line for line in it.lines)

    async def main() -> None:
        async with lab() as it:
            bad = registration(function(), function("g", triggers=[{"event": "e", "expression": "event.data.("}]))
            for _ in range(3):
                assert it.request("POST", "/fn/register", bad).status == 400
            await it.said("registration refused")
            assert refusals(it) == 1
            assert it.request("POST", "/fn/register", registration(function())).status == 200
            assert it.request("POST", "/fn/register", bad).status == 400
            await it.until(lambda: refusals(it) == 2)

    asyncio.run(main())


def test_recorded_registration_is_accepted() -> None:
    line = next(_recorded("python-dev.jsonl"))

    async def main() -> None:
        async with lab() as it:
            assert it.request("POST", "/fn/register", line["request"]["body"]).status == 200
            functions = it.request("GET", "/v1/apps/capture/functions").body
            assert len(functions) == 16
            fail = next(item for item in functions if item["id"] == "capture-fail")
            assert fail["config"]["steps"][0]["retries"] == 0
            assert len(it.request("GET", "/dev").body["functions"]) == 16

    asyncio.run(main())


def _recorded(name: str) -> Any:
    path = Path(__file__).parents[1] / "golden" / "recordings" / name
    return (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize(
    ("body", "error", "detail"),
    [
        ({}, "App ID required", None),
        ({"appName": 7}, "App ID required", None),
        (registration(7), "At least one function is invalid", "a function is a JSON number"),
        (registration({}), "At least one function is invalid", "name is None"),
        (registration(function(steps={})), "At least one function is invalid", "steps.step.runtime.url is None"),
        (registration(function(triggers=[{}])), "At least one function is invalid", "triggers[0] has neither"),
        (registration(function(triggers={})), "At least one function is invalid", "triggers is a JSON object"),
        (
            registration(function(triggers=[{"event": "e", "expression": "event.data.x =="}])),
            "At least one function is invalid",
            "triggers[0].expression does not compile",
        ),
        (
            registration(function(triggers=[{"event": f"e{n}"} for n in range(11)])),
            "At least one function is invalid",
            "at most 10",
        ),
        (registration(function(cancel=[{"if": "true"}])), "At least one function is invalid", "cancel[0].event"),
        (registration(function(debounce=1)), "At least one function is invalid", "debounce is a JSON number"),
    ],
)
def test_invalid_registrations_say_what_is_wrong(body: Any, error: str, detail: str | None) -> None:
    async def main() -> None:
        async with lab() as it:
            answer = it.request("POST", "/fn/register", body)
            assert (answer.status, answer.body["error"], answer.body["status"]) == (400, error, 400)
            if detail is not None:
                assert any(detail in text for text in answer.body["details"])
                assert any(detail in line for line in it.lines)
            assert it.request("GET", "/dev").body["functions"] == []

    asyncio.run(main())


def test_all_faults_are_told_at_once() -> None:
    async def main() -> None:
        async with lab() as it:
            bad = registration(function("a", steps={}, triggers=[{}]), function("b", cancel=3), function("c"))
            details = it.request("POST", "/fn/register", bad).body["details"]
            assert len(details) == 3
            assert [text.split(":")[0] for text in details] == [
                'function "app-a"',
                'function "app-a"',
                'function "app-b"',
            ]

    asyncio.run(main())


def test_registration_for_another_kind_of_server() -> None:
    async def main() -> None:
        async with lab() as it:
            answer = it.request("POST", "/fn/register", registration(), x_inngest_expected_server_kind="cloud")
            assert (answer.status, answer.body["error"]) == (400, "Expected server kind dev, got cloud")

    asyncio.run(main())


def test_functions_that_are_gone_start_no_more() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", lambda call: returned(1))
            await it.run("t/f")
            it.request("POST", "/fn/register", registration(function("other")))
            assert it.runs(it.send("t/f")) == []
            assert it.request("DELETE", f"/fn/remove?url={APP_URL}").status == 200
            assert it.request("GET", "/v1/apps/app/functions").status == 404
            assert it.request("DELETE", "/fn/remove").status == 400

    asyncio.run(main())


def test_triggers_by_prefix_and_by_expression() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("all", lambda call: returned("all"), event="shop/*")
            big = {"event": "shop/order", "expression": "event.data.total > 100"}
            it.serve("big", lambda call: returned("big"), triggers=[big, {"event": "shop/big"}])
            small = it.send("shop/order", {"total": 5})
            await it.ended(small)
            large = it.send("shop/order", {"total": 500})
            await it.ended(large, count=2)
            assert [run["output"] for run in it.runs(small)] == ["all"]
            assert sorted(run["output"] for run in it.runs(large)) == ["all", "big"]
            assert it.runs(it.send("shopping", {"total": 500})) == []
            it.serve("every", lambda call: returned("every"), event="other.*")
            other = it.send("other.thing")
            run = await it.ended(other)
            assert run["output"] == "every"
            # The engine's own events, such as the end of that run, are not meant.
            runs = it.request("GET", "/v1/runs?limit=100").body["data"]
            assert [one for one in runs if one["function_id"] == run["function_id"]] == [run]

    asyncio.run(main())


# --- events


def test_events_are_answered_with_ids() -> None:
    async def main() -> None:
        async with lab() as it:
            one = it.request("POST", "/e/any", {"name": "a/b", "data": {"x": 1}})
            many = it.request("POST", "/e/any", [{"name": "a/b"}, {"name": "a/c", "data": None, "id": "mine"}])
            assert (one.status, one.body["status"], len(one.body["ids"])) == (200, 200, 1)
            assert len(many.body["ids"]) == 2
            listed = it.request("GET", "/v1/events?limit=2").body["data"]
            assert [event["name"] for event in listed] == ["a/c", "a/b"]
            assert listed[0]["id"] == "mine"
            assert listed[0]["data"] == {}
            assert listed[0]["internal_id"] == many.body["ids"][1]
            named = it.request("GET", "/v1/events?name=a/b").body["data"]
            assert [event["internal_id"] for event in named] == [many.body["ids"][0], one.body["ids"][0]]
            cursor = it.request("GET", f"/v1/events?cursor={many.body['ids'][0]}").body["data"]
            assert [event["internal_id"] for event in cursor] == [one.body["ids"][0]]
            single = it.request("GET", f"/v1/events/{one.body['ids'][0]}")
            assert single.body["data"]["data"] == {"x": 1}
            assert it.request("GET", "/v1/events/mine").body["data"]["name"] == "a/c"

    asyncio.run(main())


@pytest.mark.parametrize(
    ("event", "error"),
    [
        ({"name": ""}, "event name is empty"),
        ({"data": {}}, "event name is empty"),
        ({"name": 7}, "event name is a JSON number"),
        ({"name": "x" * 513}, "at most 512"),
        ({"name": "inngest/mine"}, "reserved"),
        ({"name": "a", "data": [1]}, "event data is a JSON array"),
        ({"name": "a", "data": "x"}, "event data is a JSON string"),
        ({"name": "a", "ts": 1000}, "between 1980 and 2100"),
        ({"name": "a", "ts": 1_800_000_000}, "between 1980 and 2100"),
        ({"name": "a", "ts": 5_000_000_000_000}, "between 1980 and 2100"),
        ({"name": "a", "ts": "now"}, "expected milliseconds"),
        ({"name": "a", "id": 7}, "event id is a JSON number"),
        ({"name": "a", "user": 7}, "event user is a JSON number"),
        ({"name": "a", "data": {"x": "x" * 3_200_000}}, "bytes long; at most"),
        (7, "event is a JSON number"),
        (None, "event is a JSON null"),
    ],
)
def test_bad_events_are_refused_and_those_before_are_taken(event: Any, error: str) -> None:
    async def main() -> None:
        async with lab() as it:
            answer = it.request("POST", "/e/any", [{"name": "ok"}, event, {"name": "later"}])
            assert (answer.status, answer.body["status"], len(answer.body["ids"])) == (400, 400, 1)
            assert error in answer.body["error"]
            assert [item["name"] for item in it.request("GET", "/v1/events").body["data"]] == ["ok"]

    asyncio.run(main())


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"name":"a","data":{"x":NaN}}'])
def test_what_is_not_json_is_refused(raw: bytes) -> None:
    async def main() -> None:
        async with lab() as it:
            for path in ("/e/any", "/fn/register"):
                answer = it.request("POST", path, raw=raw)
                assert answer.status == 400
                assert answer.body["error"]

    asyncio.run(main())


def test_too_many_events_and_too_large_a_body() -> None:
    async def main() -> None:
        async with lab() as it:
            many = it.request("POST", "/e/any", [{"name": "a"}] * 5001)
            assert (many.status, many.body["ids"]) == (400, [])
            assert it.request("POST", "/e/any", raw=b" " * (16 * 1024 * 1024 + 1)).status == 413

    asyncio.run(main())


def test_a_send_that_is_retried_starts_nothing_twice() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", lambda call: returned(1))
            seed = f"1800000000000,{base64.b64encode(bytes(range(10))).decode()}"
            body: list[Any] = [{"name": "t/f", "data": {}}, {"name": "t/f", "data": {}}]
            first = it.request("POST", "/e/any", body, x_inngest_event_id_seed=seed)
            again = it.request("POST", "/e/any", body, x_inngest_event_id_seed=seed)
            assert first.body["ids"] == again.body["ids"]
            one, two = first.body["ids"]
            assert one[:-1] == two[:-1]
            await it.ended(one)
            await it.ended(two)
            assert len(it.app.calls) == 2
            for bad in ("x", "1,", "1,!!", f"-1,{seed[14:]}", "99999999999999999,AAECAwQFBgcICQ==", "1,AAEC"):
                assert it.request("POST", "/e/any", {"name": "a"}, x_inngest_event_id_seed=bad).status == 200

    asyncio.run(main())


def test_an_id_that_the_sender_chose_starts_a_function_once() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", lambda call: returned(call.body["event"]["id"]))
            first = it.send("t/f", id="order-1")
            assert (await it.ended(first))["output"] == "order-1"
            again = it.send("t/f", id="order-1")
            assert again != first
            assert it.runs(again) == []

    asyncio.run(main())


def test_events_keep_what_they_carry() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", lambda call: returned(call.body["event"]))
            data = {"big": 12345678901234567890123, "text": "é😀\u2028", "deep": [[[None, True, 1.5]]]}
            event_id = it.send("t/f", data, user={"id": 1}, v="2", meta={"sessions": {"s": "1"}}, unknown=1)
            event = (await it.ended(event_id))["output"]
            assert event == {
                "data": data,
                "id": event_id,
                "name": "t/f",
                "ts": int(it.clock.now() * 1000),
                "user": {"id": 1},
                "v": "2",
                "meta": {"sessions": {"s": "1"}},
            }
            lone = it.request("POST", "/e/any", raw=b'{"name":"t/f","data":{"x":"\\ud800"}}')
            assert (await it.ended(lone.body["ids"][0]))["status"] == "Completed"

    asyncio.run(main())


def test_event_keys_are_asked_for_when_given() -> None:
    async def main() -> None:
        async with lab(event_keys=("good",)) as it:
            assert it.request("POST", "/e/good", {"name": "a"}).status == 200
            assert it.request("POST", "/e/bad", {"name": "a"}).status == 401

    asyncio.run(main())


def test_invoke_by_slug() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", lambda call: returned(call.body["event"]["data"]["x"]))
            answer = it.request("POST", "/invoke/app-f", {"data": {"x": 5}})
            assert answer.status == 200
            assert (await it.ended(answer.body["id"]))["output"] == 5
            assert it.request("POST", "/invoke/app-nope", {"data": {}}).status == 404
            assert it.request("POST", "/invoke/app-f", raw=b"[1]").status == 400

    asyncio.run(main())


# --- runs, and the engine itself


def test_runs_are_listed_newest_first() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", lambda call: returned(call.body["event"]["data"]["n"]))
            runs = [await it.run("t/f", {"n": n}) for n in range(3)]
            listed = it.request("GET", "/v1/runs?limit=2").body["data"]
            assert [run["output"] for run in listed] == [2, 1]
            rest = it.request("GET", f"/v1/runs?cursor={listed[-1]['run_id']}").body["data"]
            assert rest == [runs[0]]

    asyncio.run(main())


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/runs/nope", 400),
        ("GET", f"/v1/runs/{UNKNOWN}", 404),
        ("GET", f"/v1/runs/{UNKNOWN}/jobs", 404),
        ("GET", f"/v1/runs/{UNKNOWN}/history", 404),
        ("DELETE", f"/v1/runs/{UNKNOWN}", 404),
        ("DELETE", "/v0/runs/nope", 400),
        ("GET", "/v0/runs/nope/actions", 400),
        ("GET", f"/v0/runs/{UNKNOWN}/batch", 404),
        ("GET", f"/v1/events/{UNKNOWN}", 404),
        ("GET", f"/v1/events/{UNKNOWN}/runs", 404),
        ("GET", "/v1/events?limit=0", 400),
        ("GET", "/v1/events?limit=x", 400),
        ("GET", "/v1/apps/nope/functions", 404),
        ("GET", "/nope/x", 404),
        ("GET", "/e/key", 405),
        ("DELETE", "/health", 405),
    ],
)
def test_refusals_are_json(method: str, path: str, status: int) -> None:
    async def main() -> None:
        async with lab() as it:
            answer = it.request(method, path)
            assert answer.status == status
            assert answer.body["status"] == status
            assert answer.body["error"]

    asyncio.run(main())


def test_health_and_dev() -> None:
    async def main() -> None:
        async with lab() as it:
            assert it.request("GET", "/health").body == {"status": 200, "message": "OK"}
            info = it.request("GET", "/dev").body
            assert info["isSingleNodeService"] is True
            assert info["functions"] == []

    asyncio.run(main())


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "localhost:8288"}, 200),
        ({"host": "[::1]:8288"}, 200),
        ({"host": "app.localhost"}, 200),
        ({"host": "evil.example"}, 403),
        ({"host": "127.0.0.1.evil.example:8288"}, 403),
        ({"host": "[::1"}, 403),
        ({"host": ""}, 403),
        ({"origin": "http://localhost:3000"}, 200),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
    ],
)
def test_web_pages_cannot_reach_the_engine(headers: dict[str, str], status: int) -> None:
    async def main() -> None:
        async with lab() as it:
            answer = it.request("POST", "/e/any", {"name": "a"}, raw=None, **headers)
            assert answer.status == status

    asyncio.run(main())


# --- signing


def test_a_signed_engine_signs_and_asks_for_its_key() -> None:
    async def main() -> None:
        async with lab(signing_key=KEY, server_kind="cloud") as it:
            await _registered(it)
            run = await it.run_signed("t/f", KEY)
            assert run["output"] == "ok"
            key = SigningKey(KEY)
            for call in it.app.calls:
                assert call.headers["x-inngest-server-kind"] == "cloud"
                header = call.headers["x-inngest-signature"]
                assert verify(call.raw, header, SigningKeys(key), now=it.clock.now()) == key
            path = f"/v1/runs/{run['run_id']}"
            bare = KEY.removeprefix("signkey-test-")
            for given in (KEY, bare, key.hash(), f"signkey-test-{key.hash()}"):
                assert it.request("GET", path, authorization=f"Bearer {given}").status == 200
            for given in ("", "Bearer ", "Bearer nope", f"Bearer {KEY}x"):
                assert it.request("GET", path, authorization=given).status == 401
            assert it.request("GET", path).status == 401
            assert it.request("POST", "/fn/register", registration()).status == 401
            assert it.request("GET", "/health").status == 200

    asyncio.run(main())


async def _registered(it: Lab) -> None:
    it.app.scripts["app-f"] = lambda call: returned("ok") if call.steps else ops(ran("a"))
    answer = it.request("POST", "/fn/register", registration(function()), authorization=f"Bearer {KEY}")
    assert answer.status == 200


# --- persistence


def test_a_file_keeps_runs_and_resumes_them(tmp_path: Path) -> None:
    path = tmp_path / "engine.sqlite"

    def script(call: Any) -> Any:
        if call.has("w") and call.has("nap"):
            return returned([call.memo("a")["data"], call.memo("w")["data"]])
        if call.has("a"):
            wait = {**op("WaitForEvent", "w", opts={"timeout": "1d", "if": "async.data.k == event.data.k"})}
            return ops({**wait, "name": "t/go"}, {**op("Sleep", "nap"), "name": "1h"})
        return ops(ran("a", 1))

    async def before() -> str:
        async with lab(persist=path) as it:
            it.serve("f", script)
            event_id = it.send("t/f", {"k": 5})
            await it.said("sleeps for")
            return event_id

    async def after(event_id: str) -> None:
        async with lab(persist=path) as it:
            assert any("resumed 1 run" in line for line in it.lines)
            it.app.scripts["app-f"] = script
            it.send("t/go", {"k": 4})
            it.send("t/go", {"k": 5})
            it.clock.advance(3600)
            assert (await it.ended(event_id))["output"] == [1, {"k": 5}]
            assert len(it.app.calls) == 1

    asyncio.run(after(asyncio.run(before())))


def test_a_call_under_way_is_sent_again_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "engine.sqlite"

    async def before() -> str:
        async with lab(persist=path) as it:

            async def hang(call: Any) -> Any:
                await asyncio.Event().wait()

            it.serve("f", hang)
            event_id = it.send("t/f")
            await it.until(lambda: it.app.calls)
            return event_id

    async def after(event_id: str) -> None:
        async with lab(persist=path) as it:
            it.app.scripts["app-f"] = lambda call: returned("again")
            assert (await it.ended(event_id))["output"] == "again"

    asyncio.run(after(asyncio.run(before())))


def test_what_an_old_app_was_told_is_kept(tmp_path: Path) -> None:
    """An app of request version 1 plans all steps once two ran in parallel, also after a restart."""
    path = tmp_path / "engine.sqlite"

    def script(call: Any) -> Any:
        if call.targets("a"):
            return Reply(206, [ran("a", 1)], {"x-inngest-req-version": "1"})
        if call.has("nap"):
            return returned(call.ctx["disable_immediate_execution"])
        if call.has("a"):
            return Reply(206, [{**op("Sleep", "nap"), "name": "1h"}], {"x-inngest-req-version": "1"})
        return Reply(206, [planned("a"), {**op("Sleep", "other"), "name": "1s"}], {"x-inngest-req-version": "1"})

    async def before() -> str:
        async with lab(persist=path) as it:
            it.serve("f", script)
            event_id = it.send("t/f")
            await it.said('step "nap" sleeps')
            return event_id

    async def after(event_id: str) -> None:
        async with lab(persist=path) as it:
            it.app.scripts["app-f"] = script
            it.clock.advance(3600)
            assert (await it.ended(event_id))["output"] is True

    asyncio.run(after(asyncio.run(before())))


def test_a_file_of_an_older_engine_is_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "engine.sqlite"

    async def after(event_id: str) -> None:
        async with lab(persist=path) as it:
            it.app.scripts["app-f"] = lambda call: returned("woke")
            it.clock.advance(3600)
            assert (await it.ended(event_id))["output"] == "woke"

    event_id = asyncio.run(left_asleep(path))
    _write_as_the_first_engine(path)
    asyncio.run(after(event_id))


def _write_as_the_first_engine(path: Path) -> None:
    """Bring a file into the first format, with the rows that it has."""
    new = path.rename(path.with_name("new.sqlite"))
    with contextlib.closing(sqlite3.connect(path)) as old:
        old.executescript(MIGRATIONS[0])
        old.execute("ATTACH ? AS new", (str(new),))
        tables = [name for (name,) in old.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'")]
        for table in tables:
            columns = ", ".join(row[1] for row in old.execute(f"PRAGMA main.table_info({table})"))
            old.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM new.{table}")  # noqa: S608
        old.execute("PRAGMA user_version = 1")
        old.commit()


def test_two_engines_cannot_share_a_file(tmp_path: Path) -> None:
    async def main() -> None:
        async with lab(persist=tmp_path / "engine.sqlite"):
            with pytest.raises(FileUnusableError, match="another engine has this file open"):
                async with lab(persist=tmp_path / "engine.sqlite"):
                    pass
        async with lab(persist=tmp_path / "engine.sqlite") as it:
            assert it.request("GET", "/health").status == 200

    asyncio.run(main())


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    async def main() -> None:
        other = tmp_path / "other.sqlite"
        with contextlib.closing(sqlite3.connect(other)) as database:
            database.execute("PRAGMA user_version = 99")
        with pytest.raises(StoreVersionError, match="format 99; this one knows formats up to"):
            async with lab(persist=other):
                pass
        with contextlib.closing(sqlite3.connect(other)) as database:
            database.execute("CREATE TABLE customers (name)")
            for version in (0, 1, 99):
                database.execute(f"PRAGMA user_version = {version}")
                before = other.read_bytes()
                with pytest.raises(
                    FileUnusableError, match="another program's database, with tables such as customers"
                ):
                    async with lab(persist=other):
                        pass
                assert other.read_bytes() == before
        (tmp_path / "text").write_text("no database " * 100)
        with pytest.raises(FileUnusableError, match="not a database"):
            async with lab(persist=tmp_path / "text"):
                pass

    asyncio.run(main())
