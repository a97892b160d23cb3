"""The messages of Connect, with their field numbers. See docs/protocol.md#connect."""

from __future__ import annotations

import enum

from .codec import FrameError, Message, dump, numbered, parse

SUBPROTOCOL = "v0.connect.inngest.com"


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
    exclude_gateways: tuple[str, ...] = numbered(1, ())


class StartResponse(Message):
    connection_id: str = numbered(1, "")
    gateway_endpoint: str = numbered(2, "")
    gateway_group: str = numbered(3, "")
    session_token: str = numbered(4, "")
    sync_token: str = numbered(5, "")


class Frame(Message):
    kind: int = numbered(1, 0)
    payload: bytes = numbered(2, b"")


class AuthData(Message):
    session_token: str = numbered(1, "")
    sync_token: str = numbered(2, "")


class AppConfiguration(Message):
    app_name: str = numbered(1, "")
    app_version: str | None = numbered(2, None)
    functions: bytes = numbered(4, b"")


class SystemAttributes(Message):
    cpu_cores: int = numbered(1, 0)
    mem_bytes: int = numbered(2, 0)
    os: str = numbered(3, "")


class Timestamp(Message):
    seconds: int = numbered(1, 0)
    nanos: int = numbered(2, 0)


class WorkerConnect(Message):
    connection_id: str = numbered(1, "")
    instance_id: str = numbered(2, "")
    auth_data: AuthData | None = numbered(3, None)
    capabilities: bytes = numbered(4, b"")
    apps: tuple[AppConfiguration, ...] = numbered(5, ())
    worker_manual_readiness_ack: bool = numbered(6, False)
    system_attributes: SystemAttributes | None = numbered(7, None)
    environment: str | None = numbered(8, None)
    framework: str = numbered(9, "")
    platform: str | None = numbered(10, None)
    sdk_version: str = numbered(11, "")
    sdk_language: str = numbered(12, "")
    started_at: Timestamp | None = numbered(13, None)
    max_worker_concurrency: int | None = numbered(14, None)


class ConnectionReady(Message):
    heartbeat_interval: str = numbered(1, "")
    extend_lease_interval: str = numbered(2, "")
    status_interval: str = numbered(3, "")


class ExecutorRequest(Message):
    request_id: str = numbered(1, "")
    account_id: str = numbered(2, "")
    env_id: str = numbered(3, "")
    app_id: str = numbered(4, "")
    app_name: str = numbered(5, "")
    function_id: str = numbered(6, "")
    function_slug: str = numbered(7, "")
    step_id: str | None = numbered(8, None)
    request_payload: bytes = numbered(9, b"")
    system_trace_ctx: bytes = numbered(10, b"")
    user_trace_ctx: bytes = numbered(11, b"")
    run_id: str = numbered(12, "")
    lease_id: str = numbered(13, "")
    job_id: str = numbered(14, "")


class RequestAck(Message):
    request_id: str = numbered(1, "")
    account_id: str = numbered(2, "")
    env_id: str = numbered(3, "")
    app_id: str = numbered(4, "")
    function_slug: str = numbered(5, "")
    step_id: str | None = numbered(6, None)
    system_trace_ctx: bytes = numbered(7, b"")
    user_trace_ctx: bytes = numbered(8, b"")
    run_id: str = numbered(9, "")


class ExtendLease(Message):
    request_id: str = numbered(1, "")
    account_id: str = numbered(2, "")
    env_id: str = numbered(3, "")
    app_id: str = numbered(4, "")
    function_slug: str = numbered(5, "")
    step_id: str | None = numbered(6, None)
    system_trace_ctx: bytes = numbered(7, b"")
    user_trace_ctx: bytes = numbered(8, b"")
    run_id: str = numbered(9, "")
    lease_id: str = numbered(10, "")


class ExtendLeaseAck(Message):
    request_id: str = numbered(1, "")
    account_id: str = numbered(2, "")
    env_id: str = numbered(3, "")
    app_id: str = numbered(4, "")
    function_slug: str = numbered(5, "")
    new_lease_id: str | None = numbered(6, None)


class Reply(Message):
    request_id: str = numbered(1, "")
    account_id: str = numbered(2, "")
    env_id: str = numbered(3, "")
    app_id: str = numbered(4, "")
    status: int = numbered(5, 0)
    body: bytes = numbered(6, b"")
    no_retry: bool = numbered(7, False)
    retry_after: str | None = numbered(8, None)
    sdk_version: str = numbered(9, "")
    request_version: int = numbered(10, 0)
    system_trace_ctx: bytes = numbered(11, b"")
    user_trace_ctx: bytes = numbered(12, b"")
    run_id: str = numbered(13, "")


class ReplyAck(Message):
    request_id: str = numbered(1, "")


class WorkerStatus(Message):
    in_flight_request_ids: tuple[str, ...] = numbered(1, ())
    shutdown_requested: bool = numbered(2, False)


def dump_frame(kind: Kind, message: Message | None = None) -> bytes:
    """Return the bytes of a frame of that kind."""
    return dump(Frame(kind=kind, payload=b"" if message is None else dump(message)))


def parse_frame(data: bytes | str) -> tuple[Kind, bytes]:
    """Return what kind of frame it is, and its payload; raises FrameError when it is none."""
    if isinstance(data, str):
        raise FrameError("a text frame; Connect has only binary ones")
    frame = parse(Frame, data)
    try:
        return Kind(frame.kind), frame.payload
    except ValueError:
        raise FrameError(f"a frame of the unknown kind {frame.kind}") from None
