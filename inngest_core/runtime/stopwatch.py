"""How long something has taken, for code that must not look at clocks itself."""

from __future__ import annotations

import time
from collections.abc import Callable

ticks: Callable[[], float] = time.perf_counter
"""Seconds since some moment: two of them tell how long something took."""
