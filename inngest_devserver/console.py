"""What the engine tells the person at the terminal: one line per run event and per step.

Builds lines and hands them to a sink; never decides, never fails a run. A line about a run is shown when what it tells
is kept: after this turn of the loop, at whose end there is a commit.
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
    """sink: takes each line; None keeps quiet. later: calls it after this turn, such as `loop.call_soon`."""

    def __init__(self, sink: Sink | None, later: Callable[[Callable[[], None]], object]) -> None:
        self._sink = sink
        self._later = later

    def say(self, now: float, text: str) -> None:
        """Tell something about the engine itself."""
        if self._sink is not None:
            self._show(_line(now, text))

    def run(self, now: float, function: str, run_id: str, outcome: str, seconds: float | None = None) -> None:
        if self._sink is not None:
            self._show_later(_line(now, f"{function} {_short(run_id)} run {outcome}{_took(seconds)}"))

    def step(
        self, now: float, function: str, run_id: str, name: str, outcome: str, seconds: float | None = None
    ) -> None:
        if self._sink is not None:
            self._show_later(_line(now, f'{function} {_short(run_id)} step "{name}" {outcome}{_took(seconds)}'))

    def _show_later(self, line: str) -> None:
        self._later(lambda: self._show(line))

    def _show(self, line: str) -> None:
        if self._sink is not None:
            with contextlib.suppress(Exception):  # a terminal that cannot show a line must not end a run
                self._sink(line)


def _line(now: float, text: str) -> str:
    clock = datetime.datetime.fromtimestamp(now).astimezone().strftime("%H:%M:%S.%f")[:-3]
    return f"{clock} {' '.join(text.splitlines())}"


def _short(run_id: str) -> str:
    """The end of a ULID tells runs apart; its start is the time."""
    return f"[{run_id[-6:]}]"


def _took(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f" ({seconds * 1000:.0f} ms)" if seconds < 10 else f" ({seconds:.1f} s)"
