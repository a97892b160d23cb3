"""What the apps that the engine runs itself have written lately: a bounded number of lines, in memory."""

from __future__ import annotations

import collections
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .changes import Changes
from .masking import Masking

MOST_LINES = 10_000
MOST_CHARACTERS = 4 * 1024 * 1024
_AROUND = 200
"""Characters that a line takes besides its text, about."""


@dataclass(frozen=True, slots=True)
class OutputLine:
    """A line. number: they are counted from 1. at: Unix seconds. target: of the app, as in "module:app".

    apps: the ids of its apps. stream: "stdout" or "stderr". run: in which it was written, or empty.
    """

    number: int
    at: float
    target: str
    apps: tuple[str, ...]
    stream: str
    run: str
    text: str


class AppOutput:
    def __init__(self, changes: Changes, masking: Masking) -> None:
        self._changes = changes
        self._masking = masking
        self._lines: collections.deque[OutputLine] = collections.deque()
        self._characters = 0
        self._count = 0

    def add(self, target: str, apps: Sequence[str], lines: Iterable[tuple[float, str, str, str]]) -> None:
        """Keep lines, each with its time, its stream, its run and its text, without what looks like a secret."""
        for at, stream, run, text in lines:
            self._count += 1
            line = OutputLine(self._count, at, target, tuple(apps), stream, run, self._masking.mask_line(text))
            self._lines.append(line)
            self._characters += len(line.text) + _AROUND
            # Of many lines it is told once that there are some.
            self._changes.tell("log", target, run)
        while len(self._lines) > MOST_LINES or self._characters > MOST_CHARACTERS:
            self._characters -= len(self._lines.popleft().text) + _AROUND

    def lines(self, *, app: str = "", run: str = "", after: int | None = None, limit: int) -> list[OutputLine]:
        """Return lines, oldest first: the latest, or the first after a number. app, run: of these only.

        A number that was not reached yet is one of an engine before this one, and does not count.
        """
        if after is not None and after > self._count:
            after = None
        found: list[OutputLine] = []
        for line in reversed(self._lines):
            if after is not None and line.number <= after:
                break
            if (not app or app in line.apps) and (not run or line.run == run):
                found.append(line)
                if after is None and len(found) == limit:
                    break
        found.reverse()
        return found[:limit]
