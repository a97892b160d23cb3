"""Each step tool once: what it is called on the wire, how it runs in the app, and how its memo is read.

Pure values and flows; nothing here knows whether the function is sync or async.
"""

from __future__ import annotations

import base64
import contextvars
import datetime
import functools
import hashlib
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from inngest_core.engine_api import EngineAPI
from inngest_core.errors import ConfigError, OutputUnserializableError
from inngest_core.events.event import Event, parse_event
from inngest_core.events.event_data import type_of_data
from inngest_core.events.event_types import EventType, parse_as, type_of_triggers
from inngest_core.events.outgoing import read_events
from inngest_core.function import Function
from inngest_core.protocol.duration import dump_duration, dump_time, to_ms
from inngest_core.protocol.limits import MAX_STEP_BYTES, MAX_WAIT_SECONDS
from inngest_core.protocol.ulid import ulid_ms
from inngest_core.protocol.wire import Opcode, json_kind
from inngest_core.runtime.effects import Flow
from inngest_core.values.json_text import is_unicode, parse_value
from inngest_core.values.serializer import Serializer, dump, load

from .arguments import check_expression, check_function, check_output_type, full_function_id, read_awaited_event
from .replay import Memo
from .step_errors import read_step_error

LONGEST_WAIT_MS = MAX_WAIT_SECONDS * 1000
"""Engines refuse to sleep or to wait for longer."""

PARALLEL_MODE = "parallelMode"
"""The key under which the options of a step in a race say so."""

parallel_mode: contextvars.ContextVar[str | None] = contextvars.ContextVar("inngest_parallel_mode", default=None)
"""The mode of the parallel group that the current branch belongs to, when it is not the usual one."""


@dataclass(frozen=True, slots=True)
class StepScope:
    """What a step that the SDK itself performs works with.

    run_id, step_hash: which step it is. send: sends events, given them and the seed of their ids.
    engine_api: the engine's API, and headers: those that requests to it carry during this call.
    serializer: the client's own.
    """

    run_id: str
    step_hash: str
    send: Callable[[Sequence[Event], str], Flow[list[str]]]
    engine_api: EngineAPI
    headers: Mapping[str, str]
    serializer: Serializer | None = None


class Tool(NamedTuple):
    """One use of a step tool.

    op: StepRun when it runs in the app, else the op that hands it to the engine.
    read: memo data → the value that user code gets; it may raise.
    callback, args: the user's function that runs in the app. work: what the SDK itself does there instead.
    output_type: what the result must be. returns: the function whose annotation says what it should be, if it fits.
    data_type: the declared type of the data for an invoked function.
    describe: the result as JSON, the arguments, how many milliseconds it took → metadata of the step.
    A named tuple: a run that replays a thousand steps makes a thousand of them.
    """

    op: Opcode
    step_id: str
    name: str
    read: Callable[[Any], object]
    opts: Mapping[str, object]
    callback: Callable[..., object] | None = None
    args: Sequence[object] = ()
    work: Callable[[StepScope], Flow[object]] | None = None
    output_type: object = None
    returns: Callable[..., object] | None = None
    data_type: object = None
    describe: Callable[[bytes, Sequence[object], int], Sequence[Mapping[str, object]]] | None = None


_NO_OPTS: Mapping[str, object] = types.MappingProxyType({})
_STEP_RUN = Opcode.STEP_RUN  # looking it up in its enum takes as long as a whole call of a function
_new = cast("Callable[..., Any]", tuple.__new__)


def run(step_id: str, callback: Callable[..., object], args: Sequence[object], output_type: object = None) -> Tool:
    """Run *callback* once, however often the function is called."""
    if not callable(callback):
        raise ConfigError(
            f'step "{step_id}" was given a {type(callback).__name__} to run; give a function: '
            "step.run(id, function, *arguments), not step.run(id, function())"
        )
    if type(step_id) is not str or not step_id or not step_id.isascii():  # as hardly ever
        step_id = check_step_id(step_id)
    if output_type is not None:
        check_output_type(step_id, output_type)
    opts = _NO_OPTS if parallel_mode.get() is None else step_opts()
    fields = (_STEP_RUN, step_id, step_id, read_plain, opts, callback, args, None, output_type, callback, None, None)
    tool: Tool = _new(Tool, fields)  # a thousand in one call: without the keywords
    return tool


def send_event(step_id: str, events: Event | Sequence[Event]) -> Tool:
    """Send events once; the result is their ids."""
    step_id = check_step_id(step_id)
    listed = read_events(events, f'step "{step_id}": events')

    def work(scope: StepScope) -> Flow[list[str]]:
        return scope.send(listed, event_id_seed(scope.run_id, scope.step_hash))

    read_ids = functools.partial(_read_ids, step_id)
    return Tool(Opcode.STEP_RUN, step_id, step_id, read_ids, step_opts(type="step.sendEvent"), work=work)


def sleep(step_id: str, duration: int | datetime.timedelta) -> Tool:
    """Let the run sleep; duration: milliseconds or a timedelta."""
    return Tool(
        op=Opcode.SLEEP,
        step_id=check_step_id(step_id),
        name=dump_wait(step_id, "duration", duration),
        read=_read_nothing,
        opts=step_opts(),
    )


def sleep_until(step_id: str, until: object) -> Tool:
    """Let the run sleep until a time; a naive datetime means local time."""
    if not isinstance(until, datetime.datetime):
        raise ConfigError(f'step "{step_id}": until is {until!r}; give a datetime')
    try:
        name = dump_time(until)
    except ValueError as error:
        raise ConfigError(f'step "{step_id}": until: {error}') from None
    return Tool(op=Opcode.SLEEP, step_id=check_step_id(step_id), name=name, read=_read_nothing, opts=step_opts())


def wait_for_event(
    step_id: str, event: str | EventType[Any] | type[Event], if_exp: str | None, timeout: int | datetime.timedelta
) -> Tool:
    """Let the run wait for an event; the result is the event, or None when the time is over."""
    name, kind = read_awaited_event(step_id, event)
    check_expression(step_id, if_exp)
    opts = step_opts(event=name, timeout=dump_wait(step_id, "timeout", timeout))
    if if_exp is not None:
        opts["if"] = if_exp
    step_id = check_step_id(step_id)
    read = functools.partial(_read_event, step_id, kind)
    return Tool(op=Opcode.WAIT_FOR_EVENT, step_id=step_id, name=step_id, read=read, opts=opts)


def invoke_function(
    step_id: str, function: Function[Any], data: object, timeout: int | datetime.timedelta | None, v: str | None
) -> Tool:
    """Run a function of this program; the result is what it returns."""
    check_function(step_id, function)
    data_type = type_of_triggers(function.triggers)
    returns = function.handler.callback
    return invoke(step_id, function.id, data, timeout, v, function.output_type, returns, data_type)


def invoke_by_id(
    step_id: str,
    app_id: str,
    function_id: str,
    data: object,
    timeout: int | datetime.timedelta | None,
    v: str | None,
    output_type: object,
) -> Tool:
    """Run a function that is known by its id only; the result is what it returns."""
    return invoke(step_id, full_function_id(step_id, app_id, function_id), data, timeout, v, output_type)


def invoke(
    step_id: str,
    function_id: str,
    data: object,
    timeout: int | datetime.timedelta | None,
    v: str | None,
    output_type: object = None,
    returns: Callable[..., object] | None = None,
    data_type: object = None,
) -> Tool:
    """Run another function; the result is what it returns. function_id: `<app_id>-<fn_id>`.

    data_type: the type of data that the function declares.
    """
    check_output_type(step_id, output_type)
    if isinstance(data, Event):
        v = v or data.v
        data_type = type_of_data(type(data)) or data_type
        data = data.data
    payload: dict[str, object] = {"data": data if data is not None else {}}  # an engine needs the object
    if v is not None:
        if not isinstance(cast("object", v), str):
            raise ConfigError(f'step "{step_id}": v is {v!r}; give the version of the event as a text')
        payload["v"] = v
    opts = step_opts(function_id=function_id, payload=payload)
    if timeout is not None:
        opts["timeout"] = dump_wait(step_id, "timeout", timeout)
    return Tool(
        op=Opcode.INVOKE_FUNCTION,
        step_id=check_step_id(step_id),
        name=step_id,
        read=read_plain,
        opts=opts,
        output_type=output_type,
        returns=returns,
        data_type=data_type,
    )


def dump_invoke_opts(tool: Tool, serializer: Serializer | None) -> Mapping[str, object]:
    """Return the options of an invocation as JSON values: its data may hold anything that has a form.

    Raises OutputUnserializableError: it has none, or is too large. ConfigError: it is not an object.
    """
    payload = cast("dict[str, object]", tool.opts["payload"])
    what = f'step "{tool.step_id}": data'
    written = dump(
        payload["data"],
        what,
        tool.data_type,
        rule="shared",
        serializer=serializer if tool.data_type is None else None,
        fix="give JSON values",
        limit=MAX_STEP_BYTES,
    )
    data: object = parse_value(written.body)
    if not isinstance(data, dict):
        raise ConfigError(f"{what} is a JSON {json_kind(data)}; an event's data is an object: give a dict or a model")
    return {**tool.opts, "payload": {**payload, "data": cast("object", data)}}


def read(tool: Tool, memo: Memo, serializer: Serializer | None) -> object:
    """Return the value of a memo as user code gets it.

    Raises StepError for a failed step; OutputUnserializableError when the memo does not fit the output type.
    """
    if not memo.failed:
        if tool.output_type is None:
            return tool.read(memo.data)
        return load(memo.data, tool.output_type, what=f'the result of step "{tool.step_id}"', serializer=serializer)
    raise read_step_error(memo.error or {}, tool.step_id)


def event_id_seed(run_id: str, step_hash: str) -> str:
    """Return the seed that gives the events of a step the same ids however often it is tried."""
    entropy = hashlib.sha256(f"{run_id}:{step_hash}".encode()).digest()[:10]
    return f"{ulid_ms(run_id)},{base64.b64encode(entropy).decode()}"


def check_step_id(step_id: object) -> str:
    """Return the id of a step; raises ConfigError when it is not a string, or empty."""
    if not isinstance(step_id, str):
        raise ConfigError(f"a step id is {step_id!r}, a {type(step_id).__name__}; give a string")
    if not step_id:
        raise ConfigError("a step id is empty; give a name that is unique within the function")
    if not is_unicode(step_id):
        raise ConfigError(f"a step id is {step_id!r}, which holds half a character; give a text that UTF-8 can hold")
    return step_id


def step_opts(**opts: object) -> dict[str, object]:
    """Return the options of a step as they go over the wire, with the mode of the parallel group that it is in."""
    mode = parallel_mode.get()
    if mode is not None:
        opts[PARALLEL_MODE] = mode
    return opts


def dump_wait(step_id: str, field: str, duration: int | datetime.timedelta) -> str:
    """Return for how long to wait as it goes over the wire; raises ConfigError. field: names it in the message."""
    try:
        ms = to_ms(duration)
    except (TypeError, ValueError) as error:
        raise ConfigError(f'step "{step_id}": {field}: {error}') from None
    if ms > LONGEST_WAIT_MS:
        raise ConfigError(f'step "{step_id}": {field} is {duration!r}; engines wait for 366 days at most')
    return dump_duration(ms)


def read_plain(data: object) -> object:
    """Give the data of a memo as it is."""
    return data


def _read_nothing(_: object) -> None:
    return None


def misfit(step_id: str, data: object, expected: str) -> OutputUnserializableError:
    """Return the error of a memo that is not what the tool makes: of another SDK, of a stub, or edited by hand."""
    return OutputUnserializableError(f'the result of step "{step_id}" is a JSON {json_kind(data)}; expected {expected}')


def fields_of(data: object) -> dict[str, Any]:
    """Return the fields of an object, none of anything else."""
    return cast("dict[str, Any]", data) if isinstance(data, dict) else {}


def _read_event(step_id: str, kind: type[Event] | None, data: object) -> Event | None:
    if data is None:
        return None
    if not isinstance(data, dict):
        raise misfit(step_id, data, "an event, or null when none came in time")
    event = parse_event(cast("dict[str, Any]", data))
    return event if kind is None else parse_as(kind, event)


def _read_ids(step_id: str, data: object) -> list[str]:
    """Return the ids of the events that were sent; in a memo of another SDK they are in an object."""
    if data is None:  # as in a stub: nobody asks for the ids
        return []
    ids = fields_of(data).get("ids", data)
    if not isinstance(ids, list):
        raise misfit(step_id, data, 'the ids of the events that were sent: a list, or an object with "ids"')
    return cast("list[str]", ids)
