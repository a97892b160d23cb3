"""How long something has taken, for code that must not look at clocks itself."""

from __future__ import annotations

import time
from collections.abc import Callable

ticks: Callable[[], float] = time.perf_counter
"""Seconds since some moment, where making a stopwatch each time would take too long."""


def stopwatch() -> Callable[[], float]:
    """Start a stopwatch; return what tells the seconds since then."""
    began = time.perf_counter()
    return lambda: time.perf_counter() - began
