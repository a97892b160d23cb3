"""Drives an engine through time that does not pass: from one due moment to the next, doing all that is due at each.

A month of sleeps takes as long as the calls in it. The engine needs a ManualClock, and nothing else may move that.
Knows nothing of runs; a testing kit builds on it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from .clock import ManualClock
from .scheduler import Scheduler


class VirtualTime:
    """Ask it on the engine's loop, from one task at a time."""

    def __init__(self, scheduler: Scheduler, clock: ManualClock) -> None:
        self._scheduler = scheduler
        self._clock = clock
        self._sleepers: list[float] = []

    @property
    def now(self) -> float:
        """Unix seconds."""
        return self._clock.now()

    async def settle(self) -> float | None:
        """Let everything happen that is due now; return when something is due next (Unix seconds), or None."""
        due = await self._scheduler.settled(self._resting)
        moments = [moment for moment in (due, *self._sleepers) if moment is not None]
        return min(moments, default=None)

    def _resting(self) -> int:
        return sum(until > self._clock.now() for until in self._sleepers)

    async def sleep(self, seconds: float) -> None:
        """Let a call take *seconds*: for an app that stands in for a real one, and is called for by the engine."""
        until, wake = self._clock.now() + seconds, asyncio.Event()
        self._sleepers.append(until)
        self._scheduler.look_again()
        try:
            while self._clock.now() < until:
                wake.clear()
                await self._clock.wait(wake, until)
        finally:
            self._sleepers.remove(until)

    async def advance(self, seconds: float) -> None:
        """Let *seconds* pass, stopping at every moment at which something is due."""
        await self.move_to(self._clock.now() + seconds)

    async def move_to(self, moment: float) -> None:
        """As `advance`, up to a moment (Unix seconds); to one that is past is to settle."""
        while (due := await self.settle()) is not None and due <= moment:
            self._clock.move_to(due)
        self._clock.move_to(moment)

    async def run_until(self, condition: Callable[[], bool], *, seconds: float | None = None) -> bool:
        """Let time pass until *condition* is true; return whether it is.

        condition: asked whenever everything at a moment is done. seconds: give up after so many; None goes on until
        nothing is due any more.
        """
        last = None if seconds is None else self._clock.now() + seconds
        while True:
            due = await self.settle()
            if condition():
                return True
            if due is None or (last is not None and due > last):
                return False
            self._clock.move_to(due)
