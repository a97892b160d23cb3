"""The envelope of a streamed answer: the answer proper, as one JSON text. See docs/protocol.md, Streaming."""

from __future__ import annotations

from collections.abc import Mapping

from .limits import MAX_RESPONSE_BYTES
from .wire import dump_json

STATUS = 201
"""Of an answer that is a stream."""


def dump_envelope(status: int, headers: Mapping[str, str], body: bytes) -> bytes:
    """Return the envelope of an answer. body: JSON; it may be signed: its bytes come out of the envelope as they are.

    The body is a text in the envelope, which an engine reads in one way only. A text is longer than what it holds, so a
    body that would make the envelope too large stands there as it is, unless it is itself a text.
    """
    head = dump_json({"status": status, "headers": dict(headers)})[:-1] + b',"body":'
    envelope = head + dump_json(body.decode()) + b"}"
    if len(envelope) > MAX_RESPONSE_BYTES and not body.startswith(b'"'):
        return head + body + b"}"
    return envelope
