"""A worker that does what a test says, at the bundled engine: the frames that it sends are up to the test."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from inngest_connect.codec import Message, dump, parse
from inngest_connect.messages import (
    SUBPROTOCOL,
    AppConfiguration,
    AuthData,
    ExecutorRequest,
    ExtendLease,
    Kind,
    Reply,
    ReplyStatus,
    RequestAck,
    StartRequest,
    StartResponse,
    WorkerConnect,
    dump_frame,
    parse_frame,
)

from .gateway import PATIENCE_SECONDS


@dataclass(eq=False)
class ScriptedWorker:
    """A connection to an engine. started: what the engine said where to connect."""

    socket: ClientConnection
    started: StartResponse

    async def send(self, kind: Kind, message: Message | None = None) -> None:
        await self.socket.send(dump_frame(kind, message))

    async def expect(self, kind: Kind) -> bytes:
        """Return the payload of the next frame, which is to be of that kind."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            data = await self.socket.recv()
        found, payload = parse_frame(data)
        assert found is kind, found
        return payload

    async def refusal(self) -> str:
        """Return why the engine closed the connection."""
        with contextlib.suppress(ConnectionClosed):
            async with asyncio.timeout(PATIENCE_SECONDS):
                while True:
                    await self.socket.recv()
        assert self.socket.close_reason is not None
        return self.socket.close_reason

    async def introduce(self, instance_id: str = "scripted", *, ready: bool = True, most_calls: int = 0) -> None:
        """Connect as a worker of the app shop, whose function is started by the event go.

        ready: whether it takes calls at once; else it says so later. most_calls: that it takes at once; 0 for any.
        """
        await self.expect(Kind.GATEWAY_HELLO)
        hello = replace(
            introduction(self.started, instance_id),
            worker_manual_readiness_ack=not ready,
            max_worker_concurrency=most_calls or None,
        )
        await self.send(Kind.WORKER_CONNECT, hello)
        await self.expect(Kind.GATEWAY_CONNECTION_READY)

    async def take(self) -> ExecutorRequest:
        """Return the next request, acknowledged."""
        asked = parse(ExecutorRequest, await self.expect(Kind.GATEWAY_EXECUTOR_REQUEST))
        await self.send(Kind.WORKER_REQUEST_ACK, RequestAck(request_id=asked.request_id))
        return asked

    async def extend(self, asked: ExecutorRequest, lease_id: str) -> None:
        await self.send(Kind.WORKER_REQUEST_EXTEND_LEASE, ExtendLease(request_id=asked.request_id, lease_id=lease_id))

    async def reply(self, asked: ExecutorRequest, result: object) -> None:
        await self.send(
            Kind.WORKER_REPLY,
            Reply(
                request_id=asked.request_id,
                status=ReplyStatus.DONE,
                body=json.dumps(result).encode(),
                sdk_version="test:v1",
                request_version=2,
                system_trace_ctx=asked.system_trace_ctx,
            ),
        )


def introduction(started: StartResponse, instance_id: str = "scripted") -> WorkerConnect:
    function = {
        "id": "shop-go",
        "name": "go",
        "triggers": [{"event": "go"}],
        "steps": {
            "step": {
                "id": "step",
                "name": "step",
                "retries": {"attempts": 1},
                "runtime": {"type": "ws", "url": "wss://connect?fnId=shop-go&stepId=step"},
            }
        },
    }
    return WorkerConnect(
        connection_id=started.connection_id,
        instance_id=instance_id,
        auth_data=AuthData(session_token=started.session_token, sync_token=started.sync_token),
        apps=(AppConfiguration(app_name="shop", functions=json.dumps([function]).encode()),),
        framework="connect",
        sdk_version="v1",
        sdk_language="test",
    )


@contextlib.asynccontextmanager
async def scripted_worker(origin: str, *, introduced: bool = True) -> AsyncGenerator[ScriptedWorker]:
    """Connect to the engine at *origin* inside the block."""
    async with httpx.AsyncClient(timeout=60) as http:
        answer = await http.post(f"{origin}/v0/connect/start", content=dump(StartRequest()))
    started = parse(StartResponse, answer.content)
    async with connect(started.gateway_endpoint, subprotocols=[Subprotocol(SUBPROTOCOL)]) as socket:
        worker = ScriptedWorker(socket, started)
        if introduced:
            await worker.introduce()
        yield worker


async def send_event(origin: str) -> str:
    async with httpx.AsyncClient(timeout=60) as http:
        answer = await http.post(f"{origin}/e/key", json={"name": "go", "data": {}})
    event_id: str = answer.json()["ids"][0]
    return event_id


async def output_of(origin: str, event_id: str) -> object:
    """Return what the run of an event returned, once it is completed."""
    async with httpx.AsyncClient(timeout=60) as http, asyncio.timeout(PATIENCE_SECONDS):
        while True:
            runs = (await http.get(f"{origin}/v1/events/{event_id}/runs")).json()["data"]
            if runs and runs[0]["status"] == "Completed":
                output: object = runs[0]["output"]
                return output
            await asyncio.sleep(0.02)
