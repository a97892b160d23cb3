"""A call of an `async def` function: it runs as a task, and its steps wait until the loop is quiet."""

from __future__ import annotations

import contextvars
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, assert_never

from inngest_core.error_text import SHORT_MESSAGE, cut
from inngest_core.errors import InngestError, StepUnexpectedError
from inngest_core.protocol.wire import CallContext
from inngest_core.runtime.effects import NOW, Body, Flow, Place, Settle, Start, Unwind
from inngest_core.runtime.outcome import Outcome, Raised, Returned

from .branches import Branch, branches, current_branch
from .execution import Execution
from .outcomes import CallOutcome, refuse_coroutine, report_again
from .replay import NOT_RECALLED, Decision, Deliver, Found, Repeat, Replay, Report, RunNow, Wait
from .services import Services
from .tools import Tool

SEARCH_SECONDS = 10.0
"""How long a targeted call looks for its step in a function that neither meets it nor ends."""

MOST_AT_ONCE = 100
"""How many memos are delivered in one turn of the loop, which others share."""


class AsyncExecution(Execution[Place]):
    """The state of one call of an `async def` function."""

    def __init__(self, ctx: CallContext, replay: Replay[Tool, Place], services: Services) -> None:
        super().__init__(ctx, replay, services)
        self._body: Body | None = None
        self._search_ends: float | None = None

    def run(self, call: Callable[[], object]) -> Flow[CallOutcome]:
        """Run the body; its steps wait in their places until the loop is quiet."""
        outcome = yield from self._run(call)
        if self._may_have_overlooked_the_target() and not isinstance(self.outcome, Raised):  # by a hook
            self.replay, self.outcome, self._over, self._search_ends = self.replay.over_again(), None, False, None
            outcome = yield from self._run(call)
        return outcome

    def _may_have_overlooked_the_target(self) -> bool:
        """Tell whether a task may have been about to meet the target when a memo ended that task.

        Where the loop does not tell which tasks are about to run, none of them does before a memo is returned at once.
        """
        return self.replay.may_have_overlooked_the_target() and not self._running().sees_what_runs()

    def _run(self, call: Callable[[], object]) -> Flow[CallOutcome]:
        def start(body: Body) -> Any:  # in its task, which has context variables of its own
            self._body = body
            return call()

        body: Body = yield Start(start)
        wait, seconds = False, None
        beyond = self.replay.target is not None  # tasks may meet the target when the function has ended
        while beyond or not body.finished():  # one that waits for nothing has ended by now
            in_time: bool = yield Settle(body, self._deliver_next, wait, seconds, beyond)
            if not beyond and body.finished():
                break
            decision = self.replay.next() if in_time else Wait()
            if body.finished() and isinstance(decision, Wait):
                break
            try:
                seconds = yield from self._decide(body, decision)
            except InngestError as error:  # of a hook
                self.outcome = Raised(error)
            if self.outcome is not None:
                yield from self._unwind(body)
                return self.outcome
            wait = isinstance(decision, Wait)
        return (yield from self._finished(body))

    def _decide(self, body: Body, decision: Decision[Tool, Place]) -> Flow[float | None]:
        """Act on a decision; set the outcome when it ends the call. Returns for how long to wait for news."""
        match decision:
            case Deliver(found):
                yield from self.begin_after_last_memo()
                self._resolve(found)
            case RunNow(found):
                place = _place_of(found)
                self.outcome = yield from self.run_new(found, body.step_runs(place))
                if place.late:
                    self._warn_of_time_out(found)
                if self.outcome is None:
                    body.step_ran()
                    self._resolve(found)
            case Report(new):
                self.outcome = yield from self.report(new)
            case Repeat(found):
                self.outcome = report_again(found)
            case Wait():
                return (yield from self._search())
            case _:
                assert_never(decision)
        return None

    def _search(self) -> Flow[float | None]:
        """Return for how long the target is still looked for; without a target, for ever."""
        if self.replay.target is None:
            return None
        now: float = yield NOW
        self._search_ends = self._search_ends or now + SEARCH_SECONDS
        in_vain = self._may_have_overlooked_the_target() and self._running().waits_for_steps_only()
        if in_vain or now >= self._search_ends:
            self.outcome = self.target_missed()
        return self._search_ends - now

    def _finished(self, body: Body) -> Flow[CallOutcome]:
        outcome = body.outcome()
        if isinstance(outcome, Returned):
            try:
                outcome = refuse_coroutine(outcome.value, f"function {self.function_id}")
            except InngestError as error:
                outcome = Raised(error)
        if self.replay.new and isinstance(outcome, Returned) and self.replay.target is None:
            left = ", ".join(f'"{found.step_id}"' for found in self.replay.new if _place_of(found).waits())
            message = "function %s returned without step %s, for which a task still waits; await the task, or cancel it"
            if left:
                self._logger.warning(message, self.function_id, left)
        result = self.finish(outcome)
        tasks = body.left_tasks()
        if tasks:
            message = "function %s ended, and %s still ran in a task of it, which was cancelled; await the task"
            self._logger.warning(message, self.function_id, cut(", ".join(tasks), SHORT_MESSAGE))
            yield from self._unwind(body)
        return result

    def _warn_of_time_out(self, found: Found[Tool, Place]) -> None:
        self._logger.warning(
            'function %s: step "%s" was to be cancelled before it had ended, by a time-out around it or by the code of '
            "the function; a step that was met runs to its end, and the function gets its result: put a time-out "
            "inside what the step runs, or use timeout= of step.wait_for_event and step.invoke, or timeouts= of the "
            "function",
            self.function_id,
            found.step_id,
        )

    def _unwind(self, body: Body) -> Flow[None]:
        yield Unwind(body)
        if not body.finished():
            message = "function %s did not end when it was cancelled; it is left behind"
            self._logger.warning(message, self.function_id)

    # What the function does

    def recall(self, step_id: str, callback: Callable[..., object], output_type: object) -> object:
        """Return the result of a step where its memo is all that counts; see the base."""
        if self.replay.concurrent or self._body is None or not self._body.runs_alone():
            return NOT_RECALLED
        return super().recall(step_id, callback, output_type)

    def meet(self, tool: Tool) -> Awaitable[Any]:
        """Return what to await, at once, for the value of the step that user code has just met.

        That raises its error. Whoever calls this returns the value and does nothing more; see `Place.ends_unseen`.
        """
        found, body = self.find(tool), self._body or self._running()
        if not self.replay.concurrent:
            if not body.in_main_task():
                self.replay.concurrent = True
            elif (
                (self._begun or self.may_be_read_at_once())
                and body.runs_alone()
                and self.replay.shortcut(found, alone=False)
            ):
                return _give(self.read(found))
        place = found.place = body.park(found.step_id, runs=found.memo is None)
        if found.index:
            self._look_for_shared_id(found, place)
        self.replay.meet(found)
        return place

    def _running(self) -> Body:
        if self._body is None:
            raise StepUnexpectedError("a step was met before the function ran; meet steps in the function only")
        return self._body

    def _look_for_shared_id(self, found: Found[Tool, Place], place: Place) -> None:
        """Warn when a task that runs beside this one has met this id: their order may differ from call to call."""
        other = self.replay.place_before(found)
        if other is not None and other.task is not place.task and other.runs():
            self.warn_of_shared_id(found.step_id, _branch_of(other), _branch_of(place))

    def _deliver_next(self) -> bool:
        """Deliver the next memo, if there is one and no hook has to run before; tell whether that was done.

        Others with it, as long as nothing in the function sees one before the next.
        """
        batch: dict[object, int] = {}
        for delivered in range(MOST_AT_ONCE):
            found = self.replay.next_memo() if self._begun or self.may_be_read_at_once() else None
            if found is None:
                return delivered > 0
            unseen = _place_of(found).ends_unseen(batch)
            if not self._resolve(found) or not unseen:
                break
        return True

    def _resolve(self, found: Found[Tool, Place]) -> bool:
        """Give a step's memo to whoever waits for it; tell whether it is a result, and not an error."""
        place = _place_of(found)
        try:
            value = self.read(found)
        except Exception as error:  # a StepError, or a memo that does not fit the output type
            place.reject(error)
            return False
        place.resolve(value)
        return True

    async def group(self, calls: Sequence[Callable[[], Awaitable[object]]]) -> list[Outcome]:
        """Run the branches of a parallel group, all to their end; return what each came to."""
        contexts = [_context_of(branch) for branch in branches(len(calls))]
        return await self._running().gather(list(zip(contexts, calls, strict=True)))


async def _give(value: object) -> object:
    return value


def _context_of(branch: Branch) -> contextvars.Context:
    context = contextvars.copy_context()
    context.run(current_branch.set, branch)
    return context


def _place_of(found: Found[Tool, Place]) -> Place:
    if found.place is None:
        raise AssertionError("a step that is decided on waits in a place")
    return found.place


def _branch_of(place: Place) -> str:
    branch = place.look_up(current_branch)
    return place.met_by() if branch is None else str(branch)
