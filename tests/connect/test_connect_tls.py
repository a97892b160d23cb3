"""Workers whose gateway is reached by TLS, through faults: only the loop of the connection reads there."""

from __future__ import annotations

import asyncio
import os
import ssl
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

import inngest
from inngest_connect.messages import Kind
from inngest_devserver.engine import Options
from inngest_devserver.server import DevServer
from tests.mounting.proxy import make_tls

from .gateway import PATIENCE_SECONDS, Gateway, again, request
from .loops import on_a_loop
from .network import Way
from .runs import outcome_once_served
from .test_connect_network import check_that_a_call_outlives_a_cut
from .test_connect_worker import Waiting, running

pytestmark = pytest.mark.live

MANY = 200
LARGE = 1_000_000
"""Characters of a result: of so many TLS makes dozens of records."""
LEASE_SECONDS = 2.0


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """Settings of a server whose certificate this process trusts."""
    made = make_tls(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
    return made.server


def large(client: inngest.Inngest) -> inngest.Function[Any]:
    @client.create_function(fn_id="large", trigger=inngest.TriggerEvent(event="go"))
    async def function(ctx: inngest.Context) -> str:
        return "x" * LARGE

    return function


@pytest.mark.parametrize("fault", ["silent", "reset"])
@on_a_loop
async def test_a_call_outlives_a_connection_that_was_cut(fault: str, tls: ssl.SSLContext) -> None:
    await check_that_a_call_outlives_a_cut(fault, tls)


@on_a_loop
async def test_many_requests_in_flight_are_all_answered(tls: ssl.SSLContext) -> None:
    waiting = Waiting()
    async with Gateway().open() as gateway, Way(gateway.socket_port, tls=tls).open() as way:
        async with running(gateway, waiting, rewrite_gateway_endpoint=way.endpoint) as run:
            for number in range(MANY):
                await run.connection.ask(again(request("waiting"), number))
            for _ in range(MANY):
                await run.connection.expect(Kind.WORKER_REQUEST_ACK)
            waiting.release.set()
            async with asyncio.timeout(PATIENCE_SECONDS):
                replies = [await run.connection.reply() for _ in range(MANY)]
            assert len({reply.request_id for reply in replies}) == MANY
        assert way.connections == 1
    assert waiting.runs == MANY


@pytest.mark.parametrize("piece", [0, 16_000])
@on_a_loop
async def test_a_large_result_arrives_whole(piece: int, tls: ssl.SSLContext) -> None:
    async with (
        Gateway().open() as gateway,
        Way(gateway.socket_port, piece, tls).open() as way,
        running(gateway, large, rewrite_gateway_endpoint=way.endpoint) as run,
        asyncio.timeout(PATIENCE_SECONDS),
    ):
        await run.connection.ask(request("large"))
        await run.connection.expect(Kind.WORKER_REQUEST_ACK)
        assert (await run.connection.reply()).body == b'"' + b"x" * LARGE + b'"'


PROGRAM = textwrap.dedent(
    """
    import sys, time
    import inngest
    from inngest.connect import connect

    client = inngest.Inngest(app_id="shop", is_production=False, api_base_url=sys.argv[1])

    @client.create_function(fn_id="go", trigger=inngest.TriggerEvent(event="go"))
    async def go(ctx):
        with open(sys.argv[3], "a") as file:
            file.write("began\\n")
        time.sleep(3 * float(sys.argv[4]))
        return "done"

    connect([(client, [go])], rewrite_gateway_endpoint=lambda named: sys.argv[2]).run()
    """
)


@on_a_loop
async def test_a_function_that_blocks_the_loop_for_longer_than_a_lease_keeps_its_call(
    tls: ssl.SSLContext, tmp_path: Path
) -> None:
    begun = tmp_path / "begun"
    environ = {name: value for name, value in os.environ.items() if not name.startswith("INNGEST_")}
    with DevServer(Options(sink=None, lease_seconds=LEASE_SECONDS), port=0) as engine:
        async with Way(engine.port, tls=tls).open() as way:
            arguments = (engine.origin, way.endpoint(""), str(begun), str(LEASE_SECONDS))
            worker = await asyncio.create_subprocess_exec(sys.executable, "-c", PROGRAM, *arguments, env=environ)
            try:
                assert await outcome_once_served(engine.origin) == ("Completed", "done")
            finally:
                worker.kill()
                await worker.wait()
            assert way.connections == 1
    assert begun.read_text().splitlines() == ["began"]
