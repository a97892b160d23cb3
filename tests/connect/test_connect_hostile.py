"""Gateways that send what none should, or read nothing: a worker goes on, and says why where it cannot."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from dataclasses import replace
from typing import Any

import httpx
import pytest

import inngest
from inngest.connect import ConnectionState, connect
from inngest_connect.codec import parse
from inngest_connect.messages import (
    ConnectionReady,
    ExtendLease,
    ExtendLeaseAck,
    Kind,
    ReplyAck,
    ReplyStatus,
)
from inngest_devserver.engine import Options
from inngest_devserver.server import DevServer

from .gateway import PATIENCE_SECONDS, Gateway, again, request
from .loops import on_a_loop
from .runs import run_of
from .test_connect_worker import SHORT_LEASES, Waiting, running

MIB = 1024 * 1024


def growing(client: inngest.Inngest) -> inngest.Function[Any]:
    @client.create_function(fn_id="growing", trigger=inngest.TriggerEvent(event="grow"), retries=0)
    async def function(ctx: inngest.Context) -> str:
        size = ctx.event.data["size"]
        assert isinstance(size, int)
        return "x" * size

    return function


@on_a_loop
async def test_intervals_that_are_none_are_taken_for_the_usual_ones() -> None:
    ready = ConnectionReady(heartbeat_interval="0s", extend_lease_interval="soon", status_interval="-1s")
    waiting, started = Waiting(), time.monotonic()
    async with Gateway(ready=ready).open() as gateway, running(gateway, waiting) as run:
        await run.connection.ask(request("waiting"))
        await run.connection.expect(Kind.WORKER_REQUEST_ACK)
        waiting.release.set()
        await run.connection.reply()  # with no extension of a lease before it
        if not run.connection.heartbeats:
            await run.connection.next_heartbeat()
        assert run.connection.heartbeats <= 1 + (time.monotonic() - started) / 10
        assert len(gateway.starts) == 1


@on_a_loop
async def test_frames_out_of_order_and_of_unknown_requests_are_left_out() -> None:
    async with Gateway().open() as gateway, running(gateway) as run:
        for kind, message in (
            (Kind.GATEWAY_HELLO, None),
            (Kind.GATEWAY_CONNECTION_READY, None),
            (Kind.WORKER_CONNECT, None),
            (Kind.WORKER_REPLY_ACK, ReplyAck(request_id="nobody's")),
            (Kind.WORKER_REQUEST_EXTEND_LEASE_ACK, ExtendLeaseAck(request_id="nobody's")),
            (Kind.WORKER_REPLY_ACK, ReplyAck(request_id="request-1")),  # before there is a request
            (Kind.GATEWAY_EXECUTOR_REQUEST, request("chain")),
        ):
            await run.connection.send(kind, message)
        await run.connection.expect(Kind.WORKER_REQUEST_ACK)
        assert (await run.connection.reply()).status == ReplyStatus.NOT_COMPLETED


@on_a_loop
async def test_a_request_that_cannot_be_read_as_a_call_is_answered() -> None:
    async with Gateway().open() as gateway, running(gateway) as run:
        for number, payload in enumerate((b"", b"\xff", b"[]", b"[" * 100_000), 1):
            asked = request("chain", number=number)
            await run.connection.ask(replace(asked, request_payload=payload))
            await run.connection.expect(Kind.WORKER_REQUEST_ACK)
            reply = await run.connection.reply()
            assert (reply.request_id, reply.status) == (asked.request_id, ReplyStatus.ERROR)


@on_a_loop
async def test_a_request_that_is_sent_again_is_acknowledged_again_and_extended_by_its_newest_lease() -> None:
    waiting = Waiting()
    async with Gateway(ready=SHORT_LEASES).open() as gateway, running(gateway, waiting) as run:
        asked = request("waiting")
        await run.connection.ask(asked)
        await run.connection.expect(Kind.WORKER_REQUEST_ACK)
        await run.connection.ask(replace(asked, lease_id="lease-9"))
        kinds: list[Kind] = []
        leases: set[str] = set()
        while "lease-9" not in leases:
            frame = await run.connection.next()
            assert frame is not None
            kinds.append(frame[0])
            if frame[0] is Kind.WORKER_REQUEST_EXTEND_LEASE:
                leases.add(parse(ExtendLease, frame[1]).lease_id)
        assert kinds.count(Kind.WORKER_REQUEST_ACK) == 1
        waiting.release.set()
        while (frame := await run.connection.next()) is not None and frame[0] is not Kind.WORKER_REPLY:
            pass
        await run.connection.take_reply(frame)
    assert waiting.runs == 1


@on_a_loop
async def test_the_result_of_a_plain_step_whose_lease_was_lost_is_thrown_away(
    caplog: pytest.LogCaptureFixture,
) -> None:
    begun, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def blocking(client: inngest.Inngest) -> inngest.Function[Any]:
        def work() -> str:
            begun.set()
            go_on.wait(PATIENCE_SECONDS)
            ended.set()
            return "late"

        @client.create_function(fn_id="blocking", trigger=inngest.TriggerEvent(event="go"))
        def function(ctx: inngest.ContextSync) -> object:
            return ctx.step.run("work", work)

        return function

    async with Gateway(ready=SHORT_LEASES).open() as gateway, running(gateway, blocking) as run:
        await run.connection.ask(request("blocking"))
        await run.connection.expect(Kind.WORKER_REQUEST_ACK)
        await asyncio.to_thread(begun.wait, PATIENCE_SECONDS)
        await run.connection.expect(Kind.WORKER_REQUEST_EXTEND_LEASE)
        await run.connection.send(Kind.WORKER_REQUEST_EXTEND_LEASE_ACK, ExtendLeaseAck(request_id="request-1"))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while "was given up" not in caplog.text:
                await asyncio.sleep(0.01)
        go_on.set()
        await asyncio.to_thread(ended.wait, PATIENCE_SECONDS)
        await run.connection.ask(again(request("blocking"), 2))
        while (frame := await run.connection.next()) is not None and frame[0] is not Kind.WORKER_REPLY:
            pass
        assert (await run.connection.take_reply(frame)).request_id == "request-2"


@on_a_loop
async def test_what_is_asked_for_again_after_its_lease_was_lost_is_not_answered_by_the_first_run(
    caplog: pytest.LogCaptureFixture,
) -> None:
    begun, go_on, runs = threading.Event(), threading.Event(), list[int]()

    def blocking(client: inngest.Inngest) -> inngest.Function[Any]:
        @client.create_function(fn_id="blocking", trigger=inngest.TriggerEvent(event="go"))
        async def function(ctx: inngest.Context) -> int:
            runs.append(1)
            begun.set()
            go_on.wait(PATIENCE_SECONDS)  # blocks the loop, so that it is cancelled too late
            return len(runs)

        return function

    async with Gateway().open() as gateway:
        client = inngest.Inngest(app_id="shop", is_production=False, api_base_url=gateway.origin)
        worker = connect([(client, [blocking(client)])], instance_id="worker-1")
        thread = threading.Thread(target=worker.run, daemon=True)
        thread.start()
        connection = await gateway.worker()
        await connection.ask(request("blocking"))
        await connection.expect(Kind.WORKER_REQUEST_ACK)
        await asyncio.to_thread(begun.wait, PATIENCE_SECONDS)
        await connection.send(Kind.WORKER_REQUEST_EXTEND_LEASE_ACK, ExtendLeaseAck(request_id="request-1"))
        await connection.ask(request("blocking", lease="lease-2"))
        await connection.expect(Kind.WORKER_REQUEST_ACK)
        assert "was given up: the engine says that its lease is lost" in caplog.text
        go_on.set()
        assert (await connection.reply()).body == b"2"
        worker.close_soon()
        await asyncio.to_thread(thread.join, PATIENCE_SECONDS)
        assert await connection.expect(Kind.WORKER_PAUSE) == b""  # and no other reply before it
        await client.close_async()
    assert len(runs) == 2


@on_a_loop
async def test_replies_arrive_whole_although_the_gateway_reads_only_now_and_then() -> None:
    count, size = 200, 60_000
    async with Gateway().open() as gateway, running(gateway, growing) as run:
        large = request("growing")
        payload = json.loads(large.request_payload)
        payload["event"]["data"] = payload["events"][0]["data"] = {"size": size}
        large = replace(large, request_payload=json.dumps(payload).encode())
        replies: dict[str, bytes] = {}
        for number in range(count):
            if number % 50 == 0:
                run.connection.socket.transport.pause_reading()
            await run.connection.ask(again(large, number))
            if number % 50 == 49:
                await asyncio.sleep(0.1)  # whatever is full by then
                run.connection.socket.transport.resume_reading()
                while len(replies) <= number:
                    frame = await run.connection.next()
                    if frame is not None and frame[0] is Kind.WORKER_REQUEST_ACK:
                        continue
                    reply = await run.connection.take_reply(frame)
                    replies[reply.request_id] = reply.body
        assert len(gateway.starts) == 1  # over the same connection
    assert replies == {f"request-{number}": json.dumps("x" * size).encode() for number in range(count)}


@on_a_loop
async def test_a_lease_is_lost_although_the_gateway_reads_nothing(caplog: pytest.LogCaptureFixture) -> None:
    cancelled = asyncio.Event()

    def waiting(client: inngest.Inngest) -> inngest.Function[Any]:
        @client.create_function(fn_id="waiting", trigger=inngest.TriggerEvent(event="go"))
        async def function(ctx: inngest.Context) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.set()

        return function

    ready = ConnectionReady(heartbeat_interval="10s", extend_lease_interval="100ms", status_interval="0s")
    async with Gateway(ready=ready).open() as gateway, running(gateway, waiting, growing) as run:
        run.connection.socket.transport.pause_reading()
        large = request("growing", number=1)
        payload = json.loads(large.request_payload)
        payload["event"]["data"] = payload["events"][0]["data"] = {"size": 7 * MIB}
        await run.connection.ask(replace(large, request_payload=json.dumps(payload).encode()))
        await run.connection.ask(request("waiting", number=2))
        async with asyncio.timeout(PATIENCE_SECONDS):
            await cancelled.wait()
        assert "shop-waiting (run run-2) was given up: its lease could not be extended for 0.4 s" in caplog.text
        run.connection.socket.transport.abort()


@pytest.mark.live
@on_a_loop
async def test_results_of_megabytes_reach_the_bundled_engine() -> None:
    with DevServer(Options(sink=None), port=0) as engine:
        client = inngest.Inngest(app_id="shop", is_production=False, api_base_url=engine.origin)
        worker = connect([(client, [growing(client)])])
        task = asyncio.create_task(worker.start())
        await worker.wait_for_state(ConnectionState.ACTIVE, timeout=60_000)
        connection = worker.connection_id
        async with httpx.AsyncClient(base_url=engine.origin, timeout=60) as http:
            runs = {
                size: await run_of(http, {"name": "grow", "data": {"size": size}}) for size in (7 * MIB, 8 * MIB - 99)
            }
        assert worker.connection_id == connection  # it was not lost because of a frame
        await worker.close()
        await task
        await client.close_async()
    assert (runs[7 * MIB]["status"], len(str(runs[7 * MIB]["output"]))) == ("Completed", 7 * MIB)
    assert runs[8 * MIB - 99]["status"] == "Failed"
    assert "a gateway reads at most" in str(runs[8 * MIB - 99]["output"])
