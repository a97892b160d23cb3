"""Work that begins beside what goes on when that has taken long enough. Part of the async driver; decides nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine


class AsyncTimer:
    """Starts a coroutine on the running loop after some time, unless it is cancelled before."""

    def __init__(self, seconds: float, work: Callable[[], Coroutine[object, object, None]]) -> None:
        self._work = work
        self._task: asyncio.Task[None] | None = None
        self._handle = asyncio.get_running_loop().call_later(seconds, self._start)

    def _start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._work())

    def cancel(self) -> None:
        """Begin nothing any more, and end what has begun."""
        self._handle.cancel()
        if self._task is not None:
            self._task.cancel()


class NoTimer:
    """Never starts anything: what a thread waits for cannot be watched from the same thread."""

    def cancel(self) -> None:
        """Do nothing."""
