"""Messages as subscribers get them, read from the JSON that an engine sends. See docs/protocol.md#realtime."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar, cast

from inngest_core.errors import BodyInvalidError
from inngest_core.protocol.duration import parse_time
from inngest_core.protocol.wire import json_kind, parse_object

T = TypeVar("T")

MessageKind = Literal["data", "datastream-start", "chunk", "datastream-end"]
_KINDS: tuple[MessageKind, ...] = ("data", "datastream-start", "chunk", "datastream-end")
MOST_STREAMS = 1_000
"""Streams under way whose topics are remembered."""


@dataclass(frozen=True, slots=True)
class Message(Generic[T]):
    """One message."""

    channel: str
    topic: str
    data: T
    """What was published, as the type of the topic where that has one; a piece of text in a stream."""
    kind: MessageKind = "data"
    """"data", or a part of a stream: "datastream-start", "chunk", "datastream-end"."""
    created_at: datetime.datetime | None = None
    """When the engine took it; None for a piece of a stream."""
    run_id: str | None = None
    """The run that published it, if a run did."""
    metadata: Any = None
    """JSON values that came with it."""
    stream_id: str | None = None
    """The stream that it is a part of."""


class Reader:
    """Reads messages one after another; remembers to which topics streams belong, which their pieces do not tell."""

    def __init__(self) -> None:
        self._streams: dict[str, tuple[str, str]] = {}

    def read(self, text: bytes) -> Message[Any] | None:
        """Return a message as JSON values; None for what only keeps the connection going.

        Raises BodyInvalidError: it is not a message.
        """
        fields = parse_object(text, "a message")
        kind = fields.get("kind")
        if kind not in _KINDS:
            if not isinstance(kind, str):
                raise BodyInvalidError(f"the kind of a message is a JSON {json_kind(kind)}; expected a string")
            return None
        if kind == "chunk":
            return self._chunk(fields)
        message = Message(
            channel=_text(fields, "channel"),
            topic=_text(fields, "topic"),
            data=fields.get("data"),
            kind=kind,
            created_at=_time(fields),
            run_id=_text(fields, "run_id") or None,
            metadata=fields.get("metadata"),
        )
        return message if kind == "data" else self._stream(message)

    def _stream(self, message: Message[Any]) -> Message[Any]:
        """Return the start or the end of a stream, whose data is its id."""
        stream_id = str(message.data)
        self._streams.pop(stream_id, None)
        if message.kind == "datastream-start":
            if len(self._streams) >= MOST_STREAMS:
                del self._streams[next(iter(self._streams))]
            self._streams[stream_id] = message.channel, message.topic
        return Message(
            message.channel,
            message.topic,
            None,
            message.kind,
            message.created_at,
            message.run_id,
            message.metadata,
            stream_id,
        )

    def _chunk(self, fields: Mapping[str, Any]) -> Message[Any] | None:
        """Return a piece of a stream; None when its start was missed."""
        stream_id = _text(fields, "stream_id")
        if stream_id not in self._streams:
            return None
        channel, topic = self._streams[stream_id]
        return Message(channel, topic, fields.get("data"), "chunk", stream_id=stream_id)


def _text(fields: Mapping[str, Any], key: str) -> str:
    value = fields.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BodyInvalidError(f"{key} of a message is a JSON {json_kind(value)}; expected a string")
    return value


def _time(fields: Mapping[str, Any]) -> datetime.datetime | None:
    try:
        return parse_time(cast("str", fields.get("created_at")))
    except (AttributeError, TypeError, ValueError):
        return None
