"""How a value on the command line is read; what cannot be read is refused with what to write instead."""

from __future__ import annotations

import argparse
import datetime

from inngest_core.protocol.duration import parse_duration, parse_time


def port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; give 0 to 65535")
    return int(text)


def path(text: str) -> str:
    if not text.startswith("/"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a path; start it with /, as in /api/inngest")
    return text


def count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:10]) <= 1_000_000_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of at least 1")
    return int(text)


def seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 <= seconds < 86_400:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds; give 0 or more")
    return seconds


def moment(text: str) -> datetime.datetime:
    """Return the moment that is *text* ago, as in 2h, or that it names in RFC 3339."""
    try:
        return datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=parse_duration(text))
    except (ValueError, OverflowError):
        pass
    try:
        return parse_time(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a time; write how long ago, as in 90s, 2h or 1d, or a date, as in 2027-01-15T06:00:00Z"
        ) from None
