"""Networks and gateways that are not what one hopes for, on real sockets: what is between, TLS, other versions."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import ssl
import sys
import textwrap
from pathlib import Path

import pytest
from websockets.frames import Frame, Opcode

from inngest.connect import ConnectionState
from inngest_connect.codec import dump
from inngest_connect.messages import Frame as ConnectFrame
from inngest_connect.messages import Kind, ReplyStatus
from inngest_devserver.engine import Options
from inngest_devserver.server import DevServer
from tests.mounting.proxy import make_tls

from .gateway import Gateway, request
from .loops import on_a_loop
from .network import Way
from .runs import outcome_once_served
from .test_connect_faults import FAST
from .test_connect_worker import Waiting, running

NEWER_FRAME = b"\x08\x63\x12\x01x"
"""Of kind 99."""
NEWER_FIELD = b"\xc0\x0c\x01"
"""Field 200."""


@pytest.mark.parametrize("fault", ["silent", "reset"])
@on_a_loop
async def test_a_call_outlives_a_connection_that_something_in_between_has_cut(fault: str) -> None:
    await check_that_a_call_outlives_a_cut(fault)


async def check_that_a_call_outlives_a_cut(fault: str, tls: ssl.SSLContext | None = None) -> None:
    """Cut the connection of a worker that has a call under way. tls: for the side of the worker."""
    waiting = Waiting()
    async with Gateway(ready=FAST).open() as gateway, Way(gateway.socket_port, tls=tls).open() as way:
        async with running(gateway, waiting, rewrite_gateway_endpoint=way.endpoint) as run:
            await run.connection.ask(request("waiting"))
            await run.connection.expect(Kind.WORKER_REQUEST_ACK)
            if fault == "silent":
                way.go_silent()
            else:
                way.reset()
            second = await gateway.worker()
            await run.worker.wait_for_state(ConnectionState.ACTIVE, timeout=60_000)  # it was RECONNECTING before
            waiting.release.set()
            assert (await second.reply()).status == ReplyStatus.DONE
        assert way.connections == 2
    assert waiting.runs == 1


@on_a_loop
async def test_everything_may_come_byte_by_byte() -> None:
    async with Gateway().open() as gateway, Way(gateway.socket_port, piece=1).open() as way:
        async with running(gateway, rewrite_gateway_endpoint=way.endpoint) as run:
            await run.connection.ask(request("chain"))
            await run.connection.expect(Kind.WORKER_REQUEST_ACK)
            assert (await run.connection.reply()).status == ReplyStatus.NOT_COMPLETED
        assert way.connections == 1


@on_a_loop
async def test_names_that_do_not_resolve_and_refused_connections_are_tried_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with socket.socket() as nobody:  # bound, but nobody listens
        nobody.bind(("127.0.0.1", 0))
        wrong = ["ws://gateway.invalid/v0/connect", f"ws://127.0.0.1:{nobody.getsockname()[1]}/v0/connect"]

        def endpoint(named: str) -> str:
            return wrong.pop(0) if wrong else named

        async with Gateway().open() as gateway, running(gateway, rewrite_gateway_endpoint=endpoint) as run:
            await run.worker.wait_for_state(ConnectionState.ACTIVE, timeout=60_000)
            assert len(gateway.starts) == 3
            assert run.states == [ConnectionState.CONNECTING, ConnectionState.RECONNECTING, ConnectionState.ACTIVE]
    assert caplog.text.count("this worker is not connected: no WebSocket to the gateway") == 2


@on_a_loop
async def test_what_a_newer_gateway_says_besides_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    newer = Frame(Opcode.BINARY, NEWER_FRAME).serialize(mask=False)
    async with Gateway(before_ready=NEWER_FRAME, after_ready=newer).open() as gateway, running(gateway) as run:
        await run.connection.socket.send(NEWER_FRAME)
        asked = ConnectFrame(kind=Kind.GATEWAY_EXECUTOR_REQUEST, payload=dump(request("chain")) + NEWER_FIELD)
        await run.connection.socket.send(dump(asked) + NEWER_FIELD)
        await run.connection.expect(Kind.WORKER_REQUEST_ACK)
        assert (await run.connection.reply()).status == ReplyStatus.NOT_COMPLETED
        assert len(gateway.starts) == 1
    assert "left out" not in caplog.text


@on_a_loop
async def test_a_gateway_that_closes_in_one_packet_with_its_last_word_is_understood() -> None:
    """What came before the close counts: here, that the gateway is to be left."""
    closing = Frame(Opcode.BINARY, dump(ConnectFrame(kind=Kind.GATEWAY_CLOSING))).serialize(mask=False)
    close = Frame(Opcode.CLOSE, b"\x03\xe9connect_gateway_closing").serialize(mask=False)
    async with Gateway(after_ready=closing + close).open() as gateway, running(gateway) as run:
        gateway.after_ready = b""
        second = await gateway.worker()
        await run.worker.wait_for_state(ConnectionState.ACTIVE, timeout=60_000)
        await second.ask(request("chain"))
        await second.expect(Kind.WORKER_REQUEST_ACK)
        await second.reply()


PROGRAM = textwrap.dedent(
    """
    import os, sys
    import inngest
    from inngest.connect import connect

    client = inngest.Inngest(app_id="shop", is_production=False, api_base_url=sys.argv[1])

    @client.create_function(fn_id="go", trigger=inngest.TriggerEvent(event="go"))
    async def go(ctx):
        return os.getpid()

    worker = connect([(client, [go])], rewrite_gateway_endpoint=lambda named: sys.argv[2] or named)
    if len(sys.argv) > 3 and (child := os.fork()):  # as servers do that load the program before they fork
        os.waitpid(child, 0)
    else:
        worker.run()
    """
)


@pytest.mark.live
@on_a_loop
async def test_a_gateway_is_reached_by_tls_with_a_certificate_of_ones_own(tmp_path: Path) -> None:
    tls = make_tls(tmp_path)
    with DevServer(Options(sink=None), port=0) as engine:
        async with Way(engine.port, tls=tls.server).open() as way:
            assert await _result(engine, way.endpoint(""), trusts=tmp_path / "certificate.pem")
            assert way.connections == 1


@pytest.mark.live
@on_a_loop
async def test_a_gateway_is_trusted_that_httpx_trusts(tmp_path: Path) -> None:
    """The requests of a worker go out by httpx: its store may be the only one, or one of its own."""
    tls = make_tls(tmp_path)
    store = f"import certifi; certifi.where = lambda: {str(tmp_path / 'certificate.pem')!r}"  # as companies have it
    with DevServer(Options(sink=None), port=0) as engine:
        async with Way(engine.port, tls=tls.server).open() as way:
            assert await _result(engine, way.endpoint(""), first=store)
            assert way.connections == 1


@pytest.mark.live
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@on_a_loop
async def test_a_worker_that_was_made_before_a_fork_runs_in_the_child() -> None:
    with DevServer(Options(sink=None), port=0) as engine:
        assert await _result(engine, "", "fork")


async def _result(engine: DevServer, *arguments: str, trusts: Path | None = None, first: str = "") -> object:
    """Return what the function of a program that is a worker returns. arguments: of it. first: what it does first."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("INNGEST_", "SSL_CERT_"))}
    if trusts is not None:
        environ["SSL_CERT_FILE"] = str(trusts)
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-c", first + PROGRAM, engine.origin, *arguments, env=environ, start_new_session=True
    )
    try:
        _, output = await outcome_once_served(engine.origin)
        return output
    finally:
        os.killpg(program.pid, signal.SIGKILL)
        await program.wait()
