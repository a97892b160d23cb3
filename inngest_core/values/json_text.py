"""JSON texts: made of JSON values, and read; with whole floats as ints, as engines keep them. No types, no I/O."""

from __future__ import annotations

import decimal
import json
import re
from typing import Any

import pydantic_core

LARGEST_INT = 2**53
"""Engines keep numbers as floats: they round larger ints (protocol B0)."""
_ENDS = (b",", b"]", b"}")
"""What follows a number."""
_TOKENS = (b"NaN", b"Infinity")
_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*"')
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
    cut = _cut(body)
    if len(body) - len(cut) == 2 * whole:  # so none of them is within a text
        return cut
    if b"\\" not in body:
        parts = body.split(b'"')
        parts[::2] = _cut(b'"'.join(parts[::2])).split(b'"')
        cut = b'"'.join(parts)
        if len(body) - len(cut) == 2 * whole:
            return cut
    return _NUMBER.sub(_settled, body)


def is_settled_as(body: bytes, settled: bytes) -> bool:
    """Tell whether two texts are the same but for whole floats; some that are the same are not recognised."""
    return body == settled or _cut(body) == settled


def has_not_finite(body: bytes) -> bool:
    """Tell whether a text holds a NaN or an infinity, as Python writes them."""
    if not _has_token(body):
        return False
    return _has_token(b"".join(body.split(b'"')[::2]) if b"\\" not in body else _TEXT.sub(b"", body))


def _has_token(body: bytes) -> bool:
    found = [token for token in _TOKENS if token in body]
    return any(token + end in body for token in found for end in _ENDS) or body.endswith(_TOKENS)


def _cut(body: bytes) -> bytes:
    for end in _ENDS:
        body = body.replace(b".0" + end, end)
    return body.removesuffix(b".0")


def _settled(match: re.Match[bytes]) -> bytes:
    text: bytes = match[0]
    if text[:1] == b'"' or not (b"." in text or b"e" in text):
        return text
    number = float(text)
    return str(int(decimal.Decimal(text.decode()))).encode() if number.is_integer() and abs(number) < 1e21 else text
