"""Ops as apps report them, parsed into one closed union. Applies nothing and reads no clock.

All ops of an answer are parsed before one is applied: a bad one spoils the answer, never half of it.
What each op holds: docs/protocol.md, "Ops".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from inngest_core.protocol.duration import parse_duration, parse_time
from inngest_core.protocol.limits import MAX_STEP_BYTES, MAX_STEPS, MAX_WAIT_SECONDS
from inngest_core.protocol.wire import Opcode, json_kind
from inngest_devserver import fragments
from inngest_devserver.matcher import Expression, ExpressionError
from inngest_devserver.runs import memos

from .fetched import Request, RequestInvalidError, parse_request
from .metadata import read_metadata
from .told import NOTHING_TOLD, Told, began_of

_YEAR_SECONDS = 365 * 86_400.0
_SHORTEST_DATE = 10
TOO_LARGE = {"output": "StepOutputTooLargeError", "input": "StepInputTooLargeError"}
"""The names of the errors of steps that are too large, by what is too large of them."""
_BY_NAME = {opcode.value.lower(): opcode for opcode in Opcode}


@dataclass(frozen=True, slots=True)
class StepDone:
    """A step that ran. failed: its memo is an error."""

    id: str
    name: str
    memo: bytes
    failed: bool = False
    message: str = ""
    told: Told = NOTHING_TOLD


@dataclass(frozen=True, slots=True)
class StepErrored:
    """A step that raised and may be tried again."""

    id: str
    name: str
    error: Mapping[str, Any]
    told: Told = NOTHING_TOLD

    @property
    def message(self) -> str:
        return f"{self.error.get('name')}: {self.error.get('message')}"


@dataclass(frozen=True, slots=True)
class Planned:
    id: str
    name: str
    race: bool


@dataclass(frozen=True, slots=True)
class Sleep:
    """due: the Unix time at which it ends."""

    id: str
    name: str
    race: bool
    due: float


@dataclass(frozen=True, slots=True)
class Wait:
    """due: the Unix time at which it is given up."""

    id: str
    name: str
    race: bool
    due: float
    event: str
    expression: Expression | None


@dataclass(frozen=True, slots=True)
class SignalWait:
    """due: as of a wait. replaces: take the signal over from another wait instead of failing the run."""

    id: str
    name: str
    race: bool
    due: float
    signal: str
    replaces: bool


@dataclass(frozen=True, slots=True)
class Invoke:
    """slug: of the function to run. payload: the event it gets: data, user, v, meta. due: as of a wait."""

    id: str
    name: str
    race: bool
    due: float
    slug: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Fetch:
    """A request that the engine is to make."""

    id: str
    name: str
    race: bool
    request: Request


@dataclass(frozen=True, slots=True)
class Complete:
    """The function returned; output: JSON."""

    output: bytes


@dataclass(frozen=True, slots=True)
class Rediscover:
    """The app asks to be called again."""


Op = StepDone | StepErrored | Planned | Sleep | Wait | SignalWait | Invoke | Fetch | Complete | Rediscover


class OpsInvalidError(ValueError):
    """An answer that cannot be applied. final: trying again would bring the same."""

    def __init__(self, message: str, *, name: str = "InvalidResponseError", final: bool = False) -> None:
        super().__init__(message)
        self.name = name
        self.final = final


def parse_ops(body: object, now: float, asked: str) -> list[Op]:
    """Return the ops of a 206 answer that came at the Unix time *now*; raises OpsInvalidError.

    asked: what the app was asked for, in words.
    """
    items = cast("list[object]", body if isinstance(body, list) else [body])
    if len(items) > MAX_STEPS:
        raise OpsInvalidError(
            f"asked for {asked}, the app reported {len(items)} steps at once; at most {MAX_STEPS} are allowed",
            name="InngestErrFunctionOverflowed",
            final=True,
        )
    return [op for item in items if (op := parse_op(item, now)) is not None]


def parse_op(item: object, now: float) -> Op | None:
    """Return one op, None for one that needs nothing done; raises OpsInvalidError."""
    if not isinstance(item, dict):
        raise OpsInvalidError(f"an op is a JSON {json_kind(item)}; expected an object")
    return _Reader(cast("dict[str, Any]", item), now).read()


class _Reader:
    """Reads one op."""

    def __init__(self, op: dict[str, Any], now: float) -> None:
        self._op = op
        self._now = now
        self._id = op.get("id")
        self._name = fragments.text(str(op.get("displayName") or op.get("name") or self._id))
        self._opts: Mapping[str, Any] = self._object("opts")
        self._race = self._opts.get("parallelMode") == "race"

    def _object(self, key: str) -> Mapping[str, Any]:
        value = self._op.get(key)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise OpsInvalidError(f"{self._what()}: {key} is a JSON {json_kind(value)}; expected an object")
        return cast("dict[str, Any]", value)

    def _what(self) -> str:
        return f'step "{self._name}"'

    def _text(self, value: object, what: str) -> str:
        if value is None:
            return ""
        if not isinstance(value, str):
            raise OpsInvalidError(f"{self._what()}: {what} is a JSON {json_kind(value)}; expected a string")
        return fragments.text(value)

    def read(self) -> Op | None:
        name = self._op.get("op")
        opcode = _BY_NAME.get(name.lower()) if isinstance(name, str) else None
        if opcode is None:
            raise OpsInvalidError(f"{name} does not belong to Opcode values")
        if opcode in (Opcode.NONE, Opcode.DEFER_ADD, Opcode.DEFER_ABORT):
            return None
        if opcode is not Opcode.RUN_COMPLETE and (not isinstance(self._id, str) or not self._id):
            raise OpsInvalidError(f"an op {opcode.value} has no id")
        return self._read(opcode, fragments.text(str(self._id)))

    def _read(self, opcode: Opcode, step_id: str) -> Op:
        match opcode:
            case Opcode.STEP_RUN:
                return StepDone(step_id, self._name, memos.data(self._data()), told=self._told())
            case Opcode.STEP:
                return StepDone(step_id, self._name, self._data(), told=self._told())
            case Opcode.STEP_FAILED:
                error = memos.step_error(self._object("error") or None)
                message = str(self._object("error").get("message", ""))
                return StepDone(step_id, self._name, error, failed=True, message=message, told=self._told())
            case Opcode.STEP_ERROR:
                if not self._object("error"):
                    raise OpsInvalidError(f"{self._what()}: StepError has no error")
                return StepErrored(step_id, self._name, self._object("error"), self._told())
            case Opcode.STEP_PLANNED:
                self._input()
                return Planned(step_id, self._name, self._race)
            case Opcode.SLEEP:
                return self._sleep(step_id)
            case Opcode.WAIT_FOR_EVENT:
                return self._wait(step_id)
            case Opcode.WAIT_FOR_SIGNAL:
                return self._signal_wait(step_id)
            case Opcode.INVOKE_FUNCTION:
                return self._invoke(step_id)
            case Opcode.GATEWAY | Opcode.AI_GATEWAY:
                return self._fetch(opcode, step_id)
            case Opcode.RUN_COMPLETE:
                return Complete(fragments.dump(self._op.get("data")))
            case Opcode.DISCOVERY_REQUEST:
                return Rediscover()
            case _:
                message = f"{self._what()}: this engine does not know {opcode.value} yet"
                raise OpsInvalidError(message, name="UnsupportedOpError", final=True)

    def _told(self) -> Told:
        op = self._op
        return Told(began_of(op.get("timing"), self._now), self._input(), read_metadata(op.get("metadata")))

    def _data(self) -> bytes:
        return self._limited(self._op.get("data"), "output")

    def _input(self) -> bytes | None:
        given = self._opts.get("input")
        return None if given is None else self._limited(given, "input")

    def _limited(self, value: object, what: str) -> bytes:
        data = fragments.dump(value)
        if len(data) > MAX_STEP_BYTES:
            raise OpsInvalidError(
                f"{self._what()}: step {what} size is greater than the limit ({len(data)} bytes, at most "
                f"{MAX_STEP_BYTES})",
                name=TOO_LARGE[what],
            )
        return data

    def _due(self, text: str, what: str) -> float:
        """Return the Unix time that a duration or a date leads to; at most 366 days from now, and past if a date is."""
        date = self._date(text)
        when = self._now + self._seconds(text, what) if date is None else date
        if when - self._now > MAX_WAIT_SECONDS:
            raise OpsInvalidError(
                f"{self._what()}: {what} {text} is longer than 366 days", name="InngestErrTimeoutTooLong", final=True
            )
        return when

    def _date(self, text: str) -> float | None:
        if len(text) < _SHORTEST_DATE:
            return None
        try:
            return parse_time(text).timestamp()
        except ValueError:
            return None

    def _seconds(self, text: str, what: str) -> float:
        try:
            return parse_duration(text)
        except ValueError as error:
            # Other engines repeat the call again and again and then leave the run as it is.
            raise OpsInvalidError(f"{self._what()}: {what}: {error}", name="InvalidDuration", final=True) from None

    def _sleep(self, step_id: str) -> Sleep:
        given = self._opts.get("duration")
        text = self._text(self._op.get("name") if given is None else given, "the duration")
        return Sleep(step_id, self._name, self._race, self._due(text, "the duration") if text else self._now)

    def _wait(self, step_id: str) -> Wait:
        event = self._text(self._opts.get("event"), "opts.event") or self._text(self._op.get("name"), "name")
        if not event:
            raise OpsInvalidError(f"{self._what()}: WaitForEvent names no event")
        text = self._text(self._opts.get("if"), "opts.if")
        try:
            expression = Expression(text) if text else None
            if expression is not None:
                expression.check_for_wait()
        except ExpressionError as error:
            raise OpsInvalidError(f"{self._what()}: {error}", name="InvalidExpression", final=True) from None
        timeout = self._text(self._opts.get("timeout"), "opts.timeout")
        due = self._due(timeout, "opts.timeout") if timeout else self._now  # without a time-out it is over at once
        return Wait(step_id, self._name, self._race, due, event, expression)

    def _signal_wait(self, step_id: str) -> SignalWait:
        signal = self._text(self._opts.get("signal"), "opts.signal") or self._text(self._op.get("name"), "name")
        conflict = self._text(self._opts.get("conflict"), "opts.conflict") or "fail"
        if not signal or conflict not in ("fail", "replace"):
            what = "names no signal" if not signal else f'has opts.conflict "{conflict}"; expected "fail" or "replace"'
            raise OpsInvalidError(f"{self._what()}: WaitForSignal {what}", name="InvalidSignalError", final=True)
        return SignalWait(step_id, self._name, self._race, self._timeout(), signal, conflict == "replace")

    def _timeout(self) -> float:
        """Return the Unix time at which the step is given up; a year from now when the op does not say."""
        timeout = self._text(self._opts.get("timeout"), "opts.timeout")
        return self._due(timeout, "opts.timeout") if timeout else self._now + _YEAR_SECONDS

    def _fetch(self, opcode: Opcode, step_id: str) -> Fetch:
        try:
            return Fetch(step_id, self._name, self._race, parse_request(opcode, self._opts))
        except RequestInvalidError as error:
            # Other engines repeat the call again and again and then leave the run as it is.
            message = f"{self._what()}: {opcode.value}: {error}"
            raise OpsInvalidError(message, name="InvalidRequestError", final=True) from None

    def _invoke(self, step_id: str) -> Invoke:
        slug = self._text(self._opts.get("function_id"), "opts.function_id")
        payload = self._opts.get("payload")
        if not slug or not isinstance(payload, dict):
            # Other engines crash here, and the run hangs.
            raise OpsInvalidError(
                f"{self._what()}: InvokeFunction needs opts.function_id and an object in opts.payload",
                name="InvalidInvokeError",
                final=True,
            )
        return Invoke(step_id, self._name, self._race, self._timeout(), slug, cast("dict[str, Any]", payload))
