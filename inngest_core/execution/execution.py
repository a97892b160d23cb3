"""One call of one function: what a step is when it is met, how it runs, and the hooks around that.

How the function itself runs is in `sync_execution.py` and `async_execution.py`. Knows no HTTP and no framework.
What user code raises is caught in these three files and nowhere else.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Generic, TypeVar, cast

from inngest_core.errors import CONTROL, Interrupt, StepNestedError, StepUnexpectedError
from inngest_core.middleware.values import Invocation, StepInfo
from inngest_core.protocol.limits import MAX_STEP_BYTES
from inngest_core.protocol.wire import CallContext, Op, Opcode, parse_json
from inngest_core.runtime.effects import Call, Flow, Later, Timer, now
from inngest_core.runtime.outcome import Outcome, Raised, Returned
from inngest_core.values.json_text import parse_value
from inngest_core.values.serializer import dump

from .call_texts import FORGOTTEN_STEPS, SHARED_ID
from .checkpoint import ANNOUNCE_SECONDS, Checkpoint
from .failure import describe, is_final, log_failure, retriable, retry_headers
from .inputs import record_inputs
from .outcomes import CallOutcome, Reported, TargetMissed, args_of, op_of, refuse_coroutine, report_new
from .probe import current_probe
from .replay import NOT_RECALLED, Found, Memo, Replay
from .results import Results, RunSize
from .services import Services
from .tools import PARALLEL_MODE, StepScope, Tool, parallel_mode

Place = TypeVar("Place")

current_step: contextvars.ContextVar[str | None] = contextvars.ContextVar("inngest_current_step", default=None)
"""The step whose callback runs. A context variable, not a flag: every branch and every task has its own."""

MOST_FORGOTTEN = 3
"""How many steps in a row that are not met again are a sign that step ids differ from call to call."""


class Execution(Generic[Place]):
    """The state of one call: what was met, and whether the call is ending."""

    def __init__(self, ctx: CallContext, replay: Replay[Tool, Place], services: Services) -> None:
        self.ctx = ctx
        self.replay = replay
        self.run_id = ctx.run_id
        self.function_id = services.function_id
        self.outcome: CallOutcome | None = None
        """Set when the call ends before the function does: from then on every step is refused. Raised: by a hook."""
        client = services.client
        self.results = Results(services.function_id, client.logger, client.serializer, client.warned_of)
        self._checkpoint: Checkpoint | None = None
        """Made when a step runs."""
        self._size: RunSize | None = None
        """Made when a step runs."""
        self._step_names = client.step_names
        self._services = services
        self._hooks = services.hooks
        self._logger = client.logger
        self._begun = not services.hooks.exist
        """Whether the hooks before new code have run, or there are none."""
        self._executed = self._begun
        """The same of the hooks after it."""
        self._steps_have_hooks = services.hooks.exist
        self._over = False
        self._nested: StepNestedError | None = None
        self._warned_ids: set[str] = set()
        self._told_of_forgotten = False

    # Steps

    def recall(self, step_id: str, callback: Callable[..., object], output_type: object) -> object:
        """Return the result of a step that runs in the app where its memo is all that counts, else NOT_RECALLED.

        Nothing has happened then, and the step is yet to be met. Most steps of a replay are recalled: it takes none of
        the objects that a step needs that waits or runs. Both kinds of functions ask first whether they may.
        """
        if (
            output_type is not None
            or self.outcome is not None
            or self._over
            or not (self._begun or self.replay.left > 1)
            or current_step.get() is not None
            or parallel_mode.get() is not None
            or ((probe := current_probe.get()) is not None and probe.sees_recalled)
            or not callable(callback)
        ):
            return NOT_RECALLED
        data = self.replay.recall(step_id)
        return data if data is NOT_RECALLED else self.results.read_returned(callback, data, step_id)

    def find(self, tool: Tool) -> Found[Tool, Place]:
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
            self._nested = StepNestedError(
                f'step "{tool.step_id}" was met inside step "{outer}"; steps cannot be nested: '
                f'call the inner function directly, or move step "{tool.step_id}" out'
            )
            raise self._nested
        found = self.replay.find(tool.step_id, tool.op, tool, PARALLEL_MODE in tool.opts)
        if found.memo is None and tool.op is Opcode.INVOKE_FUNCTION:
            found.tool = tool._replace(opts=self.results.dump_invoke_opts(tool))
        probe = current_probe.get()
        if probe is not None:
            probe.step_met(self.ctx, found, self.results)
        return found

    def read(self, found: Found[Tool, Place]) -> object:
        """Return the value of a found step's memo; raises StepError."""
        if found.memo is None:
            raise AssertionError("only a step with a memo is read")
        return self.results.read(found.tool, found.memo)

    def may_be_read_at_once(self) -> bool:
        """Tell whether a memo may be read where the step is met: no hook has to run before the function goes on."""
        return self._begun or self.replay.left > 1

    def runs_new_code(self) -> bool:
        """Tell whether code of the function that runs now, or of a step, has not run in an earlier call."""
        if current_step.get() is not None:
            return True
        return self.replay.target is None and not self.replay.replaying

    def run_new(
        self, found: Found[Tool, Place], context: contextvars.Context, *, goes_on: bool = True
    ) -> Flow[CallOutcome | None]:
        """Run a step in the app; return what ends the call, or None when the function goes on with its result.

        goes_on: whether it can. Raises what a hook raises, and CallSupersededError.
        """
        yield from self.begin()
        started = yield from now()
        checkpoint = self._checkpoint = self._checkpoint or self._services.make_checkpoint()
        if checkpoint is not None and checkpoint.is_over(started):
            return (yield from self.report([found]))
        if self._hooks.record_inputs:
            record_inputs([found])  # before the step can change what it was given
        info = self._info(found) if self._steps_have_hooks else None
        given = yield from self._call_announced(checkpoint, found, context, info)
        ended = yield from now()
        timing = (int(started * 1e9), max(int((ended - started) * 1e9), 0))
        if self._nested is not None:  # also where the step's callback caught it
            given = Raised(self._nested)
        outcome = given
        if checkpoint is None and not self._executed:
            yield from self.end()
        if info is not None and "transform_output" in self._hooks.plan.hooks:
            outcome = yield from self._hooks.transform(given, partial(self.results.check, found.tool), info)
        self._tell_of_forgotten_steps(found)
        if isinstance(outcome, Raised):
            return (yield from self._report_failure(found, info, outcome.error, timing))
        changed = not (isinstance(given, Returned) and given.value is outcome.value)
        try:
            data = self.results.dump(found.tool, outcome.value, changed=changed)
            size = self._size = self._size or RunSize(self._services.call.state_bytes)
            size.add(found.step_id, data)
        except Exception as error:  # a value, or a serializer of the user's, may raise anything
            return (yield from self._report_failure(found, info, error, timing))
        if "on_step_complete" in self._hooks.plan.hooks and info is not None:
            output = given.value if isinstance(given, Returned) else outcome.value
            yield from self._hooks.run("on_step_complete", info, output)
        op = op_of(found, Opcode.STEP_RUN, data=data, timing=timing)
        if checkpoint is None or changed or not goes_on:  # only the next call's hooks read what a hook has changed
            return Reported([*(yield from self.flush()), op])
        unsaved = yield from checkpoint.keep(op)
        if unsaved:
            return Reported(unsaved)
        self.replay.keep(found, Memo(data=parse_json(data)))
        return None

    def flush(self) -> Flow[Sequence[Op]]:
        """Save the results that are not saved yet; return those that could not be. Raises CallSupersededError."""
        return () if self._checkpoint is None else (yield from self._checkpoint.flush())

    def _call_announced(
        self,
        checkpoint: Checkpoint | None,
        found: Found[Tool, Place],
        context: contextvars.Context,
        info: StepInfo | None,
    ) -> Flow[Outcome]:
        """Return what the step came to; tell the engine that it is running when it takes long and the call goes on."""
        if checkpoint is None:
            return (yield from self._call(found, context, info))
        timer: Timer = yield Later(ANNOUNCE_SECONDS, lambda: checkpoint.announce(op_of(found, Opcode.STEP_PLANNED)))
        try:
            return (yield from self._call(found, context, info))
        finally:
            timer.cancel()

    def _call(self, found: Found[Tool, Place], context: contextvars.Context, info: StepInfo | None) -> Flow[Outcome]:
        """Return the flow that runs the step within its hooks; what a hook does around the step belongs to it."""
        context.run(current_step.set, found.step_id)
        if info is None:
            return self._call_step(found, context)
        if "on_step_start" in self._hooks.plan.hooks:
            return self._call_in_hooks(found, context, info)
        return self._hooks.around("wrap_step", info, partial(self._call_step, found), context)

    def _call_in_hooks(self, found: Found[Tool, Place], context: contextvars.Context, info: StepInfo) -> Flow[Outcome]:
        """Return what the step came to within the hooks that wrap it. Raises what a hook raises."""
        yield from self._hooks.run("on_step_start", info)
        return (yield from self._hooks.around("wrap_step", info, partial(self._call_step, found), context))

    def _info(self, found: Found[Tool, Place]) -> StepInfo:
        opts, attempt = found.tool.opts, self.ctx.attempt
        return StepInfo(found.step_id, found.op, opts, found.id, found.index, attempt, args_of(found))

    def _call_step(self, found: Found[Tool, Place], context: contextvars.Context | None) -> Flow[Outcome]:
        """Return what the step came to. context: the variables that it runs in, None when those are current."""
        tool = found.tool
        try:
            if tool.work is not None:
                return Returned((yield from tool.work(self._scope(found))))
            if tool.callback is None:
                raise AssertionError("a step of the engine's does not run in the app")
            value: object = yield Call(tool.callback, args_of(found), context, f'step "{found.step_id}"')
            return refuse_coroutine(value, f'step "{found.step_id}"')
        except CONTROL:
            raise
        except BaseException as error:  # whatever else user code raises belongs to the step
            return Raised(error)

    def _scope(self, found: Found[Tool, Place]) -> StepScope:
        services, client = self._services, self._services.client
        return StepScope(self.run_id, found.id, services.send, client.engine_api, services.headers, client.serializer)

    def _report_failure(
        self, found: Found[Tool, Place], info: StepInfo | None, error: BaseException, timing: tuple[int, int]
    ) -> Flow[Reported]:
        unsaved = yield from self.flush()
        if unsaved:  # alone: a failure beside them would count as the whole answer's; the step runs again
            return Reported(unsaved)
        final = is_final(error, self.ctx)
        try:
            if info is not None:
                yield from self._hooks.run("on_step_error", info, error, final)
        finally:  # after the hooks: what reports errors then knows them when it sees the line
            log_failure(self._logger, error, f'step "{found.step_id}" of {self.function_id}', final=final)
        opcode = Opcode.STEP_FAILED if final else Opcode.STEP_ERROR
        headers = {} if final and retriable(error) else (yield from retry_headers(error))
        return Reported([op_of(found, opcode, error=describe(error), timing=timing)], headers)

    def _tell_of_forgotten_steps(self, found: Found[Tool, Place]) -> None:
        """Warn when the function met a new step, but not those that finished last: their ids are others in each call.

        Not where several tasks meet steps: one of them may be about to meet those.
        """
        if self.replay.target is not None or self.replay.concurrent or self._told_of_forgotten:
            return
        self._told_of_forgotten = True
        forgotten = self.replay.forgotten()
        if forgotten >= MOST_FORGOTTEN:
            self._logger.warning(FORGOTTEN_STEPS, self.function_id, found.step_id, forgotten)

    def warn_of_shared_id(self, step_id: str, one: str, other: str) -> None:
        """Warn, once in a call, that two branches which run side by side have met the same id."""
        if step_id in self._warned_ids:
            return
        self._warned_ids.add(step_id)
        self._logger.warning(SHARED_ID, self.function_id, step_id, one, other, step_id)

    # Hooks

    def ask_which_hooks_there_are(self) -> None:
        """Leave out those around new code where no middleware has them: memos are then read where they are met."""
        plan = self._hooks.plan
        self._begun = not plan.before_new_code
        self._executed = self._begun and not plan.after_new_code
        self._steps_have_hooks = plan.of_steps

    def begin(self) -> Flow[None]:
        """Run the hooks before new code, once in a call."""
        if not self._begun:
            self._begun = True
            yield from self._hooks.run("after_memoization")
            yield from self._hooks.run("before_execution")

    def begin_after_last_memo(self) -> Flow[None]:
        """Run the hook before new code, when the memos are all delivered."""
        if not self._begun and self.replay.left == 0:
            yield from self.begin()

    def end(self) -> Flow[None]:
        """Run the hook after new code, once in a call: after the step that ran, else after the function."""
        if not self._executed:
            self._executed = True
            yield from self.begin()
            yield from self._hooks.run_reversed("after_execution")

    # The function

    def run(self, call: Callable[[], object]) -> Flow[CallOutcome]:
        """Run the function, given what calls its handler; a flow for the driver of the handler's kind."""
        raise NotImplementedError

    def finish(self, outcome: Outcome) -> CallOutcome:
        """Return what the call came to when the function has come to its end."""
        self._over = True
        if self.replay.target is not None and isinstance(outcome, Returned):
            return self.target_missed()
        return outcome

    def target_missed(self) -> TargetMissed:
        met = self.replay.met()
        target = self.replay.target or ""
        return TargetMissed(met, self._step_names.find(target, [step_id for _, step_id in met]))

    def report(self, new: Sequence[Found[Tool, Place]]) -> Flow[Reported]:
        """Report new steps without running them, or what has to be told first.

        Raises what a hook raises, and CallSupersededError.
        """
        unsaved = yield from self.flush()
        if unsaved:
            return Reported(unsaved)
        if "before_invoke" in self._hooks.plan.hooks:
            for found in new:
                if found.op is Opcode.INVOKE_FUNCTION:
                    yield from self._transform_invocation(found)
        if self._hooks.record_inputs:
            record_inputs(new)
        self._step_names.keep((found.id, found.step_id, found.index) for found in new)
        self._tell_of_forgotten_steps(new[0])
        return report_new(new)

    def _transform_invocation(self, found: Found[Tool, Place]) -> Flow[None]:
        """Let the hooks change the data that another function is invoked with."""
        opts, what = found.tool.opts, f'step "{found.step_id}": data, as a hook left it,'
        payload = cast("Mapping[str, object]", opts["payload"])
        data = cast("dict[str, Any]", payload["data"])
        invocation = Invocation(found.step_id, str(opts["function_id"]), data)
        yield from self._hooks.run("before_invoke", invocation)
        changed: object = parse_value(dump(invocation.data, what, limit=MAX_STEP_BYTES).body)
        found.tool = found.tool._replace(opts={**opts, "payload": {**payload, "data": changed}})
