"""What `string()` makes of values: numbers are written as Go writes them."""

from __future__ import annotations

import datetime
import decimal
import math

from .values import NoValueError, kind_of

_MAX_TEXT = 16 * 1024 * 1024
"""Characters of a text that an expression may make."""


def text_of(value: object) -> str:
    """Return what `string()` gives; raises NoValueError."""
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


def short(text: str) -> str:
    if len(text) > _MAX_TEXT:
        raise NoValueError(f"a text of {len(text)} characters is too long")
    return text
