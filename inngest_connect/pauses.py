"""How long to wait between attempts to reach an engine: longer each time, never given up, and never in step."""

from __future__ import annotations

import random

SECONDS = (1, 2, 5, 10, 20, 30, 60, 120, 300)


class Pauses:
    """The pauses of one kind of attempt."""

    def __init__(self) -> None:
        self._next = 0
        self._random = random.Random()  # noqa: S311 - jitter needs no secrets

    def next(self) -> float:
        """Return the seconds to wait before the next attempt: a step of SECONDS, give or take a half."""
        seconds = SECONDS[self._next]
        self._next = min(self._next + 1, len(SECONDS) - 1)
        return seconds * self._random.uniform(0.5, 1.5)

    def begin_anew(self) -> None:
        """Wait briefly again: an attempt worked."""
        self._next = 0
