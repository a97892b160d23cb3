"""One call of one function: its context, its hooks, and the answer to what came of it. Pure flows."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Protocol, assert_never

from inngest_core.engine_api import EngineAPI, trace_headers
from inngest_core.errors import (
    CallSupersededError,
    EventInvalidError,
    InngestError,
    OutputUnserializableError,
    StepUnexpectedError,
)
from inngest_core.events.event import Event, parse_event
from inngest_core.events.event_types import type_event
from inngest_core.function import Function, Handler
from inngest_core.middleware import Hooks, MiddlewareFactory, StepMemos
from inngest_core.options.checkpointing import CheckpointingOption, choose_checkpointing
from inngest_core.protocol.limits import MAX_RESPONSE_BYTES
from inngest_core.protocol.wire import (
    RUN_COMPLETE_ID,
    CallRequest,
    EventName,
    Header,
    Op,
    Opcode,
    dump_op,
    dump_ops,
)
from inngest_core.runtime.drivers import Resources
from inngest_core.runtime.effects import Flow, Place
from inngest_core.runtime.outcome import Raised, Returned
from inngest_core.values.serializer import Serializer, dump
from inngest_core.web.messages import Request

from .answer import Answer
from .async_execution import AsyncExecution
from .checkpoint import Checkpoint, SavingPause, can_checkpoint
from .context import Context, ContextSync, ReplayLogger
from .current import CurrentCall, current_call
from .execution import Execution, Services
from .failure import describe, is_final, log_failure, retry_headers
from .group import Group, GroupSync
from .outcomes import CallOutcome, Reported, TargetMissed
from .replay import Replay
from .results import Warned, check_result
from .step import Step
from .step_names import StepNames
from .step_sync import StepSync
from .sync_execution import Spot, SyncExecution
from .tools import Tool

MOST_FOUND_STEPS = 25
"""So many of the steps that were met are listed in an error."""


class Client(Protocol):
    """What a call needs of the client that its function was defined with."""

    @property
    def app_id(self) -> str: ...
    @property
    def checkpointing(self) -> CheckpointingOption: ...
    @property
    def engine_api(self) -> EngineAPI: ...
    @property
    def logger(self) -> logging.Logger: ...
    @property
    def middleware(self) -> Sequence[MiddlewareFactory]: ...
    @property
    def resources(self) -> Resources: ...
    @property
    def saving_pause(self) -> SavingPause: ...
    @property
    def serializer(self) -> Serializer | None: ...
    @property
    def step_names(self) -> StepNames: ...
    @property
    def warned_of(self) -> Warned: ...
    def send_flow(
        self,
        events: Sequence[Event],
        *,
        seed: str | None = None,
        raw_request: object = None,
        middleware: Sequence[MiddlewareFactory] = (),
        headers: Mapping[str, str] | None = None,
    ) -> Flow[list[str]]: ...


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
    ) -> None:
        self._client = client
        self._function = function
        self._handler = handler
        self._call = call
        self._request = request
        self._target = target
        self._what = f"function {function.id}: output"
        self._changed = False
        """Whether a hook put there what the function returns."""
        self._hooks = Hooks([*client.middleware, *function.middleware], client, request.raw)
        headers = trace_headers(request.headers)
        self._services = Services(
            function_id=fn_id,
            hooks=self._hooks,
            logger=client.logger,
            send=lambda events, seed: client.send_flow(
                events,
                seed=seed,
                raw_request=request.raw,
                middleware=function.middleware,
                headers=headers,
            ),
            engine_api=client.engine_api,
            headers=headers,
            serializer=client.serializer,
            warned=client.warned_of,
            step_names=client.step_names,
            checkpoint=self._make_checkpoint(fn_id, headers),
            state_bytes=call.state_bytes,
        )
        self._execution, self._ctx = self._prepare()
        self._current = CurrentCall(self._ctx)

    def _make_checkpoint(self, fn_id: str, headers: Mapping[str, str]) -> Checkpoint | None:
        client, ctx = self._client, self._call.ctx
        settings = choose_checkpointing(self._function.opts.checkpointing, client.checkpointing)
        if settings is None or not can_checkpoint(ctx, self._target):
            return None
        save = partial(client.engine_api.save_steps, ctx.run_id, headers=headers)
        return Checkpoint(settings, ctx, save, client.saving_pause, client.logger, fn_id)

    def run(self) -> Flow[Answer]:
        """Run the function between its hooks; a flow for the driver of the handler's kind."""
        try:
            return (yield from self._run())
        except InngestError as error:  # of a hook; what the function and its steps raise is an outcome
            return (yield from self._answer_error(error))
        finally:
            self._current.ended = True

    def _run(self) -> Flow[Answer]:
        execution, ctx, hooks = self._execution, self._ctx, self._hooks
        yield from execution.begin_checkpointing()
        if hooks:
            yield from hooks.run("transform_input", ctx, self._function, StepMemos(self._call.steps))
            yield from execution.begin_after_last_memo()
        try:
            self._type_events()
        except EventInvalidError as error:
            outcome: CallOutcome = Raised(error)
        else:
            outcome = yield from execution.run(self._call_handler)
        if isinstance(execution.outcome, Raised):  # by a hook, while the function ran
            return (yield from self._answer(execution.outcome))
        if hooks:
            yield from execution.end()
            outcome = yield from self._transform(outcome)
        answer = yield from self._answer(outcome)
        if hooks:
            yield from hooks.run("before_response")
        return answer

    def _prepare(self) -> tuple[Execution[Any], Context | ContextSync]:
        client, call, headers = self._client, self._call, self._request.headers
        memos, stack, plan_only = call.steps, call.ctx.stack, call.ctx.disable_immediate_execution
        event, events = _parse_events(call)
        job_id = call.ctx.job_id or headers.get(Header.JOB_ID.value) or None
        request_id = call.ctx.request_id or headers.get(Header.REQUEST_ID.value) or None
        ids = (call.ctx.run_id, self._services.function_id, job_id, request_id)
        fields = (event, events, call.ctx.attempt, call.ctx.max_attempts, *ids)
        if self._handler.is_async:
            of_places = Replay[Tool, Place](memos=memos, stack=stack, target=self._target, plan_only=plan_only)
            execution = AsyncExecution(call.ctx, of_places, self._services)
            tools, logger = Step(execution, client.app_id), ReplayLogger(client.logger, of_places)
            return execution, Context(*fields, logger, tools, Group(execution))
        of_spots = Replay[Tool, Spot](memos=memos, stack=stack, target=self._target, plan_only=plan_only)
        in_thread = SyncExecution(call.ctx, of_spots, self._services, client.resources)
        step, logger = StepSync(in_thread, client.app_id), ReplayLogger(client.logger, of_spots)
        return in_thread, ContextSync(*fields, logger, step, GroupSync(in_thread))

    def _type_events(self) -> None:
        """Type the events as the triggers say: after the hooks, which may have to decrypt them.

        Raises EventInvalidError.
        """
        if self._handler.typed:
            ctx, triggers = self._ctx, self._function.triggers
            ctx.event = type_event(ctx.event, triggers)
            ctx.events = [type_event(each, triggers) for each in ctx.events]

    def _call_handler(self) -> object:
        """Call the handler, in context variables of the call's own."""
        ctx = self._ctx
        current_call.set(self._current)
        return self._handler.callback(ctx, ctx.step) if self._handler.takes_step else self._handler.callback(ctx)

    def _transform(self, outcome: CallOutcome) -> Flow[CallOutcome]:
        """Return what the hooks make of what the function came to."""
        if not isinstance(outcome, Returned | Raised):
            return outcome
        made = yield from self._hooks.transform(outcome, self._check)
        self._changed = not (
            isinstance(outcome, Returned) and isinstance(made, Returned) and made.value is outcome.value
        )
        return made

    def _check(self, value: object) -> None:
        check_result(value, self._what, self._handler.output_type, self._client.serializer)

    def _answer(self, outcome: CallOutcome) -> Flow[Answer]:
        """Return what to tell the engine."""
        match outcome:
            case Reported(ops, headers):
                return (yield from self._answer_ops(ops, headers))
            case Returned(value):
                return (yield from self._answer_value(value))
            case Raised(error):
                return (yield from self._answer_error(error))
            case TargetMissed():
                return _answer_missed(self._target or "", outcome)
            case _:
                assert_never(outcome)

    def _answer_error(self, error: BaseException) -> Flow[Answer]:
        try:
            unsaved = yield from self._execution.flush()
        except CallSupersededError as superseded:
            error, unsaved = superseded, ()
        if unsaved:  # the function runs again, with these results, and raises again
            return (yield from self._answer_ops(unsaved, {}))
        final = is_final(error, self._call.ctx)
        log_failure(self._client.logger, error, f"function {self._services.function_id}", final=final)
        return Answer(500, describe(error), (yield from retry_headers(error)))

    def _answer_value(self, value: object) -> Flow[Answer]:
        try:
            data = self._dump(value)
        except Exception as error:  # a value, or a serializer of the user's, may raise anything
            return (yield from self._answer_error(error))
        unsaved = yield from self._execution.flush()
        is_like_an_object = data.startswith(b'"{') and data.endswith(b'}"')  # a text that an engine would decode
        if not unsaved and not is_like_an_object:
            return Answer(200, data)
        complete = Op(op=Opcode.RUN_COMPLETE, id=RUN_COMPLETE_ID, data=data)
        if unsaved and len(dump_ops([*unsaved, complete])) > MAX_RESPONSE_BYTES:
            return (yield from self._answer_ops(unsaved, {}))  # the next call meets the end again
        return (yield from self._answer_ops([*unsaved, complete], {}))

    def _answer_ops(self, ops: Sequence[Op], headers: Mapping[str, str]) -> Flow[Answer]:
        body = dump_ops(ops)
        if len(body) <= MAX_RESPONSE_BYTES:
            return Answer(206, body, headers)
        error = OutputUnserializableError(_too_large(self._function.id, ops, len(body)))
        return (yield from self._answer_error(error))

    def _dump(self, value: object) -> bytes:
        if self._changed:
            return dump(value, self._what, serializer=self._client.serializer, limit=MAX_RESPONSE_BYTES).body
        return self._execution.results.dump_output(
            self._handler.callback,
            value,
            self._handler.output_type,
            MAX_RESPONSE_BYTES,
            invoked=self._call.event.get("name") == EventName.FUNCTION_INVOKED,
        )


def _parse_events(call: CallRequest) -> tuple[Event, list[Event]]:
    event = parse_event(call.event)
    if len(call.events) == 1 and call.events[0] == call.event:
        return event, [event]
    return event, [parse_event(each) for each in call.events] or [event]


def _too_large(function_id: str, ops: Sequence[Op], size: int) -> str:
    """Return the message for an answer that an engine would refuse; the largest ops are named first."""
    sized = sorted(((len(dump_op(op)), op.step_id) for op in ops), key=lambda each: -each[0])
    held = [f'step "{step_id}" ({each:,})' if step_id else f"the output ({each:,})" for each, step_id in sized]
    named = ", ".join(held[:MOST_FOUND_STEPS]) + (" and more" if len(held) > MOST_FOUND_STEPS else "")
    return (
        f"function {function_id}: the answer is {size:,} bytes as JSON, over the limit of "
        f"{MAX_RESPONSE_BYTES // 1024 // 1024} MiB for one answer; it holds {named}; "
        "start fewer steps at a time, or keep their data elsewhere and pass on where it is"
    )


def _answer_missed(target: str, missed: TargetMissed) -> Answer:
    met = missed.met[:MOST_FOUND_STEPS]
    names = ", ".join(f'"{step_id}"' for _, step_id in met) or "none"
    named = target if missed.name is None else f"{missed.name} ({target})"
    message = (
        f"the engine asked for step {named}, which the function did not meet (it met: {names}); "
        "was the function changed while runs were under way, or are its step ids others in each call?"
    )
    body = {
        "code": StepUnexpectedError.code,
        "name": StepUnexpectedError.__name__,
        "message": message,
        "error": message,
        "requestedStep": target,
        "foundSteps": [{"id": hashed, "displayName": step_id} for hashed, step_id in met],
        "totalFoundSteps": len(missed.met),
    }
    return Answer(500, body, {Header.NO_RETRY.value: "false"})
