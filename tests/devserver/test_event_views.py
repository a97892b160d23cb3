"""Events in `/api/v2`: lists of them, and their types with schemas and examples."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from inngest_core.web.messages import Request
from inngest_devserver.apps.event_types import example_of, schema_of
from inngest_devserver.http.api import API

from .harness import Lab, lab, returned
from .in_process import ask


async def listed(it: Lab, query: str) -> Any:
    url = f"http://127.0.0.1:8288/api/v2/events?{query}"
    answer = it.read(await ask(API(it.engine), Request("GET", url, {"host": "127.0.0.1:8288"}, b"")))
    assert answer.status == 200, answer.body
    return answer.body


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [2, 1, 0]),
        ("name=shop/paid", [1]),
        ("text=ANN", [0]),
        ("text=chosen", [2]),
        ("text=shop/", [2, 1, 0]),
        ("text=no", []),
        ("from=2027-01-15T08:01:00Z&until=2027-01-15T08:02:00Z", [1]),
        ("name=nope", []),
    ],
)
def test_events_are_filtered(query: str, found: list[int]) -> None:
    async def main() -> None:
        async with lab() as it:
            sent = [it.send("shop/placed", {"who": "Ann", "password": "p"})]
            it.clock.advance(60)
            sent.append(it.send("shop/paid", {"who": "Bob"}))
            it.clock.advance(60)
            sent.append(it.send("shop/placed", {"who": "Cyd"}, id="chosen", v="2"))
            answer = await listed(it, query)
            assert [sent.index(event["id"]) for event in answer["data"]] == found
            first = it.request("GET", f"/api/v2/events/{sent[0]}").body["data"]
            assert first["data"] == {"who": "Ann", "password": "[masked]"}
            last = it.request("GET", "/api/v2/events/chosen").body["data"]
            assert (last["id"], last["senderId"], last["v"]) == (sent[2], "chosen", "2")
            assert it.request("GET", "/api/v2/events/nope").status == 404

    asyncio.run(main())


@pytest.mark.parametrize("more", ["", "&text=a/", "&name=a/b"])
def test_pages_of_events_follow_each_other(more: str) -> None:
    async def main() -> None:
        async with lab() as it:
            sent = [it.send("a/b", {"n": number}) for number in range(7)]
            found: list[str] = []
            cursor = ""
            while True:
                page = await listed(it, f"limit=3&cursor={cursor}{more}")
                found += [event["id"] for event in page["data"]]
                cursor = page["page"].get("cursor", "")
                if not cursor:
                    break
            assert found == sent[::-1]

    asyncio.run(main())


def test_events_of_the_engine_are_shown_when_they_are_asked_for() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", lambda call: returned(1))
            await it.run("t/f")
            assert [event["name"] for event in (await listed(it, ""))["data"]] == ["t/f"]
            names = {event["name"] for event in (await listed(it, "includeInternal=true"))["data"]}
            assert names == {"t/f", "inngest/function.finished"}

    asyncio.run(main())


def test_types_of_events_have_a_schema_and_an_example() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", lambda call: returned(1), event="shop/placed")
            it.serve("g", lambda call: returned(1), event="shop/told")
            it.serve("h", lambda call: returned(1), event="shop/never")
            for data in ({"n": 1, "password": "p"}, {"n": 1.5, "tags": ["a"], "password": "p"}):
                await it.run("shop/placed", data)
            it.send("other/came", {})
            told = {"type": "object", "properties": {"order": {"type": "string", "examples": ["A1"]}}}
            it.engine.event_types.tell("shop:app", {"shop/told": told})
            types = {one["name"]: one for one in it.request("GET", "/api/v2/event-types").body["data"]}
            placed = types["shop/placed"]
            assert (placed["functions"], placed["source"]) == (["app-f"], "events")
            assert placed["schema"] == {
                "type": "object",
                "properties": {
                    "n": {"type": "number"},
                    "tags": {"type": "array", "items": {"type": "string"}},
                    "password": {"type": "string"},
                },
                "required": ["n", "password"],
            }
            assert placed["example"] == {"n": 1.5, "tags": ["a"], "password": "[masked]"}
            assert (types["shop/told"]["source"], types["shop/told"]["example"]) == ("app", {"order": "A1"})
            assert (types["shop/never"]["source"], types["shop/never"]["example"]) == ("none", {})
            assert types["other/came"]["functions"] == []

    asyncio.run(main())


def test_functions_say_their_options_in_words() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", lambda call: returned(1), retries=2, concurrency=[{"limit": 3, "key": "event.data.user"}])
            function = it.request("GET", "/api/v2/apps/app/functions/f").body["data"]
            assert function["startedBy"] == "t/f"
            assert function["options"] == ["2 retries", "at most 3 calls at once, for each event.data.user"]

    asyncio.run(main())


@pytest.mark.parametrize(
    ("schema", "example"),
    [
        ({}, None),
        ({"type": "string"}, "text"),
        ({"type": "string", "minLength": 6}, "textxx"),
        ({"type": "string", "format": "email"}, "someone@example.com"),
        ({"enum": ["b", "a"]}, "b"),
        ({"const": 7}, 7),
        ({"type": "integer", "minimum": 10}, 10),
        ({"type": "integer", "exclusiveMinimum": 10}, 11),
        ({"type": "number", "maximum": 0.5}, 0.5),
        ({"type": ["null", "boolean"]}, True),
        ({"anyOf": [{"type": "null"}, {"type": "integer"}]}, 1),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 2}, [1, 1]),
        ({"$ref": "#/$defs/A", "$defs": {"A": {"properties": {"x": {"default": 3}}}}}, {"x": 3}),
        ({"allOf": [{"properties": {"a": {"const": 1}}}, {"properties": {"b": {"const": 2}}}]}, {"a": 1, "b": 2}),
    ],
)
def test_an_example_meets_its_schema(schema: dict[str, Any], example: Any) -> None:
    assert example_of(schema) == example


def test_a_schema_that_refers_to_itself_has_an_example() -> None:
    tree = {"$ref": "#/$defs/T", "$defs": {"T": {"properties": {"next": {"$ref": "#/$defs/T"}}}}}
    assert "next" in example_of(tree)


def test_a_schema_is_made_of_values() -> None:
    assert schema_of([]) == {}
    assert schema_of([1, None]) == {"anyOf": [{"type": "integer"}, {"type": "null"}]}
    assert schema_of([{"a": []}, {}]) == {"type": "object", "properties": {"a": {"type": "array"}}}
