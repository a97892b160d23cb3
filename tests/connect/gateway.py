"""A gateway that does what a test says: Connect's HTTP routes and its WebSocket, on real sockets.

It greets workers by itself; what comes after that is up to the test.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field, replace
from http import HTTPStatus

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame as WireFrame
from websockets.frames import Opcode
from websockets.typing import Subprotocol

from inngest_connect.codec import Message, dump, parse
from inngest_connect.messages import (
    SUBPROTOCOL,
    ConnectionReady,
    ExecutorRequest,
    Frame,
    Kind,
    Reply,
    ReplyAck,
    StartRequest,
    StartResponse,
    WorkerConnect,
    dump_frame,
    parse_frame,
)

PATIENCE_SECONDS = 60.0
READY = ConnectionReady(heartbeat_interval="10s", extend_lease_interval="30s", status_interval="0s")


@dataclass(eq=False)
class Connected:
    """A worker that has been greeted, as the gateway sees it."""

    socket: ServerConnection
    hello: WorkerConnect
    frames: asyncio.Queue[tuple[Kind, bytes] | None] = field(default_factory=asyncio.Queue)
    """What came, but for heartbeats; None at the end."""
    heartbeats: int = 0

    async def next_heartbeat(self) -> None:
        """Wait for a heartbeat that has not come yet."""
        before = self.heartbeats
        async with asyncio.timeout(PATIENCE_SECONDS):
            while self.heartbeats == before:
                await asyncio.sleep(0.01)

    async def send(self, kind: Kind, message: Message | None = None) -> None:
        await self.socket.send(dump_frame(kind, message))

    async def ask(self, request: ExecutorRequest) -> None:
        await self.send(Kind.GATEWAY_EXECUTOR_REQUEST, request)

    async def next(self) -> tuple[Kind, bytes] | None:
        """Return the next frame, or None when the connection is closed."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self.frames.get()

    async def expect(self, kind: Kind) -> bytes:
        """Return the payload of the next frame, which is to be of that kind."""
        frame = await self.next()
        assert frame is not None, "the connection is closed"
        assert frame[0] is kind, frame
        return frame[1]

    async def reply(self) -> Reply:
        """Return the next frame, which is to be a reply, and acknowledge it."""
        return await self.take_reply(await self.next())

    async def take_reply(self, frame: tuple[Kind, bytes] | None) -> Reply:
        """Return the reply that a frame is to be, and acknowledge it."""
        assert frame is not None, "the connection is closed"
        assert frame[0] is Kind.WORKER_REPLY, frame
        reply = parse(Reply, frame[1])
        await self.send(Kind.WORKER_REPLY_ACK, ReplyAck(request_id=reply.request_id))
        return reply


@dataclass(eq=False)
class Gateway:
    """ready: what workers are told. refuse_keys: tokens that are answered with 401. flush_statuses: given out first."""

    ready: ConnectionReady = READY
    refuse_keys: tuple[str, ...] = ()
    flush_statuses: list[int] = field(default_factory=list[int])
    connected: asyncio.Queue[Connected] = field(default_factory=asyncio.Queue)
    flushed: asyncio.Queue[Reply] = field(default_factory=asyncio.Queue)
    starts: list[StartRequest] = field(default_factory=list[StartRequest])
    authorizations: list[str] = field(default_factory=list[str])
    greets: bool = True
    refusal: tuple[bytes, str] | None = None
    """The payload of the SYNC_FAILED that every worker gets, and why its connection is closed then."""
    moves: int = 0
    """How many of the next workers are told to connect elsewhere as soon as they are ready."""
    before_ready: bytes = b""
    """A message that every worker gets before the frame that calls it ready."""
    after_ready: bytes = b""
    """Bytes that every worker gets in one packet with the frame that calls it ready."""
    answers_heartbeats: bool = True
    port: int = 0
    socket_port: int = 0
    """That of the WebSocket."""
    _servers: list[asyncio.Server | Server] = field(default_factory=list["asyncio.Server | Server"])

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def worker(self) -> Connected:
        """Return the next worker that connects."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self.connected.get()

    async def flush(self) -> Reply:
        """Return the next reply that comes over HTTP."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self.flushed.get()

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncGenerator[Gateway]:
        """Listen inside the block; the HTTP port stays the same when it is opened again."""
        async with serve(self._greet, "127.0.0.1", 0, subprotocols=[Subprotocol(SUBPROTOCOL)]) as sockets:
            self.socket_port = next(iter(sockets.sockets)).getsockname()[1]
            http = await asyncio.start_server(self._answer, "127.0.0.1", self.port)
            self.port = http.sockets[0].getsockname()[1]
            try:
                yield self
            finally:
                http.close()

    async def _greet(self, socket: ServerConnection) -> None:
        if not self.greets:
            await socket.wait_closed()
            return
        worker: Connected | None = None
        await socket.send(dump_frame(Kind.GATEWAY_HELLO))
        try:
            kind, payload = parse_frame(await socket.recv())
            assert kind is Kind.WORKER_CONNECT
            if self.refusal is not None:
                await socket.send(dump(Frame(kind=Kind.SYNC_FAILED, payload=self.refusal[0])))
                await socket.close(1008, self.refusal[1])
                return
            worker = Connected(socket, parse(WorkerConnect, payload))
            if self.before_ready:
                await socket.send(self.before_ready)
            ready = WireFrame(Opcode.BINARY, dump_frame(Kind.GATEWAY_CONNECTION_READY, self.ready))
            socket.transport.write(ready.serialize(mask=False) + self.after_ready)
            if self.moves:
                self.moves -= 1
                await worker.send(Kind.GATEWAY_CLOSING)
            else:
                self.connected.put_nowait(worker)
            async for data in socket:
                frame = parse_frame(data)
                if frame[0] is Kind.WORKER_HEARTBEAT:
                    worker.heartbeats += 1
                    if self.answers_heartbeats:
                        await worker.send(Kind.GATEWAY_HEARTBEAT)
                else:
                    worker.frames.put_nowait(frame)
        except ConnectionClosed:
            pass
        if worker is not None:
            worker.frames.put_nowait(None)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            status, content = self._respond(head.split()[1], headers, body)
            writer.write(
                f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\ncontent-length: {len(content)}\r\n"
                "content-type: application/octet-stream\r\nconnection: close\r\n\r\n".encode()
                + content
            )
            await writer.drain()
        writer.close()

    def _respond(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        token = headers.get("authorization", "")
        self.authorizations.append(token)
        if token in self.refuse_keys:
            return 401, json.dumps({"error": "unknown key"}).encode()
        if path == "/v0/connect/start":
            self.starts.append(parse(StartRequest, body))
            number = len(self.starts)
            start = StartResponse(
                connection_id=f"connection-{number}",
                gateway_endpoint=f"ws://127.0.0.1:{self.socket_port}",
                gateway_group=f"group-{number}",
                session_token="session",
                sync_token="sync",
            )
            return 200, dump(start)
        assert path == "/v0/connect/flush", path
        if self.flush_statuses:
            return self.flush_statuses.pop(0), b"{}"
        self.flushed.put_nowait(parse(Reply, body))
        return 200, b""


def request(
    function: str, *, number: int = 1, lease: str = "lease-1", app: str = "shop", **ctx: object
) -> ExecutorRequest:
    """Return a request that calls a function of the app for the first time."""
    payload: dict[str, object] = {
        "ctx": {
            "attempt": 0,
            "disable_immediate_execution": False,
            "fn_id": f"{app}-{function}",
            "run_id": f"run-{number}",
            "stack": {"current": 0, "stack": []},
            "step_id": "step",
            "use_api": False,
        },
        "event": {"name": "go", "data": {}, "id": "1", "ts": 1},
        "events": [{"name": "go", "data": {}, "id": "1", "ts": 1}],
        "steps": {},
        "use_api": False,
        "version": 2,
    }
    return ExecutorRequest(
        request_id=f"request-{number}",
        account_id="account",
        env_id="env",
        app_id="app-id",
        app_name=app,
        function_id="function-id",
        function_slug=f"{app}-{function}",
        step_id="step",
        request_payload=json.dumps(payload).encode(),
        system_trace_ctx=b'{"traceparent":"system"}',
        user_trace_ctx=b'{"traceparent":"00-ad802a7611398a62f161d78f4f676a45-9a8e5b3ab2ad7572-01"}',
        run_id=f"run-{number}",
        lease_id="lease-1",
        job_id=f"job-{number}",
    )


def again(asked: ExecutorRequest, number: int) -> ExecutorRequest:
    """Return the same request under another id."""
    return replace(asked, request_id=f"request-{number}", run_id=f"run-{number}")
