"""What a value holds, seen in one quick pass; and whether two values hold the same.

The quick pass goes level by level and asks for kinds, so it costs about as much as writing the value. No I/O, no wire
names, no knowledge of steps.
"""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import math
import operator
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, cast

import pydantic

from .json_text import LARGEST_INT
from .schema import attrs_fields, attrs_values, struct_fields

LISTS = (list, tuple, set, frozenset, deque)

_EXTRA: Callable[[Any], Any] = operator.attrgetter("__pydantic_extra__")
_DICT: Callable[[Any], Any] = vars
_VALUES: Callable[[Any], Iterable[Any]] = cast("Any", dict).values
_DIGITS = bytes(ord("0") if chr(byte).isdigit() and byte < 128 else 0 for byte in range(256))
_LONG = b"0" * len(str(LARGEST_INT))
"""With each digit made a zero, no text without these has an int that engines round."""
_SCALARS = frozenset({str, bool, type(None)})
_PLAIN = _SCALARS | {int, float, dict, list}


@dataclass(slots=True)
class Seen:
    """What a value holds. kinds: the classes of its parts; whole: the number of floats that an int equals."""

    kinds: set[type] = field(default_factory=set[type])
    whole: int = 0
    finite: bool = True
    other_keys: bool = False
    large: bool = False
    """An int that engines round."""
    huge: bool = False
    """An int that no float is near."""
    odd_offset: bool = False
    """A time zone whose offset has seconds."""

    @property
    def plain(self) -> bool:
        """Whether there are JSON values only, of which pydantic_core writes what the survey saw."""
        return self.kinds <= _PLAIN

    @property
    def rich(self) -> bool:
        """Whether there is more than plain JSON values and what equals them, such as a str of a template language."""
        return not all(map(is_plain_kind, self.kinds))


def survey(root: object, body: bytes) -> Seen:
    """Return what *root* holds; it must hold no cycles, as what was written does not. body: *root* as JSON."""
    seen = Seen()
    level: list[Any] = [root]
    passed = _SCALARS if _LONG in body.translate(_DIGITS) else _SCALARS | {int}
    while level:
        groups = _grouped(level)
        seen.kinds.update(groups)
        below: list[Any] = []
        for kind in groups.keys() - passed:
            mine = groups[kind]
            if kind is dict or kind is list:
                mine = [one for one in mine if one]
            if mine:
                _look(kind, mine, below, seen)
        level = below
    return seen


def _grouped(level: list[Any]) -> dict[type[Any], list[Any]]:
    """Return values by their kinds."""
    first: object = level[0]
    kind: type[object] = type(first)
    if kind is type(level[-1]) and set(map(type, level)) == {kind}:
        return {kind: level}
    groups: defaultdict[type[Any], list[Any]] = defaultdict(list)
    for one in level:
        groups[type(one)].append(one)
    return groups


def _look(kind: type[Any], mine: list[Any], below: list[Any], seen: Seen) -> None:
    """Note what the values of one kind on one level are, and what they hold."""
    if issubclass(kind, dict):
        keys = set(map(type, chain.from_iterable(mine)))
        seen.other_keys = seen.other_keys or not all(issubclass(each, str) for each in keys)
        seen.kinds |= keys
        below.extend(chain.from_iterable(map(_VALUES, mine)))
    elif issubclass(kind, LISTS):
        below.extend(chain.from_iterable(mine))
    elif issubclass(kind, float):
        seen.finite = seen.finite and (math.isfinite(sum(mine)) or all(map(math.isfinite, mine)))
        seen.whole += list(map(float.is_integer, mine)).count(True)
    elif issubclass(kind, int):
        most = max(max(mine), -min(mine))
        if most > LARGEST_INT:
            seen.large = True
            seen.huge = seen.huge or most.bit_length() > 1023
    elif issubclass(kind, decimal.Decimal):
        seen.finite = seen.finite and all(map(decimal.Decimal.is_finite, mine))
    elif issubclass(kind, datetime.datetime | datetime.time):
        seen.odd_offset = seen.odd_offset or any(map(_has_odd_offset, mine))
    elif issubclass(kind, pydantic.BaseModel):
        below.extend(chain.from_iterable(map(_VALUES, map(_DICT, mine))))
        if kind.model_config.get("extra") == "allow":
            below.extend(chain.from_iterable(_VALUES(extra) for extra in map(_EXTRA, mine) if extra))
        below.extend(getattr(one, name) for name in kind.model_computed_fields for one in mine)
    elif (names := _names_of(kind)) is not None:
        for name in names:
            below.extend(map(operator.attrgetter(name), mine))


def has_fields(kind: Any) -> bool:
    """Tell whether a class is an Enum, or one whose instances are written field by field."""
    return issubclass(kind, enum.Enum | pydantic.BaseModel) or _names_of(kind) is not None or hasattr(kind, "_fields")


def _names_of(kind: Any) -> Sequence[str] | None:
    """Return the fields of a dataclass, an attrs class or a msgspec.Struct; None for any other."""
    if dataclasses.is_dataclass(kind):
        return [each.name for each in dataclasses.fields(kind)]
    attributes = attrs_fields(kind)
    return struct_fields(kind) if attributes is None else [each.name for each in attributes]


def _has_odd_offset(value: datetime.datetime | datetime.time) -> bool:
    if value.tzinfo is None or value.tzinfo is datetime.UTC:
        return False
    offset = value.utcoffset()
    return offset is not None and (offset.seconds % 60 != 0 or getattr(value, "fold", 0) == 1)


def is_plain_kind(kind: type[Any]) -> bool:
    """Tell whether instances come back as something that equals them."""
    return issubclass(kind, str | int | float | dict | list | type(None)) and not issubclass(kind, enum.Enum)


def children(value: object) -> list[tuple[str, object]] | None:
    """Return what *value* holds, each with its step of the path; None when it is not a container."""
    if isinstance(value, dict):
        items = cast("dict[object, object]", value).items()
        return [(f".{key}" if isinstance(key, str) and key.isidentifier() else f"[{key!r}]", v) for key, v in items]
    if isinstance(value, LISTS):
        return [(f"[{number}]", item) for number, item in enumerate(cast("list[object]", value))]
    if isinstance(value, pydantic.BaseModel):
        fields = type(value).model_fields
        extra = value.__pydantic_extra__ or {}
        held = {**{name: item for name, item in vars(value).items() if name in fields}, **extra}
        return [(f".{name}", item) for name, item in held.items() if name not in fields or not fields[name].exclude]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [(f".{field.name}", getattr(value, field.name)) for field in dataclasses.fields(value)]
    if attrs_fields(type(value)) is not None:
        return [(f".{name}", item) for name, item in attrs_values(value).items()]
    names = struct_fields(type(value))
    return None if names is None else [(f".{name}", getattr(value, name)) for name in names]


def same(one: object, other: object) -> bool:
    """Tell whether two values are equal, and of the same classes throughout."""
    kind: type[object] = type(one)
    twin: type[object] = type(other)
    if isinstance(one, int | float) and twin in (int, float) and not isinstance(one, bool | enum.Enum):
        return bool(one == other)  # a whole float is an int: engines write it so
    if kind is not twin and (kind is bool or not _is_base(twin, kind)):
        return False
    if isinstance(one, dict):
        mine, its = cast("dict[object, object]", one), cast("dict[object, object]", other)
        return mine.keys() == its.keys() and all(same(each, its[key]) for key, each in mine.items())
    if isinstance(one, set | frozenset):
        members, twins = cast("set[object]", one), cast("set[object]", other)
        return members == twins and sorted(map(_name_of, members)) == sorted(map(_name_of, twins))
    if isinstance(one, pydantic.BaseModel):
        return same(_state(one), _state(cast("pydantic.BaseModel", other)))
    held, others = children(one), children(other)
    if held is not None and others is not None:
        return len(held) == len(others) and all(
            step == another and same(child, twin) for (step, child), (another, twin) in zip(held, others, strict=True)
        )
    if isinstance(one, datetime.datetime | datetime.time):
        return _local(one) == _local(other)
    if kind.__eq__ is object.__eq__:  # nobody can tell
        return True
    return bool(one == other) and (not isinstance(one, decimal.Decimal) or str(one) == str(other))


def _name_of(value: Any) -> str:
    return type(value).__name__


def _state(model: pydantic.BaseModel) -> dict[str, Any]:
    """Return the fields of a model, also those that it does not write."""
    held = vars(model)
    return {name: held[name] for name in type(model).model_fields if name in held} | (model.__pydantic_extra__ or {})


def _is_base(base: type[Any], kind: type[Any]) -> bool:
    """Tell whether instances of *kind* equal those of *base* of which they are made."""
    return is_plain_kind(kind) and kind.__mro__[-2] is base


def _local(value: Any) -> object:
    """Return what a clock shows, and its offset; the time zone is kept as that."""
    return value.replace(tzinfo=None, fold=0), value.utcoffset()
