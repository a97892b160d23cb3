"""An event loop in a thread of its own, for async functions under the sync driver, also where gevent is at work.

Part of the sync driver: it runs coroutines, waits for them, and decides nothing. gevent makes greenlets of threads and
takes turns among them in one thread of the system. A loop that runs in a greenlet makes asyncio believe that a loop is
running in every other one, so there it gets a real thread, and callers wait through gevent's hub.

asyncio stops a loop when one of its tasks raises SystemExit or KeyboardInterrupt. Here that must not end the calls that
share the loop: it is logged, the loop goes on, and whoever awaits that task gets the exception. When the loop cannot go
on, everybody who waits for it gets the cause.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import os
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar, cast

from inngest_core.errors import InngestError

from .async_body import UNWIND_SECONDS
from .gevent import real_lock, signal, start_thread
from .outcome import Outcome, Raised, Returned

T = TypeVar("T")

LOOK_SECONDS = 1.0
"""How often a caller that waits looks whether the loop's thread is still there; otherwise it could wait for ever."""

_ENDS_A_LOOP = (SystemExit, KeyboardInterrupt)
_NO_THREAD = "its thread is gone, as in a process that was forked from the one in which it runs"
_CLOSED = "the client was closed while the function ran"

_log = logging.getLogger("inngest")


class _Call(Generic[T]):
    """A coroutine that runs on the loop, and the thread that waits for it."""

    def __init__(self, main: Callable[[], Coroutine[Any, Any, T]]) -> None:
        self.main = main
        self.context = contextvars.copy_context()
        self.task: asyncio.Task[T] | None = None
        self._outcome: Outcome | None = None
        self._done, self.wait = signal()

    def finish(self, outcome: Outcome) -> None:
        """Wake the thread that waits; only the first outcome counts."""
        if self._outcome is None:
            self._outcome = outcome
            self._done()

    def result(self) -> T:
        if self._outcome is None:
            raise AssertionError("a call has an outcome when its thread is woken")
        return cast("T", self._outcome.unwrap())

    def cancel(self) -> None:
        if self.task is not None:
            self.task.cancel()


class LoopThread:
    """An event loop in a daemon thread."""

    def __init__(
        self,
        new_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop,
        *,
        close_seconds: float = 2 * UNWIND_SECONDS,
    ) -> None:
        """Start the thread.

        close_seconds: how long `close` waits, as a task that blocks the loop may never let it end.
        Raises what *new_loop* raises, such as OSError when no more files can be opened.
        """
        self._new_loop = new_loop
        self._close_seconds = close_seconds
        self._process = os.getpid()
        self._lock = real_lock()
        self._calls: set[_Call[Any]] = set()
        self._cause: BaseException | None = None
        """Why it takes no more calls."""
        self._ended: Callable[[], object] = lambda: None
        started = real_lock()
        started.acquire()
        self._there_is_a_thread = start_thread(lambda: self._run(started.release))
        started.acquire()  # held by whoever made this, so no other greenlet may run meanwhile
        if self._cause is not None:
            raise self._cause

    def is_alive(self) -> bool:
        """Tell whether it takes calls: it was not closed, and its loop did not break."""
        return self._cause is None

    def run(self, main: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine on the loop in the caller's context variables and wait for it in this thread.

        Raises what the coroutine raises, but InngestError instead of SystemExit and KeyboardInterrupt, which are meant
        for the thread that they are raised in. Raises InngestError, too, when the loop ended before the coroutine did.
        """
        call = _Call(main)
        with self._lock:  # what comes before `close` is started, and cancelled; what comes after it is refused
            if self._cause is not None:
                raise InngestError(str(self._cause)) from self._cause
            self._calls.add(call)
            self._loop.call_soon_threadsafe(self._start, call)
        try:
            if not call.wait(LOOK_SECONDS, self._there_is_a_thread):
                gone = InngestError(_NO_THREAD)
                self._give_up(gone)
                call.finish(_ended_by(gone))  # another one that waited may be about to do that
        except BaseException:  # this thread was interrupted, not the task
            with self._lock:
                if call in self._calls:
                    self._loop.call_soon_threadsafe(call.cancel)
            raise
        return call.result()

    def close(self) -> None:
        """Cancel what runs, and wait for the end of the thread, for at most `close_seconds`."""
        ended, wait = signal()
        with self._lock:
            if self._cause is not None:
                return
            self._cause = InngestError(_CLOSED)
            self._ended = ended
            self._loop.call_soon_threadsafe(self._closing.set_result, None)
        if not wait(self._close_seconds):
            _log.warning(
                "an async function held its event loop for more than %g s after the client was closed; "
                "its thread is left behind",
                self._close_seconds,
            )

    def dismiss(self) -> None:
        """Let the thread end, without waiting for that: nobody can ask for it any more.

        The garbage collector calls this, at any moment and in any thread, so it takes no lock. A forked child leaves
        the loop of its parent alone, with which it shares a socket.
        """
        if os.getpid() == self._process:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._leave)

    # In the loop's thread

    def _leave(self) -> None:
        if not self._closing.done():
            self._closing.set_result(None)

    def _run(self, started: Callable[[], object]) -> None:
        try:
            loop = self._loop = self._new_loop()  # in this thread: under gevent its sockets belong to it
        except BaseException as error:
            self._cause = error
            started()
            return
        asyncio.set_event_loop(loop)
        self._closing: asyncio.Future[None] = loop.create_future()
        started()
        cause: BaseException = InngestError(_CLOSED)
        try:
            self._turn_until(self._closing)
            self._turn_until(loop.create_task(self._end()))
        except BaseException as error:
            _log.error("the event loop of async functions broke; the next call gets a new one", exc_info=error)
            cause = error
        finally:
            self._give_up(cause)
            loop.close()
            self._ended()

    def _turn_until(self, future: asyncio.Future[None]) -> None:
        """Turn the loop until *future* is done, whatever the functions' tasks raise."""
        while not future.done():
            try:
                self._loop.run_until_complete(future)
            except _ENDS_A_LOOP as error:
                _log.error(
                    "a task of an async function raised %s; it ended that task, but not the event loop",
                    type(error).__name__,
                    exc_info=error,
                )
            except RuntimeError:
                if future.done() or self._loop.is_closed():
                    raise
                _log.error("an async function stopped the event loop that it shares with others; the loop goes on")

    def _give_up(self, cause: BaseException) -> None:
        """Take no more calls, and end the waiting of those that did not come to their end."""
        with self._lock:
            self._cause = self._cause or cause
            calls, self._calls = self._calls, set()
        for call in calls:
            call.finish(_ended_by(cause))

    def _start(self, call: _Call[Any]) -> None:
        try:
            call.task = self._loop.create_task(call.main(), context=call.context)
        except BaseException as error:
            self._finish(call, Raised(error))
            raise
        call.task.add_done_callback(lambda task: self._report(call, task))

    def _report(self, call: _Call[T], task: asyncio.Task[T]) -> None:
        try:
            outcome: Outcome = Returned(task.result())
        except asyncio.CancelledError as error:
            why = "the function was cancelled by its own code" if self.is_alive() else _CLOSED
            outcome = Raised(_caused(why, error))
        except _ENDS_A_LOOP as error:  # meant for the thread in which it was raised, not for the one that waits
            outcome = Raised(_caused(f"the function raised {type(error).__name__}", error))
        except BaseException as error:
            outcome = Raised(error)
        self._finish(call, outcome)

    def _finish(self, call: _Call[Any], outcome: Outcome) -> None:
        with self._lock:
            self._calls.discard(call)
        call.finish(outcome)

    async def _end(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=UNWIND_SECONDS)
        closing = self._loop.create_task(self._loop.shutdown_asyncgens())
        await asyncio.wait([closing], timeout=UNWIND_SECONDS)


def _ended_by(cause: BaseException) -> Raised:
    return Raised(_caused(f"the event loop of the function ended before the function did: {cause}", cause))


def _caused(message: str, cause: BaseException) -> InngestError:
    error = InngestError(message)
    error.__cause__ = cause
    return error
