"""The body of an async function as a task, the places where its steps wait, and what "quiet" means.

Part of the async driver: it lets the loop turn, wakes waiting tasks and cancels them. It decides nothing, but for one
thing: what may cancel the wait for a step; see `Place`.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import sys
import weakref
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar

from inngest_core.errors import CONTROL, InngestError, StepUnexpectedError

from .mark import Mark, current_mark, is_about_to_run, no_mark, tasks_of
from .outcome import Outcome, Raised, Returned
from .place import Place, is_a_time_out, run_branch

SETTLE_TURNS = 10
"""How many turns of the loop without news make it quiet. Needed in trials: 1 for a plain await, 3 for gather, 7 for
three nested task groups. Best effort: a step behind real I/O is met later and handled then."""

IDLE_TURNS = 2
"""How many turns in a row in which nothing else ran make it quiet, too, where the loop tells: only timers and I/O are
left, and one turn has taken those that were due."""

UNWIND_SECONDS = 5.0
"""Clean-up code that takes longer is left behind."""

T = TypeVar("T")


class AsyncBody:
    """A function's body that runs as a task of its own."""

    def __init__(self, make: Callable[[AsyncBody], Awaitable[object]]) -> None:
        self._news = 0
        self._seen = 0
        self._quiet_turns = 0
        self._idle_turns = 0
        self._wake: asyncio.Future[None] | None = None
        self._settled: asyncio.Future[None]
        self._places: list[Place] = []
        self._has_settled = False
        self._runs_a_step = False
        self._ends = False
        self._loop = asyncio.get_running_loop()
        self._callbacks: Sequence[object] | None = getattr(self._loop, "_ready", None)
        """Those that the loop runs next."""
        self._first_callback: object = None
        """The first of them, when nothing of this body was among them: they come at the right and go at the left."""
        self._callback_count = 0
        """How many they were then."""
        self._mark: Callable[[], Mark | None] = no_mark
        self._outcome: Outcome | None = None
        self._task: asyncio.Task[Outcome] | None = None
        self._task = _start(self._run(make))

    async def _run(self, make: Callable[[AsyncBody], Awaitable[object]]) -> Outcome:
        task: Any = asyncio.current_task()
        self._task = task  # it may run before it is assigned
        mark = Mark()
        self._mark = weakref.ref(mark)
        current_mark.set(mark)
        del mark
        try:  # as `carry`, without a coroutine in between
            return Returned(await make(self))
        except (Exception, SystemExit) as error:
            return Raised(error)

    def park(self, step_id: str, *, runs: bool) -> Place:
        """Make a place for a step that the calling task has just met; raises StepUnexpectedError in another loop.

        runs: whether it may run in this call, and not only be given its memo.
        """
        if asyncio.get_running_loop() is not self._loop:
            raise StepUnexpectedError(
                f'step "{step_id}" was met in another event loop than that of the function; '
                "meet steps in the function's own loop: asyncio.run_coroutine_threadsafe brings one there from a thread"
            )
        task = asyncio.current_task(self._loop)
        context = contextvars.copy_context() if runs or task is None else None
        place = Place.make(self, task, context, self._loop, task is self._task)
        self._places.append(place)
        self._news += 1
        if self._wake is not None:
            self._tell()
        return place

    def in_main_task(self) -> bool:
        """Tell whether the caller runs in the body's own task, and not in one that it started."""
        return asyncio.current_task() is self._task

    def runs_alone(self) -> bool:
        """Tell whether the caller runs in the body's own task, and nothing else of the body is about to run.

        A task that was just started is: it may meet a step before the caller's has its result. Where the loop does not
        tell, it counts as nothing.
        """
        if asyncio.current_task() is not self._task:
            return False
        callbacks = self._callbacks
        if not callbacks or (callbacks[0] is self._first_callback and len(callbacks) == self._callback_count):
            return True
        if is_about_to_run(self._mark(), callbacks):
            return False
        self._first_callback, self._callback_count = callbacks[0], len(callbacks)
        return True

    def sees_what_runs(self) -> bool:
        """Tell whether the loop tells what is about to run, as those of asyncio do."""
        return self._callbacks is not None

    def finished(self) -> bool:
        return self._task is None or self._task.done()

    def outcome(self) -> Outcome:
        """Return what the body came to, once it has finished."""
        if self._task is not None:
            self._outcome = _outcome_of(self._task)
            self._task = None
        if self._outcome is None:
            raise AssertionError("the body has not begun")
        return self._outcome

    async def gather(
        self, branches: Sequence[tuple[contextvars.Context, Callable[[], Awaitable[object]]]]
    ) -> list[Outcome]:
        """Run the branches as tasks in their context variables, all to their end; return what each came to."""
        tasks = [self._loop.create_task(run_branch(call), context=context) for context, call in branches]
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        return [Raised(end) if isinstance(end, BaseException) else end for end in ends]

    def _tell(self, _: object = None) -> None:
        self._news += 1
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    async def settle(self, deliver: Callable[[], bool], *, wait: bool, seconds: float | None, beyond: bool) -> bool:
        """Turn the loop until it is quiet or the body has finished; beyond: until it is quiet.

        deliver: asked whenever it is quiet; it tells whether it woke a task, and then the loop turns again.
        wait: for news first, as nothing can be decided without. Returns False when *seconds* passed instead.
        """
        task = self._task
        if wait and task is not None and not task.done() and not await self._news_within(task, seconds):
            return False
        if self._has_settled and not self.finished():
            await asyncio.sleep(0)  # what was woken since may end the body; the first time, the driver has let it turn
        self._has_settled = True
        if (beyond or not self.finished()) and not await self._stays_idle(deliver):
            self._seen, self._quiet_turns, self._idle_turns = self._news, 0, 0
            self._settled = self._loop.create_future()
            self._turn(deliver, beyond)
            await self._settled
        return True

    async def _stays_idle(self, deliver: Callable[[], bool]) -> bool:
        """Tell whether nothing but timers and I/O is left, as in a function that meets one step after another.

        What `_turn` would find out, in half of its turns: IDLE_TURNS are this one and the next.
        """
        if not self._nothing_else_runs() or deliver():
            return False
        seen = self._news
        await asyncio.sleep(0)
        return self._news == seen and self._nothing_else_runs() and not self.finished()

    def _turn(self, deliver: Callable[[], bool], beyond: bool) -> None:
        """Count a turn of the loop; a callback, for a thousand parallel steps take thousands of turns."""
        if self._settled.done():
            return
        if self._news != self._seen:
            self._seen, self._quiet_turns, self._idle_turns = self._news, 0, 0
        if self.finished() and not beyond:
            self._settled.set_result(None)
            return
        self._idle_turns = self._idle_turns + 1 if self._nothing_else_runs() else 0
        is_quiet = self._quiet_turns >= SETTLE_TURNS or self._idle_turns >= IDLE_TURNS
        if is_quiet or self._idle_turns:
            try:
                if deliver():
                    is_quiet, self._quiet_turns, self._idle_turns = False, 0, 0
            except BaseException as error:
                self._settled.set_exception(error)
                return
        if is_quiet:
            self._settled.set_result(None)
            return
        self._quiet_turns += 1
        self._loop.call_soon(self._turn, deliver, beyond)

    def _nothing_else_runs(self) -> bool:
        """Tell whether this is the last callback of a turn and nothing is left for the next one.

        What a delivered memo has set off has come to its end then, and no further turn needs to be counted. asyncio has
        no public way to ask what is left to run, so this reads the private queue of its own loops; on other loops turns
        are counted. They are counted for each memo of a group, so that a replay of a thousand parallel steps takes
        several times as long without this.
        """
        return self._callbacks is not None and not self._callbacks

    async def _news_within(self, task: asyncio.Task[Outcome], seconds: float | None) -> bool:
        self._wake = self._loop.create_future()
        task.add_done_callback(self._tell)
        try:
            async with asyncio.timeout(seconds):
                await self._wake
        except TimeoutError:
            return False
        finally:
            task.remove_done_callback(self._tell)
            self._wake = None
        return True

    def step_runs(self, place: Place) -> contextvars.Context:
        """Let nothing but the end of the call cancel a wait while a step runs; return the context to run it in."""
        if place.context is None:
            raise AssertionError("a step that runs has context variables")
        self._runs_a_step = True
        place.context.run(current_mark.set, None)
        return place.context

    def step_ran(self) -> None:
        """Note that the step has ended and the function goes on: waits may be cancelled again."""
        self._runs_a_step = False

    def keep_waiting(self) -> bool:
        """Tell whether a place refuses to be cancelled right now."""
        return not self._ends and (self._runs_a_step or is_a_time_out())

    def left_tasks(self) -> list[str]:
        """Return the names of the coroutines that the finished body has left running in tasks that wait for no step.

        A task that the body has cancelled is not left, also when the loop did not turn since.
        """
        left = [task for task in self._tasks_elsewhere() if not task.cancelling()]
        return [str(getattr(task.get_coro(), "__qualname__", "a task")) for task in left]

    def waits_for_steps_only(self) -> bool:
        """Tell whether every task waits for a step: nothing happens in the function until one has its result."""
        return not self._tasks_elsewhere()

    def _tasks_elsewhere(self) -> list[asyncio.Task[Any]]:
        own = self._own_tasks()
        waiting = {place.task for place in self._places if place.waits()} if own else ()
        return [task for task in own if task not in waiting]

    def _own_tasks(self) -> list[asyncio.Task[Any]]:
        """Return the tasks that the body or its tasks started and that have not ended.

        Once the body's own is gone, only theirs keep its mark alive.
        """
        mark = self._mark()
        return [] if mark is None else tasks_of(mark, self._loop)

    async def unwind(self) -> None:
        """Cancel, and let `finally` blocks run.

        The tasks that wait for steps first: nearly always there are no others, and to look for those takes longer.
        """
        left = self._cancel_waiting()
        await asyncio.sleep(0)  # enough for what only waits
        left = _not_ended(left)
        if not left:
            self._let_go()
        left += self._cancel_others(left)
        if left:
            await asyncio.wait(left, timeout=UNWIND_SECONDS)
            _not_ended(left)

    def _cancel_waiting(self) -> list[asyncio.Task[Any]]:
        """Cancel the body's own task and those that have met steps; return those that had not ended."""
        self._ends = True
        met = (place.task for place in self._places)  # a thread may have brought a task that the body did not start
        left = [task for task in {self._task, *met} if task is not None and not task.done()]
        for task in left:
            task.cancel()
        return left

    def _cancel_others(self, cancelled: list[asyncio.Task[Any]]) -> list[asyncio.Task[Any]]:
        """Cancel every other task of the body that has not ended; return those."""
        others = [task for task in self._own_tasks() if task not in cancelled]
        for task in others:
            task.cancel()
        return others

    def leave(self) -> None:
        """Cancel what has not ended, and hold nothing any more."""
        if not self._ends and not self._loop.is_closed():  # if the loop went first, nothing can be told to end
            cancelled = self._cancel_waiting()
            self._let_go()
            self._cancel_others(cancelled)
        self._let_go()

    def _let_go(self) -> None:
        """Hold nothing of what has ended.

        Tasks and places hold context variables, which hold the call, which holds this body: whatever of that circle is
        left, only the garbage collector would end it.
        """
        for place in self._places:
            place.let_go()
        self._places = []
        self._task = self._first_callback = None


def _not_ended(tasks: list[asyncio.Task[Any]]) -> list[asyncio.Task[Any]]:
    """Return those that have not ended, and take from the others what they ended with, which holds their frames.

    What clean-up raises has nobody to hear it: the call has ended.
    """
    for task in tasks:
        if task.done():
            with contextlib.suppress(asyncio.CancelledError):
                task.exception()
    return [task for task in tasks if not task.done()]


async def carry(awaitable: Awaitable[object]) -> Outcome:
    """Await; return what that came to instead of raising: a SystemExit that leaves a task would end the whole loop."""
    try:
        return Returned(await awaitable)
    except (Exception, SystemExit) as error:
        return Raised(error)


def _outcome_of(task: asyncio.Task[Outcome]) -> Outcome:
    try:
        return task.result()
    except asyncio.CancelledError as cancelled:
        error = InngestError("the function was cancelled by its own code")
        error.__cause__ = cancelled
        return Raised(error)
    except CONTROL:
        raise
    except BaseException as error:
        return Raised(error)


def _start(body: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """Start a task; at once where Python can: a body that never waits then costs no turn of the loop."""
    loop = asyncio.get_running_loop()
    if sys.version_info >= (3, 12):
        return asyncio.Task(body, loop=loop, eager_start=True)
    return asyncio.Task(body, loop=loop)
