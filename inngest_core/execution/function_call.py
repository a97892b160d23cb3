"""One call of one function: its context, its hooks, and the answer to what came of it. Pure flows."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any, assert_never

from inngest_core.errors import (
    CallSupersededError,
    ConfigError,
    EventInvalidError,
    InngestError,
    Interrupt,
    MiddlewareError,
    OutputUnserializableError,
)
from inngest_core.events.event import Event, parse_event
from inngest_core.events.event_types import type_event
from inngest_core.function import Function, Handler
from inngest_core.middleware.base import MiddlewareFactory
from inngest_core.middleware.hooks import NO_HOOKS, Hooks
from inngest_core.middleware.values import CallInfo, StepMemos
from inngest_core.protocol.limits import MAX_RESPONSE_BYTES
from inngest_core.protocol.wire import RUN_COMPLETE_ID, CallRequest, EventName, Header, Op, Opcode, dump_ops
from inngest_core.runtime.effects import Flow, Place
from inngest_core.runtime.outcome import Outcome, Raised, Returned
from inngest_core.values.serializer import dump
from inngest_core.web.messages import Request

from .answer import Answer
from .async_execution import AsyncExecution
from .call_texts import answer_missed, no_answer, not_injected, too_large
from .context import Context, ContextSync, make_context
from .current import CurrentCall, current_call
from .execution import Execution
from .failure import describe, is_final, log_failure, retry_headers
from .outcomes import CallOutcome, Reported, TargetMissed
from .probe import current_probe, tell_of_failure
from .replay import Found, Replay
from .results import check_result
from .services import Client, Services
from .sync_execution import Spot, SyncExecution
from .tools import Tool

_FUNCTION_INVOKED = EventName.FUNCTION_INVOKED.value


class FunctionCall:
    """One call of one function, ready to run."""

    def __init__(
        self,
        client: Client,
        function: Function[Any],
        handler: Handler,
        fn_id: str,
        call: CallRequest,
        target: str | None,
        request: Request,
        started: float,
        middleware: Sequence[MiddlewareFactory] | None = None,
    ) -> None:
        """started: when the call was asked for, in Unix seconds. middleware: instead of that of client and function."""
        self._client = client
        self._function = function
        self._handler = handler
        self._call = call
        self._request = request
        self._target = target
        self._changed = False
        """Whether a hook put there what the function returns."""
        self._returned: Returned | None = None
        """What the function returned, before hooks changed it."""
        self.error: BaseException | None = None
        """What the answer says that the function came to, when that is an error."""
        if middleware is None:
            middleware = [*client.middleware, *function.middleware]
        is_async = handler.is_async
        self._hooks = NO_HOOKS
        if middleware:
            self._hooks = Hooks(middleware, client, request.raw, client.resources, asynchronous=is_async)
        self._services = Services(client, function, fn_id, is_async, self._hooks, call, target, request, started)
        self._execution, self._ctx = self._prepare()
        self._current = CurrentCall(self._ctx, self._execution.runs_new_code)
        self._info: CallInfo | None = None

    @property
    def met(self) -> Mapping[str, Found[Tool, Any] | str]:
        """What the function has met, as in `Replay.found`."""
        return self._execution.replay.found

    def run(self) -> Flow[Answer]:
        """Run the function between its hooks; a flow for the driver of the handler's kind."""
        return self._answer_in_hooks() if self._hooks.exist else self._answer_call()

    def _answer_in_hooks(self) -> Flow[Answer]:
        try:
            self._hooks.prepare()
            if "wrap_request" not in self._hooks.plan.hooks:
                return (yield from self._answer_call())
            outcome = yield from self._hooks.around("wrap_request", self._call_info(), self._answer_within)
            answer = outcome.unwrap()
        except InngestError as error:
            return (yield from self._answer_error(error))
        if isinstance(answer, Answer):
            return answer
        return (yield from self._answer_error(MiddlewareError(no_answer(answer))))

    def _answer_within(self, _: object) -> Flow[Outcome]:
        if self._current.ended:
            return Raised(
                MiddlewareError(f"a wrap_request hook ran the call of {self._function.id} twice; run it once")
            )
        return Returned((yield from self._answer_call()))

    def _answer_call(self) -> Flow[Answer]:
        execution, hooks, plan = self._execution, self._hooks, self._hooks.plan
        try:
            if hooks.exist:
                if "transform_input" in plan.hooks:
                    yield from hooks.run("transform_input", self._ctx, self._function, StepMemos(self._call.steps))
                execution.ask_which_hooks_there_are()
            outcome: CallOutcome | None = self._type_events() if self._handler.typed else None
            if outcome is None:
                run = self._run_in_hooks() if plan.around_function else execution.run(self._call_handler)
                outcome = yield from run
            if isinstance(execution.outcome, Raised):  # by a hook, while the function ran
                return (yield from self._answer(execution.outcome))
            if plan.around_new_code:
                yield from execution.end()
            if "transform_output" in plan.hooks and isinstance(outcome, Returned | Raised):
                outcome = yield from self._transform(outcome)
            answer = yield from self._answer(outcome)
            if "before_response" in plan.hooks:
                yield from hooks.run("before_response")
            return answer
        except InngestError as error:  # of a hook; what the function and its steps raise is an outcome
            return (yield from self._answer_error(error))
        finally:
            self._current.ended = True

    def _prepare(self) -> tuple[Execution[Any], Context | ContextSync]:
        client, call, headers = self._client, self._call, self._request.headers
        given = call.ctx
        memos, stack, plan_only = call.steps, given.stack, given.disable_immediate_execution
        event, events = _parse_events(call)
        fields: dict[str, object] = {
            "event": event,
            "events": events,
            "attempt": given.attempt,
            "max_attempts": given.max_attempts,
            "run_id": given.run_id,
            "fn_id": self._services.function_id,
            "job_id": given.job_id or headers.get(Header.JOB_ID) or None,
            "request_id": given.request_id or headers.get(Header.REQUEST_ID) or None,
        }
        if self._handler.is_async:
            async_replay: Replay[Tool, Place]
            async_replay = Replay(memos=memos, stack=stack, target=self._target, plan_only=plan_only)
            execution = AsyncExecution(given, async_replay, self._services)
            return execution, make_context(Context, self._handler.context, fields, (execution, client))
        sync_replay: Replay[Tool, Spot]
        sync_replay = Replay(memos=memos, stack=stack, target=self._target, plan_only=plan_only)
        sync_execution = SyncExecution(given, sync_replay, self._services, client.resources)
        return sync_execution, make_context(ContextSync, self._handler.context, fields, (sync_execution, client))

    def _type_events(self) -> Raised | None:
        """Type the events as the triggers say: after the hooks, which may have to decrypt them."""
        ctx, triggers = self._ctx, self._function.triggers
        try:
            ctx.event = type_event(ctx.event, triggers)
            ctx.events = [type_event(each, triggers) for each in ctx.events]
        except EventInvalidError as error:
            return Raised(error)
        return None

    def _run_in_hooks(self) -> Flow[CallOutcome]:
        """Run the function within the hooks that wrap it; they see an Interrupt where the call ends before it does."""
        if "wrap_handler" not in self._hooks.plan.hooks:
            yield from self._execution.begin_after_last_memo()
            return (yield from self._execution.run(self._call_handler))
        ended: CallOutcome | None = None

        def inner(_: object) -> Flow[Outcome]:
            nonlocal ended
            if ended is not None:
                raise MiddlewareError(f"a wrap_handler hook ran {self._function.id} twice in one call; run it once")
            yield from self._execution.begin_after_last_memo()
            ended = yield from self._execution.run(self._call_handler)
            return ended if isinstance(ended, Returned | Raised) else Raised(Interrupt(_step_in(ended)))

        outcome = yield from self._hooks.around("wrap_handler", self._call_info(), inner)
        if ended is None:
            return self._execution.finish(outcome)
        return outcome if isinstance(ended, Returned | Raised) else ended

    def _call_info(self) -> CallInfo:
        """Return what the hooks are told that wrap the call or the handler; made once."""
        if self._info is None:
            self._info = CallInfo(self._request, self._ctx, self._function, self._handler.callback)
        return self._info

    def _call_handler(self) -> object:
        """Call the handler, in context variables of the call's own."""
        ctx, handler, arguments = self._ctx, self._handler, {} if self._info is None else self._info.arguments
        if handler.injected:
            missing = [name for name in handler.injected if name not in arguments]
            if missing:
                raise ConfigError(not_injected(self._function.id, missing))
        current_call.set(self._current)
        positional = (ctx, ctx.step) if handler.takes_step else (ctx,)
        return handler.callback(*positional, **arguments)

    def _transform(self, outcome: Outcome) -> Flow[CallOutcome]:
        """Return what the hooks make of what the function came to."""
        self._returned = outcome if isinstance(outcome, Returned) else None
        made = yield from self._hooks.transform(outcome, self._check)
        self._changed = not (
            isinstance(outcome, Returned) and isinstance(made, Returned) and made.value is outcome.value
        )
        probe = current_probe.get()
        if probe is not None and self._hooks.plan.restores_outputs:
            is_hidden = self._changed and isinstance(made, Returned)
            probe.function_returned(self._call.ctx, self._before_hooks() if is_hidden else None)
        return made

    def _before_hooks(self) -> bytes | None:
        """Return what the function returned as JSON; None when it raised, or when that is no JSON."""
        if self._returned is None:
            return None
        with contextlib.suppress(Exception):  # the answer says so
            return self._dump_returned(self._returned.value)
        return None

    def _check(self, value: object) -> None:
        check_result(value, self._output_name(), self._handler.output_type, self._client.serializer)

    def _output_name(self) -> str:
        """Return what the output is called in messages."""
        return f"function {self._function.id}: output"

    def _answer(self, outcome: CallOutcome) -> Flow[Answer]:
        """Return the flow that finds out what to tell the engine."""
        match outcome:
            case Returned(value):
                return self._answer_value(value)
            case Reported(ops, headers):
                return self._answer_ops(ops, headers)
            case Raised(error):
                return self._answer_error(error)
            case TargetMissed():
                return self._answer_missed(outcome)
            case _:
                assert_never(outcome)

    def _answer_missed(self, missed: TargetMissed) -> Flow[Answer]:
        yield from ()  # a flow, as the others
        return answer_missed(self._target or "", missed)

    def _answer_error(self, error: BaseException) -> Flow[Answer]:
        try:
            unsaved = yield from self._execution.flush()
        except CallSupersededError as superseded:
            error, unsaved = superseded, ()
        if unsaved:  # the function runs again, with these results, and raises again
            return (yield from self._answer_ops(unsaved, {}))
        self.error = error
        tell_of_failure(self._call.ctx, error)
        final = is_final(error, self._call.ctx)
        told = error
        try:  # hooks before the log: what reports errors then knows them when it sees the line
            yield from self._hooks.run("on_function_error", error, final)
        except InngestError as failure:  # of the hook, and with the error as its context
            told = failure
        log_failure(self._client.logger, error, f"function {self._services.function_id}", final=final)
        return Answer(500, describe(told), (yield from retry_headers(told)))

    def _answer_value(self, value: object) -> Flow[Answer]:
        try:
            data = self._dump(value)
        except Exception as error:  # a value, or a serializer of the user's, may raise anything
            return (yield from self._answer_error(error))
        unsaved = yield from self._execution.flush()
        is_like_an_object = data.startswith(b'"{') and data.endswith(b'}"')  # a text that an engine would decode
        ops: Sequence[Op] = ()
        if unsaved or is_like_an_object:
            ops = [*unsaved, Op(op=Opcode.RUN_COMPLETE, id=RUN_COMPLETE_ID, data=data)]
            if unsaved and len(dump_ops(ops)) > MAX_RESPONSE_BYTES:
                return (yield from self._answer_ops(unsaved, {}))  # the next call meets the end again
        if "on_function_complete" in self._hooks.plan.hooks:
            yield from self._hooks.run("on_function_complete", (self._returned or Returned(value)).value)
        return (yield from self._answer_ops(ops, {})) if ops else Answer(200, data)

    def _answer_ops(self, ops: Sequence[Op], headers: Mapping[str, str]) -> Flow[Answer]:
        body = dump_ops(ops)
        if len(body) <= MAX_RESPONSE_BYTES:
            return Answer(206, body, headers)
        error = OutputUnserializableError(too_large(self._function.id, ops, len(body)))
        return (yield from self._answer_error(error))

    def _dump(self, value: object) -> bytes:
        if self._changed:
            return dump(value, self._output_name(), serializer=self._client.serializer, limit=MAX_RESPONSE_BYTES).body
        return self._dump_returned(value)

    def _dump_returned(self, value: object) -> bytes:
        return self._execution.results.dump_output(
            self._handler.callback,
            value,
            self._handler.output_type,
            MAX_RESPONSE_BYTES,
            invoked=self._call.event.get("name") == _FUNCTION_INVOKED,
        )


def _parse_events(call: CallRequest) -> tuple[Event, list[Event]]:
    event = parse_event(call.event)
    if len(call.events) == 1 and call.events[0] == call.event:
        return event, [event]
    return event, [parse_event(each) for each in call.events] or [event]


def _step_in(outcome: CallOutcome) -> str:
    return outcome.ops[0].step_id if isinstance(outcome, Reported) and outcome.ops else ""
