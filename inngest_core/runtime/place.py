"""Where one step of an async function waits, and what may cancel that wait.

A step that was met finishes, and the function gets its result: the next call has it as a memo, at once, so a function
that went on without it would take another branch there. While a step runs in this call, nothing but the end of the
call cancels a wait for a step; what tries to is noted. Before and after that, the function's own cancelling works as
in any program (a task group ends its tasks, a race its losers): it follows from the memos, so it is the same in every
call. A time-out is not. It passes at any moment, so it never cancels a wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import sys
from collections.abc import Awaitable, Callable, Generator
from types import FrameType
from typing import Any, Protocol, TypeVar, cast

from inngest_core.errors import ConfigError

from .awaitable import is_awaitable
from .outcome import Outcome, Raised, Returned
from .unseen import Batch, ends_unseen

T = TypeVar("T")


class Waits(Protocol):
    """The body, as far as its places know it."""

    def keep_waiting(self) -> bool:
        """Tell whether a place refuses to be cancelled right now."""
        ...


_NO_CONTEXT = contextvars.Context()


class Place(asyncio.Future[object]):
    """Where one met step waits for its result.

    task: the one that met the step, main: whether it is the body's own. context: the variables that the step runs in;
    None for one with a memo. late: whether something tried to cancel the wait in vain.

    It is awaited as any future: with a thousand steps side by side, a coroutine for each to wait in takes its time.
    """

    __slots__ = ("_next", "_waits", "context", "late", "main", "task")  # a thousand are made in one call

    task: asyncio.Task[Any] | None
    context: contextvars.Context | None
    main: bool
    late: bool
    _waits: Waits
    _next: Place | None
    """Where the step waits from the moment at which this wait was cancelled in vain."""

    @staticmethod
    def make(
        waits: Waits,
        task: asyncio.Task[Any] | None,
        context: contextvars.Context | None,
        loop: asyncio.AbstractEventLoop,
        main: bool,
    ) -> Place:
        """Make a place. Not a constructor, which takes twice as long to get to that of the future."""
        place = Place(loop=loop)
        place.task = task
        place.context = context
        place.main = main
        place.late = False
        place._waits = waits
        place._next = None
        return place

    def __await__(self) -> Generator[Any, None, object]:
        """Return the result of the step, or raise its error."""
        try:
            return (yield from super().__await__())
        except asyncio.CancelledError:
            if self._next is None:
                raise
        with _unseen_by_anyio():
            return (yield from self._next.__await__())

    def cancel(self, msg: Any | None = None) -> bool:
        """Cancel the wait, unless the step is to be waited for."""
        if self.cancelled() or not self._waits.keep_waiting():
            return super().cancel(msg)
        self.late = True
        if not self.done():  # else the result is on its way
            self._next = Place.make(self._waits, self.task, self.context, self.get_loop(), self.main)
            super().cancel(msg)
        return True

    def ends_unseen(self, batch: Batch) -> bool:
        """Tell whether the task does nothing but end with the step's result, and nothing in the function sees that yet.

        batch: those that end in the same turn of the loop.
        """
        task = self.task
        if task is None or self.done() or self._next is not None:
            return False
        tool: Any = task.get_coro()
        if getattr(tool, "cr_code", None) is _BRANCH:
            tool = tool.cr_await
        waits = getattr(tool, "cr_await", None)  # nothing but a step tool waits here itself, and then it returns
        return getattr(waits, "gi_code", None) is _WAIT and ends_unseen(task, batch)

    def let_go(self) -> None:
        """Forget the task and its context variables: the call has ended."""
        self.task = self.context = None

    def look_up(self, variable: contextvars.ContextVar[T]) -> T | None:
        """Return the value of a context variable where the step was met."""
        context = context_of(self.task) if self.context is None and self.task is not None else self.context
        return None if context is None else context.get(variable)

    def resolve(self, value: object) -> None:
        last = self if self._next is None else self._last()
        if not last.done():
            last.set_result(value)

    def reject(self, error: BaseException) -> None:
        last = self._last()
        if not last.done():
            last.set_exception(error)

    def waits(self) -> bool:
        """Tell whether the task still waits here."""
        return not self._last().done()

    def _last(self) -> Place:
        place = self
        while place._next is not None:
            place = place._next
        return place

    def runs(self) -> bool:
        """Tell whether the task that met the step is beside the others.

        It has not ended; if it is the body's own, it still waits here, for else it may have started them since.
        """
        return self.waits() if self.main else self.task is not None and not self.task.done()

    def met_by(self) -> str:
        """Return what to call the task in a message."""
        if self.main:
            return "the function itself"
        coroutine = None if self.task is None else self.task.get_coro()
        name = getattr(coroutine, "__qualname__", None)
        return f"a task of {name}" if isinstance(name, str) else "a task"


async def run_branch(call: Callable[[], Awaitable[object]]) -> Outcome:
    """Run one branch of a parallel group; return what that came to instead of raising.

    A SystemExit that leaves a task would end the whole loop.
    """
    try:
        met = cast("object", call())
        if not is_awaitable(met):
            raise ConfigError(
                f"a branch of parallel returned what cannot be awaited (the type is {type(met).__name__}); "
                "give functions that return the step that they meet: lambda: ctx.step.run(...)"
            )
        return Returned(await met)
    except (Exception, SystemExit) as error:
        return Raised(error)


_BRANCH = run_branch.__code__
_WAIT = Place.__await__.__code__


def context_of(task: asyncio.Task[Any]) -> contextvars.Context:
    """Return the context variables of a task."""
    if sys.version_info >= (3, 12):
        return task.get_context()
    referred = (each for each in gc.get_referents(task) if type(each) is contextvars.Context)
    return next(referred, _NO_CONTEXT)


def _unseen_by_anyio() -> contextlib.AbstractContextManager[object]:
    """Return a scope that AnyIO's cancelling does not enter: it would repeat it in each turn of the loop."""
    anyio: Any = sys.modules.get("anyio")
    scope: contextlib.AbstractContextManager[object] = (
        contextlib.nullcontext() if anyio is None else anyio.CancelScope(shield=True)
    )
    return scope


def is_a_time_out() -> bool:
    """Tell whether it is a time-out that cancels, known by whose method calls: `asyncio.Timeout`, or AnyIO's scope.

    To what is cancelled, a time-out and `task.cancel()` look alike; and before a step runs, the second one counts.
    Nothing but the callers tells: `cancelling()` counts both, no task says which time-outs it has entered, and whether
    a task runs at this moment does not help, as a task group cancels from a callback of the loop like a time-out does.
    """
    frame: FrameType | None = sys._getframe(1)
    scope: Any = getattr(sys.modules.get("anyio"), "CancelScope", None)
    while frame is not None:
        owner: object = frame.f_locals.get("self")
        if isinstance(owner, asyncio.Timeout):
            return True
        if scope is not None and isinstance(owner, scope):
            deadline: float = cast("Any", owner).deadline
            return deadline <= asyncio.get_running_loop().time()
        if frame.f_code is _WAIT_FOR:
            task = asyncio.current_task()
            return task is None or not task.cancelling()  # else it passes on that it was cancelled itself
        frame = frame.f_back
    return False


_WAIT_FOR = asyncio.wait_for.__code__
"""In Python 3.11 it cancels by itself; later ones do by way of `asyncio.Timeout`."""
