"""One call of one function: runs its body, runs or reports the steps it meets, and ends it.

The two colours differ in how a body runs (`call_body`: in this thread; `run_body`: as a task whose steps wait to be
decided on); what a step does, and what is said of it, is written once. Knows no HTTP and no framework.
What user code raises is caught here and nowhere else. Sources: protocol §7, design §4, §5.
"""

from __future__ import annotations

import contextvars
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, assert_never

from inngest_core.error_text import SHORT_MESSAGE, message_of, name_of
from inngest_core.errors import (
    CONTROL,
    InngestError,
    Interrupt,
    InterruptSwallowedError,
    StepNestedError,
    StepTimeoutError,
    StepUnexpectedError,
)
from inngest_core.events.event import Event
from inngest_core.middleware import Hooks, StepInfo, TransformOutputResult
from inngest_core.protocol.wire import CallContext, Opcode
from inngest_core.runtime.effects import Body, Call, Flow, Now, Settle, Start, Unwind
from inngest_core.values.serializer import Serializer

from . import tools
from .failure import describe, exc_info, is_final, is_quiet, retriable, retry_headers
from .outcomes import Outcome, Raised, Reported, Returned, TargetMissed, op_of, report_again, report_new
from .replay import Decision, Deliver, Found, Repeat, Replay, Report, RunNow, Wait
from .results import Results, Warned
from .tools import Tool

SEARCH_SECONDS = 10.0
"""So long is a targeted step looked for in a function that neither meets it nor ends (protocol B9)."""

current_step: contextvars.ContextVar[str | None] = contextvars.ContextVar("inngest_current_step", default=None)
in_group: contextvars.ContextVar[bool] = contextvars.ContextVar("inngest_in_group", default=False)
"""Both are context variables, not flags: every branch and every task has its own."""


class Execution:
    """The state of one call: what was met, and whether the call is ending."""

    def __init__(
        self,
        ctx: CallContext,
        replay: Replay[Tool],
        *,
        send: Callable[[Sequence[Event], str], Flow[list[str]]],
        hooks: Hooks,
        logger: logging.Logger,
        function_id: str,
        serializer: Serializer | None = None,
        warned: Warned | None = None,
    ) -> None:
        self.ctx = ctx
        self.replay = replay
        self.body: Body | None = None
        """That of an async function, once it runs."""
        self._send = send
        self._hooks = hooks
        self._executed = False
        self._over = False
        self.run_id = ctx.run_id
        self.function_id = function_id
        self.outcome: Reported | TargetMissed | Raised | None = None
        """Set when the call ends before the function does: from then on every step is refused. Raised: by a hook."""
        self._logger = logger
        self.results = Results(function_id, logger, serializer, set() if warned is None else warned)
        self._held: Found[Tool] | None = None

    # What both colours do when user code meets a step

    def find(self, tool: Tool) -> Found[Tool]:
        """Name the step; raises StepNestedError, StepIdClashError, StepUnexpectedError when the function has ended.

        Raises Interrupt while the call is ending. A step whose options cannot be written is refused here, where user
        code meets it.
        """
        if self.outcome is not None:
            raise Interrupt(tool.step_id)
        if self._over:
            raise StepUnexpectedError(
                f'step "{tool.step_id}" was met after the function had ended; await the task that meets it'
            )
        outer = current_step.get()
        if outer is not None:
            raise StepNestedError(
                f'step "{tool.step_id}" was met inside step "{outer}"; steps cannot be nested: '
                f'call the inner function directly, or move step "{tool.step_id}" out'
            )
        found = self.replay.find(tool.step_id, tool.op, tool, race=tools.PARALLEL_MODE in tool.opts)
        if found.memo is None and tool.op is Opcode.INVOKE_FUNCTION:
            found.tool = tool._replace(opts=self.results.dump_invoke_opts(tool))
        return found

    def read(self, found: Found[Tool]) -> object:
        """Return the value of a found step's memo; raises StepError."""
        if found.memo is None:
            raise AssertionError("only a step with a memo is read")
        return self.results.read(found.tool, found.memo)

    def _run(self, found: Found[Tool], context: contextvars.Context) -> Flow[Reported | Raised]:
        """Run a step in the app and return what to report of it, or what a hook raised."""
        tool = found.tool
        context.run(current_step.set, found.step_id)
        result = TransformOutputResult(step=StepInfo(found.step_id, found.op, tool.opts))
        try:
            if tool.events is not None:
                result.output = yield from self._send(tool.events, tools.event_id_seed(self.run_id, found.id))
            elif tool.callback is not None:
                args = tool.args if found.input is None else found.input
                result.output = yield Call(tool.callback, args, context, f'step "{found.step_id}"')
            if self._hooks:
                self.results.check(tool, result.output)
        except CONTROL:
            raise
        except BaseException as error:  # whatever else user code raises belongs to the step
            result.error = error
        if result.error is None and found.place is not None and found.place.timed_out:
            result.output, result.error = None, StepTimeoutError(found.step_id)
        given = result.output
        if self._hooks:
            try:
                yield from self.after_execution()
                yield from self._hooks.run_reversed("transform_output", result)
            except InngestError as error:  # a plain function, which called this, must not catch it
                return Raised(error)
        if result.error is not None:
            return (yield from self._report_failure(found, result.error))
        try:
            data = self.results.dump(tool, result.output, changed=result.output is not given)
        except Exception as error:  # a value, or a serializer of the user's, may raise anything
            return (yield from self._report_failure(found, error))
        return Reported([op_of(found, Opcode.STEP_RUN, data=data)])

    def after_execution(self) -> Flow[None]:
        """Run that hook, once in a call: after the step that ran, else after the function."""
        if not self._executed:
            self._executed = True
            yield from self._hooks.run_reversed("after_execution")

    def _report_failure(self, found: Found[Tool], error: BaseException) -> Flow[Reported]:
        final = is_final(error, self.ctx)
        self._log(error, f'step "{found.step_id}" of {self.function_id}')
        opcode = Opcode.STEP_FAILED if final else Opcode.STEP_ERROR
        headers = {} if final and retriable(error) else (yield from retry_headers(error))
        return Reported([op_of(found, opcode, error=describe(error))], headers)

    def log_failure(self, error: BaseException) -> None:
        """Log what the function raised, unless it asked for quiet."""
        self._log(error, f"function {self.function_id}")

    def _log(self, error: BaseException, what: str) -> None:
        if is_quiet(error):
            return
        how = "failed" if is_final(error, self.ctx) else "will be tried again"
        message = message_of(error, SHORT_MESSAGE) or name_of(error)
        self._logger.error("%s %s: %s", what, how, message, exc_info=exc_info(error))

    # A body in this thread

    def call_body(self, call: Callable[[], object]) -> Flow[Outcome]:
        """Run the body of a sync function; its steps are decided one by one, as they are met."""
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

    def _ended(self) -> Outcome:
        if self.outcome is None:
            raise AssertionError("an interrupt without an outcome")
        return self.outcome

    def _finished(self, outcome: Returned | Raised) -> Outcome:
        """Return the outcome of a function that came to its end, however it got there."""
        self._over = True
        if isinstance(self.outcome, Raised):
            return self.outcome
        if self.outcome is not None or self._held is not None:
            return Raised(self._swallowed())
        if self.replay.target is not None and isinstance(outcome, Returned):
            return TargetMissed(list(self.replay.found.values()))
        left = ", ".join(f'"{found.step_id}"' for found in self.replay.new if not found.place.done())
        if left and isinstance(outcome, Returned):
            message = "function %s returned without step %s, for which a task still waits; await the task, or cancel it"
            self._logger.warning(message, self.function_id, left)
        return outcome

    def _swallowed(self) -> InterruptSwallowedError:
        if self._held is not None:
            name = self._held.step_id
        else:
            name = self.outcome.ops[0].step_id if isinstance(self.outcome, Reported) else ""
        return InterruptSwallowedError(
            f'step "{name}" ended the call, but the function went on: something in it caught the interrupt; '
            "catch Exception instead of BaseException, or raise what is not an Exception again"
        )

    def meet_in_thread(self, found: Found[Tool]) -> Flow[object]:
        """Decide on a step that a sync body has just met: return its value, raise its error, or end the call."""
        self.replay.meet(found)
        if in_group.get() and found.memo is None and found.id != self.replay.target:
            self._held = found
            raise Interrupt(found.step_id)  # to the group, which decides when all its branches were seen
        return (yield from self._decide_in_thread(found.step_id))

    def _decide_in_thread(self, step_id: str) -> Flow[object]:
        decision = self.replay.next()
        match decision:
            case Deliver(found):
                return self.read(found)
            case RunNow(found):
                self.outcome = yield from self._run(found, contextvars.copy_context())
            case Report(found):
                self.outcome = report_new(found)
            case Repeat(found):
                self.outcome = report_again(found)
            case Wait():
                self.outcome = TargetMissed(list(self.replay.found.values()))
            case _:
                assert_never(decision)
        raise Interrupt(step_id)

    def group_in_thread(self, branches: Sequence[Callable[[], object]]) -> Flow[list[object]]:
        """Run the branches of a parallel group one after another; new steps are held until all were seen.

        Returns what each branch returned, or raised: a failed branch must not hide the steps of the others.
        """
        results: list[object] = []
        held: Found[Tool] | None = None
        context = contextvars.copy_context()
        context.run(in_group.set, True)
        for branch in branches:
            try:
                results.append((yield Call(branch, context=context.copy(), what="a branch of a parallel group")))
            except Interrupt:
                if self.outcome is not None:
                    raise
                held, self._held = self._held, None
            except CONTROL:
                raise
            except BaseException as error:
                results.append(error)
            if self._held is not None:
                raise self._swallowed()
        if held is None:
            return results
        if in_group.get():
            self._held = held
            raise Interrupt(held.step_id)
        yield from self._decide_in_thread(held.step_id)
        raise AssertionError("a held step ends the call")

    # A body as a task

    def _resolve(self, found: Found[Tool]) -> None:
        try:
            value = self.read(found)
        except Exception as error:  # a StepError, or a memo that does not fit the output type
            found.place.reject(error)
        else:
            found.place.resolve(value)

    def run_body(self, make: Callable[[Body], Coroutine[Any, Any, object]]) -> Flow[Outcome]:
        """Run the body of an async function; its steps wait in the lobby until the loop is quiet (design §5)."""
        body: Body = yield Start(make)
        started: float | None = None
        wait, seconds = False, None
        while True:
            in_time: bool = yield Settle(body, wait, seconds, beyond=self.replay.target is not None)
            decision = self.replay.next() if in_time else Wait()
            if body.finished() and not self._owes(decision):
                return self._finished(_result(body))
            wait = False
            match decision:
                case Deliver(found):
                    self._resolve(found)
                    continue
                case RunNow(found):
                    self.outcome = yield from self._run(found, found.place.context)
                case Report(found):
                    self.outcome = report_new(found)
                case Repeat(found):
                    self.outcome = report_again(found)
                case Wait():
                    if self.replay.target is not None:
                        now: float = yield Now()
                        started = started or now
                        seconds = SEARCH_SECONDS - (now - started)
                    if seconds is None or seconds > 0:
                        wait = True
                        continue
                    self.outcome = TargetMissed(list(self.replay.found.values()))
                case _:
                    assert_never(decision)
            yield Unwind(body)
            if not body.finished():
                self._logger.warning(
                    "function %s did not end when it was cancelled; it is left behind", self.function_id
                )
            return self._ended()

    def _owes(self, decision: Decision[Tool]) -> bool:
        """Tell whether a step has to be decided on though the function has ended: it met it, or its tasks still may.

        That is the step that was asked for, and one that a time-out would not let the function wait for.
        """
        if isinstance(decision, Wait):
            return False
        return self.replay.target is not None or any(found.place.timed_out for found in self.replay.new)


def _result(body: Body) -> Returned | Raised:
    try:
        return Returned(body.result())
    except CONTROL:
        raise
    except BaseException as error:
        return Raised(error)
