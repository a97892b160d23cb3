"""Starting and closing a worker in ways that programs do by design or by mistake."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from inngest.connect import ConnectionState, Worker, connect
from inngest_core.errors import InngestError

from .gateway import PATIENCE_SECONDS, Gateway
from .loops import on_a_loop
from .test_connect_worker import chain, new_client, running


@contextlib.asynccontextmanager
async def unstarted(gateway: Gateway) -> AsyncGenerator[Worker]:
    with new_client(gateway) as client:
        yield connect([(client, [chain(client)])])


@on_a_loop
async def test_a_worker_is_started_once() -> None:
    async with Gateway().open() as gateway, running(gateway) as run:
        with pytest.raises(InngestError, match="was started before; make another one"):
            await run.worker.start()
        await run.worker.wait_for_state(ConnectionState.ACTIVE, timeout=60_000)
    with pytest.raises(InngestError, match="was started before"):
        await run.worker.start()


@on_a_loop
async def test_a_worker_that_was_closed_before_it_started_ends_at_once() -> None:
    async with Gateway().open() as gateway, unstarted(gateway) as worker:
        await worker.close()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await worker.start()
        assert worker.state is ConnectionState.CLOSED


@pytest.mark.parametrize("greets", [True, False])
@on_a_loop
async def test_a_worker_is_closed_while_it_connects(greets: bool) -> None:
    """greets: else the gateway says nothing after the handshake of HTTP."""
    async with Gateway(greets=greets).open() as gateway, unstarted(gateway) as worker:
        task = asyncio.create_task(worker.start())
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not gateway.starts:
                await asyncio.sleep(0)
            await worker.close()
            await task
        assert worker.state is ConnectionState.CLOSED


@on_a_loop
async def test_a_worker_that_runs_in_a_thread_is_waited_for_and_closed_on_another_loop() -> None:
    async with Gateway().open() as gateway, unstarted(gateway) as worker:
        thread = threading.Thread(target=worker.run)
        thread.start()
        await worker.wait_for_state(ConnectionState.ACTIVE, timeout=60_000)
        await worker.close()
        await asyncio.to_thread(thread.join, PATIENCE_SECONDS)
        assert not thread.is_alive()


@on_a_loop
async def test_closing_twice_hurries_and_does_no_harm() -> None:
    async with Gateway().open() as gateway, running(gateway) as run:
        await asyncio.gather(run.worker.close(), run.worker.close())
        await run.worker.close()
        assert run.worker.state is ConnectionState.CLOSED


@on_a_loop
async def test_a_worker_whose_task_is_cancelled_disconnects() -> None:
    async with Gateway().open() as gateway, unstarted(gateway) as worker:
        task = asyncio.create_task(worker.start())
        connection = await gateway.worker()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        while await connection.next() is not None:
            pass
        assert worker.state is ConnectionState.CLOSED


@on_a_loop
async def test_a_health_file_that_cannot_be_written_does_not_stop_a_worker(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with Gateway().open() as gateway, running(gateway, health_file=tmp_path / "none" / "health") as run:
        await run.worker.wait_for_state(ConnectionState.ACTIVE, timeout=60_000)
    assert caplog.text.count("the health file cannot be written") == 1


@pytest.mark.parametrize("broken", [ValueError("no such host"), None, "http://example.com"])
@on_a_loop
async def test_a_rewritten_endpoint_that_cannot_be_used_is_tried_again(
    broken: object, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[str] = []

    def rewrite(url: str) -> Any:
        asked.append(url)
        if len(asked) > 1:
            return url
        if isinstance(broken, Exception):
            raise broken
        return broken

    async with Gateway().open() as gateway, running(gateway, rewrite_gateway_endpoint=rewrite) as run:
        assert run.connection.hello.connection_id == "connection-2"
    assert "this worker is not connected: " in caplog.text


@on_a_loop
async def test_a_proxy_that_needs_a_missing_library_does_not_end_a_worker() -> None:
    """websockets 15 and newer go through the proxy of the environment, and for SOCKS they need python-socks."""
    asked: list[str] = []

    def rewrite(url: str) -> str:
        asked.append(url)
        if len(asked) > 1:
            environment.delenv("socks_proxy")
        return url

    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("socks_proxy", "socks5://127.0.0.1:9")
        for name in ("no_proxy", "NO_PROXY"):
            environment.delenv(name, raising=False)
        async with Gateway().open() as gateway, running(gateway, rewrite_gateway_endpoint=rewrite) as run:
            assert run.connection.hello.connection_id == f"connection-{len(asked)}"


@on_a_loop
async def test_nothing_is_left_of_waiting_for_a_state_that_did_not_come() -> None:
    def left() -> int:
        gc.collect()
        return sum(type(one) is asyncio.Future for one in gc.get_objects())

    async with Gateway().open() as gateway, running(gateway) as run:
        before = left()
        for _ in range(100):
            with pytest.raises(TimeoutError):
                await run.worker.wait_for_state(ConnectionState.CLOSED, timeout=1)
        assert left() - before < 50
        closed = asyncio.create_task(run.worker.wait_for_state(ConnectionState.CLOSED))
        closing = asyncio.create_task(run.worker.wait_for_state(ConnectionState.CLOSING))
        await run.worker.close()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await asyncio.gather(closing, closed)
