"""Runs coroutines for code that is not async, on a loop in a thread of the kit's own.

While a test waits for a coroutine, its thread makes the calls of plain functions for it. So a plain function runs in
the thread of the test, where its database connection and its transaction are; and the thread of the test may have a
running loop, or none. Knows nothing of engines.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import os
import queue
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from inngest_core.errors import InngestError
from inngest_core.runtime.outcome import Outcome, Raised, Returned

from .tracebacks import as_raised_by_kit

__tracebackhide__ = True

T = TypeVar("T")

_PATIENCE_SECONDS = 5.0
"""For what was cancelled to end."""


@dataclass(frozen=True, slots=True)
class _Work:
    """Something to be done in the thread that waits, and what to do with what came of it."""

    do: Callable[[], object]
    done: Callable[[Outcome], object]


class Portal:
    """One thread of a test, as it waits for coroutines on the loop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inbox: queue.SimpleQueue[_Work | Outcome] | None = None
        self._thread: threading.Thread
        """The one that waits by the inbox."""

    def run(self, main: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine on the loop, in a copy of the caller's context variables, and return its result.

        Raises what the coroutine raises.
        """
        if threading.current_thread() is _loop_thread().thread:
            raise RuntimeError(
                "the sync test engine was asked by an async function that it runs itself, and would wait for itself; "
                "use it in the test only, and in such a function await testing.run_async(…) or testing.AsyncEngine"
            )
        inbox: queue.SimpleQueue[_Work | Outcome] = queue.SimpleQueue()
        before = self._enter(inbox)
        cancel = _loop_thread().start(main, inbox.put)
        try:
            while True:
                item = inbox.get()
                if not isinstance(item, _Work):
                    break
                _do(item)
        except BaseException:  # the test was interrupted, as by a time-out: what it waits for must not stay behind
            cancel()
            _wait_for_end(inbox)
            raise
        finally:
            self._inbox = before
        if isinstance(item, Raised):
            raise as_raised_by_kit(item.error)
        return cast("T", item.value)

    def _enter(self, inbox: queue.SimpleQueue[_Work | Outcome]) -> queue.SimpleQueue[_Work | Outcome] | None:
        """Take work by this inbox from now on; return the one until now. Raises RuntimeError in another thread."""
        with self._lock:
            before, thread = self._inbox, threading.current_thread()
            if before is not None and self._thread is not thread:
                raise RuntimeError(
                    f"the test engine is in use by the thread {self._thread.name!r}, and does one thing at a time; use "
                    "it in one thread, or give each thread an engine of its own"
                )
            self._inbox, self._thread = inbox, thread
            return before

    async def call_in_waiting_thread(self, do: Callable[[], T]) -> T:
        """Have the thread that waits call *do*, in a copy of its context variables; for coroutines on the loop."""
        inbox = self._inbox
        if inbox is None:
            raise AssertionError("no thread waits")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Outcome] = loop.create_future()

        def done(outcome: Outcome) -> None:
            loop.call_soon_threadsafe(_settle, future, outcome)

        inbox.put(_Work(do, done))
        return cast("T", (await future).unwrap())


def _wait_for_end(inbox: queue.SimpleQueue[_Work | Outcome]) -> None:
    """Wait until a coroutine that was cancelled has ended, for a while: it may not let itself be cancelled."""
    with contextlib.suppress(queue.Empty):
        while isinstance(inbox.get(timeout=_PATIENCE_SECONDS), _Work):
            pass


def _settle(future: asyncio.Future[Outcome], outcome: Outcome) -> None:
    if not future.cancelled():
        future.set_result(outcome)


def _do(work: _Work) -> None:
    try:
        outcome: Outcome = Returned(contextvars.copy_context().run(work.do))
    except Exception as error:
        outcome = Raised(error)
    except BaseException as error:  # meant for the test: KeyboardInterrupt, pytest.exit; a loop would end by it
        work.done(Raised(InngestError(f"the test was interrupted by {type(error).__name__}")))
        raise
    work.done(outcome)


class _LoopThread:
    """A loop in a daemon thread; it ends with the process. pid: of the process, as a fork has no such thread."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self._run, name="inngest testing", daemon=True)
        self.thread.start()
        self._tasks: set[asyncio.Task[None]] = set()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        while True:
            with contextlib.suppress(KeyboardInterrupt, SystemExit):  # of a task, whose waiter gets it
                self.loop.run_forever()

    def start(
        self, main: Callable[[], Coroutine[Any, Any, object]], done: Callable[[Outcome], object]
    ) -> Callable[[], None]:
        """Start a coroutine, and tell *done* what came of it. Returns what cancels it."""
        context = contextvars.copy_context()

        async def run() -> None:
            try:
                outcome: Outcome = Returned(await main())
            except BaseException as error:
                outcome = Raised(error)
            done(outcome)

        made: list[asyncio.Task[None]] = []

        def create() -> None:
            task = self.loop.create_task(run(), context=context)
            made.append(task)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        def cancel() -> None:
            for task in made:
                task.cancel()

        def cancel_soon() -> None:
            self.loop.call_soon_threadsafe(cancel)

        self.loop.call_soon_threadsafe(create)
        return cancel_soon


_lock = threading.Lock()
_shared: _LoopThread | None = None


def _loop_thread() -> _LoopThread:
    """Return the one loop of this process for tests that are not async."""
    global _shared
    with _lock:
        if _shared is None or _shared.pid != os.getpid():
            _shared = _LoopThread()
        return _shared


def running_loop() -> asyncio.AbstractEventLoop:
    """Return the loop that runs here; raises RuntimeError when there is none."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise RuntimeError(
            "no loop of asyncio runs here, and testing.run_async and testing.AsyncEngine need one; with another "
            "library, such as trio, use testing.run and testing.Engine"
        ) from None


def check_runs_here(own: asyncio.AbstractEventLoop) -> None:
    """Raise RuntimeError where an engine is asked on another loop than its own: it would wait for ever."""
    if running_loop() is not own:
        raise RuntimeError(
            "this engine lives on another event loop than the one that runs here; make an engine for each loop, and "
            "with pytest-asyncio give the fixture that holds it the same loop_scope as the test"
        )


def call_on_loop(loop: asyncio.AbstractEventLoop, do: Callable[[], T]) -> T:
    """Call *do* in the thread of *loop*, wherever this is, and wait for what it returns.

    A loop that rests, as after an async test, would never answer; nothing else happens on it, so it is done here.
    """
    try:
        current = asyncio.get_running_loop()
    except RuntimeError:
        current = None
    if current is loop or not (loop.is_running() or loop.is_closed()):
        return do()
    answers: queue.SimpleQueue[Outcome] = queue.SimpleQueue()

    def run() -> None:
        try:
            answers.put(Returned(do()))
        except BaseException as error:
            answers.put(Raised(error))

    loop.call_soon_threadsafe(run)
    return cast("T", answers.get().unwrap())
