"""What a case is: functions in both kinds, one call request, and what the wire must show. Public names only."""

from __future__ import annotations

import datetime
import enum
import hashlib
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import inngest

APP_ID = "app"
FN_ID = "fn"
FULL_ID = f"{APP_ID}-{FN_ID}"
RUN_ID = "01M81HH26QDJEBNKAKXRBQZRE6"
QI_ID = "MXEzOHN5djB0ZWJyMTo6ZGVmYXVsdA=="
STACK = "<stack>"
"""Stands for a traceback in what is compared."""

Handler = Callable[..., object]
Build = Callable[[inngest.Inngest, "HandlerKind"], Sequence[inngest.Function[Any]]]


class HandlerKind(enum.StrEnum):
    SYNC = "sync"
    ASYNC = "async"


class Saying:
    """Equals every text that holds all the given parts."""

    def __init__(self, *parts: str) -> None:
        self._parts = parts

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and all(part in other for part in self._parts)

    def __hash__(self) -> int:
        return hash(self._parts)

    def __repr__(self) -> str:
        return f"<text with {', '.join(map(repr, self._parts))}>"


class Later:
    """Equals the exact time, with milliseconds, that was so many seconds ahead a moment ago."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, str) or not re.fullmatch(r"[0-9-]{10}T[0-9:]{8}\.[0-9]{3}Z", other):
            return False
        ahead = datetime.datetime.fromisoformat(other) - datetime.datetime.now(datetime.UTC)
        return self._seconds - 10 < ahead.total_seconds() <= self._seconds

    def __hash__(self) -> int:
        return hash(self._seconds)

    def __repr__(self) -> str:
        return f"<the time {self._seconds} s ahead>"


def hashed(step_id: str) -> str:
    """Return the id on the wire; "a:1" is the first repetition of "a"."""
    return hashlib.sha1(step_id.encode(), usedforsecurity=False).hexdigest()


def both(sync: Handler, asynchronous: Handler, **options: Any) -> Build:
    """Return a builder of one function, of the handler of the asked kind."""

    def build(client: inngest.Inngest, kind: HandlerKind) -> Sequence[inngest.Function[Any]]:
        handler: Any = sync if kind is HandlerKind.SYNC else asynchronous
        given: dict[str, Any] = {"trigger": inngest.TriggerEvent(event="test/go"), **options}
        return [client.create_function(fn_id=FN_ID, **given)(handler)]

    return build


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call request. steps: memos by step id as users write it; stack: their order, when another.

    saves: it has what an app needs to save steps while the call goes on.
    """

    fn_id: str = FULL_ID
    target: str | None = None
    steps: Mapping[str, object] = field(default_factory=dict[str, object])
    stack: Sequence[str] | None = None
    event: Mapping[str, object] = field(default_factory=dict[str, object])
    events: Sequence[Mapping[str, object]] | None = None
    attempt: int = 0
    max_attempts: int | None = 4
    plan_only: bool = False
    use_api: bool = False
    saves: bool = False

    def query(self) -> str:
        return f"fnId={self.fn_id}&stepId={'step' if self.target is None else hashed(self.target)}"

    def as_json(self) -> dict[str, Any]:
        event = self._event(self.event)
        stack = [hashed(step) for step in (self.steps if self.stack is None else self.stack)]
        ctx: dict[str, Any] = {
            "attempt": self.attempt,
            "disable_immediate_execution": self.plan_only,
            "env": "",
            "fn_id": "77484b70-430d-5aa4-886d-9aee363fbfd0",
            "generation_id": 1,
            "job_id": "1q38syv0tebr1",
            "max_attempts": self.max_attempts,
            "request_id": "01M81HH2CD9YAS636SGGW660JR",
            "run_id": RUN_ID,
            "stack": {"current": len(stack), "stack": stack},
            "step_id": "step",
            "use_api": self.use_api,
        }
        if self.saves:
            ctx["qi_id"] = QI_ID
        return {
            "ctx": ctx,
            "defers": {},
            "event": event,
            "events": [event] if self.events is None else [self._event(each) for each in self.events],
            "steps": {} if self.use_api else {hashed(step): memo for step, memo in self.steps.items()},
            "use_api": self.use_api,
            "version": -1,
        }

    @staticmethod
    def _event(given: Mapping[str, object]) -> dict[str, object]:
        return {"data": {}, "id": "01M81HH1CH", "name": "test/go", "ts": 1795348269097, "user": {}, **given}

    def body(self) -> bytes:
        value = self.as_json()
        try:
            return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        except UnicodeEncodeError:  # a lone surrogate can only be escaped
            return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class EngineAnswer:
    """What the engine double answers."""

    status: int
    body: object


@dataclass(frozen=True, slots=True)
class EngineRequest:
    """What the engine double must have been asked. body: None when it is empty."""

    method: str
    path: str
    body: object = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """The answer. body: JSON, where `Saying` may stand for a text; any_order: it is ops whose order is free.

    logged: what the client's logger was given, when that matters.
    """

    body: object
    any_order: bool = False
    status: int = 206
    no_retry: str | None = None
    retry_after: object = None
    logged: Sequence[object] | None = None
    engine: Sequence[EngineRequest] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One call of one function. engine: answers of the engine double, by "METHOD /path", one after another."""

    build: Build
    expect: Expected
    call: Call = field(default_factory=Call)
    engine: Mapping[str, Sequence[EngineAnswer]] = field(default_factory=dict[str, Sequence[EngineAnswer]])
    kinds: Sequence[HandlerKind] = tuple(HandlerKind)


def op(code: str, step_id: str, *, index: int = 0, name: str | None = None, **fields: object) -> dict[str, object]:
    """Return one op as it must be on the wire."""
    return {
        "op": code,
        "id": hashed(f"{step_id}:{index}" if index else step_id),
        "name": step_id if name is None else name,
        "displayName": step_id,
        "userland": {"id": step_id, "index": index} if index else {"id": step_id},
        "data": None,
        **fields,
    }


def given(*args: object) -> dict[str, object]:
    """Return the options of a step that was given these arguments."""
    return {"input": list(args)}


def ran(step_id: str, data: object, **fields: Any) -> Expected:
    """Expect that exactly this step was run."""
    return Expected(body=[op("StepRun", step_id, data=data, **fields)])


def planned(*step_ids: str, any_order: bool = False, **fields: Any) -> Expected:
    """Expect that these steps were planned, in this order unless any will do."""
    return Expected(body=[op("StepPlanned", step_id, **fields) for step_id in step_ids], any_order=any_order)


def returned(value: object) -> Expected:
    """Expect that the function returned this value."""
    return Expected(status=200, body=value)


def completed(text: str) -> Expected:
    """Expect that the function returned this text, which an engine would decode if it did not come in an op."""
    return Expected(body=[{"op": "RunComplete", "id": hashed("complete"), "data": text}])


def error(name: str, message: object, **fields: object) -> dict[str, object]:
    """Return an error object as it must be on the wire."""
    return {"name": name, "message": message, "stack": STACK, "code": "unknown", **fields}


def raised(body: Mapping[str, object], *, no_retry: bool = False, retry_after: object = None) -> Expected:
    """Expect that the function failed with this error."""
    return Expected(status=500, body=body, no_retry="true" if no_retry else None, retry_after=retry_after)


def read_answer(body: bytes) -> Any:
    """Return the JSON of an answer so that it can be compared: tracebacks are replaced by STACK, times are left out."""
    return json.loads(body, object_hook=lambda value: _without_stack(_without_time(value)))


def read_ops(body: bytes) -> Any:
    """Return the JSON of an answer, with its tracebacks, but without the times of steps."""
    return json.loads(body, object_hook=_without_time)


def _without_time(value: dict[str, Any]) -> dict[str, Any]:
    if value.get("op") in ("StepRun", "StepError", "StepFailed") and isinstance(value.get("timing"), dict):
        began, took = value["timing"]["a"], value["timing"]["b"]
        assert abs(began / 1e9 - time.time()) < 3600 and 0 <= took < 60e9, f"unlikely times: {value['timing']}"
        return {key: field for key, field in value.items() if key != "timing"}
    if type(value.get("latency_ms")) is int:
        assert 0 <= value["latency_ms"] < 60_000
        return {key: field for key, field in value.items() if key != "latency_ms"}
    return value


def _without_stack(value: dict[str, Any]) -> dict[str, Any]:
    stack = value.get("stack")
    if isinstance(stack, str) and stack.startswith("Traceback (most recent call last)"):
        return {**value, "stack": STACK}
    return value
