"""Event names: which of them an engine ever matches. Follows docs/protocol.md, Function configuration."""

from __future__ import annotations

import re

from inngest_core.protocol.limits import MAX_TRIGGER_NAME

NAME_RULE = f"an event name of 1 to {MAX_TRIGGER_NAME} characters without spaces"
WILDCARD_RULE = (
    'a wildcard only at the end, after "/" or ".", such as "app/*" or "app/user.*"; '
    "engines accept any other, but never match an event with it"
)

_SPACE = re.compile(r"\s")
_WILDCARD = re.compile(r"[^*]+[/.]\*")


def problem_of(name: str) -> str | None:
    """Return what is expected instead of *name* in a trigger, a wait or a cancellation; None when it can match."""
    if not name or len(name) > MAX_TRIGGER_NAME or has_space(name):
        return NAME_RULE
    if "*" in name and not _WILDCARD.fullmatch(name):
        return WILDCARD_RULE
    return None


def has_space(name: str) -> bool:
    """Tell whether there is white space anywhere in the name of an event."""
    return _SPACE.search(name) is not None
