"""The body of an async function as a task, the lobby where its steps wait, and what "quiet" means (design §5).

Part of the async driver: it lets the loop turn, wakes waiting tasks and cancels them. It decides nothing, but for one
thing: a time-out of the function's own does not cancel the wait for a step.
"""

from __future__ import annotations

import asyncio
import contextvars
import sys
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar, cast

from inngest_core.errors import InngestError, StepUnexpectedError

SETTLE_TURNS = 10
"""So many turns of the loop without news make it quiet. Needed in trials: 1 for a plain await, 3 for gather, 7 for
three nested task groups. Best effort: a step behind real I/O is met later and handled then."""

UNWIND_SECONDS = 5.0
"""Clean-up code that takes longer is left behind."""


T = TypeVar("T")
Outcome = tuple[object, Exception | SystemExit | None]
"""What something returned, and what it raised."""


_TIME_OUTS = {
    ("asyncio.timeouts", "_on_timeout"),  # asyncio.timeout; from Python 3.12 on asyncio.wait_for too
    ("asyncio.tasks", "wait_for"),
    ("anyio._backends._asyncio", "_timeout"),
}
"""What cancels when a time-out passes. One that is not known here is let through; it has no effect on a step either."""


class Place(asyncio.Future[object]):
    """Where one met step waits. timed_out: whether a time-out of the function's own passed meanwhile."""

    def __init__(self) -> None:
        super().__init__(loop=asyncio.get_running_loop())
        self.task = asyncio.current_task()
        self.context = contextvars.copy_context()
        self.timed_out = False

    def resolve(self, value: object) -> None:
        if not self.done():
            self.set_result(value)

    def reject(self, error: BaseException) -> None:
        if not self.done():
            self.set_exception(error)

    def cancel(self, msg: Any | None = None) -> bool:
        """Cancel the wait for the step; a time-out is noted, and asyncio's has no other effect.

        AnyIO repeats its own in each turn of the loop until something gives in, so that one is let through.
        """
        source = _time_out(self.get_loop())
        self.timed_out = self.timed_out or bool(source)
        return source == "asyncio" or super().cancel(msg)


class _MainTask(asyncio.Task[T]):
    """The body's own task; it knows whether a time-out cancels it, for its task groups then cancel what waits."""

    time_out = ""

    def cancel(self, msg: Any | None = None) -> bool:
        self.time_out = _time_out(self.get_loop())
        return super().cancel(msg)


def _time_out(loop: asyncio.AbstractEventLoop) -> str:
    """Return whose time-out it is that calls `cancel`, "asyncio" or "anyio", or nothing when it is none.

    There is no other sign of it than who calls: a time-out and `task.cancel()` look alike to what is cancelled.
    """
    current = asyncio.current_task(loop)
    if current is not None and current.cancelling():
        return current.time_out if isinstance(current, _MainTask) else ""
    frame = sys._getframe(2)
    while (module := str(frame.f_globals.get("__name__"))).startswith(("asyncio.", "anyio.", __name__)):
        if (module, frame.f_code.co_name) in _TIME_OUTS:
            return module.partition(".")[0]
        if frame.f_back is None:
            break
        frame = frame.f_back
    return ""


class AsyncBody:
    """A function's body that runs as a task of its own."""

    def __init__(self, make: Callable[[AsyncBody], Coroutine[Any, Any, object]]) -> None:
        self._news = 0
        self._seen = 0
        self._quiet_turns = 0
        self._wake: asyncio.Future[None] | None = None
        self._settled: asyncio.Future[None]
        self._places: list[Place] = []
        self.task = _start(self._run(make(self)))

    async def _run(self, body: Coroutine[Any, Any, object]) -> Outcome:
        self.task = cast("asyncio.Task[Outcome]", asyncio.current_task())  # it may run before it is assigned
        return await carry(body)

    def park(self, step_id: str) -> Place:
        """Make a place for a step that the calling task has just met; raises StepUnexpectedError in another loop."""
        place = Place()
        if place.get_loop() is not self.task.get_loop():
            raise StepUnexpectedError(
                f'step "{step_id}" was met in another event loop than that of the function; '
                "meet steps in the function's own loop: asyncio.run_coroutine_threadsafe brings one there from a thread"
            )
        self._places.append(place)
        self._tell()
        return place

    def in_main_task(self) -> bool:
        """Tell whether the caller runs in the body's own task, and not in one that it started."""
        return asyncio.current_task() is self.task

    def finished(self) -> bool:
        return self.task.done()

    def result(self) -> object:
        """Return what the body returned, or raise what it raised."""
        try:
            result, error = self.task.result()
        except asyncio.CancelledError as cancelled:
            raise InngestError("the function was cancelled by its own code") from cancelled
        if error is not None:
            raise error
        return result

    async def gather(self, branches: Sequence[Callable[[], Awaitable[object]]]) -> list[object | BaseException]:
        """Run the branches as tasks, all to their end; return what each returned or raised."""
        return await asyncio.gather(*(_call(branch) for branch in branches), return_exceptions=True)

    def _tell(self, _: object = None) -> None:
        self._news += 1
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    async def settle(self, *, wait: bool, seconds: float | None, beyond: bool) -> bool:
        """Turn the loop until it is quiet or the body has finished; beyond: until it is quiet.

        wait: for news first, as nothing can be decided without. Returns False when *seconds* passed instead.
        """
        if wait and not self.task.done() and not await self._news_within(seconds):
            return False
        await asyncio.sleep(0)  # a body that waits for nothing ends in its first turn
        if beyond or not self.task.done():
            self._seen, self._quiet_turns = self._news, 0
            self._settled = asyncio.get_running_loop().create_future()
            self._turn(beyond)
            await self._settled
        return True

    def _turn(self, beyond: bool) -> None:
        """Count a turn of the loop; a callback, for a thousand parallel steps take ten thousand turns."""
        if self._settled.done():
            return
        if self._news != self._seen:
            self._seen, self._quiet_turns = self._news, 0
        if self._quiet_turns >= SETTLE_TURNS or (self.task.done() and not beyond):
            self._settled.set_result(None)
            return
        self._quiet_turns += 1
        self._settled.get_loop().call_soon(self._turn, beyond)

    async def _news_within(self, seconds: float | None) -> bool:
        self._wake = asyncio.get_running_loop().create_future()
        self.task.add_done_callback(self._tell)
        try:
            async with asyncio.timeout(seconds):
                await self._wake
        except TimeoutError:
            return False
        finally:
            self.task.remove_done_callback(self._tell)
            self._wake = None
        return True

    def cancel(self) -> list[asyncio.Task[Any]]:
        """Cancel the body and every task that waits for a step; return those that have not ended."""
        if self.task.get_loop().is_closed():  # it went first, and nothing can be told to end
            return []
        tasks = {self.task, *(place.task for place in self._places if place.task is not None)}
        left = [task for task in tasks if not task.done()]
        for task in left:
            task.cancel()
        return left

    async def unwind(self) -> None:
        """Cancel, and let `finally` blocks run."""
        left = self.cancel()
        if left:
            await asyncio.wait(left, timeout=UNWIND_SECONDS)
        for task in left:
            if task.done() and not task.cancelled():
                task.exception()  # what clean-up raises has nobody to hear it: the call has ended


async def carry(awaitable: Awaitable[object]) -> Outcome:
    """Await; return the outcome instead of raising it: a SystemExit that leaves a task would end the whole loop."""
    try:
        return await awaitable, None
    except (Exception, SystemExit) as error:
        return None, error


async def _call(branch: Callable[[], Awaitable[object]]) -> object:
    """Return what a branch returned or raised; see `carry`."""
    try:
        return await branch()
    except (Exception, SystemExit) as error:
        return error


def _start(body: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """Start a task; at once where Python can: a body that never waits then costs no turn of the loop."""
    loop = asyncio.get_running_loop()
    if sys.version_info >= (3, 12):
        return _MainTask(body, loop=loop, eager_start=True)
    return _MainTask(body, loop=loop)
