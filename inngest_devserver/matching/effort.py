"""How much work one evaluation of an expression may be: events may be large, and loops may be nested.

An evaluation holds up the whole engine. What runs once is no more work than the event is large; only what is done again
and again in a loop is counted. No clock: the same expression and the same event always come to the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import cast

from .values import NoValueError

MOST_TURNS = 10_000
"""Turns of all loops together."""
MOST_WORK = 500_000
"""Parts of values that the turns look at: items, keys, or a hundred characters of a text."""
_CHARACTERS = 100


class Effort:
    """What one evaluation has done so far."""

    __slots__ = ("_sizes", "_turns", "_work")

    def __init__(self) -> None:
        self._turns = self._work = 0
        self._sizes: dict[int, tuple[object, int]] = {}

    def turn(self) -> None:
        """Count a turn of a loop. Raises NoValueError."""
        self._turns += 1
        if self._turns > MOST_TURNS:
            raise NoValueError(f"the loops of the expression take more than {MOST_TURNS} turns")

    def look_at(self, value: object) -> None:
        """Count a value that something in a loop goes through. Raises NoValueError."""
        self._work += self._size(value)
        if self._work > MOST_WORK:
            raise NoValueError(f"the loops of the expression look at more than {MOST_WORK} parts of the event")

    def _size(self, value: object) -> int:
        if isinstance(value, (str, bytes)):
            return len(value) // _CHARACTERS
        items = _items(value)
        return 0 if items is None else self._size_of_items(value, items)

    def _size_of_items(self, value: object, items: Iterable[object]) -> int:
        known = self._sizes.get(id(value))
        if known is not None:
            return known[1]
        size = sum(1 + self._size(item) for item in items)
        self._sizes[id(value)] = (value, size)  # the value is kept, so that no other one gets its id
        return size


def _items(value: object) -> Iterable[object] | None:
    if isinstance(value, dict):
        return cast("Mapping[object, object]", value).values()
    return cast("Iterable[object]", value) if isinstance(value, (list, tuple)) else None
