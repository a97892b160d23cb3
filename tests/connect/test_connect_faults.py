"""What breaks between a worker and its gateway, on real sockets: the work goes on, once, and nothing is left behind."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import time
from collections import Counter

import httpx
import pytest
from websockets.frames import Frame, Opcode

import inngest
from inngest.connect import ConnectionState, connect
from inngest_connect.codec import parse
from inngest_connect.messages import ConnectionReady, Kind, Reply, ReplyStatus, RequestAck, dump_frame
from inngest_devserver.engine import Options
from inngest_devserver.server import DevServer
from tests.stage.effort import LONG
from tests.stage.servers import free_port

from .gateway import PATIENCE_SECONDS, Connected, Gateway, again, request
from .loops import on_a_loop
from .test_connect_worker import Waiting, chain, running

MANY_RECONNECTS = 10_000 if LONG else 300
# Three heartbeats without an answer are silence: no machine is to be so slow.
FAST = ConnectionReady(heartbeat_interval="3s", extend_lease_interval="30s", status_interval="0s")


@on_a_loop
async def test_a_connection_that_breaks_within_a_frame_is_made_again() -> None:
    waiting = Waiting()
    async with Gateway().open() as gateway, running(gateway, waiting) as run:
        await run.connection.ask(request("waiting"))
        await run.connection.expect(Kind.WORKER_REQUEST_ACK)
        run.connection.socket.transport.write(b"\x82\x7e\x01\x00half of a frame")
        run.connection.socket.transport.close()
        second = await gateway.worker()
        await run.worker.wait_for_state(ConnectionState.ACTIVE, timeout=60_000)
        waiting.release.set()
        assert (await second.reply()).request_id == "request-1"  # what was under way is brought over the new one
    assert waiting.runs == 1


@on_a_loop
async def test_a_message_that_is_cut_short_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    async with Gateway().open() as gateway, running(gateway) as run:
        await run.connection.socket.send(dump_frame(Kind.GATEWAY_EXECUTOR_REQUEST, request("chain"))[:-7])
        await run.connection.ask(request("chain", number=2))
        ack = parse(RequestAck, await run.connection.expect(Kind.WORKER_REQUEST_ACK))
        assert (ack.request_id, (await run.connection.reply()).request_id) == ("request-2", "request-2")
    assert "a frame of the gateway cannot be read and is left out" in caplog.text


@on_a_loop
async def test_a_message_that_comes_in_pieces_is_put_together() -> None:
    async with Gateway().open() as gateway, running(gateway) as run:
        data = dump_frame(Kind.GATEWAY_EXECUTOR_REQUEST, request("chain"))
        await run.connection.socket.send([data[:1], data[1:100], data[100:]])
        await run.connection.expect(Kind.WORKER_REQUEST_ACK)
        assert (await run.connection.reply()).request_id == "request-1"


@on_a_loop
async def test_a_gateway_that_pings_is_answered_and_goes_on_asking() -> None:
    async with Gateway().open() as gateway, running(gateway) as run:
        for number in range(1, 4):
            async with asyncio.timeout(PATIENCE_SECONDS):
                await (await run.connection.socket.ping())
            await run.connection.ask(request("chain", number=number))
            await run.connection.expect(Kind.WORKER_REQUEST_ACK)
            assert (await run.connection.reply()).request_id == f"request-{number}"
        assert len(gateway.starts) == 1


@on_a_loop
async def test_a_message_whose_first_piece_comes_with_the_end_of_the_handshake_is_put_together() -> None:
    data = dump_frame(Kind.GATEWAY_EXECUTOR_REQUEST, request("chain"))
    first = Frame(Opcode.BINARY, data[:100], fin=False).serialize(mask=False)
    async with Gateway(after_ready=first, answers_heartbeats=False).open() as gateway, running(gateway) as run:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not run.connection.heartbeats:  # it listens
                await asyncio.sleep(0.01)
        run.connection.socket.transport.write(Frame(Opcode.CONT, data[100:]).serialize(mask=False))
        await run.connection.expect(Kind.WORKER_REQUEST_ACK)
        assert (await run.connection.reply()).request_id == "request-1"


@on_a_loop
async def test_a_gateway_that_went_silent_is_left_for_another_one() -> None:
    waiting = Waiting()
    async with Gateway(ready=FAST).open() as gateway, running(gateway, waiting) as run:
        await run.connection.ask(request("waiting"))
        await run.connection.expect(Kind.WORKER_REQUEST_ACK)
        run.connection.socket.transport.pause_reading()
        second = await gateway.worker()
        await run.worker.wait_for_state(ConnectionState.ACTIVE, timeout=60_000)
        waiting.release.set()
        assert (await second.reply()).status == ReplyStatus.DONE
        run.connection.socket.transport.abort()
    assert waiting.runs == 1


@on_a_loop
async def test_a_reply_goes_over_http_when_an_open_connection_acknowledges_nothing() -> None:
    async with Gateway().open() as gateway, running(gateway) as run:
        await run.connection.ask(request("chain"))
        await run.connection.expect(Kind.WORKER_REQUEST_ACK)
        sent = parse(Reply, await run.connection.expect(Kind.WORKER_REPLY))
        assert await gateway.flush() == sent
        await run.connection.ask(request("chain", number=2))
        await run.connection.expect(Kind.WORKER_REQUEST_ACK)  # and the connection is as good as before
        await run.connection.reply()


@on_a_loop
async def test_a_gateway_that_hangs_up_at_once_is_not_hammered() -> None:
    async with Gateway().open() as gateway, running(gateway) as run:
        started = time.monotonic()
        for _ in range(2):
            run.connection.socket.transport.abort()
            run.connection = await gateway.worker()
        assert time.monotonic() - started > 1.4  # at least 0.5 s, then 1 s
    assert len(gateway.starts) == 3


@on_a_loop
async def test_a_thousand_requests_in_flight() -> None:
    waiting = Waiting()
    async with Gateway().open() as gateway, running(gateway, waiting) as run:
        for number in range(1, 1001):
            await run.connection.ask(again(request("waiting"), number))
        acks = [parse(RequestAck, await run.connection.expect(Kind.WORKER_REQUEST_ACK)) for _ in range(1000)]
        assert len({ack.request_id for ack in acks}) == 1000
        waiting.release.set()
        replies = [await run.connection.reply() for _ in range(1000)]
    assert len({reply.request_id for reply in replies}) == 1000
    assert {reply.status for reply in replies} == {ReplyStatus.DONE}
    assert waiting.runs == 1000


@pytest.fixture
def only_new_objects() -> None:
    """Keep what other tests have left out of counts: to go through all of it takes seconds each time."""
    gc.collect()
    gc.freeze()


@pytest.mark.timeout(3600 if LONG else 180)
@pytest.mark.usefixtures("only_new_objects")
@on_a_loop
async def test_nothing_is_left_of_connections_that_have_ended() -> None:
    connection: Connected

    async def kept_after(gateway: Gateway, moves: int) -> Counter[str]:
        nonlocal connection
        gateway.moves = moves
        await connection.send(Kind.GATEWAY_CLOSING)
        async with asyncio.timeout(PATIENCE_SECONDS + moves / 5):
            moved_to = await gateway.connected.get()
        while await connection.next() is not None:
            pass
        connection = moved_to  # the test itself keeps one, too
        before = -1
        while before != (count := sum(_living().values())):  # the last connections close in their own time
            before = count
            await asyncio.sleep(0.3)
        return _living()

    async with Gateway().open() as gateway, running(gateway) as run:
        connection = run.connection
        few = await kept_after(gateway, 20)
        await kept_after(gateway, MANY_RECONNECTS // 4)  # what libraries keep is there by then
        blocks_before = _memory_blocks()
        many = await kept_after(gateway, MANY_RECONNECTS)
        assert len(gateway.starts) == 24 + MANY_RECONNECTS + MANY_RECONNECTS // 4
        gateway.starts.clear()
        gateway.authorizations.clear()
        blocks = _memory_blocks() - blocks_before
    assert sum(many.values()) - sum(few.values()) < 20, (many - few, few)
    assert blocks < 5 * MANY_RECONNECTS, "more than five blocks of memory are left of each connection"


def _memory_blocks() -> int:
    gc.collect()
    return sys.getallocatedblocks()


def _name_of(kind: type) -> str:
    try:
        return f"{kind.__module__}.{kind.__name__}"
    except RuntimeError:  # another test made a class that does not tell its name
        return ""


def _living() -> Counter[str]:
    """Return how many objects there are of each class that connections are made of, and of threads."""
    gc.collect()
    ours = ("inngest_connect.life.", "inngest_connect.session.", "inngest_connect.requests.", "websockets.asyncio.")
    living: Counter[str] = Counter()
    for kind, count in Counter[type](map(type, gc.get_objects())).items():
        name = _name_of(kind)
        if name.startswith(ours) or name in ("_asyncio.Task", "_asyncio.Future"):
            living[name] += count
    living["threads"] = threading.active_count()
    return living


@pytest.mark.usefixtures("only_new_objects")
@on_a_loop
async def test_a_worker_at_rest_keeps_nothing_for_each_second() -> None:
    async def heard(connection: Connected) -> int:
        await connection.next_heartbeat()
        return sum(type(one).__name__ == "Future" and "_chain_future" in repr(one) for one in gc.get_objects())

    async with Gateway(ready=FAST).open() as gateway, running(gateway) as run:
        early = await heard(run.connection)
        assert await heard(run.connection) == early == 1  # some seconds later


@pytest.mark.live
@on_a_loop
async def test_fifty_workers_come_back_to_an_engine_that_was_restarted() -> None:
    port = free_port()
    with DevServer(Options(sink=None), port=port) as engine:
        client = inngest.Inngest(app_id="shop", is_production=False, api_base_url=engine.origin)
        workers = [connect([(client, [chain(client)])], instance_id=f"worker-{number}") for number in range(50)]
        tasks = [asyncio.create_task(worker.start()) for worker in workers]
        await asyncio.gather(*(one.wait_for_state(ConnectionState.ACTIVE, timeout=60_000) for one in workers))
    await asyncio.gather(*(one.wait_for_state(ConnectionState.RECONNECTING, timeout=60_000) for one in workers))
    with DevServer(Options(sink=None), port=port) as engine:
        await asyncio.gather(*(one.wait_for_state(ConnectionState.ACTIVE, timeout=60_000) for one in workers))
        async with httpx.AsyncClient(base_url=engine.origin, timeout=60) as http:
            events: list[dict[str, object]] = [{"name": "go", "data": {}} for _ in range(100)]
            ids = (await http.post("/e/key", json=events)).json()["ids"]
            assert len(ids) == 100
            async with asyncio.timeout(PATIENCE_SECONDS):
                for event_id in ids:
                    while await _status(http, event_id) != "Completed":
                        await asyncio.sleep(0.05)
        await asyncio.gather(*(worker.close() for worker in workers))
        await asyncio.gather(*tasks)
        await client.close_async()


async def _status(http: httpx.AsyncClient, event_id: str) -> object:
    runs = (await http.get(f"/v1/events/{event_id}/runs")).json()["data"]
    return runs[0]["status"] if runs else None
