"""One WebSocket to a gateway, from the handshake until it is closed: frames, heartbeats, and nothing of user code.

Lives on the loop of the worker's own thread; frames come and go on the loop of user code, too. What a frame is to lead
to is decided by whoever listens.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Protocol, cast

from websockets.asyncio.client import connect as connect_websocket
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.typing import Subprotocol

from inngest_core.error_text import SHORT_MESSAGE, cut
from inngest_core.protocol.duration import parse_duration
from inngest_core.protocol.limits import MAX_REQUEST_BYTES

from .codec import FrameError, dump, parse
from .messages import (
    SUBPROTOCOL,
    ConnectionReady,
    ExecutorRequest,
    ExtendLeaseAck,
    Kind,
    ReplyAck,
    StartResponse,
    UnknownKindError,
    WorkerConnect,
    WorkerStatus,
    dump_frame,
    frame_of,
    parse_frame,
)
from .silence import Silence
from .trust import context_for
from .websocket import WebSocket

HANDSHAKE_SECONDS = 10.0
"""For each frame of the handshake."""
CLOSE_SECONDS = 1.0
"""How long the other side may take to agree to a close; one that is gone takes for ever."""
SILENT_INTERVALS = 3
"""How many heartbeat intervals pass without any frame before the other side counts as gone."""
DEFAULT_HEARTBEAT_SECONDS = 10.0
DEFAULT_EXTEND_SECONDS = 30.0
LOOK_SECONDS = 0.5
SHORTEST_INTERVAL_SECONDS = 0.01


class NotConnectedError(Exception):
    """A connection could not be made, or is closed; the message says why."""


class Listener(Protocol):
    """What a session tells. It must not block.

    The first five are called on the loop of user code, too, but one at a time; the others on the session's loop.
    """

    def requested(self, request: ExecutorRequest, session: Session) -> None: ...
    def acknowledged(self, request_id: str) -> None: ...
    def lease_extended(self, request_id: str, lease_id: str | None) -> None: ...
    def failed(self, error: Exception) -> None: ...
    def warn(self, text: str) -> None: ...
    def ended(self, session: Session) -> None: ...
    def heard(self) -> None: ...
    def in_flight(self) -> tuple[str, ...]: ...


class Session:
    """A connection that a gateway has called ready."""

    def __init__(
        self,
        socket: WebSocket,
        start: StartResponse,
        ready: ConnectionReady,
        listener: Listener,
        user_loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.connection_id = start.connection_id
        self.gateway_group = start.gateway_group
        self.extend_lease_seconds = _interval(ready.extend_lease_interval, DEFAULT_EXTEND_SECONDS)
        self.is_closed = False
        self.draining = asyncio.Event()
        """Set when the gateway is about to close: a new connection is needed, and this one finishes what it has."""
        self._heartbeat_seconds = _interval(ready.heartbeat_interval, DEFAULT_HEARTBEAT_SECONDS)
        self._status_seconds = _interval(ready.status_interval, 0.0)
        self._socket = socket
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        self._user_loop = user_loop
        self._pausing = False
        self._silence: Silence | None = None
        self._has_heard = False
        self.look_seconds = min(LOOK_SECONDS, self._heartbeat_seconds / 4, self.extend_lease_seconds / 4)
        """How often `look` is to be called."""

    async def run(self) -> str:
        """Serve frames until the connection is closed; return why it was."""
        beating = asyncio.create_task(self._beat())
        telling = asyncio.create_task(self._tell_status()) if self._status_seconds > 0 else None
        try:
            return await self._listen()
        finally:
            self.is_closed = True
            self._listener.ended(self)
            for task in (beating, telling):
                if task is not None:
                    task.cancel()
            await self.close()

    def look(self) -> None:
        """Read what a function that blocks the loop of user code has left unread, and note whether anything came."""
        self._socket.look()
        if self._has_heard and self._silence is not None:
            self._has_heard = False
            self._silence.heard()
            self._listener.heard()

    @property
    def is_behind(self) -> bool:
        """Whether the gateway does not keep up with reading what is sent to it."""
        return self._socket.is_behind

    @property
    def drained_at(self) -> float:
        """When the gateway last caught up, in seconds of a clock that never jumps."""
        return self._socket.drained_at

    def send(self, kind: Kind, payload: bytes = b"", *, may_wait: bool = False) -> None:
        """Send a frame, from any thread; raises NotConnectedError when the connection is closed.

        payload: the bytes of its message.
        may_wait: for a moment, to go with the next one; only while a frame is told of.
        """
        if self.is_closed or not self._socket.push(frame_of(kind, payload), may_wait=may_wait):
            raise NotConnectedError("the connection is closed")

    def pause(self) -> None:
        """Ask for no more requests, as the worker is shutting down."""
        self._pausing = True
        with contextlib.suppress(NotConnectedError):
            self.send(Kind.WORKER_PAUSE)

    async def close(self) -> None:
        """Close the connection."""
        await self._socket.hang_up()

    async def _listen(self) -> str:
        try:
            async with Silence(SILENT_INTERVALS * self._heartbeat_seconds) as self._silence:
                await self._socket.listen(self._received, self._user_loop)
        except TimeoutError:
            return f"nothing came from the gateway for {SILENT_INTERVALS * self._heartbeat_seconds:g} s"
        except ConnectionClosed as error:
            return _reason(error)
        raise AssertionError("listening ends with the connection")

    def _received(self, data: bytes | str) -> None:
        self._has_heard = True
        try:
            self._take(*parse_frame(data))
        except UnknownKindError:  # of a newer gateway, which may say it often
            pass
        except FrameError as error:
            self._listener.warn(f"a frame of the gateway cannot be read and is left out: {error}")
        except Exception as error:
            self._listener.failed(error)

    def _take(self, kind: Kind, payload: bytes) -> None:
        match kind:
            case Kind.GATEWAY_EXECUTOR_REQUEST:
                self._listener.requested(parse(ExecutorRequest, payload), self)
            case Kind.WORKER_REPLY_ACK:
                self._listener.acknowledged(parse(ReplyAck, payload).request_id)
            case Kind.WORKER_REQUEST_EXTEND_LEASE_ACK:
                ack = parse(ExtendLeaseAck, payload)
                self._listener.lease_extended(ack.request_id, ack.new_lease_id)
            case Kind.GATEWAY_CLOSING:
                self._loop.call_soon_threadsafe(self.draining.set)
            case Kind.SYNC_FAILED:
                self._listener.warn(_explain_sync_failure(payload))
            case _:  # a heartbeat was heard by coming
                pass

    async def _beat(self) -> None:
        with contextlib.suppress(NotConnectedError):
            while True:
                self.send(Kind.WORKER_HEARTBEAT)
                await asyncio.sleep(self._heartbeat_seconds)

    async def _tell_status(self) -> None:
        with contextlib.suppress(NotConnectedError):
            while True:
                await asyncio.sleep(self._status_seconds)
                status = WorkerStatus(
                    in_flight_request_ids=self._listener.in_flight(), shutdown_requested=self._pausing
                )
                self.send(Kind.WORKER_STATUS, dump(status))


async def open_session(
    url: str,
    start: StartResponse,
    introduction: WorkerConnect,
    listener: Listener,
    user_loop: asyncio.AbstractEventLoop,
) -> Session:
    """Connect to the gateway at *url* and come to the point where it calls the connection ready.

    Raises NotConnectedError.
    """
    try:
        socket = await connect_websocket(
            url,
            create_connection=WebSocket,
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            **_tls(url),
            max_size=MAX_REQUEST_BYTES,
            compression=None,  # it costs more time than it saves; no gateway asks for it
            ping_interval=None,  # Connect has heartbeats of its own
            open_timeout=HANDSHAKE_SECONDS,
            close_timeout=CLOSE_SECONDS,
        )
    except (OSError, TimeoutError, WebSocketException, ValueError, ImportError) as error:  # the last: for a SOCKS proxy
        raise NotConnectedError(f"no WebSocket to the gateway: {type(error).__name__}: {error}") from error
    socket = cast("WebSocket", socket)
    try:
        await _expect(socket, Kind.GATEWAY_HELLO)
        await socket.send(dump_frame(Kind.WORKER_CONNECT, introduction))
        payload = await _expect(socket, Kind.GATEWAY_CONNECTION_READY)
        return Session(socket, start, parse(ConnectionReady, payload), listener, user_loop)
    except BaseException as error:
        await socket.close()
        if isinstance(error, ConnectionClosed):
            raise NotConnectedError(_reason(error)) from None
        if isinstance(error, FrameError):
            raise NotConnectedError(f"the gateway sent {error}") from None
        raise


def _tls(url: str) -> dict[str, Any]:
    context = context_for(url)
    return {} if context is None else {"ssl": context}  # not even None: the gateway may redirect to another URL


async def _expect(socket: WebSocket, wanted: Kind) -> bytes:
    try:
        async with asyncio.timeout(HANDSHAKE_SECONDS):
            kind, payload = await _next_known(socket)
    except TimeoutError:
        raise NotConnectedError(f"the gateway sent no {wanted.name} in {HANDSHAKE_SECONDS:g} s") from None
    if kind is Kind.SYNC_FAILED:
        raise NotConnectedError(_explain_sync_failure(payload or await _reason_of_close(socket)))
    if kind is not wanted:
        raise NotConnectedError(f"the gateway sent {kind.name} where {wanted.name} was expected")
    return payload


async def _next_known(socket: WebSocket) -> tuple[Kind, bytes]:
    while True:
        with contextlib.suppress(UnknownKindError):
            return parse_frame(await socket.receive())


async def _reason_of_close(socket: WebSocket) -> bytes:
    """Return what a gateway says as it closes: one that sent an empty SYNC_FAILED may say there what was wrong."""
    with contextlib.suppress(TimeoutError, ConnectionClosed):
        async with asyncio.timeout(CLOSE_SECONDS):
            while True:
                await socket.receive()
    return (socket.close_reason or "").encode()


def _explain_sync_failure(payload: bytes) -> str:
    said = "".join(character for character in payload.decode(errors="replace") if character.isprintable())
    return f"the engine did not take the functions of this worker: {cut(said, SHORT_MESSAGE) or 'it gave no reason'}"


_REASONS = {
    "connect_authentication_failed": "the gateway refused the session of this worker",
    "connect_worker_hello_timeout": "the gateway did not get the worker's first frame in time",
    "connect_gateway_closing": "the gateway is closing",
    "connect_internal_error": "the gateway had an error of its own",
    "MESSAGE_TOO_LARGE": "a frame of this worker was larger than the gateway takes",
}


def _reason(error: ConnectionClosed) -> str:
    close = error.rcvd or error.sent
    if close is None:
        return "the connection broke"
    known = _REASONS.get(close.reason)
    said = f"{close.code} {close.reason}".strip()
    return f"{known} ({said})" if known else f"the connection was closed ({said})"


def _interval(text: str, default: float) -> float:
    """Return the seconds of an interval; the default for one that is none, such as 0s, which would never pause."""
    seconds = _seconds(text)
    return seconds if seconds >= SHORTEST_INTERVAL_SECONDS else default


def _seconds(text: str) -> float:
    """Return a duration in seconds; 0 for what is none."""
    try:
        return parse_duration(text)
    except ValueError:
        return 0.0
