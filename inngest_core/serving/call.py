"""POST: parse the call request, get the full state, run the function, answer with what came of it.

Pure flows: the request is verified before it comes here, and signed after. Sources: protocol §6, B0, B9, C5.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any, assert_never, cast

from inngest_core.client import Inngest
from inngest_core.engine_api import fetch_state, trace_headers
from inngest_core.errors import (
    EventInvalidError,
    FunctionNotFoundError,
    InngestError,
    OutputUnserializableError,
    QueryParamMissingError,
)
from inngest_core.events.event import Event, parse_event
from inngest_core.events.event_types import type_event
from inngest_core.execution.context import Context, ContextSync, ReplayLogger
from inngest_core.execution.execution import Execution
from inngest_core.execution.failure import describe, retry_headers
from inngest_core.execution.group import Group, GroupSync
from inngest_core.execution.outcomes import Outcome, Raised, Reported, Returned, TargetMissed
from inngest_core.execution.replay import Replay
from inngest_core.execution.results import check_result
from inngest_core.execution.step import Step, StepSync
from inngest_core.execution.tools import Tool
from inngest_core.function import Function, Handler
from inngest_core.middleware import Hooks, StepMemos, TransformOutputResult
from inngest_core.protocol.limits import MAX_RESPONSE_BYTES
from inngest_core.protocol.wire import (
    RUN_COMPLETE_ID,
    STEP_ID_OF_DISCOVERY,
    CallRequest,
    EventName,
    Header,
    Op,
    Opcode,
    Query,
    dump_op,
    dump_ops,
    parse_call,
)
from inngest_core.runtime.effects import Body, Flow, Invoke
from inngest_core.values.serializer import dump_value
from inngest_core.web.messages import Request, cache_short, query_of

from .answer import Answer

MOST_FOUND_STEPS = 25
"""So many of the steps that were met are listed in an error."""

Functions = Mapping[str, tuple[Function[Any], Handler]]


def handle_call(request: Request, client: Inngest, functions: Functions) -> Flow[Answer]:
    """Answer a call request; raises RequestError when it cannot be answered as asked."""
    fn_id, step_id = parse_query(request.url)
    call = parse_call(request.body)
    fn_id = _full_id(fn_id, client, functions)
    function, handler = functions[fn_id]
    if call.ctx.use_api:
        call = yield from _with_full_state(call, client, request)
    target = None if step_id == STEP_ID_OF_DISCOVERY else step_id
    run = _Prepared(client, function, handler, fn_id, call, target, request).run()
    answer: Answer = yield Invoke(run if function.around is None else function.around(run), handler.is_async)
    return answer


def _with_full_state(call: CallRequest, client: Inngest, request: Request) -> Flow[CallRequest]:
    steps, events = yield from fetch_state(
        call.ctx.run_id,
        config=client.config,
        working_key=client.working_key,
        headers=trace_headers(request.headers),
        timeout_seconds=client.request_timeout_seconds,
    )
    return replace(call, steps=steps, events=events)


@cache_short
def parse_query(url: str) -> tuple[str, str]:
    """Return fnId and stepId; raises QueryParamMissingError when one is missing, empty or given twice."""
    query = urllib.parse.parse_qs(query_of(url), keep_blank_values=True)
    return _only(query, Query.FUNCTION_ID), _only(query, Query.STEP_ID)


def _only(query: Mapping[str, list[str]], key: Query) -> str:
    values = query.get(key.value, [])
    if len(values) == 1 and values[0]:
        return values[0]
    seen = "is missing" if not values else "is empty" if len(values) == 1 else f"is given {len(values)} times"
    raise QueryParamMissingError(f"the query parameter {key.value} {seen}; expected it exactly once")


def _full_id(fn_id: str, client: Inngest, functions: Functions) -> str:
    """Return the id under which a function is served, given that or its bare fn_id."""
    for candidate in (fn_id, f"{client.app_id}-{fn_id}"):
        if candidate in functions:
            return candidate
    known = ", ".join(functions) or "none"
    raise FunctionNotFoundError(f"function {fn_id} not found; this app serves: {known}")


def _parse_events(call: CallRequest) -> tuple[Event, list[Event]]:
    event = parse_event(call.event)
    if len(call.events) == 1 and call.events[0] == call.event:
        return event, [event]
    return event, [parse_event(each) for each in call.events] or [event]


class _Prepared:
    """One call of one function, ready to run."""

    def __init__(
        self,
        client: Inngest,
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
        self._memos = call.steps
        self._target = target
        self._changed = False
        """Whether a hook put there what the function returns."""
        self._hooks = Hooks([*client.middleware, *function.middleware], client, request.raw)
        self._execution = Execution(
            call.ctx,
            Replay[Tool](
                memos=call.steps,
                stack=call.ctx.stack,
                target=target,
                plan_only=call.ctx.disable_immediate_execution,
            ),
            send=lambda events, seed: client.send_flow(
                events,
                seed=seed,
                raw_request=request.raw,
                middleware=function.middleware,
                headers=trace_headers(request.headers),
            ),
            hooks=self._hooks,
            logger=client.logger,
            function_id=fn_id,
            serializer=client.serializer,
            warned=client.warned_of,
        )
        self._ctx = self._context(call)

    def _context(self, call: CallRequest) -> Context | ContextSync:
        client, execution = self._client, self._execution
        event, events = _parse_events(call)
        fields: dict[str, Any] = {
            "event": event,
            "events": events,
            "attempt": call.ctx.attempt,
            "max_attempts": call.ctx.max_attempts,
            "run_id": call.ctx.run_id,
            "fn_id": execution.function_id,
            "logger": ReplayLogger(client.logger, execution),
        }
        if self._handler.is_async:
            return Context(**fields, step=Step(execution, client.app_id), group=Group(execution))
        resources = client.resources
        step = StepSync(execution, resources, client.app_id)
        return ContextSync(**fields, step=step, group=GroupSync(execution, resources))

    def run(self) -> Flow[Answer]:
        """Run the function between its hooks; a flow for the driver of the handler's colour."""
        try:
            return (yield from self._run())
        except InngestError as error:  # of a hook; what the function and its steps raise is an outcome
            self._execution.log_failure(error)
            return _answer_error(error)

    def _run(self) -> Flow[Answer]:
        hooks, execution = self._hooks, self._execution
        if hooks:
            yield from hooks.run("transform_input", self._ctx, self._function, StepMemos(self._memos))
            yield from hooks.run("before_execution")
        invalid = self._type_events()
        if invalid is not None:
            outcome: Outcome = Raised(invalid)
        elif self._handler.is_async:
            outcome = yield from execution.run_body(self._start)
        else:
            outcome = yield from execution.call_body(self._call_handler)
        if isinstance(execution.outcome, Raised):  # by a hook, after a step
            return self._answer(execution.outcome)
        if hooks:
            yield from execution.after_execution()
            outcome = yield from self._transform(outcome)
        answer = self._answer(outcome)
        if hooks:
            yield from hooks.run("before_response")
        return answer

    def _type_events(self) -> EventInvalidError | None:
        """Type the events as the triggers say: after the hooks, which may have to decrypt them."""
        ctx, function = self._ctx, self._function
        if function.typed and self._handler is function.handler:
            try:
                ctx.event = type_event(ctx.event, function.triggers)
                ctx.events = [type_event(each, function.triggers) for each in ctx.events]
            except EventInvalidError as error:
                return error
        return None

    def _transform(self, outcome: Outcome) -> Flow[Outcome]:
        if not isinstance(outcome, Returned | Raised):
            return outcome
        result = TransformOutputResult()
        if isinstance(outcome, Raised):
            result.error = outcome.error
        else:
            result.output = outcome.value
            try:
                self._check(outcome.value)
            except InngestError as error:
                result.error = error
        given = result.output
        yield from self._hooks.run_reversed("transform_output", result)
        self._changed = result.output is not given
        return Returned(result.output) if result.error is None else Raised(result.error)

    def _start(self, body: Body) -> Coroutine[Any, Any, object]:
        self._execution.body = body
        return cast("Coroutine[Any, Any, object]", self._call_handler())

    def _call_handler(self) -> object:
        ctx = self._ctx
        return self._handler.callback(ctx, ctx.step) if self._handler.takes_step else self._handler.callback(ctx)

    def _answer(self, outcome: Outcome) -> Answer:
        """Return what to tell the engine."""
        match outcome:
            case Reported(ops, headers):
                return self._answer_ops(ops, headers)
            case Returned(value):
                return self._answer_value(value)
            case Raised(error):
                self._execution.log_failure(error)
                return _answer_error(error)
            case TargetMissed(found):
                return _answer_missed(self._target or "", [(each.id, each.step_id) for each in found])
            case _:
                assert_never(outcome)

    def _answer_value(self, value: object) -> Answer:
        try:
            data = self._dump(value)
        except Exception as error:  # a value, or a serializer of the user's, may raise anything
            return self._answer(Raised(error))
        if isinstance(value, str):  # an engine decodes a string that looks like JSON, unless it comes in an op
            return self._answer_ops([Op(op=Opcode.RUN_COMPLETE, id=RUN_COMPLETE_ID, data=data)], {})
        return Answer(200, data)

    def _answer_ops(self, ops: Sequence[Op], headers: Mapping[str, str]) -> Answer:
        body = dump_ops(ops)
        if len(body) <= MAX_RESPONSE_BYTES:
            return Answer(206, body, headers)
        return self._answer(Raised(OutputUnserializableError(_too_large(self._function.id, ops, len(body)))))

    def _check(self, value: object) -> None:
        if self._handler is self._function.handler:
            check_result(value, self._what, self._function.output_type, self._client.serializer)

    @property
    def _what(self) -> str:
        return f"function {self._function.id}: output"

    def _dump(self, value: object) -> bytes:
        function, what, serializer = self._function, self._what, self._client.serializer
        if self._handler is not function.handler or self._changed:
            return dump_value(value, what, serializer=serializer, limit=MAX_RESPONSE_BYTES)
        return self._execution.results.dump_output(
            self._handler.callback,
            value,
            function.output_type,
            MAX_RESPONSE_BYTES,
            invoked=self._ctx.event.name == EventName.FUNCTION_INVOKED,
        )


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


def _answer_error(error: BaseException) -> Answer:
    body = describe(error)
    if isinstance(error, InngestError):
        body["code"] = error.code
    return Answer(500, body, retry_headers(error))


def _answer_missed(target: str, found: Sequence[tuple[str, str]]) -> Answer:
    names = ", ".join(f'"{step_id}"' for _, step_id in found[:MOST_FOUND_STEPS]) or "none"
    message = (
        f"the engine asked for step {target}, which the function did not meet (it met: {names}); "
        "was the function changed while runs were under way?"
    )
    body = {
        "code": "step_unexpected",
        "name": "StepUnexpectedError",
        "message": message,
        "error": message,
        "requestedStep": target,
        "foundSteps": [{"id": hashed, "displayName": step_id} for hashed, step_id in found[:MOST_FOUND_STEPS]],
        "totalFoundSteps": len(found),
    }
    return Answer(500, body, {Header.NO_RETRY.value: "false"})
