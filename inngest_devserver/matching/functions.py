"""The functions and the arithmetic of expressions: CEL's own, and those that engines add.

What the CEL library does well is left to it: regular expressions (in linear time), conversions, parts of a time.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import decimal
import functools
import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, cast

from inngest_core.extras import needs
from inngest_core.protocol.duration import parse_duration, parse_time

from .values import NoValueError, Type, equal, from_event, kind_of, members

with needs("dev-server", "cel_expr_python"):
    # The library brings stubs, but no py.typed marker.
    from cel_expr_python import cel  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]

Function = Callable[..., object]
_LEAST, _MOST = -(2**63), 2**63 - 1
_MAX_TEXT = 16 * 1024 * 1024
"""Characters of a text that an expression may make."""


# Arithmetic


def add(one: object, other: object) -> object:
    if isinstance(one, str) and (isinstance(other, str) or _is_number(other)):
        return _short(one + text_of(other))
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return (*members(one), *members(other))
    if isinstance(one, bytes) and isinstance(other, bytes):
        return one + other
    if isinstance(one, (datetime.datetime, datetime.timedelta)) and isinstance(
        other, (datetime.datetime, datetime.timedelta)
    ):
        return _time("+", one, other)
    return _number("+", one, other)


def subtract(one: object, other: object) -> object:
    if isinstance(one, (datetime.datetime, datetime.timedelta)) and isinstance(
        other, (datetime.datetime, datetime.timedelta)
    ):
        return _time("-", one, other)
    return _number("-", one, other)


def negate(value: object) -> object:
    return _number("-", 0.0 if isinstance(value, float) else 0, value)


def _time(operator: str, one: object, other: object) -> object:
    """Add or subtract times and durations, where that makes sense."""
    try:
        if operator == "+":
            return one + other  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue, reportUnknownVariableType]
        return one - other  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue, reportUnknownVariableType]
    except (TypeError, OverflowError) as error:
        raise NoValueError(str(error)) from None


def _number(operator: str, one: object, other: object) -> object:
    """Calculate with two integers or two doubles: they do not mix, as in CEL."""
    if type(one) is int and type(other) is int:
        return _integer(operator, one, other)
    if isinstance(one, float) and isinstance(other, float):
        return _double(operator, one, other)
    raise NoValueError(f"{kind_of(one)} {operator} {kind_of(other)} is not defined")


def _integer(operator: str, one: int, other: int) -> int:
    if operator in "/%" and other == 0:
        raise NoValueError("division by zero")
    match operator:
        case "+":
            result = one + other
        case "-":
            result = one - other
        case "*":
            result = one * other
        case "/":
            result = abs(one) // abs(other) * (1 if (one < 0) == (other < 0) else -1)
        case _:
            result = int(math.copysign(abs(one) % abs(other), one))
    if not _LEAST <= result <= _MOST:
        raise NoValueError("the integer is larger than 64 bits")
    return result


def _double(operator: str, one: float, other: float) -> float:
    match operator:
        case "+":
            return one + other
        case "-":
            return one - other
        case "*":
            return one * other
        case "/":
            if other:
                return one / other
            return math.nan if one == 0 or one != one else math.copysign(math.inf, one) * math.copysign(1, other)
        case _:
            raise NoValueError("double % double is not defined")


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


# Texts


def text_of(value: object) -> str:
    """Return what `string()` gives; numbers as Go writes them."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return _double_text(value)
        case datetime.timedelta():
            return f"{decimal.Decimal(repr(value.total_seconds())).normalize():f}s"
        case datetime.datetime():
            return value.astimezone(datetime.UTC).isoformat().replace("+00:00", "Z")
        case bytes():
            return value.decode()
        case _:
            raise NoValueError(f"{kind_of(value)} has no text")


def _double_text(value: float) -> str:
    """Return a double in as few digits as tell it apart, with an exponent when that is below -4 or above 5."""
    if not math.isfinite(value):
        return {math.inf: "+Inf", -math.inf: "-Inf"}.get(value, "NaN")
    shortest = decimal.Decimal(repr(value)).normalize()
    exponent = shortest.adjusted()
    if value == 0 or -4 <= exponent < 6:
        return f"{shortest:f}"
    mantissa = shortest.scaleb(-exponent)
    return f"{mantissa:f}e{'-' if exponent < 0 else '+'}{abs(exponent):02}"


def _short(text: str) -> str:
    if len(text) > _MAX_TEXT:
        raise NoValueError(f"a text of {len(text)} characters is too long")
    return text


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise NoValueError(f"{kind_of(value)} is no text")
    return value


# Times


def date(value: object) -> datetime.datetime:
    """Return the time that a text says in any of the usual forms, or that a number of milliseconds does."""
    try:
        if isinstance(value, float):
            return datetime.datetime.fromtimestamp(value / 1000, datetime.UTC)
        return parse_time(_text(value))
    except (ValueError, OverflowError, OSError):
        raise NoValueError(f"{value!r} is no date") from None


def duration(value: object) -> datetime.timedelta:
    if isinstance(value, datetime.timedelta):
        return value
    text = _text(value)
    try:
        seconds = parse_duration(text.removeprefix("-"))
        return datetime.timedelta(seconds=-seconds if text.startswith("-") else seconds)
    except (ValueError, OverflowError):
        raise NoValueError(f"{text!r} is no duration") from None


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
            if value.type() != cel.Type.ERROR:
                return value.plain_value()
        except (RuntimeError, TypeError, ValueError, OverflowError) as error:
            raise NoValueError(str(error)) from None
        raise NoValueError(f"{form} is not defined for {', '.join(map(kind_of, arguments))}")

    return call


@functools.lru_cache(maxsize=64)
def _program(form: str, names: tuple[str, ...]) -> _Program:
    variables = dict.fromkeys(names, cel.Type.DYN)
    return cast("_Environment", cel.NewEnv(variables=variables)).compile(form)


def _for_the_library(value: object) -> object:
    """Return *value* as the library takes it: it would cut a text at NUL, and refuses half a character."""
    if isinstance(value, str):
        return value.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, (int, float, bytes)):
        return value
    if isinstance(value, (datetime.datetime, datetime.timedelta)):
        return text_of(value)
    raise NoValueError(f"{kind_of(value)} is not allowed here")


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
    "_*_": functools.partial(_number, "*"),
    "_/_": functools.partial(_number, "/"),
    "_%_": functools.partial(_number, "%"),
    "-_": negate,
    "@in": is_in,
    "size": size,
    "dyn": lambda value: value,
    "type": lambda value: Type(kind_of(value)),
    "string": text_of,
    "bool": by_the_library("bool(a)", "a"),
    "bytes": by_the_library("bytes(a)", "a"),
    "double": by_the_library("double(a)", "a"),
    "int": _int,
    "uint": by_the_library("uint(a)", "a"),
    "timestamp": by_the_library("timestamp(a)", "a"),
    "duration": duration,
    "date": date,
    "lowercase": lambda text: _text(text).lower(),
    "uppercase": lambda text: _text(text).upper(),
    "b64decode": _base64,
    "json_parse": _json,
    "matches": by_the_library("a.matches(b)", "a", "b"),
}
"""Functions and operators by name."""

METHODS: Mapping[str, Function] = {
    "size": size,
    "startsWith": lambda text, part: _text(text).startswith(_text(part)),
    "endsWith": lambda text, part: _text(text).endswith(_text(part)),
    "contains": lambda text, part: _text(part) in _text(text),
    "matches": by_the_library("a.matches(b)", "a", "b"),
    **{name: _part_of_time(name) for name in _TIME_PARTS},
}
"""What is called as `target.method()`, by name; the target is the first argument."""
