"""The messages of Connect, with their field numbers. See docs/protocol.md#connect."""

from __future__ import annotations

import enum

from .codec import FrameError, Message, dump, numbered, parse_protobuf
from .flat import LAST_OF_ONE_BYTE, dump_length, parse_length

SUBPROTOCOL = "v0.connect.inngest.com"


class UnknownKindError(FrameError):
    """A frame of a kind that only newer versions of the other side know, which may be left out."""


class Kind(enum.IntEnum):
    """What a frame holds."""

    GATEWAY_HELLO = 0
    WORKER_CONNECT = 1
    GATEWAY_CONNECTION_READY = 2
    GATEWAY_EXECUTOR_REQUEST = 3
    WORKER_READY = 4
    WORKER_REQUEST_ACK = 5
    WORKER_REPLY = 6
    WORKER_REPLY_ACK = 7
    WORKER_PAUSE = 8
    WORKER_HEARTBEAT = 9
    GATEWAY_HEARTBEAT = 10
    GATEWAY_CLOSING = 11
    WORKER_REQUEST_EXTEND_LEASE = 12
    WORKER_REQUEST_EXTEND_LEASE_ACK = 13
    SYNC_FAILED = 14
    WORKER_STATUS = 15


class ReplyStatus(enum.IntEnum):
    """How a call ended: with steps, with a result, or with an error."""

    NOT_COMPLETED = 0
    DONE = 1
    ERROR = 2


class StartRequest(Message):
    exclude_gateways: tuple[str, ...] = numbered(1, default=())


class StartResponse(Message):
    connection_id: str = numbered(1, default="")
    gateway_endpoint: str = numbered(2, default="")
    gateway_group: str = numbered(3, default="")
    session_token: str = numbered(4, default="")
    sync_token: str = numbered(5, default="")


class Frame(Message):
    kind: int = numbered(1, default=0)
    payload: bytes = numbered(2, default=b"")


class AuthData(Message):
    session_token: str = numbered(1, default="")
    sync_token: str = numbered(2, default="")


class AppConfiguration(Message):
    app_name: str = numbered(1, default="")
    app_version: str | None = numbered(2, default=None)
    functions: bytes = numbered(4, default=b"")


class SystemAttributes(Message):
    cpu_cores: int = numbered(1, default=0)
    mem_bytes: int = numbered(2, default=0)
    os: str = numbered(3, default="")


class Timestamp(Message):
    seconds: int = numbered(1, default=0)
    nanos: int = numbered(2, default=0)


class WorkerConnect(Message):
    connection_id: str = numbered(1, default="")
    instance_id: str = numbered(2, default="")
    auth_data: AuthData | None = numbered(3, default=None)
    capabilities: bytes = numbered(4, default=b"")
    apps: tuple[AppConfiguration, ...] = numbered(5, default=())
    worker_manual_readiness_ack: bool = numbered(6, default=False)
    system_attributes: SystemAttributes | None = numbered(7, default=None)
    environment: str | None = numbered(8, default=None)
    framework: str = numbered(9, default="")
    platform: str | None = numbered(10, default=None)
    sdk_version: str = numbered(11, default="")
    sdk_language: str = numbered(12, default="")
    started_at: Timestamp | None = numbered(13, default=None)
    max_worker_concurrency: int | None = numbered(14, default=None)


class ConnectionReady(Message):
    heartbeat_interval: str = numbered(1, default="")
    extend_lease_interval: str = numbered(2, default="")
    status_interval: str = numbered(3, default="")


class ExecutorRequest(Message):
    request_id: str = numbered(1, default="")
    account_id: str = numbered(2, default="")
    env_id: str = numbered(3, default="")
    app_id: str = numbered(4, default="")
    app_name: str = numbered(5, default="")
    function_id: str = numbered(6, default="")
    function_slug: str = numbered(7, default="")
    step_id: str | None = numbered(8, default=None)
    request_payload: bytes = numbered(9, default=b"")
    system_trace_ctx: bytes = numbered(10, default=b"")
    user_trace_ctx: bytes = numbered(11, default=b"")
    run_id: str = numbered(12, default="")
    lease_id: str = numbered(13, default="")
    job_id: str = numbered(14, default="")


class RequestAck(Message):
    request_id: str = numbered(1, default="")
    account_id: str = numbered(2, default="")
    env_id: str = numbered(3, default="")
    app_id: str = numbered(4, default="")
    function_slug: str = numbered(5, default="")
    step_id: str | None = numbered(6, default=None)
    system_trace_ctx: bytes = numbered(7, default=b"")
    user_trace_ctx: bytes = numbered(8, default=b"")
    run_id: str = numbered(9, default="")


class ExtendLease(RequestAck):
    lease_id: str = numbered(10, default="")


class ExtendLeaseAck(Message):
    request_id: str = numbered(1, default="")
    account_id: str = numbered(2, default="")
    env_id: str = numbered(3, default="")
    app_id: str = numbered(4, default="")
    function_slug: str = numbered(5, default="")
    new_lease_id: str | None = numbered(6, default=None)


class Reply(Message):
    request_id: str = numbered(1, default="")
    account_id: str = numbered(2, default="")
    env_id: str = numbered(3, default="")
    app_id: str = numbered(4, default="")
    status: int = numbered(5, default=0)
    body: bytes = numbered(6, default=b"")
    no_retry: bool = numbered(7, default=False)
    retry_after: str | None = numbered(8, default=None)
    sdk_version: str = numbered(9, default="")
    request_version: int = numbered(10, default=0)
    system_trace_ctx: bytes = numbered(11, default=b"")
    user_trace_ctx: bytes = numbered(12, default=b"")
    run_id: str = numbered(13, default="")


class ReplyAck(Message):
    request_id: str = numbered(1, default="")


class WorkerStatus(Message):
    in_flight_request_ids: tuple[str, ...] = numbered(1, default=())
    shutdown_requested: bool = numbered(2, default=False)


_KINDS = {kind.value: kind for kind in Kind}
# A frame is written by hand, and read where it can be: every message is in one, and protobuf takes three times as long.
_KIND, _PAYLOAD = b"\x08", b"\x12"
"""What is before each field of a frame."""
_KIND_BYTE, _PAYLOAD_BYTE = _KIND[0], _PAYLOAD[0]
_LENGTH_AT = 3


def dump_frame(kind: Kind, message: Message | None = None) -> bytes:
    """Return the bytes of a frame of that kind."""
    return frame_of(kind, b"" if message is None else dump(message))


def frame_of(kind: Kind, payload: bytes) -> bytes:
    """Return the bytes of a frame of that kind with a message that is written already."""
    head = _KIND + bytes((kind,)) if kind else b""
    return b"".join((head, _PAYLOAD, dump_length(len(payload)), payload)) if payload else head


def parse_frame(data: bytes | str) -> tuple[Kind, bytes]:
    """Return what kind of frame it is, and its payload; raises FrameError when it is none, or UnknownKindError."""
    if isinstance(data, str):
        raise FrameError("a text frame; Connect has only binary ones")
    number, payload = _usual_fields(data) or _fields(data)
    kind = _KINDS.get(number)
    if kind is None:
        raise UnknownKindError(f"a frame of the unknown kind {number}")
    return kind, payload


def _usual_fields(data: bytes) -> tuple[int, bytes] | None:
    """Return the fields of a frame that is written in the usual way, else None."""
    if len(data) <= _LENGTH_AT or data[0] != _KIND_BYTE or data[2] != _PAYLOAD_BYTE or data[1] > LAST_OF_ONE_BYTE:
        return None
    length, start = parse_length(data, _LENGTH_AT)
    return (data[1], data[start:]) if start + length == len(data) else None


def _fields(data: bytes) -> tuple[int, bytes]:
    frame = parse_protobuf(Frame, data)
    return frame.kind, frame.payload
