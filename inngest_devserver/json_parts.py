"""What an engine answers as its parts, and in one line of text, whatever it turns out to be."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

LONGEST_VALUE = 4_000
"""Characters of a value; more is cut."""


def mapping(value: object) -> Mapping[str, Any]:
    """Return an object of JSON; an empty one for anything else."""
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def mappings(value: object) -> list[Mapping[str, Any]]:
    """Return the objects in an array of JSON; none for anything else."""
    return [mapping(one) for one in cast("Sequence[object]", value)] if isinstance(value, list) else []


def in_short(value: object) -> str:
    """Return a value as JSON in one line, cut where it is long."""
    return one_line(cut(json.dumps(value, ensure_ascii=False)))


def cut(text: str) -> str:
    """Return a text; where it is long, its beginning, and how long it is."""
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}... ({len(text)} characters)"


def one_line(text: str) -> str:
    """Return a text without what would break its line, or control a terminal."""
    return "".join(char if char.isprintable() else " " for char in text)


def moment_of(text: object) -> datetime.datetime:
    """Return the time that an engine wrote; some write nanoseconds."""
    return datetime.datetime.fromisoformat(str(text))


def error_in_words(value: object) -> str:
    """Return the name and the message of an error, as runs and steps have them; nothing when it is none."""
    error = mapping(value)
    error = mapping(error.get("error")) or error
    named = [str(error[key]) for key in ("name", "message") if error.get(key)]
    return one_line(": ".join(named))
