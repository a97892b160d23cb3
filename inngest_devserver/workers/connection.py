"""One worker's WebSocket, from its first frame to its last. Says nothing about which call goes to whom."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import Any, cast

from inngest_connect.codec import FrameError, Message, parse
from inngest_connect.messages import (
    SUBPROTOCOL,
    ConnectionReady,
    ExecutorRequest,
    ExtendLease,
    ExtendLeaseAck,
    Kind,
    Reply,
    ReplyAck,
    RequestAck,
    WorkerConnect,
    dump_frame,
    parse_frame,
)
from inngest_connect.silence import Silence
from inngest_core.web.asgi import Receive, Send
from inngest_devserver.apps.registry import RegistrationInvalidError

from .assignments import Assignments

HELLO_SECONDS = 5.0
HEARTBEAT_SECONDS = 10.0
MISSED_HEARTBEATS = 5
CLOSING = "connect_gateway_closing"
_REFUSED = 1008
_GOING_AWAY = 1001
_LONGEST_REASON = 123
"""Bytes, by the standard of WebSockets."""


class RefusedError(Exception):
    """The connection is closed with this as the reason."""


class _ClosedError(Exception):
    """The connection is closed."""


class Connection:
    """A worker that is connected; `serve` is its whole life."""

    def __init__(
        self, receive: Receive, send: Send, assignments: Assignments, admit: Callable[[WorkerConnect], None]
    ) -> None:
        """receive, send: those of the WebSocket, as ASGI has them.
        admit: takes in who a worker is and what it serves; raises RefusedError or RegistrationInvalidError."""
        self._receive_message = receive
        self._send_message = send
        self._assignments = assignments
        self._admit = admit
        self._hello = WorkerConnect()
        self._apps: frozenset[str] = frozenset()
        self._in_flight: set[str] = set()
        self._taking = True
        self._acknowledging: set[asyncio.Task[bool]] = set()

    @property
    def instance_id(self) -> str:
        return self._hello.instance_id

    @property
    def apps(self) -> frozenset[str]:
        return self._apps

    # What assignments ask for

    @property
    def load(self) -> int:
        return len(self._in_flight)

    def serves(self, app_name: str) -> bool:
        return self._taking and app_name in self._apps

    def can_take(self, app_name: str) -> bool:
        limit = self._hello.max_worker_concurrency
        return self.serves(app_name) and (not limit or len(self._in_flight) < limit)

    async def give(self, request: ExecutorRequest) -> bool:
        self._in_flight.add(request.request_id)
        return await self._send(Kind.GATEWAY_EXECUTOR_REQUEST, request)

    def release(self, request_id: str) -> None:
        self._in_flight.discard(request_id)
        self._assignments.something_changed()

    def acknowledge(self, request_id: str) -> None:
        self._in_flight.discard(request_id)
        task = asyncio.create_task(self._send(Kind.WORKER_REPLY_ACK, ReplyAck(request_id=request_id)))
        self._acknowledging.add(task)
        task.add_done_callback(self._acknowledging.discard)

    # Its life

    async def serve(self) -> str:
        """Serve the worker until its connection ends; return why it did, as far as is known."""
        await self._receive_message()  # that it wants to connect
        await self._send_message({"type": "websocket.accept", "subprotocol": SUBPROTOCOL})
        try:
            await self._greet()
        except RefusedError as error:
            await self._close(_REFUSED, str(error))
            return str(error)
        except _ClosedError:
            return "closed by the worker"
        self._assignments.add(self)
        try:
            return await self._read()
        finally:
            self._taking = False
            self._assignments.remove(self)

    async def drain(self) -> None:
        """Tell the worker to connect elsewhere, and close."""
        self._taking = False
        await self._send(Kind.GATEWAY_CLOSING)
        await self._close(_GOING_AWAY, CLOSING)

    async def _greet(self) -> None:
        await self._send(Kind.GATEWAY_HELLO)
        try:
            async with asyncio.timeout(HELLO_SECONDS):
                kind, payload = await self._receive()
            if kind is not Kind.WORKER_CONNECT:
                raise RefusedError("connect_worker_hello_invalid_msg")
            self._hello = parse(WorkerConnect, payload)
        except TimeoutError:
            raise RefusedError("connect_worker_hello_timeout") from None
        except FrameError:
            raise RefusedError("connect_worker_hello_invalid_msg") from None
        try:
            self._admit(self._hello)
        except RegistrationInvalidError as error:
            await self._send(Kind.SYNC_FAILED)
            raise RefusedError("; ".join([error.message, *error.details])) from None
        self._apps = frozenset(app.app_name for app in self._hello.apps)
        self._taking = not self._hello.worker_manual_readiness_ack
        ready = ConnectionReady(
            heartbeat_interval=f"{HEARTBEAT_SECONDS:g}s",
            extend_lease_interval=f"{self._assignments.extend_seconds:g}s",
            status_interval="0s",
        )
        await self._send(Kind.GATEWAY_CONNECTION_READY, ready)

    async def _read(self) -> str:
        limit = MISSED_HEARTBEATS * HEARTBEAT_SECONDS
        try:
            async with Silence(limit) as silence:
                while True:
                    kind, payload = await self._receive()
                    silence.heard()
                    await self._take(kind, payload)
        except TimeoutError:
            await self._close(_GOING_AWAY, "connect_worker_heartbeats_missed")
            return f"nothing was heard for {limit:g} s"
        except _ClosedError:
            return "closed by the worker" if not self._taking else "lost"
        except FrameError as error:
            await self._close(_REFUSED, "connect_invalid_frame")
            return f"it sent {error}"

    async def _take(self, kind: Kind, payload: bytes) -> None:
        match kind:
            case Kind.WORKER_HEARTBEAT:
                await self._send(Kind.GATEWAY_HEARTBEAT)
            case Kind.WORKER_REQUEST_ACK:
                self._assignments.take(parse(RequestAck, payload).request_id, self)
            case Kind.WORKER_REPLY:
                await self._take_reply(parse(Reply, payload))
            case Kind.WORKER_REQUEST_EXTEND_LEASE:
                await self._extend(parse(ExtendLease, payload))
            case Kind.WORKER_READY:
                self._taking = True
                self._assignments.something_changed()
            case Kind.WORKER_PAUSE:
                self._taking = False
            case _:
                pass

    async def _take_reply(self, reply: Reply) -> None:
        self._in_flight.discard(reply.request_id)
        if self._assignments.reply(reply, self) is None:  # it was kept before, or nobody waits for it any more
            await self._send(Kind.WORKER_REPLY_ACK, ReplyAck(request_id=reply.request_id))

    async def _extend(self, asked: ExtendLease) -> None:
        lease_id = self._assignments.extend(asked.request_id, asked.lease_id)
        if lease_id is None:
            self.release(asked.request_id)  # the worker gives it up, and sends no reply
        ack = ExtendLeaseAck(
            request_id=asked.request_id,
            account_id=asked.account_id,
            env_id=asked.env_id,
            app_id=asked.app_id,
            function_slug=asked.function_slug,
            new_lease_id=lease_id,
        )
        await self._send(Kind.WORKER_REQUEST_EXTEND_LEASE_ACK, ack)

    async def _receive(self) -> tuple[Kind, bytes]:
        message = cast("dict[str, Any]", await self._receive_message())
        if message["type"] == "websocket.disconnect":
            raise _ClosedError
        return parse_frame(message.get("bytes") or message.get("text") or b"")

    async def _send(self, kind: Kind, message: Message | None = None) -> bool:
        try:
            await self._send_message({"type": "websocket.send", "bytes": dump_frame(kind, message)})
        except (RuntimeError, OSError):  # closed, which servers tell in several ways
            return False
        return True

    async def _close(self, code: int, reason: str) -> None:
        short = reason.encode()[:_LONGEST_REASON].decode(errors="ignore")
        with contextlib.suppress(RuntimeError, OSError):
            await self._send_message({"type": "websocket.close", "code": code, "reason": short})


def registration(hello: WorkerConnect, number: int, url: str) -> dict[str, object]:
    """Return what an app of a worker would have sent to register over HTTP; raises RefusedError."""
    app = hello.apps[number]
    try:
        functions: object = json.loads(app.functions or b"[]")
    except ValueError:
        raise RefusedError("connect_invalid_function_config") from None
    return {
        "url": url,
        "appName": app.app_name,
        "appVersion": app.app_version,
        "sdk": f"{hello.sdk_language}:v{hello.sdk_version}",
        "framework": hello.framework,
        "functions": functions,
    }
