"""Keeps a connection alive while work is done: white space now and then, and at last what the work gave.

Part of the drivers, one class for each. The work begins when the first piece is asked for, once, in the context
variables of whoever made the stream; the web framework that asks for the pieces may have others by then.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, cast

from .outcome import Outcome, Raised, Returned
from .threads import STREAM_THREAD

WHITE_SPACE = b" "


class SyncStream(Iterator[bytes]):
    """The pieces for a server that waits in a thread: the work is done in another one."""

    def __init__(self, work: Callable[[], bytes], seconds: float) -> None:
        """seconds: between two pieces of white space."""
        self._work = work
        self._seconds = seconds
        self._context = contextvars.copy_context()
        self._done: threading.Event | None = None
        self._outcome: Outcome | None = None
        self._over = False

    def __next__(self) -> bytes:
        if self._over:
            raise StopIteration
        done = self._done or self._start()
        try:
            if not done.wait(self._seconds):
                return WHITE_SPACE
        except BaseException:  # this thread is told to end: nothing is waited for any more
            self._over, self._done = True, None
            raise
        self._over = True
        if self._outcome is None:
            raise AssertionError("work that is done has an outcome")
        return cast("bytes", self._outcome.unwrap())

    def _start(self) -> threading.Event:
        done = self._done = threading.Event()
        work = functools.partial(self._context.run, self._run, done)
        threading.Thread(target=work, name=STREAM_THREAD, daemon=True).start()
        return done

    def _run(self, done: threading.Event) -> None:
        try:
            self._outcome = Returned(self._work())
        except BaseException as error:  # it belongs to whoever asks for the pieces
            self._outcome = Raised(error)
        finally:
            done.set()

    def close(self) -> None:
        """Wait for work that was begun: servers call this at the end, also when the client has disconnected.

        So the server's own bound on requests at a time bounds the threads, and none of them is left behind.
        """
        self._over = True
        if self._done is not None:
            self._done.wait()


class AsyncStream(AsyncIterator[bytes]):
    """The pieces for a server that awaits on a loop: the work is a task there."""

    def __init__(self, work: Callable[[], Coroutine[Any, Any, bytes]], seconds: float) -> None:
        """seconds: between two pieces of white space."""
        self._work = work
        self._seconds = seconds
        self._context = contextvars.copy_context()
        self._task: asyncio.Task[bytes] | None = None
        self._over = False

    async def __anext__(self) -> bytes:
        if self._over:
            raise StopAsyncIteration
        if self._task is None:
            loop = asyncio.get_running_loop()
            self._task = loop.create_task(self._work(), context=self._context, name=STREAM_THREAD)
        try:
            await asyncio.wait([self._task], timeout=self._seconds)
        except BaseException:  # the server cancels the request, and so the work
            await self.aclose()
            raise
        if not self._task.done():
            return WHITE_SPACE
        self._over = True
        return self._task.result()

    async def aclose(self) -> None:
        """Cancel work that has not ended, and wait until it has."""
        self._over = True
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task])
