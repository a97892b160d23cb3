"""JSON values as their parts, and in one line of text, whatever they turn out to be. Raises nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

_SHOWN = 4_000
"""Characters of a value; more is cut."""


def mapping(value: object) -> Mapping[str, Any]:
    """Return an object of JSON; an empty one for anything else."""
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def mappings(value: object) -> list[Mapping[str, Any]]:
    """Return the objects in an array of JSON; none for anything else."""
    return [mapping(one) for one in cast("Sequence[object]", value)] if isinstance(value, list) else []


def in_short(value: object) -> str:
    """Return a value as JSON in one line, cut where it is long."""
    text = json.dumps(value, ensure_ascii=False)
    return one_line(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}... ({len(text)} characters)")


def one_line(text: str) -> str:
    """Return a text without what would break its line, or control a terminal."""
    return "".join(char if char.isprintable() else " " for char in text)
