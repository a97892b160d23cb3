"""What time it is, and how long something has taken, for code that must not look at clocks itself.

A flow yields `NOW` instead: whoever drives it says what time it is.
"""

from __future__ import annotations

import time
from collections.abc import Callable

ticks: Callable[[], float] = time.perf_counter
"""Seconds since some moment: two of them tell how long something took."""


def unix_seconds() -> float:
    """Return the wall clock, where no flow is driven."""
    return time.time()
