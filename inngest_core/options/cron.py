"""Cron expressions: which of them an engine accepts. No clock; nothing here says when one fires.

Five fields, each a list of `*`, numbers, ranges and steps; months and days of the week also have names. Optionally
after a zone: "TZ=Europe/Paris 0 3 * * *". Follows docs/protocol.md, Function configuration.
"""

from __future__ import annotations

import functools
import re
import zoneinfo

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")

_NO_NAMES: dict[str, int] = {}
_FIELDS = (
    ("minute", 0, 59, _NO_NAMES),
    ("hour", 0, 23, _NO_NAMES),
    ("day of the month", 1, 31, _NO_NAMES),
    ("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    ("day of the week", 0, 6, {name: number for number, name in enumerate(_DAYS)}),
)
_ZONE = re.compile(r"(?:CRON_)?TZ=(\S*)\s+")
_PART = re.compile(r"(?:[*?]|([0-9]+|[A-Za-z]{3})(?:-([0-9]+|[A-Za-z]{3}))?)(?:/([0-9]+))?")

FORM = 'five fields such as "0 3 * * 1-5", optionally after "TZ=Europe/Paris "'


def problem_of(cron: str) -> str | None:
    """Return what is expected instead of *cron*, or None when an engine takes it."""
    zone = _ZONE.match(cron)
    fields = cron[zone.end() if zone else 0 :].split()
    if len(fields) != len(_FIELDS):
        return FORM
    if zone is not None and not _is_zone(zone[1]):
        return f'a zone of the IANA database such as "Europe/Paris" instead of {zone[1]!r}'
    for text, (name, least, most, names) in zip(fields, _FIELDS, strict=True):
        if not all(_is_part(part, least, most, names) for part in text.split(",")):
            also = f" or {', '.join(names)}" if names else ""
            article = "an" if name == "hour" else "a"
            form = 'as *, a number, "1-5", "*/10", or a list'
            return f"{article} {name} of {least} to {most}{also} instead of {text!r}, {form}"
    return None


def _is_part(part: str, least: int, most: int, names: dict[str, int]) -> bool:
    match = _PART.fullmatch(part)
    if match is None:
        return False
    first, last, step = match.groups()
    if step is not None and int(step) == 0:
        return False
    if first is None:
        return True
    start, end = (_number(first, names), _number(last or first, names))
    return start is not None and end is not None and least <= start <= end <= most


def _number(text: str, names: dict[str, int]) -> int | None:
    return int(text) if text.isdigit() else names.get(text.upper())


@functools.lru_cache(maxsize=256)
def _is_zone(name: str) -> bool:
    """Tell whether there is such a zone; where the system has no database, any name may be one."""
    if name in ("UTC", "Local"):
        return True
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return not zoneinfo.available_timezones()
    return True
