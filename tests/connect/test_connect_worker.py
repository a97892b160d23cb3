"""A worker and a scripted gateway: what each frame and each fault leads to, on real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import threading
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import inngest
from inngest.connect import ConnectionState, Worker, connect
from inngest_connect.codec import parse
from inngest_connect.messages import (
    ConnectionReady,
    ExtendLease,
    ExtendLeaseAck,
    Kind,
    Reply,
    ReplyStatus,
    RequestAck,
)
from inngest_core.errors import ConfigError, SigningKeyMissingError
from tests.stage.servers import free_port

from .gateway import PATIENCE_SECONDS, Connected, Gateway, again, request
from .loops import on_a_loop

# A lease is lost after four intervals, and a connection after three heartbeats that are not answered: no machine is to
# be so slow.
SHORT_LEASES = ConnectionReady(heartbeat_interval="10s", extend_lease_interval="3s", status_interval="0s")
KEY, FALLBACK = "0123456789abcdef" * 4, "fedcba9876543210" * 4


def new_client(gateway: Gateway, **options: Any) -> inngest.Inngest:
    given: dict[str, Any] = {"app_version": "v1", "is_production": False, **options}
    return inngest.Inngest(app_id="shop", api_base_url=gateway.origin, **given)


def chain(client: inngest.Inngest) -> inngest.Function[Any]:
    @client.create_function(fn_id="chain", trigger=inngest.TriggerEvent(event="go"), retries=1)
    async def function(ctx: inngest.Context) -> str:
        await ctx.step.run("a", lambda: 1)
        return "done"

    return function


class Waiting:
    """A function whose runs wait until they are released."""

    def __init__(self) -> None:
        self.runs = 0
        self.release = asyncio.Event()

    def __call__(self, client: inngest.Inngest) -> inngest.Function[Any]:
        @client.create_function(fn_id="waiting", trigger=inngest.TriggerEvent(event="go"))
        async def function(ctx: inngest.Context) -> str:
            self.runs += 1
            await self.release.wait()
            return "done"

        return function


@dataclass
class Running:
    """A worker that was started, and its connection as the gateway sees it."""

    worker: Worker
    connection: Connected
    task: asyncio.Task[None]
    states: list[ConnectionState]


@contextlib.asynccontextmanager
async def running(
    gateway: Gateway, *functions: Callable[[inngest.Inngest], inngest.Function[Any]], **options: Any
) -> AsyncGenerator[Running]:
    states: list[ConnectionState] = []
    with new_client(gateway) as client:
        made = [function(client) for function in functions or (chain,)]
        active = asyncio.Event()

        def on_state(state: ConnectionState) -> None:
            states.append(state)
            if state is ConnectionState.ACTIVE:
                active.set()

        worker = connect([(client, made)], instance_id="worker-1", on_state=on_state, **options)
        task = asyncio.create_task(worker.start())
        try:
            connection = await gateway.worker()
            async with asyncio.timeout(PATIENCE_SECONDS):
                await active.wait()  # the gateway knows of a worker before the worker has read that it is ready
            yield Running(worker, connection, task, states)
        finally:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await worker.close()
                await task


@on_a_loop
async def test_a_worker_says_what_it_serves() -> None:
    async with Gateway().open() as gateway, running(gateway, max_worker_concurrency=10) as run:
        hello = run.connection.hello
        assert (hello.connection_id, hello.instance_id, hello.framework) == ("connection-1", "worker-1", "connect")
        assert (hello.auth_data.session_token if hello.auth_data else "", hello.max_worker_concurrency) == (
            "session",
            10,
        )
        assert json.loads(hello.capabilities)["connect"] == "v1"
        (app,) = hello.apps
        assert (app.app_name, app.app_version) == ("shop", "v1")
        assert json.loads(app.functions) == [
            {
                "id": "shop-chain",
                "name": "chain",
                "steps": {
                    "step": {
                        "id": "step",
                        "name": "step",
                        "retries": {"attempts": 1},
                        "runtime": {"type": "ws", "url": "wss://connect?fnId=shop-chain&stepId=step"},
                    }
                },
                "triggers": [{"event": "go"}],
            }
        ]
    assert run.states == [
        ConnectionState.CONNECTING,
        ConnectionState.ACTIVE,
        ConnectionState.CLOSING,
        ConnectionState.CLOSED,
    ]


@on_a_loop
async def test_a_request_is_acknowledged_and_then_answered_as_over_http() -> None:
    asked = request("chain")
    async with Gateway().open() as gateway, running(gateway) as run:
        await run.connection.ask(asked)
        ack = parse(RequestAck, await run.connection.expect(Kind.WORKER_REQUEST_ACK))
        reply = await run.connection.reply()
    assert (ack.request_id, ack.function_slug, ack.run_id) == ("request-1", "shop-chain", "run-1")
    assert (reply.request_id, reply.account_id, reply.env_id, reply.app_id) == ("request-1", "account", "env", "app-id")
    assert (reply.status, reply.request_version, reply.run_id) == (ReplyStatus.NOT_COMPLETED, 2, "run-1")
    assert (reply.system_trace_ctx, reply.user_trace_ctx) == (asked.system_trace_ctx, asked.user_trace_ctx)
    (op,) = json.loads(reply.body)
    assert (op["op"], op["data"], op["userland"]["id"]) == ("StepRun", 1, "a")


@on_a_loop
async def test_errors_say_whether_and_when_to_try_again() -> None:
    def never(client: inngest.Inngest) -> inngest.Function[Any]:
        @client.create_function(fn_id="never", trigger=inngest.TriggerEvent(event="go"))
        def function(ctx: inngest.ContextSync) -> None:
            raise inngest.NonRetriableError("never")

        return function

    def later(client: inngest.Inngest) -> inngest.Function[Any]:
        @client.create_function(fn_id="later", trigger=inngest.TriggerEvent(event="go"))
        def function(ctx: inngest.ContextSync) -> None:
            raise inngest.RetryAfterError("later", 60_000)

        return function

    async with Gateway().open() as gateway, running(gateway, never, later) as run:
        replies: dict[str, Reply] = {}
        for number, name in enumerate(("never", "later"), 1):
            await run.connection.ask(request(name, number=number))
            await run.connection.expect(Kind.WORKER_REQUEST_ACK)
            replies[name] = await run.connection.reply()
    assert (replies["never"].status, replies["never"].no_retry) == (ReplyStatus.ERROR, True)
    assert (replies["later"].no_retry, bool(replies["later"].retry_after)) == (False, True)
    assert json.loads(replies["never"].body)["message"] == "never"


@on_a_loop
async def test_a_function_that_blocks_the_loop_loses_neither_heartbeat_nor_lease() -> None:
    go_on = threading.Event()

    def blocking(client: inngest.Inngest) -> inngest.Function[Any]:
        @client.create_function(fn_id="blocking", trigger=inngest.TriggerEvent(event="go"))
        async def function(ctx: inngest.Context) -> str:
            go_on.wait(PATIENCE_SECONDS)
            return "done"

        return function

    ready = ConnectionReady(heartbeat_interval="3s", extend_lease_interval="2500ms", status_interval="0s")
    async with Gateway(ready=ready).open() as gateway:
        client = new_client(gateway)
        worker = connect([(client, [blocking(client)])])
        running = asyncio.create_task(asyncio.to_thread(worker.run))  # the gateway needs this loop
        connection = await gateway.worker()
        await connection.ask(request("blocking"))
        await connection.expect(Kind.WORKER_REQUEST_ACK)
        await connection.next_heartbeat()
        for number in (2, 3):
            await connection.expect(Kind.WORKER_REQUEST_EXTEND_LEASE)
            await connection.send(
                Kind.WORKER_REQUEST_EXTEND_LEASE_ACK,
                ExtendLeaseAck(request_id="request-1", new_lease_id=f"lease-{number}"),
            )
        await connection.next_heartbeat()
        go_on.set()
        while (frame := await connection.next()) is not None and frame[0] is Kind.WORKER_REQUEST_EXTEND_LEASE:
            pass
        assert (await connection.take_reply(frame)).status == ReplyStatus.DONE
        worker.close_soon()
        await running


@on_a_loop
async def test_a_request_that_comes_while_a_function_blocks_the_loop_is_acknowledged_meanwhile() -> None:
    blocked, release = threading.Event(), threading.Event()

    def blocking(client: inngest.Inngest) -> inngest.Function[Any]:
        @client.create_function(fn_id="blocking", trigger=inngest.TriggerEvent(event="go"))
        async def function(ctx: inngest.Context) -> str:
            blocked.set()
            return str(release.wait(PATIENCE_SECONDS))

        return function

    async with Gateway().open() as gateway:
        client = new_client(gateway)
        worker = connect([(client, [blocking(client), chain(client)])])
        running = asyncio.create_task(asyncio.to_thread(worker.run))  # the gateway needs this loop
        connection = await gateway.worker()
        await connection.ask(request("blocking"))
        await connection.expect(Kind.WORKER_REQUEST_ACK)
        assert await asyncio.to_thread(blocked.wait, PATIENCE_SECONDS)
        await connection.ask(request("chain", number=2))
        ack = parse(RequestAck, await connection.expect(Kind.WORKER_REQUEST_ACK))
        assert ack.request_id == "request-2"
        release.set()
        first, second = await connection.reply(), await connection.reply()
        assert {first.request_id: first.body, second.request_id: second.status} == {
            "request-1": b'"True"',
            "request-2": ReplyStatus.NOT_COMPLETED,
        }
        await connection.ask(request("chain", number=3))
        await connection.expect(Kind.WORKER_REQUEST_ACK)
        await connection.reply()
        worker.close_soon()
        await running


@on_a_loop
async def test_an_extension_names_the_newest_lease() -> None:
    waiting = Waiting()
    async with Gateway(ready=SHORT_LEASES).open() as gateway, running(gateway, waiting) as run:
        await run.connection.ask(request("waiting"))
        await run.connection.expect(Kind.WORKER_REQUEST_ACK)
        first = parse(ExtendLease, await run.connection.expect(Kind.WORKER_REQUEST_EXTEND_LEASE))
        await run.connection.send(
            Kind.WORKER_REQUEST_EXTEND_LEASE_ACK, ExtendLeaseAck(request_id="request-1", new_lease_id="lease-2")
        )
        leases = {first.lease_id}
        while "lease-2" not in leases:
            payload = await run.connection.expect(Kind.WORKER_REQUEST_EXTEND_LEASE)
            leases.add(parse(ExtendLease, payload).lease_id)
        waiting.release.set()
        while (frame := await run.connection.next()) is not None and frame[0] is not Kind.WORKER_REPLY:
            pass
        await run.connection.take_reply(frame)
    assert leases == {"lease-1", "lease-2"}


@on_a_loop
async def test_work_is_given_up_when_its_lease_is_lost(caplog: pytest.LogCaptureFixture) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    def waiting(client: inngest.Inngest) -> inngest.Function[Any]:
        @client.create_function(fn_id="waiting", trigger=inngest.TriggerEvent(event="go"))
        async def function(ctx: inngest.Context) -> None:
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

        return function

    async with Gateway(ready=SHORT_LEASES).open() as gateway, running(gateway, waiting, chain) as run:
        await run.connection.ask(request("waiting"))
        await run.connection.expect(Kind.WORKER_REQUEST_ACK)
        await asyncio.wait_for(begun.wait(), PATIENCE_SECONDS)  # else nothing of it is there to be ended
        await run.connection.expect(Kind.WORKER_REQUEST_EXTEND_LEASE)
        await run.connection.send(Kind.WORKER_REQUEST_EXTEND_LEASE_ACK, ExtendLeaseAck(request_id="request-1"))
        async with asyncio.timeout(PATIENCE_SECONDS):
            await ended.wait()
        await run.connection.ask(request("chain", number=2))
        while (frame := await run.connection.next()) is not None and frame[0] is not Kind.WORKER_REPLY:
            pass
        reply = await run.connection.take_reply(frame)
        assert reply.request_id == "request-2"  # nothing was said of the first one
    assert "shop-waiting (run run-1) was given up: the engine says that its lease is lost" in caplog.text


@on_a_loop
async def test_a_reply_that_no_gateway_acknowledges_goes_over_http() -> None:
    async with Gateway(flush_statuses=[500]).open() as gateway, running(gateway) as run:
        await run.connection.ask(request("chain"))
        await run.connection.expect(Kind.WORKER_REQUEST_ACK)
        sent = parse(Reply, await run.connection.expect(Kind.WORKER_REPLY))
        await run.connection.socket.close()  # instead of an acknowledgement
        assert await gateway.flush() == sent


@on_a_loop
async def test_a_worker_connects_again_after_its_connection_is_lost() -> None:
    async with Gateway().open() as gateway, running(gateway) as run:
        run.connection.socket.transport.abort()
        second = await gateway.worker()
        assert second.hello.connection_id == "connection-2"
        await second.ask(request("chain"))
        await second.expect(Kind.WORKER_REQUEST_ACK)
        assert (await second.reply()).status == ReplyStatus.NOT_COMPLETED
    assert ConnectionState.RECONNECTING in run.states


@on_a_loop
async def test_a_worker_waits_for_an_engine_that_is_down() -> None:
    gateway = Gateway(port=free_port())
    with new_client(gateway) as client:
        worker = connect([(client, [chain(client)])])
        task = asyncio.create_task(worker.start())
        await worker.wait_for_state(ConnectionState.RECONNECTING, timeout=60_000)
        async with gateway.open():
            connection = await gateway.worker()
            await connection.ask(request("chain"))
            await connection.expect(Kind.WORKER_REQUEST_ACK)
            assert (await connection.reply()).request_id == "request-1"
            await worker.close()
        await task


@on_a_loop
async def test_the_fallback_key_is_tried_when_the_key_is_refused() -> None:
    async with Gateway().open() as gateway:
        with new_client(gateway, signing_key=KEY, signing_key_fallback=FALLBACK) as client:
            keys = client.config.signing_keys
            assert keys is not None
            assert keys.fallback is not None
            gateway.refuse_keys = (keys.key.bearer().lower(),)
            worker = connect([(client, [chain(client)])])
            task = asyncio.create_task(worker.start())
            await gateway.worker()
            await worker.close()
            await task
    assert gateway.authorizations[:2] == [keys.key.bearer().lower(), keys.fallback.bearer().lower()]


@on_a_loop
async def test_a_closing_gateway_is_left_for_another_one_while_its_request_is_finished() -> None:
    waiting = Waiting()
    async with Gateway().open() as gateway, running(gateway, waiting) as run:
        first = run.connection
        await first.ask(request("waiting"))
        await first.expect(Kind.WORKER_REQUEST_ACK)
        await first.send(Kind.GATEWAY_CLOSING)
        second = await gateway.worker()
        assert gateway.starts[1].exclude_gateways == ("group-1",)
        waiting.release.set()
        assert (await first.reply()).status == ReplyStatus.DONE  # over the connection that it came by
        assert await first.next() is None
        await second.ask(again(request("waiting"), 2))
        await second.expect(Kind.WORKER_REQUEST_ACK)
        assert (await second.reply()).request_id == "request-2"


@on_a_loop
async def test_a_frame_that_cannot_be_read_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    async with Gateway().open() as gateway, running(gateway) as run:
        await run.connection.socket.send(b"\xff\xff\xff")
        await run.connection.socket.send("text")
        await run.connection.ask(request("chain"))
        await run.connection.expect(Kind.WORKER_REQUEST_ACK)
        assert (await run.connection.reply()).status == ReplyStatus.NOT_COMPLETED
    assert "a frame of the gateway cannot be read and is left out" in caplog.text


@on_a_loop
async def test_no_more_requests_are_taken_than_max_worker_concurrency(caplog: pytest.LogCaptureFixture) -> None:
    waiting = Waiting()
    async with Gateway().open() as gateway, running(gateway, waiting, max_worker_concurrency=1) as run:
        await run.connection.ask(request("waiting"))
        await run.connection.ask(again(request("waiting"), 2))
        await run.connection.ask(request("waiting"))  # once this is acknowledged, what came before it has been read
        for _ in range(2):
            ack = parse(RequestAck, await run.connection.expect(Kind.WORKER_REQUEST_ACK))
            assert ack.request_id == "request-1"
        waiting.release.set()
        assert (await run.connection.reply()).request_id == "request-1"
    assert "max_worker_concurrency is 1, and as many are running" in caplog.text


@on_a_loop
async def test_a_request_whose_reply_is_not_acknowledged_yet_takes_no_place() -> None:
    """A gateway gives the next request as soon as it has a reply, and may acknowledge that later."""
    async with Gateway().open() as gateway, running(gateway, max_worker_concurrency=1) as run:
        await run.connection.ask(request("chain"))
        await run.connection.expect(Kind.WORKER_REQUEST_ACK)
        reply = await run.connection.next()
        await run.connection.ask(again(request("chain"), 2))
        ack = parse(RequestAck, await run.connection.expect(Kind.WORKER_REQUEST_ACK))
        assert ack.request_id == "request-2"
        await run.connection.take_reply(reply)
        assert (await run.connection.reply()).request_id == "request-2"


@on_a_loop
async def test_a_request_that_comes_twice_runs_once() -> None:
    waiting = Waiting()
    async with Gateway().open() as gateway, running(gateway, waiting) as run:
        for _ in range(2):
            await run.connection.ask(request("waiting"))
            await run.connection.expect(Kind.WORKER_REQUEST_ACK)
        waiting.release.set()
        await run.connection.reply()
    assert waiting.runs == 1


@on_a_loop
async def test_closing_waits_for_what_is_running_and_takes_nothing_new() -> None:
    waiting = Waiting()
    async with Gateway().open() as gateway, running(gateway, waiting) as run:
        await run.connection.ask(request("waiting"))
        await run.connection.expect(Kind.WORKER_REQUEST_ACK)
        await run.worker.close(wait=False)
        await run.connection.expect(Kind.WORKER_PAUSE)
        await run.connection.ask(again(request("waiting"), 2))
        waiting.release.set()
        assert (await run.connection.reply()).request_id == "request-1"
        assert await run.connection.next() is None


@on_a_loop
async def test_closing_gives_up_after_the_time_that_it_was_given(caplog: pytest.LogCaptureFixture) -> None:
    async with Gateway().open() as gateway, running(gateway, Waiting(), shutdown_timeout=50) as run:
        await run.connection.ask(request("waiting"))
        await run.connection.expect(Kind.WORKER_REQUEST_ACK)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await run.worker.close()
    assert "was given up: the worker is shutting down" in caplog.text


@on_a_loop
async def test_the_health_file_is_there_while_the_worker_is_connected(tmp_path: Path) -> None:
    health = tmp_path / "health"
    async with Gateway().open() as gateway, running(gateway, health_file=health) as run:
        await run.worker.wait_for_state(ConnectionState.ACTIVE, timeout=60_000)
        assert health.exists()
    assert not health.exists()


@on_a_loop
async def test_cloud_mode_needs_a_signing_key() -> None:
    client = inngest.Inngest(app_id="shop", is_production=True, event_key="key")
    with pytest.raises(SigningKeyMissingError, match="INNGEST_SIGNING_KEY"):
        await connect([(client, [chain(client)])]).start()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_worker_concurrency": 0}, "max_worker_concurrency is 0"),
        ({"instance_id": " "}, "instance_id"),
        ({"instance_id": 7}, "instance_id is 7"),
        ({"shutdown_timeout": -1}, "shutdown_timeout"),
        ({"shutdown_signals": "TERM"}, "shutdown_signals is 'TERM'; give a list"),
        ({"shutdown_signals": ["TERM"]}, r"shutdown_signals is \['TERM'\]; give a list"),
        ({"shutdown_signals": signal.SIGTERM}, "shutdown_signals is <Signals.SIGTERM: 15>; give a list"),
    ],
)
def test_options_that_cannot_be_used_are_refused(options: dict[str, Any], message: str) -> None:
    client = inngest.Inngest(app_id="shop", is_production=False)
    with pytest.raises(ConfigError, match=message):
        connect([(client, [chain(client)])], **options)


CLIENT = inngest.Inngest(app_id="shop", is_production=False)
NONE: list[Any] = []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (CLIENT, "apps is an Inngest client; give a list of pairs"),
        ((CLIENT, NONE), r"apps\[0\] is an Inngest client; give a list of pairs"),
        ({"shop": NONE}, "apps is a dict; give a list of pairs"),
        ([(CLIENT, NONE), (CLIENT,)], r"apps\[1\] is a tuple; give a list of pairs"),
        ([(NONE, CLIENT)], "client is a list; give the inngest.Inngest"),
        ([(CLIENT, chain(CLIENT))], 'functions is the Function "shop-chain"; give a list'),
    ],
    ids=["a client", "one pair", "a dict", "half a pair", "the other way round", "one function"],
)
def test_what_is_no_list_of_apps(given: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        connect(given)


def test_apps_that_cannot_share_a_connection_are_refused() -> None:
    client = inngest.Inngest(app_id="shop", is_production=False)
    other = inngest.Inngest(app_id="other", is_production=False, env="branch")
    with pytest.raises(ConfigError, match="differ in env"):
        connect([(client, []), (other, [])])
    with pytest.raises(ConfigError, match='two apps have the id "shop"'):
        connect([(client, []), (client, [])])
    with pytest.raises(ConfigError, match="no app"):
        connect([])
