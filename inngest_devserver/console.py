"""What the engine tells the person at the terminal: one line per run event and per step.

Builds lines and hands them to a sink; never decides, never fails a run.
"""

from __future__ import annotations

import contextlib
import datetime
import sys
from collections.abc import Callable

Sink = Callable[[str], None]


def stderr(line: str) -> None:
    """Write a line to standard error, where it does not mix with what a program prints."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


class Console:
    """sink: takes each line; None keeps quiet."""

    def __init__(self, sink: Sink | None) -> None:
        self._sink = sink

    def say(self, now: float, text: str) -> None:
        """Tell something about the engine itself."""
        self._line(now, text)

    def run(self, now: float, function: str, run_id: str, outcome: str, seconds: float | None = None) -> None:
        self._line(now, f"{function} {_short(run_id)} run {outcome}{_took(seconds)}")

    def step(
        self, now: float, function: str, run_id: str, name: str, outcome: str, seconds: float | None = None
    ) -> None:
        self._line(now, f'{function} {_short(run_id)} step "{name}" {outcome}{_took(seconds)}')

    def _line(self, now: float, text: str) -> None:
        if self._sink is not None:
            clock = datetime.datetime.fromtimestamp(now).astimezone().strftime("%H:%M:%S.%f")[:-3]
            with contextlib.suppress(Exception):  # a terminal that cannot show a line must not end a run
                self._sink(f"{clock} {' '.join(text.splitlines())}")


def _short(run_id: str) -> str:
    """The end of a ULID tells runs apart; its start is the time."""
    return f"[{run_id[-6:]}]"


def _took(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f" ({seconds * 1000:.0f} ms)" if seconds < 10 else f" ({seconds:.1f} s)"
