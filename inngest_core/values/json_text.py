"""JSON texts: made of JSON values, read, and compared. No types, no I/O.

Engines keep numbers as 64-bit floats, and write a whole one without a fraction. So here, and only here, a whole float
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

_SURROGATE = re.compile("[\ud800-\udfff]")
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
    except ValueError:  # as above
        return json.loads(body)


def is_unicode(text: str) -> bool:
    """Tell whether UTF-8 can hold a text: not half of a surrogate pair, which engines would replace."""
    return text.isascii() or _SURROGATE.search(text) is None


def key_text(key: object) -> str | None:
    """Return a key as the standard library writes it; None for a tuple, and for anything else of many parts.

    A key that it refuses, such as a UUID, is the text that it is as a value.
    """
    if isinstance(key, str):
        return key
    try:
        data: object = pydantic_core.to_jsonable_python(key, bytes_mode="base64")
    except ValueError:  # nothing is known of its class
        return None
    return data if isinstance(data, str) else None if isinstance(data, list | dict) else json.dumps(data)


def settle(body: bytes, whole: int | None = None) -> bytes:
    """Return a JSON text with whole floats as ints. whole: how many were seen; then it takes a fifth of the time."""
    if whole is not None and len(body) - len(cut := _cut(body)) == 2 * whole:  # so none of them is within a text
        return cut
    return _NUMBER.sub(_settled, body)


def _cut(body: bytes) -> bytes:
    for end in (b",", b"]", b"}"):  # what follows a number
        body = body.replace(b".0" + end, end)
    return body.removesuffix(b".0")


def _settled(match: re.Match[bytes]) -> bytes:
    text: bytes = match[0]
    if text[:1] == b'"' or not (b"." in text or b"e" in text):
        return text
    number = float(text)
    return str(int(decimal.Decimal(text.decode()))).encode() if number.is_integer() and abs(number) < 1e21 else text


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


def _covers(held: Any, data: Any) -> bool:
    if isinstance(data, dict) and isinstance(held, dict):
        fields = cast("dict[str, object]", data)
        return all(key in held and _covers(held[key], each) for key, each in fields.items())
    if isinstance(data, list) and isinstance(held, list):
        items, others = cast("list[object]", data), cast("list[object]", held)
        alike = len(items) == len(others) and all(map(_covers, others, items))
        return alike or sorted(map(ordered, items)) == sorted(map(ordered, others))
    if isinstance(data, int | float) and isinstance(held, int | float):
        return isinstance(data, bool) == isinstance(held, bool) and same_number(data, held)
    return bool(data == held)


def ordered(data: object) -> str:
    """Return JSON values as a text that is the same for the same values, whatever the order of their keys."""
    return settle(json.dumps(data, sort_keys=True, separators=(",", ":")).encode()).decode()
