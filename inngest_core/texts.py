"""JSON texts: made of JSON values, and read; with whole floats as ints, as engines keep them. No types, no I/O."""

from __future__ import annotations

import decimal
import json
import re
from typing import Any

import pydantic_core

_WHOLE = re.compile(rb"\.0(?=[,\]}]|\Z)")
_NUMBER = re.compile(rb'"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*')


def as_body(data: object) -> bytes:
    """Return JSON values as a text."""
    try:
        return pydantic_core.to_json(data)
    except ValueError:  # it refuses lone surrogates and deep nesting
        return json.dumps(data, separators=(",", ":")).encode()


def parse_value(body: bytes) -> Any:
    """Return what a text that was written here holds."""
    try:
        return pydantic_core.from_json(body)
    except ValueError:  # it refuses lone surrogates and deep nesting
        return json.loads(body)


def settle(body: bytes, whole: int) -> bytes:
    """Return a JSON text with whole floats as ints, as engines write them (protocol B0). whole: how many there are."""
    if not whole:
        return body
    settled, found = _WHOLE.subn(b"", body)
    if found == whole:  # so none of them is within a text
        return settled
    return _NUMBER.sub(_settled, body)


def is_settled_as(body: bytes, settled: bytes) -> bool:
    """Tell whether two texts are the same but for whole floats; some that are the same are not recognised."""
    return body == settled or _WHOLE.sub(b"", body) == settled


def _settled(match: re.Match[bytes]) -> bytes:
    text: bytes = match[0]
    if text[:1] == b'"' or not (b"." in text or b"e" in text):
        return text
    number = float(text)
    return str(int(decimal.Decimal(text.decode()))).encode() if number.is_integer() and abs(number) < 1e21 else text
