"""A call of a function by hand: the same call that an engine would ask for, from values, and its answer as values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from inngest_core.by_hand import CalledStep, CallInput, CallResult
from inngest_core.errors import FunctionNotFoundError, StepUnexpectedError
from inngest_core.events.event import Event, event_as_json
from inngest_core.function import Function
from inngest_core.middleware.base import MiddlewareFactory
from inngest_core.protocol.ulid import ENTROPY_SIZE, make_ulid
from inngest_core.protocol.wire import RUN_COMPLETE_ID, CallContext, CallRequest, Opcode, parse_json
from inngest_core.runtime.effects import NOW, Flow, Invoke, Random
from inngest_core.web.messages import Request

from .answer import Answer
from .function_call import FunctionCall
from .services import Client
from .step_errors import read_step_error


def call_by_hand(
    client: Client,
    function: Function[Any],
    given: CallInput,
    fn_id: str | None,
    middleware: Sequence[MiddlewareFactory] | None,
) -> Flow[CallResult]:
    """Call a function once.

    fn_id: that of its failure handler, to call that instead. middleware: instead of that of client and function.
    Raises FunctionNotFoundError: the function has no such id. OutputUnserializableError: data of an event that is not
    JSON.
    """
    fn_id = function.id if fn_id is None else fn_id
    full_id = next((each for each in (fn_id, f"{client.app_id}-{fn_id}") if each in function.handlers), None)
    if full_id is None:
        known = ", ".join(function.handlers)
        raise FunctionNotFoundError(f"fn_id is {fn_id!r}; the function {function.local_id} has: {known}")
    handler = function.handlers[full_id]
    now: float = yield NOW
    run_id = given.run_id
    if run_id is None:
        entropy: bytes = yield Random(ENTROPY_SIZE)
        run_id = make_ulid(now, entropy)
    stack = tuple(given.steps) if given.stack is None else tuple(given.stack)
    events = [_dump(client, event) for event in given.events or [given.event]]
    call = CallRequest(
        ctx=CallContext(run_id, stack, attempt=given.attempt, max_attempts=given.max_attempts),
        event=_dump(client, given.event),
        events=events,
        steps=dict(given.steps),
    )
    request = Request("POST", "", {}, b"")
    made = FunctionCall(client, function, handler, full_id, call, given.target, request, now, middleware)
    run = made.run()
    answer: Answer = yield Invoke(run if function.around is None else function.around(run), handler.is_async)
    return _result_of(answer, made.error)


def _dump(client: Client, event: Event) -> dict[str, Any]:
    return event_as_json(event, f'event "{event.name}"', client.serializer)


def _result_of(answer: Answer, error: BaseException | None) -> CallResult:
    if error is not None:
        return CallResult(error=error)
    body: Any = parse_json(answer.body) if isinstance(answer.body, bytes) else answer.body
    if answer.status == 200:
        return CallResult(output=body)
    if answer.status != 206:
        return CallResult(error=StepUnexpectedError(str(body["message"])))
    results = [_result_of_op(op) for op in body]
    return results[0] if len(results) == 1 else CallResult(multi=results)


def _result_of_op(op: Mapping[str, Any]) -> CallResult:
    if op["id"] == RUN_COMPLETE_ID:
        return CallResult(output=op["data"])
    name = op.get("displayName", "")
    step = CalledStep(op["id"], name, op.get("name", ""), Opcode(op["op"]), op.get("opts", {}))
    error: Mapping[str, Any] | None = op.get("error")
    if error is None:
        return CallResult(output=op["data"], step=step)
    return CallResult(error=read_step_error(error, name), step=step)
