"""The only performers of effects: `run_sync` in the thread it is in, `run_async` on the running loop.

Neither knows a header, an opcode or JSON. What they need (threads, a loop of their own, HTTP clients) is in
`Resources`, made on first use per process and closed with its owner. The rules that both keep:

- An outcome is carried into the flow, never raised past it: a StopIteration of user code cannot end a driver.
- An async body under the sync driver runs on one long-lived loop thread, so it does not matter whether the calling
  thread has a running loop; a sync body under the async driver runs in a bounded pool. Both see the caller's
  context variables.
- The async driver leaves no task behind: a body that it started has ended when it returns or is cancelled.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
import os
import threading
import time
import weakref
from collections.abc import Awaitable
from typing import Any, TypeVar, assert_never, cast

from inngest_core.errors import AsyncUnsupportedError, InngestError

from .async_body import AsyncBody, carry
from .awaitable import is_awaitable
from .effects import (
    NOW,
    Call,
    Close,
    Effect,
    Fetch,
    Flow,
    Invoke,
    KeepAlive,
    Later,
    Now,
    Open,
    Random,
    Read,
    Settle,
    Sleep,
    Start,
    Unwind,
)
from .fork import forget_after_fork
from .held_loop import tell_if_held
from .loop_thread import LoopThread
from .open_answers import OpenAnswer, OpenAnswerAsync
from .outcome import Outcome, Raised, Returned
from .pool import DEFAULT_SIZE, Pool
from .streams import AsyncStream, SyncStream
from .timers import AsyncTimer, NoTimer
from .transport import Transport

T = TypeVar("T")

_AT_ONCE = frozenset({Now, Random, Start, Later, KeepAlive})  # the effects whose results are never awaited


class Resources:
    """What drivers need beyond the thread they are in; belongs to a client, made on first use per process."""

    def __init__(self, pool_size: int | None = None) -> None:
        """pool_size: how many sync functions run at a time under the async driver; 0 runs them on the loop."""
        self.transport = Transport()
        self._pool_size = DEFAULT_SIZE if pool_size is None else pool_size
        self.forget()
        forget_after_fork(self)

    def forget(self) -> None:
        """Begin anew in a forked child, which has no threads, and locks as they were at that moment."""
        self._lock = threading.Lock()
        self._pool: Pool | None = None
        self._loop_thread: LoopThread | None = None

    def pool(self) -> Pool:
        """Return the bounded pool for sync bodies under the async driver."""
        with self._lock:
            if self._pool is None:
                self._pool = Pool(self._pool_size)
            return self._pool

    def loop_thread(self) -> LoopThread:
        """Return the one loop for async bodies under the sync driver."""
        with self._lock:
            if self._loop_thread is None or not self._loop_thread.is_alive():
                self._loop_thread = LoopThread()
                weakref.finalize(self, self._loop_thread.dismiss).atexit = False
            return self._loop_thread

    def leave_behind(self) -> bool:
        """Do not wait, now or at the end of the program, for sync bodies under way; return whether there were any."""
        with self._lock:
            pool, self._pool = self._pool, None
        return pool is not None and pool.leave_behind()

    def close(self) -> None:
        """End the pool, the loop thread and the HTTP client; what is made after that is made anew."""
        with self._lock:
            pool, loop_thread = self._pool, self._loop_thread
            self._pool = self._loop_thread = None
        if pool is not None:
            pool.close()
        if loop_thread is not None:
            loop_thread.close()
        self.transport.close()

    async def close_async(self) -> None:
        """Close, without blocking the running loop; its own HTTP client too."""
        await self.transport.close_async()
        await asyncio.to_thread(self.close)


def run_sync(flow: Flow[T], resources: Resources) -> T:
    """Run *flow* to its end in this thread and return its result."""
    current: Flow[Any] = flow
    waiting: list[Flow[Any]] = []
    """Flows that wait for the result of the one that they invoked, the innermost last."""
    result: object = None
    error: BaseException | None = None
    while True:
        try:
            effect = current.send(result) if error is None else current.throw(error)
        except StopIteration as end:
            error = None  # here and below: its traceback holds this frame
            if not waiting:
                ended: T = end.value
                return ended
            current, result = waiting.pop(), end.value
            continue
        except BaseException as raised:
            error = None
            if not waiting:
                raise
            current, error = waiting.pop(), raised
            continue
        error = None
        if effect is NOW:  # as each call asks twice
            result = time.time()
            continue
        if isinstance(effect, Invoke) and not effect.is_async:
            waiting.append(current)
            current, result = effect.flow, None
            continue
        try:
            result = _perform(effect, resources)
        except BaseException as raised:  # the flow decides what an outcome means
            error = raised


def _perform(effect: Effect, resources: Resources) -> object:
    match effect:
        case Now():
            return time.time()
        case Call():
            return _call(effect)
        case Invoke(flow):
            return resources.loop_thread().run(lambda: run_async(flow, resources))
        case KeepAlive(flow, seconds):
            return SyncStream(lambda: run_sync(flow, resources), seconds)
        case Fetch(request):
            return resources.transport.fetch(request)
        case Open(request):
            return resources.transport.open(request)
        case Read(stream, seconds):
            return cast("OpenAnswer", stream).read(seconds)
        case Close(stream):
            cast("OpenAnswer", stream).close()
            return None
        case Sleep(seconds):
            time.sleep(seconds)
            return None
        case Random(size):
            return os.urandom(size)
        case Later():
            return NoTimer()
        case Start() | Settle() | Unwind():
            raise AssertionError(f"{type(effect).__name__} belongs to a flow of the async driver")
        case _:
            assert_never(effect)


def _call(effect: Call) -> object:
    try:
        context = effect.context
        result = effect.callback(*effect.args) if context is None else context.run(effect.callback, *effect.args)
    except asyncio.CancelledError as error:  # nothing outside can cancel a thread
        raise _cancelled(effect) from error
    except KeyboardInterrupt as error:
        if threading.current_thread() is threading.main_thread():
            raise  # Ctrl-C
        raise InngestError(f"{effect.what} raised KeyboardInterrupt, which is not Ctrl-C in this thread") from error
    if is_awaitable(result):
        if inspect.iscoroutine(result):
            result.close()
        raise AsyncUnsupportedError(
            f"{effect.what} is asynchronous, but the function is a plain def; "
            "make the function async def, also what a decorator puts around it, or give a plain function"
        )
    return result


class _Running:
    """A flow under the async driver, and the bodies that it has started."""

    __slots__ = ("bodies", "flow")

    def __init__(self, flow: Flow[Any]) -> None:
        self.flow = flow
        self.bodies: tuple[AsyncBody, ...] = ()

    def leave(self) -> None:
        """Leave no task behind."""
        for body in self.bodies:
            body.leave()


async def run_async(flow: Flow[T], resources: Resources) -> T:
    """Run *flow* to its end on the running loop and return its result; never blocks the loop."""
    current = _Running(flow)
    waiting: list[_Running] = []
    """Flows that wait for the result of the one that they invoked, the innermost last."""
    result: object = None
    error: BaseException | None = None
    try:
        while True:
            try:
                effect = current.flow.send(result) if error is None else current.flow.throw(error)
            except StopIteration as end:
                error = None  # here and below: its traceback holds this frame
                if not waiting:
                    ended: T = end.value
                    return ended
                current.leave()
                current, result = waiting.pop(), end.value
                continue
            except BaseException as raised:
                error = None
                if not waiting or isinstance(raised, asyncio.CancelledError):
                    raise
                current.leave()
                current, error = waiting.pop(), raised
                continue
            error = None
            if effect is NOW:
                result = time.time()
                continue
            if isinstance(effect, Invoke) and effect.is_async:
                waiting.append(current)
                current, result = _Running(effect.flow), None
                continue
            try:
                result = _begin(effect, current, resources)
                if type(effect) not in _AT_ONCE and is_awaitable(result):
                    result = await result
                elif type(result) is AsyncBody and not result.finished():
                    await asyncio.sleep(0)  # a body that waits for nothing ends in its first turn: nothing to settle
            except asyncio.CancelledError as cancelled:
                if not isinstance(effect, Call) or _is_being_cancelled():
                    raise
                error = _cancelled(effect)
                error.__cause__ = cancelled
            except BaseException as raised:  # the flow decides what an outcome means
                error = raised
    finally:
        for each in (current, *reversed(waiting)):  # those that have not come to their end have nobody left
            each.flow.close()
            each.leave()


def _begin(effect: Effect, running: _Running, resources: Resources) -> object:
    """Perform an effect, or return what is to be awaited for its result."""
    match effect:
        case Now():
            return time.time()
        case Settle(body, deliver, wait, seconds, beyond):
            return cast("AsyncBody", body).settle(deliver, wait=wait, seconds=seconds, beyond=beyond)
        case Start(make):
            body = AsyncBody(make)
            running.bodies = (*running.bodies, body)
            return body
        case Call():
            return _begin_call(effect)
        case Invoke(flow):
            return _run_in_pool(flow, resources)
        case KeepAlive(flow, seconds):
            return AsyncStream(functools.partial(run_async, flow, resources), seconds)
        case Unwind(body):
            return cast("AsyncBody", body).unwind()
        case Fetch(request):
            return resources.transport.fetch_async(request)
        case Open(request):
            return resources.transport.open_async(request)
        case Read(stream, seconds):
            return cast("OpenAnswerAsync", stream).read(seconds)
        case Close(stream):
            return cast("OpenAnswerAsync", stream).close()
        case Sleep(seconds):
            return asyncio.sleep(seconds)
        case Random(size):
            return os.urandom(size)
        case Later(seconds, later):
            return AsyncTimer(seconds, lambda: run_async(later(), resources))
        case _:
            assert_never(effect)


async def _run_in_pool(flow: Flow[Any], resources: Resources) -> object:
    context = contextvars.copy_context()

    def run() -> Outcome:
        try:
            return Returned(context.run(run_sync, flow, resources))
        except BaseException as error:  # a StopIteration must not be set on a future of asyncio
            return Raised(error)

    return (await resources.pool().run(run)).unwrap()


def _begin_call(effect: Call) -> object:
    """Call the callback; what an async one returns is yet to be awaited."""
    started, context, limit = time.perf_counter(), effect.context, effect.limit
    result = effect.callback(*effect.args) if context is None else context.run(effect.callback, *effect.args)
    tell_if_held(effect.what, time.perf_counter() - started)
    if (context is None and limit is None) or not is_awaitable(result):
        return result
    awaited = result if limit is None else limit.wait_for(result)
    return awaited if context is None else _await_in(context, awaited)


async def _await_in(context: contextvars.Context, result: Awaitable[object]) -> object:
    return (await asyncio.get_running_loop().create_task(carry(result), context=context)).unwrap()


def _is_being_cancelled() -> bool:
    """Tell whether the running task was cancelled from outside."""
    current = asyncio.current_task()
    return current is not None and current.cancelling() > 0


def _cancelled(effect: Call) -> InngestError:
    return InngestError(f"{effect.what} was cancelled by its own code")
