"""The tables of docs/flow-control.md, row by row: the events are sent, and the runs must start when the page says."""

from __future__ import annotations

import asyncio
import collections
import datetime
import re
from typing import Any, cast

import pytest

import inngest
from tests.docs.pages import table_rows

from .harness import Called, Lab, Reply, Script, lab, op, ops, returned

COLUMNS = ("option", "function", "events", "starts", "cancelled")
ROWS = [
    dict(zip(COLUMNS, [*row, ""], strict=False))
    for row in table_rows("flow-control.md")
    if row[0] != "option" and not set(row[0]) <= {"-"}
]
OPTIONS_ON_THE_PAGE = {
    "batch_events",
    "cancel",
    "concurrency",
    "debounce",
    "idempotency",
    "priority",
    "rate_limit",
    "singleton",
    "throttle",
    "timeouts",
}
LONG_AFTER = 60.0
EVENT = "doc/changed"
At = dict[float, list[str]]


def read(cell: str) -> At:
    """Return the words of a cell such as `0: a b; 1.5: c` by their seconds."""
    parts = (part.split(":") for part in cell.split(";") if part.strip())
    return {float(second): sorted(words.split()) for second, words in parts}


def config_of(option: str) -> dict[str, Any]:
    """Return what an app registers for the options in a cell."""
    code = re.fullmatch("`(.+)`", option)
    if code is None:
        return {}
    options = eval(f"dict({code[1]})", {name: getattr(inngest, name) for name in inngest.__all__})  # noqa: S307
    client = inngest.Inngest(app_id="app", is_production=False)

    @client.create_function(fn_id="f", trigger=inngest.TriggerEvent(event=EVENT), **options)
    def function(ctx: inngest.ContextSync) -> None:
        del ctx

    config = cast("dict[str, Any]", function.get_config("http://app.test/api/inngest")[0])
    return {name: value for name, value in config.items() if name not in ("id", "name", "triggers", "steps")}


def script(it: Lab, what: str) -> Script:
    async def call(called: Called) -> Reply:
        if "takes 1 s" in what:
            await it.time.sleep(1.0)
        if "sleeps 3 s" in what and not called.has("nap"):
            return ops({**op("Sleep", "nap"), "name": "3s"})
        return returned(None)

    return call


async def play(it: Lab, row: dict[str, str]) -> tuple[At, At]:
    """Send the events of a row; return the first calls of runs, and the runs that were cancelled."""
    for name in ("f", "g") if "two functions" in row["function"] else ("f",):
        it.serve(name, script(it, row["function"]), event=EVENT, **config_of(row["option"]))
    begun, sent = it.clock.now(), list[tuple[str, str]]()
    for part in row["events"].split(";"):
        second, words = part.split(":")
        await it.time.move_to(begun + float(second))
        for word in words.split():
            fields = {"id": word} if "with an `id`" in row["option"] else {}
            name = "doc/stop" if word.startswith("!") else EVENT
            sent.append((word, it.send(name, {"user": word.removeprefix("!")}, **fields)))
    await it.time.advance(LONG_AFTER)
    starts, cancelled = collections.defaultdict[float, list[str]](list), collections.defaultdict[float, list[str]](list)
    for call in it.app.calls:
        if not call.steps:
            users = "".join(event["data"]["user"] for event in call.body["events"])
            starts[round(call.time - begun, 2)].append(users)
    for word, event_id in sent:
        for run in it.runs(event_id):
            assert run["ended_at"], "every run ends"
            if run["status"] == "Cancelled":
                cancelled[round(_unix(run["ended_at"]) - begun, 2)].append(word)
    return {at: sorted(words) for at, words in starts.items()}, {at: sorted(words) for at, words in cancelled.items()}


def _unix(text: str) -> float:
    return datetime.datetime.fromisoformat(text).timestamp()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['option']} {row['function']}")
def test_runs_start_when_the_page_says(row: dict[str, str]) -> None:
    async def main() -> None:
        async with lab() as it:
            starts, cancelled = await play(it, row)
            assert starts == read(row["starts"])
            assert cancelled == read(row["cancelled"])

    asyncio.run(main())


@pytest.mark.parametrize("option", sorted(OPTIONS_ON_THE_PAGE))
def test_each_option_has_a_row(option: str) -> None:
    assert [row for row in ROWS if f"{option}=" in row["option"]], f"no row of docs/flow-control.md has {option}"
