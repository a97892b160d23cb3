"""The functions of expressions: CEL's own, and those that engines add.

Regular expressions (which the CEL library matches in linear time), conversions and parts of a time are left to it.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import functools
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, cast

from inngest_core.protocol.duration import parse_duration, parse_time

from .arithmetic import add, calculating, negate, subtract
from .texts import text_of
from .values import NoValueError, Type, equal, from_event, kind_of, members

Function = Callable[..., object]


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise NoValueError(f"{kind_of(value)} is not a text")
    return value


# Times


def date(value: object) -> datetime.datetime:
    """Return the time that a text says in any of the usual forms, or that a number of milliseconds does."""
    try:
        if isinstance(value, float):
            return datetime.datetime.fromtimestamp(value / 1000, datetime.UTC)
        return parse_time(_text(value))
    except (ValueError, OverflowError, OSError):
        raise NoValueError(f"{value!r} is not a date") from None


def duration(value: object) -> datetime.timedelta:
    if isinstance(value, datetime.timedelta):
        return value
    text = _text(value)
    try:
        seconds = parse_duration(text.removeprefix("-"))
        return datetime.timedelta(seconds=-seconds if text.startswith("-") else seconds)
    except (ValueError, OverflowError):
        raise NoValueError(f"{text!r} is not a duration") from None


# The others


def size(value: object) -> int:
    if isinstance(value, (str, bytes, list, tuple, dict)):
        return len(cast("Sequence[object]", value))
    raise NoValueError(f"{kind_of(value)} has no size")


def is_in(value: object, owner: object) -> bool:
    if isinstance(owner, dict):
        return not isinstance(value, (list, dict, tuple)) and value in cast("Mapping[object, object]", owner)
    return any(equal(value, each) for each in members(owner))


def _json(text: object) -> object:
    try:
        return from_event(json.loads(_text(text)))
    except ValueError as error:
        raise NoValueError(f"a text is not JSON: {error}") from None


def _base64(text: object) -> str:
    try:
        return base64.b64decode(_text(text), validate=True).decode()
    except (ValueError, binascii.Error):
        raise NoValueError("a text is not Base64 of a text") from None


class _Value(Protocol):
    def type(self) -> object: ...
    def plain_value(self) -> object: ...


class _Program(Protocol):
    def eval(self, *, data: Mapping[str, object]) -> _Value: ...


class _Environment(Protocol):
    def compile(self, expression: str) -> _Program: ...


def by_the_library(form: str, *names: str) -> Function:
    """Return a function that the CEL library performs; form: of the variables *names*, such as "a.matches(b)"."""

    def call(*arguments: object) -> object:
        if len(arguments) != len(names):
            raise NoValueError(f"{len(arguments)} arguments; {form} has {len(names)}")
        values = dict(zip(names, map(_for_the_library, arguments), strict=True))
        try:
            value = _program(form, names).eval(data=values)
            if value.type() != _library().Type.ERROR:
                return value.plain_value()
        except ImportError:
            raise NoValueError(f"{form} needs the package cel-expr-python, which is not installed") from None
        except (RuntimeError, TypeError, ValueError, OverflowError) as error:
            raise NoValueError(str(error)) from None
        raise NoValueError(f"{form} is not defined for {', '.join(map(kind_of, arguments))}")

    return call


@functools.lru_cache(maxsize=64)
def _program(form: str, names: tuple[str, ...]) -> _Program:
    cel = _library()
    variables = dict.fromkeys(names, cel.Type.DYN)
    return cast("_Environment", cel.NewEnv(variables=variables)).compile(form)


@functools.lru_cache(maxsize=1)
def _library() -> Any:
    """Return the CEL library, loaded when it is needed: there is none for Alpine Linux. Raises ImportError."""
    # The library brings stubs, but no py.typed marker.
    from cel_expr_python import cel  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]

    return cel


def _for_the_library(value: object) -> object:
    """Return *value* as the library takes it: it would cut a text at NUL, and refuses half a character."""
    if isinstance(value, str):
        return value.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, (int, float, bytes)):
        return value
    if isinstance(value, (datetime.datetime, datetime.timedelta)):
        return text_of(value)
    raise NoValueError(f"{kind_of(value)} is not allowed here")


def _lowercase(text: object) -> str:
    return _text(text).lower()


def _uppercase(text: object) -> str:
    return _text(text).upper()


def _starts_with(text: object, part: object) -> bool:
    return _text(text).startswith(_text(part))


def _ends_with(text: object, part: object) -> bool:
    return _text(text).endswith(_text(part))


def _contains(text: object, part: object) -> bool:
    return _text(part) in _text(text)


def _type(value: object) -> Type:
    return Type(kind_of(value))


def _dyn(value: object) -> object:
    return value


def _part_of_time(name: str) -> Function:
    of_duration = by_the_library(f"duration(a).{name}()", "a")
    of_time = by_the_library(f"timestamp(a).{name}()", "a")
    of_time_in_zone = by_the_library(f"timestamp(a).{name}(b)", "a", "b")

    def part(value: object, *zone: object) -> object:
        if isinstance(value, datetime.timedelta):
            return of_duration(value, *zone)
        if not isinstance(value, datetime.datetime):
            raise NoValueError(f"{kind_of(value)} has no {name}()")
        return of_time_in_zone(value, *zone) if zone else of_time(value)

    return part


def _int(value: object) -> object:
    return int(value.timestamp()) if isinstance(value, datetime.datetime) else _int_of(value)


_int_of = by_the_library("int(a)", "a")
_TIME_PARTS = (
    *("getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear", "getFullYear", "getHours", "getMilliseconds"),
    *("getMinutes", "getMonth", "getSeconds"),
)

FUNCTIONS: Mapping[str, Function] = {
    "_+_": add,
    "_-_": subtract,
    "_*_": calculating("*"),
    "_/_": calculating("/"),
    "_%_": calculating("%"),
    "-_": negate,
    "@in": is_in,
    "size": size,
    "dyn": _dyn,
    "type": _type,
    "string": text_of,
    "bool": by_the_library("bool(a)", "a"),
    "bytes": by_the_library("bytes(a)", "a"),
    "double": by_the_library("double(a)", "a"),
    "int": _int,
    "uint": by_the_library("uint(a)", "a"),
    "timestamp": by_the_library("timestamp(a)", "a"),
    "duration": duration,
    "date": date,
    "lowercase": _lowercase,
    "uppercase": _uppercase,
    "b64decode": _base64,
    "json_parse": _json,
    "matches": by_the_library("a.matches(b)", "a", "b"),
}
"""Functions and operators by name."""

METHODS: Mapping[str, Function] = {
    "size": size,
    "startsWith": _starts_with,
    "endsWith": _ends_with,
    "contains": _contains,
    "matches": by_the_library("a.matches(b)", "a", "b"),
    **{name: _part_of_time(name) for name in _TIME_PARTS},
}
"""What is called as `target.method()`, by name; the target is the first argument."""
