"""Messages as subscribers get them: JSON texts without line breaks. Pure. See docs/protocol.md, "Realtime"."""

from __future__ import annotations

import codecs
import enum
from collections.abc import Iterator
from typing import NamedTuple

from inngest_core.errors import BodyInvalidError
from inngest_core.protocol.wire import dump_json, parse_json
from inngest_devserver.scheduling.clock import iso

ENV_ID = "00000000-0000-4000-b000-000000000000"
CHUNK_BYTES = 1024
MOST_CHUNKS = 1000


class Kind(enum.StrEnum):
    DATA = "data"
    STREAM_START = "datastream-start"
    STREAM_END = "datastream-end"
    CHUNK = "chunk"


class Topic(NamedTuple):
    channel: str
    name: str


def read_data(body: bytes) -> object:
    """Return what a published body holds: JSON, or a text."""
    try:
        value: object = parse_json(body)
        dump_json(value)
    except (BodyInvalidError, RecursionError):
        return body.decode(errors="replace")
    return value


def data_message(topic: Topic, data: object, now: float, *, run_id: str = "", metadata: object = None) -> bytes:
    """Return the message that carries published data. run_id, metadata: left out when empty."""
    return _message(topic, Kind.DATA, data, now, run_id, metadata)


def stream_messages(
    topic: Topic, body: bytes, stream_id: str, now: float, *, run_id: str = "", metadata: object = None
) -> Iterator[bytes]:
    """Yield the messages that carry a stream: its start, its pieces, its end."""
    yield _message(topic, Kind.STREAM_START, stream_id, now, run_id, metadata)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for start in range(0, len(body), CHUNK_BYTES):
        text = decoder.decode(body[start : start + CHUNK_BYTES], final=start + CHUNK_BYTES >= len(body))
        yield dump_json({"kind": Kind.CHUNK, "stream_id": stream_id, "data": text})
    yield _message(topic, Kind.STREAM_END, stream_id, now, run_id, metadata)


def _message(topic: Topic, kind: Kind, data: object, now: float, run_id: str, metadata: object) -> bytes:
    message: dict[str, object] = {"kind": kind, "data": data}
    if metadata is not None:
        message["metadata"] = metadata
    message |= {"created_at": iso(now), "channel": topic.channel, "env_id": ENV_ID, "topic": topic.name}
    if run_id:
        message["run_id"] = run_id
    return dump_json(message)
