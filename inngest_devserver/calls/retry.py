"""When to try again: the app's `retry-after` in its many spellings, and exponential back-off. Pure.

The spellings: docs/protocol.md, "Retries and errors".
"""

from __future__ import annotations

import datetime
import email.utils
import random
from collections.abc import Callable

from inngest_core.protocol.limits import MAX_RETRY_AFTER_SECONDS

Spread = Callable[[float, float], float]
"""Chooses a number from the first to the last."""

SHORTEST_SECONDS = 1.0
BACKOFF_CAP_SECONDS = 60.0
_LONGEST_INTEGER = 7
"""Digits; a longer number is not read as seconds."""
_FORMATS = (
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d",
    "%A, %d-%b-%y %H:%M:%S %Z",
    "%a %b %d %H:%M:%S %z %Y",
    "%a %b %d %H:%M:%S %Z %Y",
    "%a %b %d %H:%M:%S %Y",
    "%d %b %y %H:%M %Z",
    "%d %b %y %H:%M %z",
    "%Y-%m-%d %H:%M:%S.%f %z %Z",
    "%Y-%m-%d %H:%M:%S %z %Z",
)


def parse_retry_after(text: str | None, now: float) -> float | None:
    """Return the seconds to wait, from 1 to a day; None when the header is missing or cannot be read."""
    if not text:
        return None
    text = text.strip()
    if len(text) <= _LONGEST_INTEGER and text.isascii() and text.isdigit():
        return _clamp(float(text)) if int(text) > 0 else None
    when = _parse_time(text)
    return None if when is None else _clamp(when.timestamp() - now)


def backoff(attempt: int, interval: float, spread: Spread = random.uniform) -> float:
    """Return the seconds before the next attempt. attempt: the one that failed, from 0. interval: after the first.

    spread: chooses by how much longer it is.

    A little randomness keeps runs that failed together from coming back together.
    """
    seconds = interval * float(2 ** min(attempt, 30))
    return min(seconds, max(interval, BACKOFF_CAP_SECONDS)) * spread(1.0, 1.1)


def _clamp(seconds: float) -> float:
    return min(max(seconds, SHORTEST_SECONDS), MAX_RETRY_AFTER_SECONDS)


def _parse_time(text: str) -> datetime.datetime | None:
    try:
        return _in_utc(datetime.datetime.fromisoformat(text))
    except ValueError:
        pass
    for form in _FORMATS:
        try:
            return _in_utc(datetime.datetime.strptime(text, form))
        except ValueError:
            continue
    try:
        return _in_utc(email.utils.parsedate_to_datetime(text))
    except (ValueError, OverflowError):  # the latter comes from an odd time zone
        return None


def _in_utc(when: datetime.datetime) -> datetime.datetime:
    return when if when.tzinfo else when.replace(tzinfo=datetime.UTC)
