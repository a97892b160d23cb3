"""The one place of the engine where time is read and waited for.

Everything else asks a Clock, so that a testing kit can own time. Holds no queue and no policy.
"""

from __future__ import annotations

import asyncio
import datetime
import time
from typing import Protocol

_LONGEST_WAIT_SECONDS = 3600.0
"""The wall clock may be set while we wait: look at it again at least this often."""


class Clock(Protocol):
    def now(self) -> float:
        """Return Unix seconds."""
        ...

    async def wait(self, wake: asyncio.Event, until: float | None) -> None:
        """Return when *wake* is set or *until* (Unix seconds) is reached; maybe earlier, never much later."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> float:
        return time.time()

    async def wait(self, wake: asyncio.Event, until: float | None) -> None:
        if until is None:
            await wake.wait()
            return
        delay = min(until - self.now(), _LONGEST_WAIT_SECONDS)
        if delay <= 0:
            await asyncio.sleep(0)
            return
        # A plain timer that sets the event: cheaper than wait_for, and nothing has to be cancelled inside.
        timer = asyncio.get_running_loop().call_later(delay, wake.set)
        try:
            await wake.wait()
        finally:
            timer.cancel()


class ManualClock:
    """A clock that moves only when told to: sleeps of days pass in a call."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self._now = now
        self._waiting: dict[asyncio.Event, float] = {}

    def now(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        """Jump forward and wake whoever waited for a moment that is now past; `virtual_time.py` stops at each one."""
        self.move_to(self._now + seconds)

    def move_to(self, moment: float) -> None:
        """Jump to a moment (Unix seconds); to one that is past is not to move."""
        self._now = max(self._now, moment)
        for wake, until in list(self._waiting.items()):
            if until <= self._now:
                wake.set()

    def next_wake(self) -> float | None:
        """Return the earliest moment that somebody waits for."""
        return min(self._waiting.values(), default=None)

    async def wait(self, wake: asyncio.Event, until: float | None) -> None:
        if until is not None:
            if until <= self._now:
                await asyncio.sleep(0)
                return
            self._waiting[wake] = until
        try:
            await wake.wait()
        finally:
            self._waiting.pop(wake, None)


def iso(seconds: float) -> str:
    """Return Unix seconds as RFC 3339 in UTC with microseconds."""
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
