"""Subscribers against the bundled engine, over sockets: messages of runs, lost connections, an engine started anew."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pydantic
import pytest

import inngest
import inngest.experimental.realtime
from inngest.realtime import Channel, Topic
from inngest_devserver.engine import Options
from inngest_devserver.server import DevServer
from tests.stage.bodies import Script
from tests.stage.logs import LogList
from tests.stage.servers import free_port

from .conftest import kinds
from .world import TWO_BY_TWO, World

PATIENCE = 60.0


class Progress(pydantic.BaseModel):
    done: int


progress = Topic("progress", Progress)
users = Channel("user:{user_id}", progress, Topic("log"))


@pytest.fixture
def server() -> Iterator[DevServer]:
    with DevServer(Options(sink=None), port=0) as running:
        yield running


def client_of(origin: str, log: LogList | None = None) -> inngest.Inngest:
    logger = logging.Logger("tests")
    logger.addHandler(log or logging.NullHandler())
    return inngest.Inngest(app_id="app", is_production=False, api_base_url=origin, logger=logger)


@kinds(TWO_BY_TWO)
def test_the_messages_of_a_run_come_once_and_in_order(world: World) -> None:
    @world.function("t/go")
    def works(ctx: Any, step: Any) -> Script:
        for number in range(3):
            yield step.realtime.publish(f"tell {number}", users(user_id=7), progress, Progress(done=number))
        yield step.run("a step", lambda: None)
        return ctx.run_id

    with world.up(), world.client.realtime.subscribe_sync(users(user_id=7)) as messages:
        run = world.engine.run("t/go")
        got = [next(messages) for _ in range(3)]
    assert [message.data for message in got] == [Progress(done=number) for number in range(3)]
    assert {message.run_id for message in got} == {run.id}
    assert {message.channel for message in got} == {"user:7"}


@kinds(TWO_BY_TWO)
def test_what_is_published_outside_of_steps_comes_once_however_often_the_function_is_called(world: World) -> None:
    client = world.client

    if str(world.kind).endswith("async"):

        @client.create_function(fn_id="beside", trigger=inngest.TriggerEvent(event="t/go"))
        async def beside(ctx: inngest.Context) -> None:
            for number in range(4):
                await client.realtime.publish("c", "t", number)
                await ctx.step.run(f"step {number}", lambda: None)
            await client.realtime.publish("c", "t", "end")
    else:

        @client.create_function(fn_id="beside", trigger=inngest.TriggerEvent(event="t/go"))
        def beside(ctx: inngest.ContextSync) -> None:
            for number in range(4):
                client.realtime.publish_sync("c", "t", number)
                ctx.step.run(f"step {number}", lambda: None)
            client.realtime.publish_sync("c", "t", "end")

    world.functions.append(beside)
    with world.up(), client.realtime.subscribe_sync("c", ["t", "last"]) as messages:
        world.engine.run("t/go")
        client.realtime.publish_sync("c", "last", "all there")
        got: list[object] = []
        for message in messages:
            if message.topic == "last":
                break
            got.append(message.data)
    assert got == [0, 1, 2, 3, "end"]


def test_the_engine_is_started_anew() -> None:
    log = LogList()

    async def main() -> None:
        port = free_port()
        async with DevServer(Options(sink=None), port=port) as first:
            client = client_of(first.origin, log)
            messages = client.realtime.subscribe("c", "t")
            await messages.__aenter__()
            await client.realtime.publish("c", "t", 1)
            assert (await anext(messages)).data == 1
        waiting = asyncio.create_task(anext(messages))
        async with DevServer(Options(sink=None), port=port) as second:
            while not len(second.engine.hub):
                await asyncio.sleep(0.01)
            await client.realtime.publish("c", "t", 2)
            async with asyncio.timeout(PATIENCE):
                assert (await waiting).data == 2
            await messages.close()
            await client.close_async()

    asyncio.run(main())
    assert "messages from now until it is back are missed" in log.texts[0]
    assert any("connected again" in text for text in log.texts)


def test_a_read_that_is_given_up_loses_nothing(server: DevServer) -> None:
    async def main() -> None:
        async with client_of(server.origin) as client, client.realtime.subscribe("c", progress) as messages:
            for number in range(3):
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(anext(messages), 0.02)
                await client.realtime.publish("c", progress, Progress(done=number))
                async with asyncio.timeout(PATIENCE):
                    assert (await anext(messages)).data.done == number

    asyncio.run(main())


def test_a_subscription_that_is_closed_ends_the_loop_that_waits_for_it(server: DevServer) -> None:
    async def read(messages: inngest.realtime.Subscription[Any]) -> list[object]:
        return [message.data async for message in messages]

    async def main() -> None:
        async with client_of(server.origin) as client, client.realtime.subscribe("c", "t") as messages:
            reading = asyncio.create_task(read(messages))
            await client.realtime.publish("c", "t", 1)
            await asyncio.sleep(0)
            while not reading.done() and len(server.engine.hub):
                await client.realtime.publish("c", "t", 1)
                await messages.close()
            async with asyncio.timeout(PATIENCE):
                assert set(await reading) <= {1}
            assert [message async for message in messages] == []
        with client_of(server.origin) as other:
            closed = other.realtime.subscribe_sync("c", "t")
            closed.close()
            assert list(closed) == []

    asyncio.run(main())
    assert len(server.engine.hub) == 0


def test_a_loop_that_is_left_closes_its_connection(server: DevServer) -> None:
    async def leaves(client: inngest.Inngest) -> None:
        publishing = asyncio.create_task(publish_until(client, done := asyncio.Event()))
        async for _ in client.realtime.subscribe("c", "t"):
            break
        done.set()
        await publishing

    async def publish_until(client: inngest.Inngest, done: asyncio.Event) -> None:
        while not done.is_set():
            await client.realtime.publish("c", "t", 1)
            await asyncio.sleep(0.01)

    async def main() -> None:
        async with client_of(server.origin) as client:
            await leaves(client)
            await nobody_subscribes()
            await asyncio.to_thread(leaves_sync, client)
            await nobody_subscribes()

    def leaves_sync(client: inngest.Inngest) -> None:
        done = threading.Event()
        timer = threading.Thread(target=publish_until_sync, args=(client, done))
        timer.start()
        for _ in client.realtime.subscribe_sync("c", "t"):
            break
        done.set()
        timer.join()

    def publish_until_sync(client: inngest.Inngest, done: threading.Event) -> None:
        while not done.wait(0.01):
            client.realtime.publish_sync("c", "t", 1)

    async def nobody_subscribes() -> None:
        async with asyncio.timeout(PATIENCE):
            while len(server.engine.hub):
                gc.collect()
                await asyncio.sleep(0.01)

    asyncio.run(main())
    assert len(server.engine.hub) == 0


def test_a_hundred_publishes_do_not_wait_for_one_another() -> None:
    """The engine answers none of them before it has got all."""

    async def main() -> None:
        everybody = asyncio.Barrier(100)

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            await everybody.wait()
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            await writer.drain()
            writer.close()

        engine = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=200)
        port = engine.sockets[0].getsockname()[1]
        async with engine, client_of(f"http://127.0.0.1:{port}") as client, asyncio.timeout(PATIENCE):
            await asyncio.gather(*(client.realtime.publish("c", "t", number) for number in range(100)))
            assert everybody.n_waiting == 0

    asyncio.run(main())


def test_a_subscriber_with_a_token_needs_no_key() -> None:
    key = "0123456789abcdef" * 4
    with DevServer(Options(sink=None, signing_key=key), port=0) as server:
        with_key = inngest.Inngest(app_id="app", is_production=False, api_base_url=server.origin, signing_key=key)
        with with_key, client_of(server.origin) as without:
            token = with_key.realtime.get_subscription_token_sync(users(user_id=1))
            assert (token["channel"], token["topics"]) == ("user:1", ["progress", "log"])
            with without.realtime.subscribe_sync(users(user_id=1), token=token) as messages:
                with_key.realtime.publish_sync(users(user_id=1), "log", "hello")
                assert next(messages).data == "hello"
            with pytest.raises(inngest.InngestError, match="401"):
                next(without.realtime.subscribe_sync("c", "t"))
            with pytest.raises(inngest.InngestError, match="401"):
                without.realtime.publish_sync("c", "t", 1)


def test_the_names_of_the_official_sdk(server: DevServer) -> None:
    official = inngest.experimental.realtime

    async def main() -> None:
        async with client_of(server.origin) as client, client.realtime.subscribe("c", "t") as messages:
            await official.publish(client, "c", "t", {"n": 1})
            await asyncio.to_thread(official.publish_sync, client, "c", "t", {"n": 2})
            assert [(await anext(messages)).data for _ in range(2)] == [{"n": 1}, {"n": 2}]
            for token in (
                await official.get_subscription_token(client, "c", ["t"]),
                await asyncio.to_thread(official.get_subscription_token_sync, client, "c", ["t"]),
            ):
                assert token.keys() == {"channel", "topics", "key"}
                json.dumps(token)

    asyncio.run(main())


class Proxy:
    """Passes one connection at a time on to the engine, until it is cut."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            engine = socket.create_connection(("127.0.0.1", self._to))
            with self._lock:
                self._open += [client, engine]
            for one, other in ((client, engine), (engine, client)):
                threading.Thread(target=self._pass_on, args=(one, other), daemon=True).start()

    def _pass_on(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while content := one.recv(65536):
                other.sendall(content)
        for each in (one, other):
            each.close()

    def cut(self) -> None:
        """Cut all connections, in the middle of whatever they carry."""
        with self._lock:  # who was cut connects again at once, and that connection is another one
            cut, self._open = self._open, []
        for each in cut:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listener.close()
        self.cut()


@pytest.mark.parametrize("asynchronous", [True, False])
def test_a_connection_is_cut(server: DevServer, asynchronous: bool) -> None:
    log, proxy = LogList(), Proxy(server.port)
    publisher, client = client_of(server.origin), client_of(f"http://127.0.0.1:{proxy.port}", log)

    def cut_and_publish(number: int) -> None:
        subscribers = set(server.engine.hub.subscribers())
        proxy.cut()
        deadline = time.monotonic() + PATIENCE
        while not server.engine.hub.subscribers() - subscribers:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        publisher.realtime.publish_sync("c", "t", number)

    async def main() -> list[object]:
        got: list[object] = []
        async with client.realtime.subscribe("c", "t") as messages:
            for number in range(3):
                cutting = asyncio.create_task(asyncio.to_thread(cut_and_publish, number))
                got.append((await anext(messages)).data)
                await cutting
        return got

    def main_sync() -> list[object]:
        got: list[object] = []
        with client.realtime.subscribe_sync("c", "t") as messages:
            for number in range(3):
                cutting = threading.Thread(target=cut_and_publish, args=(number,))
                cutting.start()
                got.append(next(messages).data)
                cutting.join()
        return got

    with publisher, client:
        assert (asyncio.run(main()) if asynchronous else main_sync()) == [0, 1, 2]
    proxy.close()
    assert sum("messages from now until it is back are missed" in text for text in log.texts) == 3
