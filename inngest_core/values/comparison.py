"""What a value holds, seen in one quick pass; and whether two values are the same.

The quick pass goes level by level and asks for classes, so it costs about as much as writing the value. No I/O, no
knowledge of steps.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import math
import operator
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, cast

from .classes import layout_of, written_fields
from .json_text import LARGEST_INT, same_number
from .schema import PLAIN_CLASSES, UUID, is_plain_class

LISTS = (list, tuple, set, frozenset, deque)
CONTAINERS: tuple[type[Any], ...] = (dict, *LISTS)

_TEXTS = {str}
_TEXT_KEYS = frozenset({str, bool, int, float, bytes, UUID, decimal.Decimal}) | {
    *(datetime.datetime, datetime.date, datetime.time, datetime.timedelta)
}
_SCALARS = frozenset({str, bool, type(None)})
_values: Callable[[Any], Iterable[Any]] = cast("Any", dict).values


@dataclass(slots=True)
class Seen:
    """What a value holds. kinds: the classes of its parts; whole: the number of floats that an int equals."""

    kinds: set[type] = field(default_factory=set[type])
    whole: int = 0
    largest: int = 0
    """The size of the largest int."""
    finite: bool = True
    other_keys: bool = False
    """A key that is not a text."""
    odd_keys: bool = False
    """A key that pydantic writes otherwise than the standard library: None, an Enum, or one of many parts."""
    odd_offset: bool = False
    """A time zone whose offset has seconds."""

    @property
    def rich(self) -> bool:
        """Whether not all of it is plain, so that it comes back as something else unless a type is known."""
        return self.other_keys or not (self.kinds <= PLAIN_CLASSES or all(map(is_plain_class, self.kinds)))


def is_simple(value: object) -> bool:
    """Tell whether *value* is a text, a bool, null, an int that engines keep, or a plain dict of all but ints by text.

    As many results are, and there is nothing to see. A survey would say so too, in six times the time.
    """
    held: Any = value
    if type(value) is int:
        return -LARGEST_INT <= value <= LARGEST_INT
    if type(value) is not dict:
        return type(value) in _SCALARS
    return _TEXTS.issuperset(map(type, held)) and _SCALARS.issuperset(map(type, held.values()))


def survey(root: object) -> Seen:
    """Return what *root* holds; it must hold no cycles, as what was written does not."""
    seen = Seen()
    level: list[Any] = [root]
    while level:
        kinds: set[type[Any]] = set(map(type, level))
        seen.kinds |= kinds
        if kinds <= _SCALARS:
            break
        groups = {kinds.pop(): level} if len(kinds) == 1 else _grouped(level)
        level = []
        for kind in groups.keys() - _SCALARS:
            _look(kind, groups[kind], level, seen)
    return seen


def _grouped(level: list[Any]) -> dict[type[Any], list[Any]]:
    """Return values by their classes."""
    groups: defaultdict[type[Any], list[Any]] = defaultdict(list)
    for one in level:
        groups[type(one)].append(one)
    return groups


def _look(kind: type[Any], mine: list[Any], below: list[Any], seen: Seen) -> None:
    """Note what the values of one class on one level are, and what they hold."""
    if issubclass(kind, dict):
        keys = set(map(type, chain.from_iterable(mine)))
        if keys != _TEXTS:
            seen.other_keys = seen.other_keys or not all(issubclass(each, str) for each in keys)
            seen.odd_keys = seen.odd_keys or not keys <= _TEXT_KEYS
        seen.kinds |= keys
        below.extend(chain.from_iterable(map(_values, mine)))
    elif issubclass(kind, LISTS):
        below.extend(chain.from_iterable(mine))
    elif issubclass(kind, float):
        seen.finite = seen.finite and (math.isfinite(sum(mine)) or all(map(math.isfinite, mine)))
        seen.whole += list(map(float.is_integer, mine)).count(True)
    elif issubclass(kind, int):
        seen.largest = max(seen.largest, max(mine), -min(mine))
    elif issubclass(kind, decimal.Decimal):
        seen.finite = seen.finite and all(map(decimal.Decimal.is_finite, mine))
    elif issubclass(kind, datetime.datetime | datetime.time):
        seen.odd_offset = seen.odd_offset or any(map(_has_odd_offset, mine))
    elif (layout := layout_of(kind)) is not None:
        for name in (*layout.names, *layout.computed):
            try:
                below.extend(map(operator.attrgetter(name), mine))
            except AttributeError:  # one was made without all of its fields
                below.extend(getattr(one, name, None) for one in mine)
        if layout.extra:
            below.extend(chain.from_iterable(_values(one.model_extra or {}) for one in mine))


def _has_odd_offset(value: datetime.datetime | datetime.time) -> bool:
    if value.tzinfo is None or value.tzinfo is datetime.UTC:
        return False
    offset = value.utcoffset()
    return offset is not None and (offset.seconds % 60 != 0 or getattr(value, "fold", 0) == 1)


def children(value: object) -> list[tuple[str, object]] | None:
    """Return what *value* is written as, each part with its step of the path; None when it has no parts."""
    if isinstance(value, LISTS):
        return [(f"[{number}]", item) for number, item in enumerate(cast("list[object]", value))]
    held = cast("dict[object, object] | None", value if isinstance(value, dict) else written_fields(value))
    if held is None:
        return None
    return [(f".{key}" if isinstance(key, str) and key.isidentifier() else f"[{key!r}]", held[key]) for key in held]


def same(one: object, other: object) -> bool:
    """Tell whether two values are equal, and of the same classes throughout."""
    kind: type[object] = type(one)
    twin: type[object] = type(other)
    if isinstance(one, int | float) and twin in (int, float) and not isinstance(one, bool | enum.Enum):
        return same_number(one, cast("float", other))
    if kind is not twin and (kind is bool or not is_plain_class(kind) or kind.__mro__[-2] is not twin):
        return False  # a subclass of a plain class comes back as that
    if isinstance(one, dict):
        mine, its = cast("dict[object, object]", one), cast("dict[object, object]", other)
        return mine.keys() == its.keys() and all(same(each, its[key]) for key, each in mine.items())
    if isinstance(one, set | frozenset):
        members, twins = cast("set[object]", one), cast("set[object]", other)
        return members == twins and Counter(map(type, members)) == Counter(map(type, twins))
    if isinstance(one, LISTS):
        items, others = cast("list[object]", one), cast("list[object]", other)
        return len(items) == len(others) and all(map(same, items, others))
    if (layout := layout_of(kind)) is not None:
        names = (*layout.names, "model_extra") if layout.extra else layout.names
        return all(same(getattr(one, name, None), getattr(other, name, None)) for name in names)
    if isinstance(one, datetime.datetime | datetime.time):
        return _local(one) == _local(other)
    if kind.__eq__ is object.__eq__:  # nobody can tell
        return True
    return bool(one == other) and (not isinstance(one, decimal.Decimal) or str(one) == str(other))


def _local(value: Any) -> object:
    """Return what a clock shows, and its offset; the time zone is kept as that."""
    return value.replace(tzinfo=None, fold=0), value.utcoffset()
