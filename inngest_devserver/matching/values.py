"""The values of expressions, and how they compare: as engines have it, which is not quite as CEL does.

A key that an event lacks is MISSING: it equals null, and two missing ones are both equal and unequal. Every number of
an event is a double, since JSON has no other; an integer is one that an expression names. Numbers compare by value.
Null comes before everything else. Lists and maps of an event are `list` and `dict`; those that an expression makes are
`tuple` and `Made`, because their numbers are what they are.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast


class NoValueError(Exception):
    """An expression, or a part of one, has no value for these events; the text says why."""


class _Missing:
    def __repr__(self) -> str:
        return "a missing key"


MISSING = _Missing()


class Made(dict[Any, Any]):
    """A map that an expression makes."""


@dataclass(frozen=True, slots=True)
class Type:
    """What `type()` gives."""

    name: str


_KINDS: dict[type, str] = {
    bool: "bool",
    int: "int",
    float: "double",
    str: "string",
    bytes: "bytes",
    list: "list",
    tuple: "list",
    dict: "map",
    Made: "map",
    datetime.datetime: "google.protobuf.Timestamp",
    datetime.timedelta: "google.protobuf.Duration",
    Type: "type",
}
TYPE_NAMES = {"bool", "int", "uint", "double", "string", "bytes", "list", "map", "null_type", "type"}


def kind_of(value: object) -> str:
    """Return CEL's name for the type of *value*."""
    return "null_type" if value is None or value is MISSING else _KINDS.get(type(value), "dyn")


def from_event(value: object) -> object:
    """Return a part of an event as expressions see it."""
    return _double(value) if type(value) is int else value


def _double(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def select(owner: object, key: object) -> object:
    """Return what *owner* holds under a key or at an index, MISSING when it is nothing of the kind."""
    if isinstance(owner, dict):
        found = cast("Mapping[object, object]", owner).get(key, MISSING)
        return found if isinstance(owner, Made) else from_event(found)
    if isinstance(owner, (list, tuple)) and isinstance(key, (int, float)) and not isinstance(key, bool):
        items = cast("Sequence[object]", owner)
        if key == int(key) and 0 <= key < len(items):
            found = items[int(key)]
            return found if isinstance(owner, tuple) else from_event(found)
    return MISSING


def members(value: object) -> Sequence[object]:
    """Return the items of a list or the keys of a map; raises NoValueError."""
    if isinstance(value, list):
        return [from_event(item) for item in cast("list[object]", value)]
    if isinstance(value, (tuple, dict)):
        return tuple(cast("Sequence[object]", value))
    raise NoValueError(f"{kind_of(value)} is neither a list nor a map")


def equal(one: object, other: object) -> bool:
    """Tell whether two values are the same."""
    kind = type(one)
    if kind is type(other) and (kind is str or kind is bool):
        return one == other
    if one is None or one is MISSING:
        return other is None or other is MISSING
    if kind is int or kind is float:
        return type(other) in (int, float) and _double(cast("float", one)) == _double(cast("float", other))
    if isinstance(one, (list, tuple)):
        return isinstance(other, (list, tuple)) and _equal_lists(
            cast("Sequence[object]", one), cast("Sequence[object]", other)
        )
    if isinstance(one, dict):
        return isinstance(other, dict) and _equal_maps(
            cast("Mapping[object, object]", one), cast("Mapping[object, object]", other)
        )
    return kind is type(other) and kind in _KINDS and one == other


def _equal_lists(one: Sequence[object], other: Sequence[object]) -> bool:
    return len(one) == len(other) and all(map(equal, one, other))


def _equal_maps(one: Mapping[object, object], other: Mapping[object, object]) -> bool:
    return len(one) == len(other) and all(key in other and equal(value, other[key]) for key, value in one.items())


def unequal(one: object, other: object) -> bool:
    """Tell whether two values differ; two missing ones count as such, too."""
    return not equal(one, other) or (one is MISSING and other is MISSING)


_ORDERED: tuple[type, ...] = (str, bool, bytes, datetime.datetime, datetime.timedelta)


def order(one: object, other: object) -> int:
    """Return a number below, at or above 0 as *one* comes before, with or after *other*; raises NoValueError."""
    one_is_null, other_is_null = one is None or one is MISSING, other is None or other is MISSING
    if one_is_null or other_is_null:
        return int(other_is_null) - int(one_is_null)
    kinds = {type(one), type(other)}
    if kinds <= {int, float}:
        one, other = _double(cast("float", one)), _double(cast("float", other))
        if one != one or other != other:
            raise NoValueError("NaN has no place among numbers")
    elif len(kinds) != 1 or type(one) not in _ORDERED:
        raise NoValueError(f"{kind_of(one)} and {kind_of(other)} cannot be compared")
    first, second = cast("float", one), cast("float", other)
    return (first > second) - (first < second)
