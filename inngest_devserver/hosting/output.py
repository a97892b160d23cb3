"""Tells the engine what a hosted app writes to its standard streams, and in which run. The streams get it as ever.

What is written past Python's streams, as by a program that the app starts, is not seen here.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable
from typing import Any, TextIO

from inngest_devserver.scheduling.clock import SystemClock

from .channel import Channel, Line

_clock = SystemClock()
LONGEST_LINE = 8_192
"""Characters of a line; of a longer one, each part counts as a line."""


def watch_output(channel: Channel) -> None:
    """Watch the standard streams of this process from now on, if somebody wants to know."""
    if channel.has_parent:
        sys.stdout = Watched(sys.stdout, "stdout", channel)
        sys.stderr = Watched(sys.stderr, "stderr", channel)


class Watched:
    """A stream that is used as ever. What is written in one thread is put together to lines."""

    def __init__(self, stream: TextIO, name: str, channel: Channel) -> None:
        self._stream = stream
        self._name = name
        self._channel = channel
        self._begun: dict[int, str] = {}
        """By thread, a line whose end was not written yet."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __iter__(self) -> Any:
        return iter(self._stream)

    def write(self, text: str) -> int:
        written = self._stream.write(text)
        if text:
            self._tell(text)
        return written

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def _tell(self, text: str) -> None:
        thread = threading.get_ident()
        *whole, rest = (self._begun.pop(thread, "") + text).split("\n")
        if len(rest) > LONGEST_LINE:
            whole.append(rest)
            rest = ""
        if rest:
            self._begun[thread] = rest
        if whole:
            run, now = current_run(), _clock.now()
            for line in whole:
                for begin in range(0, max(len(line), 1), LONGEST_LINE):
                    part = line[begin : begin + LONGEST_LINE].rstrip("\r")
                    self._channel.tell(Line(now, self._name, run, part))


def current_run() -> str:
    """Return the id of the run whose function is running here; empty when none is."""
    current = sys.modules.get("inngest_core.execution.current")  # an app of another SDK does not need it
    call = current.current_call.get() if current is not None else None
    return "" if call is None else str(call.ctx.run_id)
