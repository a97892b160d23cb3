"""An event loop in a thread of its own, for async bodies under the sync driver, also where gevent is at work.

Part of the sync driver: it runs coroutines and waits for them, and decides nothing. gevent makes greenlets of threads
and takes turns among them in one thread of the system. A loop that runs in a greenlet makes asyncio believe that a
loop is running in every other one, so there it gets a real thread, and callers wait through gevent's hub.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, cast

from inngest_core.errors import InngestError

from .async_body import UNWIND_SECONDS
from .gevent import real_lock, signal, start_thread

T = TypeVar("T")

_CLOSED = "the client was closed while the function ran"


class LoopThread:
    """An event loop in a daemon thread."""

    def __init__(self) -> None:
        self._lock = real_lock()
        self._closed = False
        self._ended: Callable[[], object] = lambda: None
        started = real_lock()
        started.acquire()
        start_thread(lambda: self._run(started.release))
        started.acquire()  # held by whoever made this, so no other greenlet may run meanwhile

    def _run(self, started: Callable[[], object]) -> None:
        loop = self._loop = asyncio.new_event_loop()  # in this thread: under gevent its sockets belong to it
        asyncio.set_event_loop(loop)
        started()
        try:
            loop.run_forever()
            loop.run_until_complete(self._end())
        finally:
            loop.close()
            self._ended()

    async def _end(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.wait([asyncio.gather(*tasks, return_exceptions=True)], timeout=UNWIND_SECONDS)
        await self._loop.shutdown_asyncgens()

    def run(self, main: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine on the loop in the caller's context variables and wait for it in this thread.

        Raises what it raises; InngestError when the loop is closed before its end.
        """
        done, wait = signal()
        context = contextvars.copy_context()
        outcomes: list[tuple[T | None, BaseException | None]] = []
        tasks: list[asyncio.Task[None]] = []

        async def carry() -> None:
            try:
                outcomes.append((await main(), None))
            except asyncio.CancelledError:
                outcomes.append((None, InngestError(_CLOSED)))
            except BaseException as error:  # carried to the waiting thread
                outcomes.append((None, error))
            finally:
                done()

        with self._lock:  # what comes before `close` is started, and cancelled; what comes after it is refused
            if self._closed:
                raise InngestError(_CLOSED)
            self._loop.call_soon_threadsafe(lambda: tasks.append(self._loop.create_task(carry(), context=context)))
        try:
            wait()
        except BaseException:  # this thread was interrupted, not the task
            self._loop.call_soon_threadsafe(lambda: [task.cancel() for task in tasks])
            raise
        value, error = outcomes[0]
        if error is not None:
            raise error
        return cast("T", value)

    def close(self) -> None:
        """Cancel what runs, and wait for the end of the thread."""
        ended, wait = signal()
        with self._lock:
            self._closed = True
            self._ended = ended
            self._loop.call_soon_threadsafe(self._loop.stop)
        wait()
