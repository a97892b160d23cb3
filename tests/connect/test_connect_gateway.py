"""The bundled engine as a gateway: leases, wrong frames, and workers that are alike."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import httpx
import pytest
import uvicorn

from inngest_connect.codec import parse
from inngest_connect.messages import (
    ConnectionReady,
    ExecutorRequest,
    ExtendLease,
    ExtendLeaseAck,
    Kind,
    ReplyAck,
    RequestAck,
    dump_frame,
    parse_frame,
)
from inngest_core.protocol.wire import Header
from inngest_core.web.messages import TransportError
from inngest_devserver.engine import Engine, Options
from inngest_devserver.http.api import API
from inngest_devserver.scheduling.clock import SystemClock
from inngest_devserver.server import DevServer

from .gateway import PATIENCE_SECONDS, Gateway, request
from .loops import on_a_loop
from .scripted_worker import ScriptedWorker, introduction, output_of, scripted_worker, send_event

Library = Literal["wsproto", "websockets-sansio"]
DAY_SECONDS = 24 * 3600.0

pytestmark = pytest.mark.live


@dataclass
class JumpingClock(SystemClock):
    """offset: what it is ahead, in seconds."""

    offset: float = 0.0

    def now(self) -> float:
        return time.time() + self.offset


@pytest.fixture
def clock() -> JumpingClock:
    return JumpingClock()


@pytest.fixture
def origin(clock: JumpingClock) -> Iterator[str]:
    with DevServer(Options(sink=None, clock=clock), port=0) as server:
        yield server.origin


@on_a_loop
async def test_a_clock_that_jumps_costs_the_engine_no_lease(origin: str, clock: JumpingClock) -> None:
    async with scripted_worker(origin) as worker:
        event_id = await send_event(origin)
        asked = await worker.take()
        lease_id: str | None = asked.lease_id
        for offset in (DAY_SECONDS, -DAY_SECONDS, 0.0):
            clock.offset = offset
            assert lease_id is not None
            await worker.extend(asked, lease_id)
            ack = parse(ExtendLeaseAck, await worker.expect(Kind.WORKER_REQUEST_EXTEND_LEASE_ACK))
            assert ack.new_lease_id not in (None, lease_id)
            await worker.send(Kind.WORKER_HEARTBEAT)
            await worker.expect(Kind.GATEWAY_HEARTBEAT)
            lease_id = ack.new_lease_id
        await worker.reply(asked, "done")
        ack_of_reply = parse(ReplyAck, await worker.expect(Kind.WORKER_REPLY_ACK))
        assert ack_of_reply.request_id == asked.request_id
        assert await output_of(origin, event_id) == "done"


@on_a_loop
async def test_a_session_may_be_used_after_a_clock_has_jumped() -> None:
    clock = JumpingClock()
    async with (
        DevServer(Options(sink=None, clock=clock), port=0) as server,
        scripted_worker(server.origin, introduced=False) as worker,
    ):
        clock.offset = DAY_SECONDS
        await worker.introduce()
        await worker.send(Kind.WORKER_HEARTBEAT)
        assert await worker.expect(Kind.GATEWAY_HEARTBEAT) == b""


PROGRAM_WHOSE_CLOCK_JUMPS = textwrap.dedent(
    """
    import itertools, sys, time

    real, days = time.time, itertools.cycle([-2, 3, 0, 1])
    time.time = lambda: real() + 86400 * next(days)  # every look at it is another day

    import inngest
    from inngest.connect import connect

    client = inngest.Inngest(app_id="shop", is_production=False, api_base_url=sys.argv[1])

    @client.create_function(fn_id="slow", trigger=inngest.TriggerEvent(event="go"))
    def slow(ctx):
        sys.stdin.readline()
        return "done"

    connect([(client, [slow])]).run()
    """
)


@on_a_loop
async def test_a_clock_that_jumps_costs_a_worker_neither_lease_nor_heartbeat() -> None:
    ready = ConnectionReady(heartbeat_interval="3s", extend_lease_interval="2500ms", status_interval="0s")
    async with Gateway(ready=ready).open() as gateway:
        with subprocess.Popen(
            [sys.executable, "-c", PROGRAM_WHOSE_CLOCK_JUMPS, gateway.origin], stdin=subprocess.PIPE, text=True
        ) as program:
            try:
                connection = await gateway.worker()
                await connection.ask(request("slow"))
                await connection.expect(Kind.WORKER_REQUEST_ACK)
                heartbeats = connection.heartbeats
                for number in range(5):  # longer than a lease lives, and than silence is borne
                    asked = parse(ExtendLease, await connection.expect(Kind.WORKER_REQUEST_EXTEND_LEASE))
                    ack = ExtendLeaseAck(request_id=asked.request_id, new_lease_id=f"lease-{number}")
                    await connection.send(Kind.WORKER_REQUEST_EXTEND_LEASE_ACK, ack)
                assert connection.heartbeats > heartbeats
                _let_go(program)
                while (frame := await connection.next()) is not None and frame[0] is not Kind.WORKER_REPLY:
                    pass
                assert (await connection.take_reply(frame)).body == b'"done"'
                assert len(gateway.starts) == 1
            finally:
                program.kill()


def _let_go(program: subprocess.Popen[str]) -> None:
    assert program.stdin is not None
    program.stdin.write("\n")
    program.stdin.flush()


@pytest.mark.parametrize("frame", [b"\xff\xff", b"", b"\x08\x01\x12\x01\xff", b"\x08\x06", "text"])
@on_a_loop
async def test_a_first_frame_that_introduces_nobody_is_refused(origin: str, frame: bytes | str) -> None:
    async with scripted_worker(origin, introduced=False) as worker:
        await worker.expect(Kind.GATEWAY_HELLO)
        await worker.socket.send(frame)
        assert await worker.refusal() == "connect_worker_hello_invalid_msg"


@pytest.mark.parametrize("wrong", ["token", "twice", "nobody"])
@on_a_loop
async def test_a_session_that_is_not_ones_own_is_refused(origin: str, wrong: str) -> None:
    async with scripted_worker(origin) as first, scripted_worker(origin, introduced=False) as worker:
        await worker.expect(Kind.GATEWAY_HELLO)
        changes = {
            "token": {"session_token": "another"},
            "twice": {"connection_id": first.started.connection_id, "session_token": first.started.session_token},
            "nobody": {"connection_id": "nobody's"},
        }
        hello = introduction(replace(worker.started, **changes[wrong]))
        await worker.send(Kind.WORKER_CONNECT, hello)
        assert await worker.refusal() == "connect_authentication_failed"


@on_a_loop
async def test_a_worker_that_pings_and_sends_a_message_in_pieces_is_understood(origin: str) -> None:
    async with scripted_worker(origin) as worker:
        for result in ("in a frame", "in pieces"):
            async with asyncio.timeout(PATIENCE_SECONDS):
                await (await worker.socket.ping())
            event_id = await send_event(origin)
            asked = await worker.take()
            ack = dump_frame(Kind.WORKER_REQUEST_ACK, RequestAck(request_id=asked.request_id))
            await worker.socket.send([ack[:1], ack[1:9], ack[9:]])
            await worker.reply(asked, result)
            assert await output_of(origin, event_id) == result
            await worker.expect(Kind.WORKER_REPLY_ACK)


@on_a_loop
async def test_what_a_newer_worker_says_besides_is_left_out(origin: str) -> None:
    async with scripted_worker(origin) as worker:
        await worker.socket.send(b"\x08\x63\x12\x01x")  # a frame of kind 99
        await worker.socket.send(dump_frame(Kind.WORKER_HEARTBEAT) + b"\xc0\x0c\x01")  # and one with a field 200
        await worker.expect(Kind.GATEWAY_HEARTBEAT)
        event_id = await send_event(origin)
        await worker.reply(await worker.take(), "done")
        assert await output_of(origin, event_id) == "done"


@on_a_loop
async def test_a_worker_that_sends_garbage_is_cut_off_and_its_call_goes_to_another_one(origin: str) -> None:
    async with scripted_worker(origin) as other:
        async with scripted_worker(origin) as worker:
            await worker.socket.send(b"\x0a")
            assert await worker.refusal() == "connect_invalid_frame"
        event_id = await send_event(origin)
        await other.reply(await other.take(), "other")
        assert await output_of(origin, event_id) == "other"


@on_a_loop
async def test_a_reply_over_another_connection_is_acknowledged_there(origin: str) -> None:
    async with scripted_worker(origin) as worker:
        event_id = await send_event(origin)
        asked = await worker.take()
    async with scripted_worker(origin) as worker:  # the same one, which has connected again
        await worker.reply(asked, "done")
        await worker.expect(Kind.WORKER_REPLY_ACK)
        assert await output_of(origin, event_id) == "done"


@on_a_loop
async def test_a_worker_that_says_when_it_is_ready_gets_nothing_before(origin: str) -> None:
    async with scripted_worker(origin, introduced=False) as later, scripted_worker(origin) as first:
        await later.introduce(ready=False)
        asked: list[ExecutorRequest] = []
        for _ in range(4):
            await send_event(origin)
            asked.append(await first.take())
        await later.send(Kind.WORKER_READY)
        await later.send(Kind.WORKER_HEARTBEAT)
        await later.expect(Kind.GATEWAY_HEARTBEAT)  # so the engine has read what came before
        await send_event(origin)
        last = await later.take()  # as it is the least busy one
        assert last.request_id not in {each.request_id for each in asked}


@on_a_loop
async def test_two_workers_may_have_one_instance_id(origin: str) -> None:
    async with scripted_worker(origin) as one, scripted_worker(origin) as two:
        events = [await send_event(origin) for _ in range(2)]  # the least busy one gets the second call
        for worker in (one, two):
            await worker.reply(await worker.take(), worker.started.connection_id)
        outputs = {await output_of(origin, event_id) for event_id in events}
        assert outputs == {one.started.connection_id, two.started.connection_id}


@on_a_loop
async def test_a_lease_that_is_not_the_newest_is_lost(origin: str) -> None:
    async with scripted_worker(origin) as worker:
        await send_event(origin)
        asked = await worker.take()
        await worker.extend(asked, "another")
        ack = parse(ExtendLeaseAck, await worker.expect(Kind.WORKER_REQUEST_EXTEND_LEASE_ACK))
        assert ack.new_lease_id is None
        await worker.reply(asked, "done")
        await worker.expect(Kind.WORKER_REPLY_ACK)


@on_a_loop
async def test_a_call_that_a_worker_does_not_end_is_given_up_and_its_place_is_free() -> None:
    async with served("wsproto") as (engine, origin), scripted_worker(origin) as worker:
        names = (Header.REQUEST_ID, Header.RUN_ID, Header.JOB_ID)
        call = engine.assignments.send(
            "wss://connect?fnId=shop-go&stepId=step", {name.value: "1" for name in names}, b"{}", 1.0
        )
        calling = asyncio.create_task(call)
        asked = await worker.take()
        with pytest.raises(TransportError, match="no answer in 1 seconds"):
            await calling
        await worker.extend(asked, asked.lease_id)  # it is at it still
        ack = parse(ExtendLeaseAck, await worker.expect(Kind.WORKER_REQUEST_EXTEND_LEASE_ACK))
        assert ack.new_lease_id is None


@on_a_loop
async def test_a_hung_worker_gets_another_call_once_the_lease_of_one_that_was_given_up_is_over() -> None:
    async with served("wsproto", lease_seconds=1.0) as (_, origin), scripted_worker(origin, introduced=False) as worker:
        await worker.introduce(most_calls=1)
        first = await send_event(origin)
        hung = await worker.take()
        async with httpx.AsyncClient(base_url=origin, timeout=60) as http:
            assert (await http.delete(f"/v1/runs/{hung.run_id}")).status_code == 204
            assert (await http.get(f"/v1/events/{first}/runs")).json()["data"][0]["status"] == "Cancelled"
        event_id = await send_event(origin)
        answering = asyncio.create_task(answer_all_but(worker, hung.run_id))
        assert await output_of(origin, event_id) == "done"
        answering.cancel()


async def answer_all_but(worker: ScriptedWorker, run_id: str) -> None:
    """Answer the calls of other runs, also those that come again."""
    while True:
        kind, payload = parse_frame(await worker.socket.recv())
        if kind is Kind.GATEWAY_EXECUTOR_REQUEST:
            asked = parse(ExecutorRequest, payload)
            if asked.run_id != run_id:
                await worker.reply(asked, "done")


@pytest.mark.parametrize("library", ["wsproto", "websockets-sansio"])
@on_a_loop
async def test_a_server_that_knows_only_asgi_will_do(library: Library) -> None:
    async with served(library) as (_, origin), scripted_worker(origin) as worker:
        event_id = await send_event(origin)
        asked = await worker.take()
        await worker.extend(asked, asked.lease_id)
        await worker.expect(Kind.WORKER_REQUEST_EXTEND_LEASE_ACK)
        await worker.reply(asked, "done")
        await worker.expect(Kind.WORKER_REPLY_ACK)
        assert await output_of(origin, event_id) == "done"
        await worker.socket.send(b"\x0a")
        assert await worker.refusal() == "connect_invalid_frame"


@contextlib.asynccontextmanager
async def served(library: Library, **options: Any) -> AsyncGenerator[tuple[Engine, str]]:
    """An engine on this loop, and its origin."""
    engine = Engine(Options(sink=None, **options))
    engine.start()
    config = uvicorn.Config(API(engine), port=0, log_config=None, lifespan="off", ws=library)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not server.started:
                await asyncio.sleep(0.01)
        origin = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        yield engine, origin
    finally:
        await engine.stop_calls()
        server.should_exit = True
        await serving
        await engine.stop()
