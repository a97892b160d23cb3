"""What goes over the wire, and how it is spelled: header names, op names, query keys; parse and dump of bodies.

Both the SDK and the bundled engine read and write through this module. No decisions, no environment. See
docs/protocol.md: Headers, Call requests, Ops, Memos.
"""

from __future__ import annotations

import enum
import functools
import hashlib
import json
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import pydantic_core

from inngest_core.errors import BodyInvalidError

from .encoding import json_writer
from .limits import MAX_CALL_STATE_BYTES

VERSION = "0.1.0"
SDK_NAME = "inngest-py"
SDK_LANGUAGE = "py"
SDK = f"{SDK_NAME}:v{VERSION}"
REQUEST_VERSION = "2"
STEP_ID_OF_DISCOVERY = "step"
"""The stepId of a call request that asks for no step in particular."""


class Header(enum.StrEnum):
    """Names of headers, in lower case."""

    ACCEL_BUFFERING = "x-accel-buffering"
    AUTHORIZATION = "authorization"
    CONTENT_LENGTH = "content-length"
    CONTENT_TYPE = "content-type"
    ENV = "x-inngest-env"
    EVENT_ID_SEED = "x-inngest-event-id-seed"
    EXPECTED_SERVER_KIND = "x-inngest-expected-server-kind"
    FRAMEWORK = "x-inngest-framework"
    GENERATION_ID = "x-inngest-generation-id"
    HOST = "host"
    JOB_ID = "x-inngest-job-id"
    NO_RETRY = "x-inngest-no-retry"
    PLATFORM = "x-inngest-platform"
    REQUEST_ID = "x-request-id"
    REQUEST_VERSION = "x-inngest-req-version"
    RETRY_AFTER = "retry-after"
    RUN_ID = "x-run-id"
    SDK = "x-inngest-sdk"
    SDK_HANDLED = "x-inngest-sdk-handled"
    SERVER_KIND = "x-inngest-server-kind"
    SIGNATURE = "x-inngest-signature"
    STEP_ID = "x-inngest-step-id"
    SYNC_KIND = "x-inngest-sync-kind"
    TRACEPARENT = "traceparent"
    TRACESTATE = "tracestate"
    USER_AGENT = "user-agent"


class Query(enum.StrEnum):
    """Keys in the query of the serve URL."""

    DEPLOY_ID = "deployId"
    FUNCTION_ID = "fnId"
    PROBE = "probe"
    STEP_ID = "stepId"


class SyncKind(enum.StrEnum):
    IN_BAND = "in_band"
    OUT_OF_BAND = "out_of_band"


class Opcode(enum.StrEnum):
    """Kinds of ops. `StepNotFound` must never be sent: an engine then fails the whole answer."""

    AI_GATEWAY = "AIGateway"
    DEFER_ABORT = "DeferAbort"
    DEFER_ADD = "DeferAdd"
    DISCOVERY_REQUEST = "DiscoveryRequest"
    GATEWAY = "Gateway"
    INVOKE_FUNCTION = "InvokeFunction"
    NONE = "None"
    RUN_COMPLETE = "RunComplete"
    SLEEP = "Sleep"
    STEP = "Step"
    STEP_ERROR = "StepError"
    STEP_FAILED = "StepFailed"
    STEP_PLANNED = "StepPlanned"
    STEP_RUN = "StepRun"
    SYNC_RUN_COMPLETE = "SyncRunComplete"
    WAIT_FOR_EVENT = "WaitForEvent"
    WAIT_FOR_SIGNAL = "WaitForSignal"


class EventName(enum.StrEnum):
    """Names of the events that engines send."""

    FUNCTION_CANCELLED = "inngest/function.cancelled"
    FUNCTION_FAILED = "inngest/function.failed"
    FUNCTION_FINISHED = "inngest/function.finished"
    FUNCTION_INVOKED = "inngest/function.invoked"
    SCHEDULED_TIMER = "inngest/scheduled.timer"


@functools.lru_cache(maxsize=4096)  # a run meets the same steps in every call
def hash_id(step_id: str, index: int = 0) -> str:
    """Return the id of a step on the wire; index: which repetition of the id it is, 0 for the first."""
    text = step_id if index == 0 else f"{step_id}:{index}"
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


RUN_COMPLETE_ID = hash_id("complete")


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def parse_json(body: bytes) -> Any:
    """Return what a JSON text holds: big integers exact, deep nesting kept; raises BodyInvalidError."""
    try:
        return pydantic_core.from_json(body, allow_inf_nan=False)
    except ValueError:
        pass
    # The fast parser refuses nesting past 200 levels and lone surrogates, which are legal JSON.
    try:
        return json.loads(body.decode(), parse_constant=_refuse_constant)  # given bytes, it would guess encodings
    except ValueError as error:
        raise BodyInvalidError(f"the body is not JSON: {error}") from None
    except RecursionError:
        raise BodyInvalidError("the body is nested too deeply to be read") from None


def parse_object(body: bytes, what: str = "the body") -> dict[str, Any]:
    """Return the JSON object in *body*; raises BodyInvalidError."""
    value: dict[str, Any] = parse_json(body)
    if type(value) is not dict:
        raise BodyInvalidError(f"{what} is a JSON {json_kind(value)}; expected an object")
    return value


def json_kind(value: object) -> str:
    """Return what JSON calls the kind of *value*."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list() | tuple():
            return "array"
        case _:
            return "object"


_encode = json_writer()


def dump_json(value: object) -> bytes:
    """Return compact JSON of plain values; a value that is not plain JSON raises TypeError or ValueError."""
    return _encode(value).encode()


@dataclass(slots=True)
class CallContext:
    """`ctx` of a call request. stack: hashed ids, in the order in which the steps finished.

    job_id, request_id: empty when the engine does not say. fn_id, qi_id, generation_id: the engine's own, which an app
    gives back when it saves steps; empty, or 0, when the engine does not say.
    """

    run_id: str
    stack: Sequence[str] = ()
    use_api: bool = False
    attempt: int = 0
    max_attempts: int | None = None
    disable_immediate_execution: bool = False
    job_id: str = ""
    request_id: str = ""
    fn_id: str = ""
    qi_id: str = ""
    generation_id: int = 0


@dataclass(slots=True)
class CallRequest:
    """A call request. steps: memos by hashed id, as sent. events: all of a batch; it may be empty.

    state_bytes: at least the size of all memos as JSON.
    """

    ctx: CallContext
    event: dict[str, Any]
    events: list[dict[str, Any]]
    steps: dict[str, Any]
    state_bytes: int = 0


def parse_call(body: bytes) -> CallRequest:
    """Return the call request in *body*; a null counts as not given. Raises BodyInvalidError that names the field."""
    top = parse_object(body)
    given, events, steps, event = _fields(top, _OF_A_CALL)
    run_id, stack, use_api, *fields = _fields(given or {}, _OF_A_CONTEXT, "ctx.")
    finished = _field(stack, "stack", list, "ctx.stack.stack") if stack else None
    if use_api is None:
        use_api = _field(top, "use_api", bool, "use_api") or False
    ctx = CallContext(run_id, _all(finished, str, "ctx.stack.stack"), use_api, *fields)
    return CallRequest(ctx, event, _all(events, dict, "events"), steps or {}, min(len(body), MAX_CALL_STATE_BYTES))


class _Fields:
    """Some fields of an object: their names, kinds and defaults. all: returns their values where all are there."""

    def __init__(self, **fields: tuple[type, object]) -> None:
        self.each = [(name, kind, default) for name, (kind, default) in fields.items()]
        self.kinds = [kind for kind, _ in fields.values()]
        self.all = operator.itemgetter(*fields)


_NEEDED = object()
"""The default of a field that has to be there."""
_OF_A_CALL = _Fields(ctx=(dict, None), events=(list, None), steps=(dict, None), event=(dict, _NEEDED))
_OF_A_CONTEXT = _Fields(
    run_id=(str, _NEEDED),
    stack=(dict, None),
    use_api=(bool, None),
    attempt=(int, 0),
    max_attempts=(int, None),
    disable_immediate_execution=(bool, False),
    job_id=(str, ""),
    request_id=(str, ""),
    fn_id=(str, ""),
    qi_id=(str, ""),
    generation_id=(int, 0),
)
"""In the order of CallContext."""

_JSON_KINDS = {int: "a number", bool: "a boolean", dict: "an object", list: "an array", str: "a string"}


def _fields(owner: Mapping[str, Any], fields: _Fields, where: str = "") -> Sequence[Any]:
    """Return the values of some fields; raises BodyInvalidError for one of another kind."""
    try:
        values: tuple[Any, ...] = fields.all(owner)
        if [*map(type, values)] == fields.kinds:  # as nearly always
            return values
    except KeyError:
        pass
    return [_field(owner, name, kind, where + name, default) for name, kind, default in fields.each]


def _field(owner: Mapping[str, Any], name: str, kind: type, where: str, default: object = None) -> Any:
    value = owner.get(name)
    return value if type(value) is kind else _refuse(value, kind, default, where)


def _refuse(value: object, kind: type, default: object, where: str) -> object:
    """Return the default of a field that is not given; raises BodyInvalidError for another kind of value."""
    if value is None and default is not _NEEDED:
        return default
    raise BodyInvalidError(f"{where} is a JSON {json_kind(value)}; expected {_JSON_KINDS[kind]}")


def _all(items: list[Any] | None, kind: type, where: str) -> list[Any]:
    """Return a list, an empty one for none; raises BodyInvalidError for an item of another kind."""
    if not items:
        return []
    if not {kind}.issuperset(map(type, items)):
        number, item = next((number, item) for number, item in enumerate(items) if type(item) is not kind)
        raise BodyInvalidError(f"{where}[{number}] is a JSON {json_kind(item)}; expected {_JSON_KINDS[kind]}")
    return items


@dataclass(slots=True)
class Op:
    """One reported step. data: JSON text. index: which repetition of the step id it is, 0 for the first.

    timing: when the step began, and for how long it ran, in nanoseconds; None for one that has not run here.
    """

    op: Opcode
    id: str
    name: str = ""
    display_name: str = ""
    opts: Mapping[str, object] | None = None
    data: bytes = b"null"
    error: Mapping[str, object] | None = None
    step_id: str = ""
    index: int = 0
    timing: tuple[int, int] | None = None
    metadata: Sequence[Mapping[str, object]] = ()


def dump_op(op: Op) -> bytes:
    """Return the op as JSON; what is empty is left out, except its data, which is null where it has none."""
    wire = f'{{"op":"{op.op.value}","id":{_encode(op.id)}'
    if op.name:
        wire += f',"name":{_encode(op.name)}'
    if op.display_name:
        wire += f',"displayName":{_encode(op.display_name)}'
    if op.opts:
        wire += f',"opts":{_encode(op.opts)}'
    if op.error is not None:
        wire += f',"error":{_encode(op.error)}'
    if op.metadata:
        wire += f',"metadata":{_encode(op.metadata)}'
    if op.step_id:
        index = f',"index":{op.index}' if op.index else ""
        wire += f',"userland":{{"id":{_encode(op.step_id)}{index}}}'
    if op.timing is not None:
        began, took = op.timing
        wire += f',"timing":{{"a":{began},"b":{took}}}'
    return wire.encode() + b',"data":' + op.data + b"}"


def dump_ops(ops: Sequence[Op]) -> bytes:
    """Return the body of a 206 answer."""
    return b"[" + b",".join([dump_op(op) for op in ops]) + b"]"


def strip_nulls(value: Any) -> Any:
    """Return *value* without keys whose value is null, at any depth: engines refuse a registration for one."""
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        return {key: strip_nulls(item) for key, item in items if item is not None}
    if isinstance(value, list):
        return [strip_nulls(item) for item in cast("Sequence[Any]", value)]
    return value
