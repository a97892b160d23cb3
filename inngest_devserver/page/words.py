"""Times, durations and counts as people read them."""

from __future__ import annotations

import datetime
import html
import re

from inngest_devserver.scheduling.clock import iso

from .json_text import Markup

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def iso_of(seconds: float) -> str:
    """Return Unix seconds for a `datetime` attribute."""
    return iso(seconds)


def clock(seconds: float) -> str:
    """Return Unix seconds as a time in UTC: what is read where no script turns it into local time."""
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def duration(seconds: float | None) -> str:
    """Return how long something took, to two or three digits."""
    if seconds is None:
        return ""
    seconds = max(seconds, 0.0)
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < _MINUTE:
        return f"{seconds:.3g} s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE:.0f} min {seconds % _MINUTE:.0f} s"
    if seconds < _DAY:
        return f"{seconds // _HOUR:.0f} h {seconds % _HOUR // _MINUTE:.0f} min"
    return f"{seconds // _DAY:.0f} d {seconds % _DAY // _HOUR:.0f} h"


def plural(count: int, one: str, many: str = "") -> str:
    """Return a count with its noun."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def with_times(text: str) -> Markup:
    """Return a text as HTML in which a browser finds each time, so that it is shown in the reader's zone."""
    escaped = html.escape(text)
    return Markup(_MOMENT.sub(lambda match: f'<time datetime="{match[0]}" data-show="both">{match[0]}</time>', escaped))
