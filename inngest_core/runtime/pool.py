"""The bounded pool of threads in which sync functions run under the async driver. Runs work; decides nothing.

Its threads are daemons, unlike those of an executor, for which Python waits at the end of a program however long they
take. Here that is up to the pool: it waits at the end of the program, unless its owner has left the work behind.
"""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import logging
import queue
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

DEFAULT_SIZE = 40
"""As many as Starlette has for its own sync routes."""

_log = logging.getLogger("inngest")

_Job = tuple["concurrent.futures.Future[Any]", Callable[[], Any]]


class Pool:
    """Threads that are started as they are needed. With no threads, work is done on the loop that asks for it."""

    def __init__(self, size: int, *, warn_again_seconds: float = 60.0) -> None:
        """size: of threads. warn_again_seconds: for how long a warning that they are all busy is not repeated."""
        self._size = size
        self._warn_again_seconds = warn_again_seconds
        self._lock = threading.Lock()
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._threads: list[threading.Thread] = []
        self._unfinished = 0
        self._closed = False
        self._warned_at: float | None = None
        weakref.finalize(self, _dismiss, self._jobs, self._threads).atexit = False
        _waited_for.add(self)

    async def run(self, work: Callable[[], T]) -> T:
        """Do *work*, which raises no StopIteration, in a thread; it waits for its turn while all threads are busy."""
        if not self._size:
            return work()
        self._count_in()
        try:
            future = self._submit(work)
        except BaseException:
            self._count_out()
            raise
        future.add_done_callback(self._count_out)
        return await asyncio.wrap_future(future)

    def _submit(self, work: Callable[[], T]) -> concurrent.futures.Future[T]:
        with self._lock:
            if self._closed:
                raise RuntimeError("the pool of threads was closed")
            if len(self._threads) < self._size and not self._idle.acquire(blocking=False):
                name = f"inngest_{len(self._threads)}"
                thread = threading.Thread(target=_do_jobs, args=(self._jobs, self._idle), name=name, daemon=True)
                thread.start()
                self._threads.append(thread)
            future: concurrent.futures.Future[T] = concurrent.futures.Future()
            self._jobs.put((future, work))
            return future

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
        self._close()
        for thread in list(self._threads):
            if thread is not threading.current_thread():
                thread.join()

    def leave_behind(self) -> bool:
        """Close without waiting, now and at the end of the program; return whether work was under way."""
        _waited_for.discard(self)
        self._close()
        return self._unfinished > 0

    def _close(self) -> None:
        with self._lock:
            self._closed = True
        _dismiss(self._jobs, self._threads)


def _do_jobs(jobs: queue.SimpleQueue[_Job | None], idle: threading.Semaphore) -> None:
    """Do one job after another until there is a None; the pool is not named here, so that nothing keeps it alive."""
    while (job := jobs.get()) is not None:
        future, work = job
        if future.set_running_or_notify_cancel():
            try:
                future.set_result(work())
            except BaseException as error:
                future.set_exception(error)
        del job, future, work  # they keep what the function had, until the next one
        idle.release()


def _dismiss(jobs: queue.SimpleQueue[_Job | None], threads: list[threading.Thread]) -> None:
    """Have each thread end after the work that waits."""
    for _ in threads:
        jobs.put(None)


_waited_for: weakref.WeakSet[Pool] = weakref.WeakSet()


@atexit.register
def _wait_at_the_end() -> None:
    for pool in list(_waited_for):
        pool.close()
