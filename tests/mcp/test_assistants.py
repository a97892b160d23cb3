"""What a coding assistant can do with an engine: by the package's own client, over HTTP and over standard streams."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp import Client, StdioServerParameters

from inngest_devserver.engine import Options
from inngest_devserver.mcp.fitting import fit
from inngest_devserver.server import DevServer
from tests.cli.commands import SHOP, dev, environ, run

pytestmark = pytest.mark.live

LOOKING = {"list_functions", "list_event_types", "list_runs", "explain_run", "list_events", "tail"}
ACTING = {"send_event", "invoke_function", "rerun", "cancel_run"}
KEY = "signkey-test-" + "ab" * 32


async def told(client: Client, tool: str, **arguments: Any) -> str:
    """Call a tool that has to succeed; return its text."""
    result = await client.call_tool(tool, arguments)
    text = "\n".join(part.text for part in result.content if part.type == "text")
    assert not result.is_error, text
    return text


async def refused(client: Client, tool: str, **arguments: Any) -> str:
    result = await client.call_tool(tool, arguments)
    assert result.is_error
    return "\n".join(part.text for part in result.content if part.type == "text")


async def listed(client: Client, tool: str, **arguments: Any) -> Any:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    assert result.structured_content is not None
    return result.structured_content["result"]


def stdio(origin: str, *options: str, **variables: str) -> StdioServerParameters:
    arguments = ["-m", "inngest_cli", "mcp", "--url", origin, *options]
    return StdioServerParameters(command=sys.executable, args=arguments, env=environ(**variables))


async def find_and_mend(client: Client, folder: Path) -> None:
    """Go from a failed run to its cause, and see it again succeed."""
    functions = await listed(client, "list_functions")
    assert {one["id"] for one in functions} == {"shop-greet", "shop-nightly", "shop-fail"}
    assert next(one for one in functions if one["id"] == "shop-nightly")["startedBy"] == "cron 0 3 29 2 *"
    sent = await told(client, "send_event", name="user/fell", data={"password": "hunter2"}, wait=60)
    assert "NonRetriableError: ouch" in sent
    assert "hunter2" not in sent
    [failed] = await listed(client, "list_runs", status="FAILED", since="1h")
    assert failed["error"] == "NonRetriableError: ouch"
    why = await told(client, "explain_run", run_id=failed["id"])
    assert "shop.py" in why, "the place in the user's code"
    greeted = await told(client, "invoke_function", function="greet", data={"name": "Ada", "n": 2}, wait=60)
    assert 'output  "hello Ada"' in greeted
    [run_id] = [one["id"] for one in await listed(client, "list_runs", status="COMPLETED")]
    again = await told(client, "rerun", run_id=run_id, from_step="say", wait=60)
    assert f"(again {run_id})" in again
    happened = await told(client, "tail", since="5m")
    assert "event  user/fell" in happened
    assert "NonRetriableError: ouch" in happened
    types = await listed(client, "list_event_types")
    assert {one["name"] for one in types} >= {"user/came", "user/fell"}
    [event] = await listed(client, "list_events", name="user/fell")
    assert event["data"] == {"password": "[masked]"}


@pytest.mark.parametrize("over", ["http", "stdio"])
def test_an_assistant_finds_why_a_run_failed_and_does_it_again(tmp_path: Path, over: str) -> None:
    (tmp_path / "shop.py").write_text(SHOP)
    with dev("shop", "--mcp", "--allow-writes", folder=tmp_path) as session:
        origin = session.origin()
        assert "may change runs" in session.until("mcp     ")
        session.until("ready:")

        async def main() -> None:
            where = f"{origin}/mcp" if over == "http" else stdio(origin, "--allow-writes")
            async with Client(where) as client:
                tools = {tool.name: tool for tool in (await client.list_tools()).tools}
                assert set(tools) == LOOKING | ACTING
                for name in LOOKING:
                    annotations = tools[name].annotations
                    assert annotations is not None and annotations.read_only_hint, name
                await find_and_mend(client, tmp_path)

        asyncio.run(main())


@pytest.mark.parametrize("over", ["http", "stdio"])
def test_it_only_looks_unless_it_may_write(over: str) -> None:
    async def main() -> None:
        async with DevServer(Options(sink=None), port=0, mcp=True) as server:
            where = f"{server.origin}/mcp" if over == "http" else stdio(server.origin)
            async with Client(where) as client:
                assert {tool.name for tool in (await client.list_tools()).tools} == LOOKING
                assert "Unknown tool" in await refused(client, "send_event", name="a", data={})
                assert await listed(client, "list_events") == []

    asyncio.run(main())


def test_what_is_asked_for_wrongly_is_explained() -> None:
    async def main() -> None:
        async with (
            DevServer(Options(sink=None), port=0, mcp=True, may_write=True) as server,
            Client(f"{server.origin}/mcp") as client,
        ):
            assert "valid ULID" in await refused(client, "explain_run", run_id="x")
            assert "There is no run" in await refused(client, "cancel_run", run_id="01ARZ3NDEKTSV4RRFFQ69G5FAV")
            assert "write it as in 90s" in await refused(client, "list_runs", since="yesterday")
            assert "no single function" in await refused(client, "invoke_function", function="f", data={})
            assert "event name is empty" in await refused(client, "send_event", name="", data={})
            assert "say which with from_step" in await refused(client, "rerun", run_id="x", arguments=[1])
            assert "it has started no run" in await told(client, "send_event", name="a/b", data={}, wait=0)
            assert "event  a/b {}" in await told(client, "tail")

    asyncio.run(main())


def test_there_is_nothing_at_mcp_unless_it_was_asked_for() -> None:
    async def main() -> None:
        async with DevServer(Options(sink=None), port=0) as server, httpx.AsyncClient(timeout=60) as client:
            assert (await client.post(f"{server.origin}/mcp", json={})).status_code == 404

    asyncio.run(main())


def test_an_engine_with_a_key_asks_for_it_at_mcp_and_of_the_command() -> None:
    async def main() -> None:
        options = Options(sink=None, signing_key=KEY)
        async with DevServer(options, port=0, mcp=True) as server:
            page = {"origin": "https://evil.example", "authorization": f"Bearer {KEY}"}
            async with httpx.AsyncClient(timeout=60) as client:
                assert (await client.post(f"{server.origin}/mcp", json={})).status_code == 401
                assert (await client.post(f"{server.origin}/mcp", json={}, headers=page)).status_code == 403
            async with Client(stdio(server.origin)) as without:
                assert "asks for a key" in await refused(without, "list_functions")
            async with Client(stdio(server.origin, INNGEST_SIGNING_KEY=KEY)) as with_key:
                assert await listed(with_key, "list_functions") == []

    asyncio.run(main())


def test_an_engine_that_is_not_there_is_told_to_the_assistant() -> None:
    async def main() -> None:
        async with Client(stdio("http://127.0.0.1:9")) as client:
            assert "no engine answers at http://127.0.0.1:9" in await refused(client, "list_runs")

    asyncio.run(main())


def test_writes_need_the_tools(tmp_path: Path) -> None:
    assert "add --mcp" in run("dev", "--allow-writes", folder=tmp_path, code=2)


def test_answers_fit_whatever_an_event_holds() -> None:
    async def main() -> None:
        async with (
            DevServer(Options(sink=None), port=0, mcp=True) as server,
            Client(f"{server.origin}/mcp") as client,
            httpx.AsyncClient(base_url=server.origin, timeout=60) as sender,
        ):
            event = {"name": "a/b", "data": {"text": "\ud800", "long": "x" * 1_000_000}}
            assert (await sender.post("/e/k", content=json.dumps(event))).status_code == 200
            [shown] = await listed(client, "list_events")
            assert "(1000" in shown["data"] and len(shown["data"]) < 5_000
            [shown] = await listed(client, "list_event_types")
            assert len(shown["example"]) < 5_000
            assert "a/b" in await told(client, "tail")

    asyncio.run(main())


def test_a_long_text_keeps_its_beginning_and_its_end() -> None:
    text = "\n".join(["started", *(f"step {number}: done" for number in range(10_000)), "output  7"])
    found = fit(text)
    assert len(found) < 61_000
    assert found.startswith("started\nstep 0: done\n")
    assert found.endswith("\nstep 9999: done\noutput  7")
    assert "characters are left out" in found
    assert fit("short") == "short"
