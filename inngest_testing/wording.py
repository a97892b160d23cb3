"""Words that the messages of the kit share: what was met, and what was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def listed(names: Iterable[str]) -> str:
    """Return names in quotes, each once, or "none"."""
    return ", ".join(f'"{name}"' for name in dict.fromkeys(names)) or "none"


def short_repr(value: object) -> str:
    """Return a value as Python writes it, cut where it is long."""
    return shortened(repr(value), 100)


def shortened(text: str, limit: int) -> str:
    """Return a text, cut after *limit* characters."""
    return text if len(text) <= limit else f"{text[:limit]}…"


def meant(name: str, known: Iterable[str]) -> str:
    """Return a question that names what was probably meant, to follow a semicolon; empty when nothing comes near."""
    by_letters = {each.casefold(): each for each in known}
    near = difflib.get_close_matches(name.casefold(), by_letters, 1) or [
        each for each in by_letters if name.casefold() in each or each in name.casefold()
    ]
    return f'; did you mean "{by_letters[near[0]]}"?' if near else ""
