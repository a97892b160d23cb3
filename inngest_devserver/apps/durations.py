"""Durations in a configuration that an app registers, where anything may stand in their place."""

from __future__ import annotations

from collections.abc import Callable

from inngest_core.protocol.duration import parse_duration

Fault = Callable[[str, str], None]
"""Notes a fault: the field, and what is wrong with it."""


def seconds_of(value: object) -> float | None:
    """Return the seconds of a duration, or None when *value* is none."""
    try:
        return parse_duration(value) if isinstance(value, str) else None
    except ValueError:
        return None


def check_seconds(value: object, field: str, fault: Fault) -> float | None:
    """Return the seconds of a duration; None, and a fault of the field, when *value* is none."""
    seconds = seconds_of(value)
    if seconds is None:
        fault(field, f"is {value!r}; expected a duration such as 1h30m")
    return seconds
