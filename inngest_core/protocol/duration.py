"""Durations between Python and the wire: timedelta or milliseconds in, "1d2h30m" out, and back.

Two grammars are spoken by engines: the full one knows w and d, batch time-outs only h and smaller.
"""

from __future__ import annotations

import datetime
import re

Duration = int | datetime.timedelta

_UNITS_MS = (("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1))
_SECONDS_OF_UNIT = {
    "w": 604_800.0,
    "d": 86_400.0,
    "h": 3_600.0,
    "m": 60.0,
    "s": 1.0,
    "ms": 1e-3,
    "us": 1e-6,
    "µs": 1e-6,
    "ns": 1e-9,
}
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|us|µs|ns|w|d|h|m|s)")


def to_ms(duration: object) -> int:
    """Return *duration* (milliseconds or timedelta) in whole milliseconds.

    Raises TypeError: neither form; ValueError: negative.
    """
    if isinstance(duration, datetime.timedelta):
        ms = duration // datetime.timedelta(milliseconds=1)
    elif isinstance(duration, int) and not isinstance(duration, bool):
        ms = duration
    else:
        raise TypeError(f"{duration!r} is a {type(duration).__name__}; give a timedelta or an int of milliseconds")
    if ms < 0:
        raise ValueError(f"{duration!r} is negative; give a duration of zero or more")
    return ms


def dump_duration(duration: Duration, *, largest_unit: str = "w") -> str:
    """Return the wire form, such as "1d2h30m"; largest_unit "h" serves fields that know no days."""
    left = to_ms(duration)
    if left == 0:
        return "0s"
    parts: list[str] = []
    skipping = True
    for unit, unit_ms in _UNITS_MS:
        skipping = skipping and unit != largest_unit
        if skipping:
            continue
        count, left = divmod(left, unit_ms)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)


def parse_duration(text: str) -> float:
    """Return the seconds that a wire duration says; raises ValueError."""
    seconds, end = 0.0, 0
    while end < len(text):
        part = _PART.match(text, end)
        if part is None:
            break
        seconds += float(part[1]) * _SECONDS_OF_UNIT[part[2]]
        end = part.end()
    if not text or end < len(text):
        raise ValueError(f"{text!r} is not a duration such as 1d2h30m; units are w d h m s ms us ns")
    return seconds


def dump_time(when: datetime.datetime) -> str:
    """Return RFC 3339 in UTC with milliseconds; a naive datetime means local time.

    Raises ValueError: it has no UTC form, as year 1 in some zones.
    """
    try:
        utc = when.astimezone(datetime.UTC).replace(tzinfo=None)
    except (OverflowError, ValueError) as error:
        raise ValueError(f"{when!r} cannot be given in UTC: {error}") from None
    return utc.isoformat(timespec="milliseconds") + "Z"


def parse_time(text: str) -> datetime.datetime:
    """Return the aware datetime that an RFC 3339 text says (UTC when it names no zone); raises ValueError."""
    when = datetime.datetime.fromisoformat(text)
    return when if when.tzinfo else when.replace(tzinfo=datetime.UTC)
