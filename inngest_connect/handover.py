"""Work handed from one loop to another, which belongs to another thread: one wake-up for all that waits."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable


class Handover:
    """What is put in here, by any thread, is called on *loop* in the order in which it came."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: deque[Callable[[], object]] = deque()
        self._is_told = False

    def put(self, callback: Callable[[], object]) -> None:
        """Have *callback* called on the loop; raises RuntimeError when the loop is closed."""
        if self._loop.is_closed():
            raise RuntimeError("the loop is closed")
        self._waiting.append(callback)
        if not self._is_told:
            self._is_told = True
            call_soon = self._loop.call_soon if is_running_here(self._loop) else self._loop.call_soon_threadsafe
            call_soon(self._take)

    def _take(self) -> None:
        # First: what is put in from here on tells the loop again, if in vain.
        self._is_told = False
        try:
            while self._waiting:
                self._waiting.popleft()()
        finally:
            if self._waiting:  # a callback has raised, which the loop reports
                self._loop.call_soon(self._take)


def is_running_here(loop: asyncio.AbstractEventLoop) -> bool:
    """Tell whether *loop* runs in this thread."""
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False
