"""A call of a plain `def` function: it runs in one thread, and each of its steps is decided when it is met."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, assert_never

from inngest_core.errors import CONTROL, InngestError, Interrupt, InterruptSwallowedError, StepUnexpectedError
from inngest_core.protocol.wire import CallContext
from inngest_core.runtime.drivers import Resources, run_sync
from inngest_core.runtime.effects import Call, Flow
from inngest_core.runtime.outcome import Outcome, Raised, Returned
from inngest_core.runtime.threads import this_thread

from .branches import Branch, branches, current_branch, refuse_swapped
from .execution import Execution
from .outcomes import CallOutcome, Reported, report_again
from .replay import NOT_RECALLED, Deliver, Found, Repeat, Replay, Report, RunNow, Wait
from .services import Services
from .tools import Tool


class Spot(NamedTuple):
    """Where a step of a parallel group was met. met: how many steps its branch had met before.

    context: the context variables of the branch; None for a step with a memo, which does not run.
    """

    branch: Branch
    met: int
    context: contextvars.Context | None


class SyncExecution(Execution[Spot]):
    """The state of one call of a plain `def` function. resources: those of the driver that it runs in."""

    def __init__(self, ctx: CallContext, replay: Replay[Tool, Spot], services: Services, resources: Resources) -> None:
        super().__init__(ctx, replay, services)
        self._resources = resources
        self._thread = 0
        self._held: Found[Tool, Spot] | None = None
        """The last new step that a parallel group has met; the group decides when all branches were seen."""

    def run(self, call: Callable[[], object]) -> Flow[CallOutcome]:
        """Run the body; its steps are decided one by one, as they are met."""
        self._thread = this_thread()
        try:
            context = contextvars.copy_context()  # what a function sets must not reach the next one in this thread
            value: object = yield Call(call, context=context, what=f"function {self.function_id}")
        except Interrupt:
            return self._ended()
        except CONTROL:
            raise
        except BaseException as error:
            return self._finished(Raised(error))
        return self._finished(Returned(value))

    def _ended(self) -> CallOutcome:
        if self.outcome is None:
            raise AssertionError("an interrupt without an outcome")
        return self.outcome

    def _finished(self, outcome: Outcome) -> CallOutcome:
        if isinstance(self.outcome, Raised):  # by a hook
            return self.outcome
        if self.outcome is not None or self._held is not None:
            outcome = Raised(self._swallowed())
        return self.finish(outcome)

    def _swallowed(self) -> InterruptSwallowedError:
        name = ""
        if self._held is not None:
            name = self._held.step_id
        elif isinstance(self.outcome, Reported):
            name = self.outcome.ops[0].step_id
        return InterruptSwallowedError(
            f'step "{name}" ended the call, but the function went on: something in it caught the interrupt; '
            "catch Exception instead of BaseException, or raise what is not an Exception again"
        )

    def recall(self, step_id: str, callback: Callable[..., object], output_type: object) -> object:
        """Return the result of a step where its memo is all that counts; see the base."""
        if current_branch.get() is not None or this_thread() != self._thread:
            return NOT_RECALLED
        return super().recall(step_id, callback, output_type)

    def meet(self, tool: Tool) -> Any:
        """Return the value of the step that user code has just met, raise its error, or end the call."""
        if this_thread() != self._thread:
            if not self._thread:
                raise StepUnexpectedError("a step was met before the function ran; meet steps in the function only")
            raise StepUnexpectedError(
                f'step "{tool.step_id}" was met in another thread than that of the function; meet steps in the '
                "function's own thread: ctx.group.parallel runs steps side by side"
            )
        found = self.find(tool)
        branch = current_branch.get()
        if branch is not None:
            self._enter(found, branch)
        if (self._begun or self.may_be_read_at_once()) and self.replay.shortcut(found, alone=True):
            return self.read(found)
        return run_sync(self._decide_on(found), self._resources)

    def _enter(self, found: Found[Tool, Spot], branch: Branch) -> None:
        """Note in which branch a step is met; raises StepIdClashError."""
        found.place = Spot(branch, branch.met, contextvars.copy_context() if found.memo is None else None)
        if found.index:
            other = self.replay.place_before(found)
            if other is not None and other.branch.beside(branch):
                refuse_swapped(found.step_id, other.branch, other.met, branch)
                self.warn_of_shared_id(found.step_id, str(other.branch), str(branch))
        each: Branch | None = branch
        while each is not None:
            each.met += 1
            each = each.parent

    def _decide_on(self, found: Found[Tool, Spot]) -> Flow[object]:
        self.replay.meet(found)
        if found.place is not None and found.memo is None and found.id != self.replay.target:
            self._held = found
            raise Interrupt(found.step_id)  # to the group, which decides when all its branches were seen
        return (yield from self._decide(found.step_id))

    def _decide(self, step_id: str) -> Flow[object]:
        """Deliver a memo, run a step and go on with its result, or end the call."""
        decision = self.replay.next()
        try:  # what a hook raises ends the call: the function must not catch it
            match decision:
                case Deliver(found):
                    yield from self.begin_after_last_memo()
                case RunNow(found):
                    context = None if found.place is None else found.place.context
                    context = contextvars.copy_context() if context is None else context
                    self.outcome = yield from self.run_new(found, context, goes_on=found.place is None)
                case Report(new):
                    self.outcome = yield from self.report(new)
                case Repeat(found):
                    self.outcome = report_again(found)
                case Wait():
                    self.outcome = self.target_missed()
                case _:
                    assert_never(decision)
        except InngestError as error:
            self.outcome = Raised(error)
        if self.outcome is None and isinstance(decision, Deliver | RunNow):
            return self.read(decision.found)
        raise Interrupt(step_id)

    def group(self, calls: Sequence[Callable[[], object]]) -> list[Outcome]:
        """Run the branches of a parallel group one after another; return what each came to.

        New steps are held until all branches were seen, and a failed branch does not hide the steps of the others.
        """
        return run_sync(self._run_group(calls), self._resources)

    def _run_group(self, calls: Sequence[Callable[[], object]]) -> Flow[list[Outcome]]:
        outcomes: list[Outcome] = []
        held: Found[Tool, Spot] | None = None
        for branch, call in zip(branches(len(calls)), calls, strict=True):
            context = contextvars.copy_context()
            context.run(current_branch.set, branch)
            try:
                outcomes.append(Returned((yield Call(call, context=context, what="a branch of a parallel group"))))
            except Interrupt:
                if self.outcome is not None:
                    raise
                held, self._held = self._held, None
            except CONTROL:
                raise
            except BaseException as error:
                outcomes.append(Raised(error))
            if self._held is not None:
                raise self._swallowed()
        if held is None:
            return outcomes
        if current_branch.get() is not None:
            self._held = held
            raise Interrupt(held.step_id)
        yield from self._decide(held.step_id)
        raise AssertionError("a held step ends the call")
