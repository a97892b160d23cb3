"""An event as expressions see it: made fit for them when the first one asks, and once. Most events are never asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .matcher import Expression, Facts, prepare


class View:
    __slots__ = ("_event", "_facts")

    def __init__(self, event: Mapping[str, Any]) -> None:
        self._event = event
        self._facts: Facts | None = None

    @property
    def facts(self) -> Facts:
        if self._facts is None:
            self._facts = prepare(self._event)
        return self._facts


def holds(expression: Expression | None, event: View, async_event: View | None = None) -> bool:
    """Return whether *expression* is true for the events; none at all is true for every event."""
    if expression is None:
        return True
    return expression.matches(event.facts, None if async_event is None else async_event.facts)
