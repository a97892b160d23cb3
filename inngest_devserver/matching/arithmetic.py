"""The arithmetic of expressions: CEL's own, except that engines also append numbers to texts."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable

from .texts import short, text_of
from .values import NoValueError, kind_of, members

_LEAST, _MOST = -(2**63), 2**63 - 1


def add(one: object, other: object) -> object:
    if isinstance(one, str) and (isinstance(other, str) or _is_number(other)):
        return short(one + text_of(other))
    if kind_of(one) == kind_of(other) == "list":
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


def calculating(operator: str) -> Callable[[object, object], object]:
    def calculate(one: object, other: object) -> object:
        return _number(operator, one, other)

    return calculate


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
