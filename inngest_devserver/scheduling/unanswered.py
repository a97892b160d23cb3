"""Notices that an app, or a function, has got all the calls that it may get at once and answers none of them.

Says so once, for the person at the terminal: what else is queued there waits, and nothing else tells why. Ends no call.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Generator
from dataclasses import dataclass

from .clock import Clock

PATIENCE_SECONDS = 30.0
"""How long nothing may be answered before it is said."""


@dataclass(slots=True)
class _Calls:
    """under_way: how many calls are. answered: how many were, ever."""

    under_way: int = 0
    answered: int = 0


class Unanswered:
    """say: shows a line."""

    def __init__(self, clock: Clock, say: Callable[[str], None]) -> None:
        self._clock = clock
        self._say = say
        self._calls: dict[str, _Calls] = {}
        self._watching: dict[str, asyncio.Task[None]] = {}

    @contextlib.contextmanager
    def under_way(self, *those: tuple[str, int]) -> Generator[None]:
        """Count a call of *those*, each in words and with how many of its calls are made at once, until it ends."""
        for what, limit in those:
            calls = self._calls.setdefault(what, _Calls())
            calls.under_way += 1
            if calls.under_way == limit and what not in self._watching:
                until = self._clock.now() + PATIENCE_SECONDS
                watch = self._watch(what, limit, calls, until)
                self._watching[what] = asyncio.create_task(watch, name="unanswered calls")
        try:
            yield
        finally:
            for what, _ in those:
                calls = self._calls[what]
                calls.under_way -= 1
                calls.answered += 1
                if not calls.under_way:
                    del self._calls[what]

    async def _watch(self, what: str, limit: int, calls: _Calls, until: float) -> None:
        answered = calls.answered
        try:
            await self._clock.wait(asyncio.Event(), until)
            if calls.answered == answered:
                self._say(
                    f"{what} has not answered any of {limit} calls for {PATIENCE_SECONDS:.0f} s; its other calls wait. "
                    "Cancelling runs, or removing the app, gives their calls up"
                )
        finally:
            del self._watching[what]

    def stop(self) -> None:
        for task in self._watching.values():
            task.cancel()
