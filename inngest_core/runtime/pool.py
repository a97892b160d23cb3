"""The bounded pool of threads in which sync functions run under the async driver. Runs work; decides nothing."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

DEFAULT_SIZE = 40
"""As many as Starlette has for its own sync routes."""

_log = logging.getLogger("inngest")


class Pool:
    """Threads that are started as they are needed. With no threads, work is done on the loop that asks for it."""

    def __init__(self, size: int, *, warn_again_seconds: float = 60.0) -> None:
        """size: of threads. warn_again_seconds: for how long a warning that they are all busy is not repeated."""
        self._size = size
        self._warn_again_seconds = warn_again_seconds
        self._executor = concurrent.futures.ThreadPoolExecutor(size, thread_name_prefix="inngest") if size else None
        self._lock = threading.Lock()
        self._unfinished = 0
        self._warned_at: float | None = None

    async def run(self, work: Callable[[], T]) -> T:
        """Do *work*, which raises no StopIteration, in a thread; it waits for its turn while all threads are busy."""
        if self._executor is None:
            return work()
        self._count_in()
        try:
            future = self._executor.submit(work)
        except BaseException:
            self._count_out()
            raise
        future.add_done_callback(self._count_out)
        return await asyncio.wrap_future(future)

    def _count_in(self) -> None:
        now = time.monotonic()
        with self._lock:
            self._unfinished += 1
            waiting = self._unfinished - self._size
            if waiting <= 0 or (self._warned_at is not None and now - self._warned_at < self._warn_again_seconds):
                return
            self._warned_at = now
        _log.warning(
            "all %d threads for sync functions are busy, and calls wait (%d now); allow more with "
            "Inngest(thread_pool_max_workers=) or INNGEST_THREAD_POOL_MAX_WORKERS, or make the functions async def",
            self._size,
            waiting,
        )

    def _count_out(self, _: object = None) -> None:
        with self._lock:
            self._unfinished -= 1

    def close(self) -> None:
        """Wait for the work that was begun or waits; nothing new is taken."""
        if self._executor is not None:
            self._executor.shutdown()
