"""One worker's WebSocket, from its first frame to its last. Says nothing about which call goes to whom."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence

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
    UnknownKindError,
    WorkerConnect,
    dump_frame,
    parse_frame,
)
from inngest_connect.silence import Silence
from inngest_core.runtime.racing import first_of
from inngest_devserver.apps.registry import RegistrationInvalidError

from .assignments import Assignments
from .wire import ClosedError, Wire

HELLO_SECONDS = 5.0
HEARTBEAT_SECONDS = 10.0
MISSED_HEARTBEATS = 5
ACKNOWLEDGING_SECONDS = 0.02
"""How long the acknowledgement of a reply waits for another frame to go with: a packet costs more than both.

Those of calls that come from the worker are read as late.
"""
CLOSING = "connect_gateway_closing"
_REFUSED = 1008
_GOING_AWAY = 1001


class RefusedError(Exception):
    """The connection is closed with this as the reason."""


class Connection:
    """A worker that is connected; `serve` is its whole life."""

    def __init__(self, wire: Wire, assignments: Assignments, admit: Callable[[WorkerConnect], None]) -> None:
        """admit: takes in who a worker is and what it serves; raises RefusedError or RegistrationInvalidError."""
        self._wire = wire
        self._assignments = assignments
        self._admit = admit
        self._hello = WorkerConnect()
        self._apps: frozenset[str] = frozenset()
        self._in_flight: set[str] = set()
        self._taking = True
        self._acknowledgements: list[bytes] = []
        self._will_flush = False
        self._taken: list[bytes] = []
        """Acknowledgements of calls, which are read later: mostly, the reply has come with them, and its call waits."""
        self._silence: Silence | None = None
        self._failure: Exception | None = None
        self._failed = asyncio.Event()

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

    def give(self, request: ExecutorRequest) -> bool:
        self._in_flight.add(request.request_id)
        return self._send(Kind.GATEWAY_EXECUTOR_REQUEST, request)

    def release(self, request_id: str) -> None:
        self._in_flight.discard(request_id)
        self._assignments.something_changed()

    def acknowledge(self, request_id: str) -> None:
        self._in_flight.discard(request_id)
        self._acknowledgements.append(dump_frame(Kind.WORKER_REPLY_ACK, ReplyAck(request_id=request_id)))
        self._flush_soon()

    def _flush_soon(self) -> None:
        if not self._will_flush:
            self._will_flush = True
            # The timer is made in the next turn of the loop: in this one, the call goes on whose reply has come.
            asyncio.get_running_loop().call_soon(self._flush_later)

    def _flush_later(self) -> None:
        asyncio.get_running_loop().call_later(ACKNOWLEDGING_SECONDS, self._flush)

    def _flush(self) -> None:
        self._will_flush = False
        taken, self._taken = self._taken, []
        try:
            for payload in taken:
                self._assignments.take(parse(RequestAck, payload).request_id, self)
        except FrameError as error:
            self._fail(error)
        if self._acknowledgements:
            self._push()

    # Its life

    async def serve(self) -> str:
        """Serve the worker until its connection ends; return why it did, as far as is known."""
        await self._wire.accept(SUBPROTOCOL)
        try:
            await self._greet()
        except RefusedError as error:
            await self._wire.close(_REFUSED, str(error))
            return str(error)
        except ClosedError:
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
        self._send(Kind.GATEWAY_CLOSING)
        await self._wire.close(_GOING_AWAY, CLOSING)

    async def _greet(self) -> None:
        self._send(Kind.GATEWAY_HELLO)
        try:
            async with asyncio.timeout(HELLO_SECONDS):
                kind, payload = parse_frame(await self._wire.receive())
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
            self._send(Kind.SYNC_FAILED)
            raise RefusedError("; ".join([error.message, *error.details])) from None
        self._apps = frozenset(app.app_name for app in self._hello.apps)
        self._taking = not self._hello.worker_manual_readiness_ack
        ready = ConnectionReady(
            heartbeat_interval=f"{HEARTBEAT_SECONDS:g}s",
            extend_lease_interval=f"{self._assignments.extend_seconds:g}s",
            status_interval="0s",
        )
        self._send(Kind.GATEWAY_CONNECTION_READY, ready)

    async def _read(self) -> str:
        limit = MISSED_HEARTBEATS * HEARTBEAT_SECONDS
        try:
            async with Silence(limit) as self._silence:
                await first_of(self._wire.listen(self._received), self._failed.wait())
            raise self._failure or AssertionError("listening ends with the connection")
        except TimeoutError:
            await self._wire.close(_GOING_AWAY, "connect_worker_heartbeats_missed")
            return f"nothing was heard for {limit:g} s"
        except ClosedError:
            return "closed by the worker" if not self._taking else "lost"
        except FrameError as error:
            await self._wire.close(_REFUSED, "connect_invalid_frame")
            return f"it sent {error}"

    def _received(self, messages: Sequence[bytes | str]) -> None:
        if self._silence is None or self._failure is not None:
            return
        self._silence.heard()
        for data in messages:
            try:
                self._take(*parse_frame(data))
            except UnknownKindError:  # of a newer worker
                pass
            except Exception as error:
                self._fail(error)
                return

    def _fail(self, error: Exception) -> None:
        """End the connection by raising *error* where it is served."""
        self._failure = self._failure or error
        self._failed.set()

    def _take(self, kind: Kind, payload: bytes) -> None:
        match kind:
            case Kind.WORKER_HEARTBEAT:
                self._send(Kind.GATEWAY_HEARTBEAT)
            case Kind.WORKER_REQUEST_ACK:
                self._taken.append(payload)
                self._flush_soon()
            case Kind.WORKER_REPLY:
                self._take_reply(parse(Reply, payload))
            case Kind.WORKER_REQUEST_EXTEND_LEASE:
                self._extend(parse(ExtendLease, payload))
            case Kind.WORKER_READY:
                self._taking = True
                self._assignments.something_changed()
            case Kind.WORKER_PAUSE:
                self._taking = False
            case _:
                pass

    def _take_reply(self, reply: Reply) -> None:
        self._in_flight.discard(reply.request_id)
        if self._assignments.reply(reply, self) is None:  # it was kept before, or nobody waits for it any more
            self._send(Kind.WORKER_REPLY_ACK, ReplyAck(request_id=reply.request_id))

    def _extend(self, asked: ExtendLease) -> None:
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
        self._send(Kind.WORKER_REQUEST_EXTEND_LEASE_ACK, ack)

    def _send(self, kind: Kind, message: Message | None = None) -> bool:
        return self._push(dump_frame(kind, message))

    def _push(self, *frames: bytes) -> bool:
        waiting, self._acknowledgements = self._acknowledgements, []
        return self._wire.push(*waiting, *frames)


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
