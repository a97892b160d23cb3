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
import inspect
import logging
import os
import threading
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar, cast

from inngest_core.errors import AsyncUnsupportedError, InngestError

from .async_body import AsyncBody, carry
from .effects import Call, Effect, Fetch, Flow, Invoke, Now, Random, Settle, Sleep, Start, Unwind
from .fork import forget_after_fork
from .loop_thread import LoopThread
from .pool import DEFAULT_SIZE, Pool
from .transport import Transport

T = TypeVar("T")

HELD_LOOP_SECONDS = 0.1
"""A sync callback that holds the event loop for longer is named in a warning."""

_log = logging.getLogger("inngest")


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
            return self._loop_thread

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
    waiting: list[Flow[Any]] = []  # flows that invoked another sync one: they all run in this loop
    running: Flow[Any] = flow
    resume: Callable[[Any], Effect] = running.send
    outcome: Any = None
    while True:
        try:
            effect = resume(outcome)
        except BaseException as ended:
            if not waiting:
                if isinstance(ended, StopIteration):
                    return cast("T", ended.value)
                raise
            running = waiting.pop()
            resume, outcome = _hand_over(ended, running)
            continue
        if isinstance(effect, Invoke) and not effect.is_async:
            waiting.append(running)
            running = effect.flow
            resume, outcome = running.send, None
            continue
        try:
            outcome = _IN_THREAD[type(effect)](effect, resources)
            resume = running.send
        except BaseException as error:  # the flow decides what an outcome means
            resume, outcome = running.throw, error


def _hand_over(ended: BaseException, caller: Flow[Any]) -> tuple[Callable[[Any], Effect], Any]:
    """Return how to resume the flow that invoked another one, which has *ended*, and with what."""
    if isinstance(ended, StopIteration):
        return caller.send, ended.value
    return caller.throw, ended


def _invoke_async(effect: Invoke, resources: Resources) -> object:
    return resources.loop_thread().run(lambda: run_async(effect.flow, resources))


def _call(effect: Call) -> object:
    try:
        result = _run_callback(effect)
    except asyncio.CancelledError as error:  # nothing outside can cancel a thread
        raise _cancelled(effect) from error
    if inspect.isawaitable(result):
        if inspect.iscoroutine(result):
            result.close()
        raise AsyncUnsupportedError(
            f"{effect.what} is asynchronous, but stands in a function that is a plain def; "
            "make the function async def, or give a plain function"
        )
    return result


def _run_callback(effect: Call) -> object:
    if effect.context is None:
        return effect.callback(*effect.args)
    return effect.context.run(effect.callback, *effect.args)


async def run_async(flow: Flow[T], resources: Resources) -> T:
    """Run *flow* to its end on the running loop and return its result; never blocks the loop."""
    waiting: list[tuple[Flow[Any], list[AsyncBody]]] = []  # as in `run_sync`; with the bodies that each one started
    running: Flow[Any] = flow
    bodies: list[AsyncBody] = []
    resume: Callable[[Any], Effect] = running.send
    outcome: Any = None
    try:
        while True:
            try:
                effect = resume(outcome)
            except BaseException as ended:
                if not waiting:
                    if isinstance(ended, StopIteration):
                        return cast("T", ended.value)
                    raise
                _cancel(bodies)
                running, bodies = waiting.pop()
                resume, outcome = _hand_over(ended, running)
                continue
            if isinstance(effect, Invoke) and effect.is_async:
                waiting.append((running, bodies))
                running, bodies = effect.flow, []
                resume, outcome = running.send, None
                continue
            try:
                if isinstance(effect, Call):
                    outcome = _begin_call(effect)  # in this frame: a coroutine cannot let a StopIteration out
                    if inspect.isawaitable(outcome):
                        outcome = await _end_call(effect, outcome)
                elif isinstance(effect, Start):
                    outcome = AsyncBody(effect.make)
                    bodies.append(outcome)
                elif isinstance(effect, Now | Random):
                    outcome = _AT_ONCE[type(effect)](effect, resources)
                else:
                    outcome = await _AWAITED[type(effect)](effect, resources)
                resume = running.send
            except asyncio.CancelledError as error:
                if not isinstance(effect, Call) or _is_being_cancelled():
                    for each in (running, *(caller for caller, _ in reversed(waiting))):
                        each.close()  # nobody waits for it any more
                    raise
                resume, outcome = running.throw, _cancelled(effect)
                outcome.__cause__ = error
            except BaseException as error:  # the flow decides what an outcome means
                resume, outcome = running.throw, error
    finally:
        for _, left in waiting:
            _cancel(left)
        _cancel(bodies)


def _cancel(bodies: Iterable[AsyncBody]) -> None:
    for body in bodies:
        body.cancel()


def _settle(effect: Settle, _: Resources) -> Awaitable[object]:
    return cast("AsyncBody", effect.body).settle(wait=effect.wait, seconds=effect.seconds, beyond=effect.beyond)


def _unwind(effect: Unwind, _: Resources) -> Awaitable[object]:
    return cast("AsyncBody", effect.body).unwind()


async def _run_in_pool(flow: Flow[Any], resources: Resources) -> object:
    context = contextvars.copy_context()

    def run() -> tuple[object, BaseException | None]:
        try:
            return context.run(run_sync, flow, resources), None
        except BaseException as error:  # a StopIteration must not be set on an asyncio future: carried
            return None, error

    result, error = await resources.pool().run(run)
    if error is not None:
        raise error
    return result


def _begin_call(effect: Call) -> object:
    """Call the callback; what an async one returns is yet to be awaited."""
    started = time.perf_counter()
    result = _run_callback(effect)
    held = time.perf_counter() - started
    if held > HELD_LOOP_SECONDS:
        _log.warning(
            "%s held the event loop for %.0f ms; make it async def, or make the function a plain def",
            effect.what or "a callback",
            held * 1000,
        )
    return result


async def _end_call(effect: Call, result: Awaitable[object]) -> object:
    if effect.context is None:
        return await result
    return (await asyncio.get_running_loop().create_task(carry(result), context=effect.context)).unwrap()


def _is_being_cancelled() -> bool:
    """Tell whether the running task was cancelled from outside."""
    current = asyncio.current_task()
    return current is not None and current.cancelling() > 0


def _cancelled(effect: Call) -> InngestError:
    return InngestError(f"{effect.what} was cancelled by its own code")


_AT_ONCE: dict[type[Any], Callable[[Any, Resources], object]] = {
    Now: lambda _effect, _resources: time.time(),
    Random: lambda effect, _: os.urandom(effect.size),
}
"""Effects that both drivers perform, and that take no time."""

_IN_THREAD: dict[type[Any], Callable[[Any, Resources], object]] = {
    **_AT_ONCE,
    Call: lambda effect, _: _call(effect),
    Invoke: _invoke_async,
    Fetch: lambda effect, resources: resources.transport.fetch(effect.request),
    Sleep: lambda effect, _: time.sleep(effect.seconds),
}
"""What the sync driver performs; others belong to flows of the async one."""

_AWAITED: dict[type[Any], Callable[[Any, Resources], Awaitable[object]]] = {
    Invoke: lambda effect, resources: _run_in_pool(effect.flow, resources),
    Settle: _settle,
    Unwind: _unwind,
    Fetch: lambda effect, resources: resources.transport.fetch_async(effect.request),
    Sleep: lambda effect, _: asyncio.sleep(effect.seconds),
}
"""What the async driver awaits; the rest is performed in its own frame."""
