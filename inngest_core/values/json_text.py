"""JSON texts: made of JSON values, read, and compared. No types, no I/O.

Engines keep numbers as 64-bit floats and write a whole one without a fraction. So here, and only here, a whole float
is an int: `settle` writes it so, and `same_number` takes both for one.
"""

from __future__ import annotations

import decimal
import json
import re
from typing import Any, cast

import pydantic_core

LARGEST_INT = 2**53
"""Engines round larger ints."""

_ENDS = (b",", b"]", b"}")
"""What follows a number."""
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


def settle(body: bytes, whole: int | None = None) -> bytes:
    """Return a JSON text with whole floats as ints. whole: how many there are, where that is known."""
    if whole == 0:
        return body
    if whole is not None:  # the pattern takes five times as long
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


def same_number(one: float, other: float) -> bool:
    """Tell whether two numbers are the same once an engine has kept them."""
    return one == other or float(one) == float(other)


def covers(again: bytes, body: bytes) -> bool:
    """Tell whether the JSON text *again* holds all that *body* does; it may have more keys.

    The order of arrays does not count, because sets have none.
    """
    if body in (again, _cut(again)):
        return True
    held, data = parse_value(again), parse_value(body)
    if held == data and all(again.count(each) == body.count(each) for each in (b"true", b"false")):  # 1 equals True
        return True
    return _covers(held, data)


def _covers(held: object, data: object) -> bool:
    if isinstance(data, dict) and isinstance(held, dict):
        fields, others = cast("dict[str, object]", data), cast("dict[str, object]", held)
        return all(key in others and _covers(others[key], each) for key, each in fields.items())
    if isinstance(data, list) and isinstance(held, list):
        items, other_items = cast("list[object]", data), cast("list[object]", held)
        if len(items) != len(other_items):
            return False
        return all(map(_covers, other_items, items)) or sorted(map(ordered, items)) == sorted(map(ordered, other_items))
    if isinstance(data, int | float) and isinstance(held, int | float):
        return isinstance(data, bool) == isinstance(held, bool) and same_number(data, held)
    return data == held


def ordered(data: object) -> str:
    """Return JSON values as a text that is the same for the same values, whatever the order of their keys."""
    return settle(json.dumps(data, sort_keys=True, separators=(",", ":")).encode()).decode()


def may_hold_nan(body: bytes) -> bool:
    """Tell whether a text may hold a NaN or an infinity, as Python writes them: the words may be in texts as well."""
    return b"NaN" in body or b"Infinity" in body


def key_text(key: object) -> str | None:
    """Return a key as a text, as the standard library writes it; None for a tuple, and for anything of many parts."""
    if isinstance(key, str):
        return key
    try:
        data: object = pydantic_core.to_jsonable_python(key, bytes_mode="base64")
    except ValueError:  # it knows no such class
        return None
    return data if isinstance(data, str) else None if isinstance(data, list | dict) else json.dumps(data)


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
