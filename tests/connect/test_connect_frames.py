"""Frames that a real gateway and a worker exchanged: read, and written again byte for byte."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from inngest_connect import messages
from inngest_connect.codec import FrameError, Message, parse
from inngest_connect.messages import Kind, dump_frame, parse_frame

RECORDING = Path(__file__).parent.parent / "golden" / "recordings" / "connect-dev.jsonl"
FRAMES: list[dict[str, Any]] = [
    exchange
    for exchange in map(json.loads, RECORDING.read_text(encoding="utf-8").splitlines())
    if "websocket_frame" in exchange and "raw" in exchange  # without it, a stack trace was replaced
]
MESSAGES: dict[Kind, type[Message]] = {
    Kind.WORKER_CONNECT: messages.WorkerConnect,
    Kind.GATEWAY_CONNECTION_READY: messages.ConnectionReady,
    Kind.GATEWAY_EXECUTOR_REQUEST: messages.ExecutorRequest,
    Kind.WORKER_REQUEST_ACK: messages.RequestAck,
    Kind.WORKER_REPLY: messages.Reply,
    Kind.WORKER_REPLY_ACK: messages.ReplyAck,
    Kind.WORKER_REQUEST_EXTEND_LEASE: messages.ExtendLease,
    Kind.WORKER_REQUEST_EXTEND_LEASE_ACK: messages.ExtendLeaseAck,
}


@pytest.mark.parametrize("frame", FRAMES, ids=[f"{frame['websocket_frame']}-{frame['t_ms']}" for frame in FRAMES])
def test_a_recorded_frame_is_read_and_written_byte_for_byte(frame: dict[str, Any]) -> None:
    raw = base64.b64decode(frame["raw"])
    kind, payload = parse_frame(raw)
    assert kind.name == frame["websocket_frame"]
    message = parse(MESSAGES[kind], payload) if kind in MESSAGES else None
    assert dump_frame(kind, message) == raw


def test_the_recorded_request_says_what_was_decoded() -> None:
    frame = next(frame for frame in FRAMES if frame["websocket_frame"] == "GATEWAY_EXECUTOR_REQUEST")
    request = parse(messages.ExecutorRequest, parse_frame(base64.b64decode(frame["raw"]))[1])
    decoded = frame["payload"]
    assert request.function_slug == decoded["function_slug"]
    assert json.loads(request.request_payload) == decoded["request_payload"]["bytes_as_json"]
    assert (request.run_id, request.lease_id, request.job_id) == (
        decoded["run_id"],
        decoded["lease_id"],
        decoded["job_id"],
    )


@pytest.mark.parametrize("data", [b"\xff\xff", b"\x08\x7f", b"\x0a", "text", b"\x12\x05ab"])
def test_what_is_no_frame_is_refused(data: bytes | str) -> None:
    with pytest.raises(FrameError):
        parse_frame(data)
