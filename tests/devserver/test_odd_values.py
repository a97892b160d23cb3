"""Values and names that are allowed and rarely seen, in every view that has them; asked for without a browser."""

from __future__ import annotations

import asyncio
import html
import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from inngest_core.web.messages import Request
from inngest_devserver.http.api import API
from inngest_devserver.masking import TOO_DEEP, Masking
from inngest_devserver.run_text import in_text

from .harness import Called, Lab, Reply, lab, op, ops, returned
from .in_process import ask


def nested(levels: int) -> list[Any]:
    found: list[Any] = []
    for _ in range(levels - 1):
        found = [found]
    return found


async def shown(it: Lab, path: str) -> str:
    """Return the text of a page of the engine, or of an answer of its API."""
    answer = await ask(API(it.engine), Request("GET", f"http://127.0.0.1:8288{path}", {"host": "127.0.0.1:8288"}, b""))
    body = answer.body
    assert isinstance(body, bytes)
    text = html.unescape(body.decode())
    assert answer.status == 200, text[-500:]
    return text


def views(event: str, run: str) -> Iterator[str]:
    yield from ("/runs", "/events", f"/events/{event}", f"/runs/{run}", f"/send?like={event}", "/functions")
    yield from ("/send?name=shop/odd", "/runs/bulk?action=rerun", "/functions/app-odd")
    yield from ("/api/v2/events", f"/api/v2/events/{event}", f"/api/v2/runs/{run}", "/api/v2/event-types")
    yield from (f"/api/v2/runs/{run}/trace?includeOutput=true", f"/api/v2/runs/{run}/calls")


def echo(call: Called) -> Reply:
    data = call.body["event"]["data"]
    return returned(data) if call.has("a") else ops(op("StepRun", "a", data=data, opts={"input": [data]}))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param({"deep": nested(90)}, id="nested"),
        pytest.param({"deep": nested(900)}, id="nested very deeply"),
        pytest.param({"text": "a lone surrogate: \ud800"}, id="a lone surrogate"),
        pytest.param({"text": "\x00\u202e\u2028"}, id="characters that cannot be seen"),
        pytest.param({"number": 10**4200}, id="a very long number"),
    ],
)
def test_every_view_shows_odd_values(data: dict[str, Any]) -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("odd", echo, event="shop/odd")
            event = it.send("shop/odd", data)
            await it.ended(event)
            (run,) = it.runs(event)
            for path in views(event, run["run_id"]):
                await shown(it, path)
            assert not [line for line in it.lines if "broke the engine" in line]

    asyncio.run(main())


def test_a_page_spells_a_lone_surrogate_as_json_does() -> None:
    async def main() -> None:
        async with lab() as it:
            event = it.send("shop/odd", {"text": "\ud800"})
            assert r'"\ud800"' in await shown(it, f"/events/{event}")

    asyncio.run(main())


def test_what_is_nested_too_deeply_is_named_and_given_back_unchanged() -> None:
    deep = {"keep": nested(300), "n": 1}
    seen = Masking().mask(deep)
    assert TOO_DEEP in json.dumps(seen)
    assert Masking().restore({**seen, "n": 2}, deep) == {**deep, "n": 2}


@pytest.mark.parametrize("odd", ["team/odd", "what?", "a#b", "100%", "two words", "<b>"])
def test_a_function_with_any_id_has_a_page_and_a_form(odd: str) -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve(odd, lambda _: returned(1), event="shop/odd")
            listed = await shown(it, "/functions")
            link = listed.split('class="row-link" href="')[1].split('"')[0]
            page = await shown(it, link)
            assert f'action="{link}/invoke"' in page
            run = await it.run("shop/odd")
            assert f'href="{link}"' in await shown(it, f"/runs/{run['run_id']}")

    asyncio.run(main())


UNEXPORTABLE = 900 if sys.version_info < (3, 12) else 950
"""Levels that an event may have, and no export: from Python 3.12 on, calls in C do not count as much."""


def test_a_run_that_cannot_be_exported_says_why() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("odd", echo, event="shop/odd")
            runs = dict[int, str]()
            for levels in (90, UNEXPORTABLE):
                event = it.send("shop/odd", {"deep": nested(levels)})
                runs[levels] = str((await it.ended(event))["run_id"])
            assert "nested" not in await shown(it, f"/runs/{runs[90]}/export")
            refused = it.request("GET", f"/api/v2/runs/{runs[UNEXPORTABLE]}/export")
            assert refused.status == 409
            assert "nested too deeply" in refused.body["errors"][0]["message"]

    asyncio.run(main())


def test_a_cause_is_shown_with_the_place_in_the_users_code() -> None:
    stack = 'Traceback (most recent call last):\n  File "/app/bank.py", line 7, in pay\n    raise Declined\n'
    error = {"name": "ValueError", "message": "late", "cause": {"name": "Declined", "message": "no", "stack": stack}}

    async def main() -> None:
        async with lab() as it:
            it.serve("odd", lambda _: Reply(500, error), event="shop/odd", retries=0)
            run = await it.run("shop/odd")
            page = await shown(it, f"/runs/{run['run_id']}")
            assert "/app/bank.py<b>:7</b> in <i>pay</i>" in page
            answer = it.request("GET", f"/api/v2/runs/{run['run_id']}?includeOutput=true").body["data"]
            assert "caused by Declined at /app/bank.py:7: no" in in_text(answer)

    asyncio.run(main())


def test_an_address_that_is_not_there_is_told_in_the_form_that_was_asked_for() -> None:
    async def main() -> None:
        async with lab() as it:
            for accept, kind in (("text/html,*/*;q=0.8", "text/html"), ("*/*", "application/json")):
                headers = {"host": "127.0.0.1:8288", "accept": accept}
                answer = await ask(API(it.engine), Request("GET", "http://127.0.0.1:8288/run/s", headers, b""))
                assert answer.status == 404
                assert answer.headers["content-type"].startswith(kind)
                assert isinstance(answer.body, bytes)
                assert b"there is nothing at /run/s" in answer.body

    asyncio.run(main())


def test_a_long_sleep_is_told_without_milliseconds() -> None:
    async def main() -> None:
        async with lab() as it:
            # An app that says until when reckons from a moment before that of the engine.
            it.serve("odd", lambda _: ops(op("Sleep", "nap", name="2h59m59s996ms")), event="shop/odd")
            it.send("shop/odd")
            await it.said("sleeps for")
            assert it.lines[-1].endswith('step "nap" sleeps for 3h'), it.lines

    asyncio.run(main())
