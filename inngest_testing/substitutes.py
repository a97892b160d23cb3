"""What takes the place of the steps that an engine does itself: waits, invocations, requests.

An op that an app reports is looked at before the engine applies it. A stubbed one is done at once, with the memo that
an engine would have made; what is waited for has to match the wait, as it would have to live.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

import httpx

from inngest_core.errors import NonRetriableError, OutputUnserializableError
from inngest_core.events.event import Event, event_as_json, parse_event
from inngest_core.execution.failure import describe
from inngest_core.protocol.wire import Opcode
from inngest_core.runtime.outcome import Outcome, Raised, Returned
from inngest_core.values.serializer import dump
from inngest_core.web.messages import TransportError
from inngest_devserver import fragments
from inngest_devserver.calls.fetched import Fetched, Request
from inngest_devserver.calls.fetcher import NoRetryError
from inngest_devserver.calls.ops import Fetch, Invoke, Op, SignalWait, Sleep, StepDone, Wait
from inngest_devserver.matcher import holds
from inngest_devserver.runs import memos
from inngest_devserver.runs.run import Run

from .errors import StubError
from .recording import Recorder
from .stubs import TIMEOUT, SentBy, Stub, check_is_plain, check_value_of_step
from .wording import shortened

_MARK = "#inngest-testing-"


class Substitutes:
    """Asked by the engine for each op, and for each request of a step.

    now: the engine's time, in Unix seconds. start: runs a function, given it and the event it is started with.
    is_known: tells whether a function of this id may be invoked.
    """

    def __init__(
        self,
        recorder: Recorder,
        now: Callable[[], float],
        start: Callable[[SentBy], None],
        is_known: Callable[[str], bool],
    ) -> None:
        self._recorder = recorder
        self._now = now
        self._start = start
        self._is_known = is_known
        self._fetches: dict[str, tuple[str, Fetch, Stub | None]] = {}
        """Runs, their requests and what takes the place of these, by what is put into their URLs."""

    def substitute(self, run: Run, op: Op) -> Op:
        """Return what the engine is to take for an op that an app reported."""
        if not isinstance(op, Wait | SignalWait | Invoke | Fetch | Sleep):
            return op
        stub = self._recorder.stubs.find(op.name)
        if isinstance(op, Fetch):
            return self._mark(run, op, stub)
        try:
            if stub is None:
                return self._unstubbed(op)
            match op:
                case Sleep():
                    raise StubError(
                        f'step "{op.name}" is a sleep, which takes no time in a test and no stub; leave the stub out'
                    )
                case Wait():
                    return self._wait(run, op, stub)
                case SignalWait():
                    return self._signal(run, op, stub)
                case Invoke():
                    return _invoked(op, stub.next(op.id, op.name, (op.payload.get("data"),)))
        except StubError as error:
            self._recorder.note(error, run.id, op.name)
            return op

    def _unstubbed(self, op: Op) -> Op:
        """Return the op, for the engine to do; raises StubError when it cannot."""
        if isinstance(op, Invoke) and not self._is_known(op.slug):
            raise StubError(
                f'step "{op.name}" invokes the function {op.slug}, which this test does not run; give the step a stub, '
                f'such as steps={{"{op.name}": "done"}}, or run both functions in testing.Engine([…])'
            )
        return op

    def _wait(self, run: Run, op: Wait, stub: Stub) -> Op:
        first = parse_event(run.events.first)
        value = _value_of(stub.next(op.id, op.name, (first,)), op.name)
        if value is TIMEOUT or value is None:
            return op
        if isinstance(value, SentBy):
            self._start(value)
            return op
        if isinstance(value, Mapping):
            value = Event(name=op.event, data=dict(cast("Mapping[str, Any]", value)))
        if not isinstance(value, Event):
            raise StubError(
                f'step "{op.name}" waits for the event "{op.event}", but its stub is {value!r}; give an Event, its '
                "data as a dict, testing.TIMEOUT, or testing.sent_by(function, event)"
            )
        event = {"id": "", "ts": int(self._now() * 1000), **event_as_json(value, f'event "{value.name}"')}
        event["id"] = event["id"] or f"stub-of-{op.name}"
        self._check_match(run, op, event)
        return StepDone(op.id, op.name, fragments.dump({**event, "user": event.get("user") or {}}))

    def _check_match(self, run: Run, op: Wait, event: Mapping[str, Any]) -> None:
        """Raise StubError when the event would not end the wait live."""
        if event["name"] != op.event:
            raise StubError(
                f'step "{op.name}" waits for the event "{op.event}", but its stub is the event "{event["name"]}"; '
                f'give it inngest.Event(name="{op.event}", …), or only the data'
            )
        if holds(op.expression, run.events.first, event, now=self._now()):
            return
        text = op.expression.text if op.expression else ""
        raise StubError(
            f'step "{op.name}" waits for "{op.event}" if {text}\n'
            f"which is not true for its stub:\n"
            f"  event.data = {_short(run.events.first.get('data'))}\n"
            f"  async.data = {_short(event.get('data'))}\n"
            "give the stub the data that the function waits for, or testing.TIMEOUT when it is to wait in vain"
        )

    def _signal(self, run: Run, op: SignalWait, stub: Stub) -> Op:
        value = _value_of(stub.next(op.id, op.name, (parse_event(run.events.first),)), op.name)
        if value is TIMEOUT:
            return op
        if isinstance(value, SentBy):
            self._start(value)
            return op
        data = fragments.load(_dump(value, op.name))
        return StepDone(op.id, op.name, memos.data(fragments.dump({"signal": op.signal, "data": data})))

    # Requests of steps

    def _mark(self, run: Run, op: Fetch, stub: Stub | None) -> Fetch:
        """Return the op with a URL by which the request is known again when it is made."""
        key = f"{run.id}-{op.id}"
        self._fetches[key] = (run.id, op, stub)
        return replace(op, request=replace(op.request, url=f"{op.request.url}{_MARK}{key}"))

    async def fetch(self, request: Request) -> Fetched:
        """Answer the request of a step from its stub; raises TransportError, and NoRetryError without one."""
        run_id, op, stub = self._fetches[request.url.rpartition(_MARK)[2]]
        url = op.request.url
        if stub is None:
            error = StubError(
                f'step "{op.name}" makes a request to {op.request.host}, and tests make none; '
                f'give it a stub, such as steps={{"{op.name}": {{"id": 1}}}}'
            )
            self._recorder.note(error, run_id, op.name)
            raise NoRetryError(str(error))
        given = json.loads(op.request.body) if op.request.op is Opcode.AI_GATEWAY else replace(op.request, url=url)
        try:
            outcome = stub.next(op.id, op.name, (given,))
            if isinstance(outcome, Returned):
                return _fetched(outcome.value, url, op.name)
            raised = outcome.error
        except StubError as error:
            self._recorder.note(error, run_id, op.name)
            raised = error
        self._note(run_id, op.id, raised)
        kind = NoRetryError if isinstance(raised, NonRetriableError | StubError) else TransportError
        raise kind(str(raised) or type(raised).__name__)

    def _note(self, run_id: str, step: str, error: BaseException) -> None:
        record = self._recorder.of(run_id).steps.get(step)
        if record is not None:
            record.errors.append(error)

    async def close(self) -> None:
        """Nothing is held open."""


_BY_ENGINE = "the engine does this step itself, and awaits nothing"


def _value_of(outcome: Outcome, name: str) -> object:
    if isinstance(outcome, Raised):
        raise StubError(
            f'step "{name}" waits, and a wait cannot fail, but its stub raised {outcome.error!r}; '
            "give testing.TIMEOUT for what never comes"
        ) from outcome.error
    check_is_plain(outcome.value, name, _BY_ENGINE)
    return outcome.value


def _invoked(op: Invoke, outcome: Outcome) -> Op:
    if isinstance(outcome, Returned):
        return StepDone(op.id, op.name, memos.data(_dump(outcome.value, op.name)))
    error = memos.run_error(dict(describe(outcome.error)), "NonRetriableError")
    return StepDone(op.id, op.name, memos.run_failed(error), failed=True, message=str(outcome.error))


def _dump(value: object, name: str) -> bytes:
    """Return the value of a stub as JSON; raises StubError."""
    check_value_of_step(value, name)
    check_is_plain(value, name, _BY_ENGINE)
    try:
        return dump(value, f'the stub of step "{name}"', fix="give JSON values").body
    except OutputUnserializableError as error:
        raise StubError(error.message) from None


def _fetched(value: object, url: str, name: str) -> Fetched:
    """Return the answer that a stub stands for: an httpx.Response, or what is JSON in an answer with status 200."""
    if isinstance(value, httpx.Response):
        headers = {key.lower(): item for key, item in value.headers.items()}
        return Fetched(url, value.status_code, headers, value.content)
    return Fetched(url, 200, {"content-type": "application/json"}, _dump(value, name))


def _short(value: object) -> str:
    return shortened(json.dumps(value, ensure_ascii=False, default=repr), 300)
