"""A run that is under way: what it knows and waits for, and the body of its call requests.

Pure state: no store, no clock, no decisions. Memos and the event are kept as JSON texts that are dumped once and
joined for each call. What a call holds: docs/protocol.md, "Call requests".
"""

from __future__ import annotations

import base64
import bisect
import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from inngest_core.protocol.limits import MAX_CALL_BYTES, MAX_CALL_STATE_BYTES, MAX_STATE_BYTES, MAX_STEPS
from inngest_devserver import fragments
from inngest_devserver.apps.functions import Function
from inngest_devserver.matcher import Expression
from inngest_devserver.scheduling.placement import Placement
from inngest_devserver.storage.tables import EventRow, JobRow, PauseRow, RunRow

DISCOVERY = "step"
UNKNOWN_VERSION = -1


class Status(enum.StrEnum):
    RUNNING = "Running"
    COMPLETED = "Completed"
    FAILED = "Failed"
    CANCELLED = "Cancelled"


class PauseKind(enum.StrEnum):
    """Why a step that was reported is not done: it is to be called for, or waits for time, an event, a signal, a run,
    or for the answer to a request."""

    PLANNED = "planned"
    SLEEP = "sleep"
    WAIT = "wait"
    SIGNAL = "signal"
    INVOKE = "invoke"
    FETCH = "fetch"


_LASTING = frozenset({PauseKind.SLEEP, PauseKind.WAIT, PauseKind.SIGNAL, PauseKind.INVOKE})


@dataclass(frozen=True, slots=True)
class Events:
    """The events of a run, ready for its calls. event: with `user`, as in calls; items: as senders gave them."""

    event: bytes
    events: bytes
    batch: bytes
    first: Mapping[str, Any]
    all: list[Mapping[str, Any]]


def load_events(rows: list[EventRow]) -> Events:
    loaded: list[dict[str, Any]] = [fragments.load(row.body) for row in rows]
    for_calls = [fragments.dump({**event, "user": event.get("user") or {}}) for event in loaded]
    return Events(
        event=for_calls[0],
        events=fragments.array(for_calls),
        batch=fragments.array(row.body for row in rows),
        first=loaded[0],
        all=[*loaded],
    )


@dataclass(slots=True)
class Discovery:
    """The one discovery job that a run may have. again: ask once more when it is done, for something came up."""

    job_id: str
    started: bool = False
    again: bool = False


@dataclass(slots=True)
class Run:
    """row: what does not change. placement: where its calls stand in line.

    version: of the app's requests, -1 until known.

    plan_only: since steps ran in parallel under version 0 or 1. fruitless: answers in a row that brought nothing.
    planned: steps that were planned before; to plan one again is nothing new.
    inputs: arguments that were given by hand for steps which have not run yet.
    requests: the calls under way: the id of the request by that of its job. savers: which call saves steps for a job.
    """

    row: RunRow
    function: Function
    events: Events
    placement: Placement
    version: int = UNKNOWN_VERSION
    stack: list[str] = field(default_factory=list[str])
    memos: dict[str, bytes] = field(default_factory=dict[str, bytes])
    pauses: dict[str, PauseRow] = field(default_factory=dict[str, PauseRow])
    expressions: dict[str, Expression] = field(default_factory=dict[str, Expression])
    discovery: Discovery | None = None
    plan_only: bool = False
    fruitless: int = 0
    planned: set[str] = field(default_factory=set[str])
    inputs: dict[str, bytes] = field(default_factory=dict[str, bytes])
    requests: dict[str, str] = field(default_factory=dict[str, str])
    savers: dict[str, str] = field(default_factory=dict[str, str])
    state_bytes: int = 0
    _pairs: list[tuple[str, bytes]] = field(default_factory=list[tuple[str, bytes]])
    _quoted: list[bytes] = field(default_factory=list[bytes])

    @property
    def id(self) -> str:
        return self.row.id

    def remember(self, step_id: str, memo: bytes) -> int:
        """Keep a memo; return its position in the stack."""
        quoted = fragments.dump(step_id)
        if self.inputs.pop(step_id, None) is not None:
            self._pairs = [pair for pair in self._pairs if pair[0] != step_id]
        self.memos[step_id] = memo
        bisect.insort(self._pairs, (step_id, quoted + b":" + memo))
        self.stack.append(step_id)
        self._quoted.append(quoted)
        self.state_bytes += len(memo) + len(quoted) + 2
        return len(self.stack) - 1

    def give_input(self, step_id: str, arguments: bytes) -> None:
        """Have a step run with these arguments, a JSON array; apps see them among the memos."""
        self.inputs[step_id] = arguments
        bisect.insort(self._pairs, (step_id, fragments.dump(step_id) + b':{"input":' + arguments + b"}"))
        self.state_bytes += len(arguments)

    def overflow(self, step: str) -> tuple[str, str] | None:
        """Return the name and the message of the error of a run that is too large; step: the one that was too much."""
        if len(self.stack) > MAX_STEPS:
            message = f'step "{step}" is the {len(self.stack)}th: a run may have at most {MAX_STEPS} steps'
            return "InngestErrFunctionOverflowed", message
        if self.state_bytes > MAX_STATE_BYTES:
            return "InngestErrStateOverflowed", state_overflowed(step, self.state_bytes)
        return None

    def asked_for(self, step_id: str) -> str:
        """Return what a call request asks for, in words."""
        if step_id == DISCOVERY:
            return f"the function {self.function.slug}"
        pause = self.pauses.get(step_id)
        return f'the step "{step_id if pause is None else pause.name}" of the function {self.function.slug}'

    def only_waits(self) -> bool:
        """Whether nothing is done for the run until time passes, something happens elsewhere, or its turn comes, so
        that the store and the queue tell all about it."""
        stands_in_line = self.discovery is not None and not self.discovery.started
        return (
            (stands_in_line or (self.discovery is None and bool(self.pauses)))
            and not self.requests
            and not self.savers
            and all(pause.kind in _LASTING for pause in self.pauses.values())
            and self.function.flow.singleton is None
        )

    def waits(self) -> bool:
        """Whether a pause is left whose end does not ask for discovery by itself."""
        return any(not pause.race for pause in self.pauses.values())

    def steps_body(self) -> bytes:
        """Return all memos by step id."""
        return b"{" + b",".join([pair for _, pair in self._pairs]) + b"}"

    def call_body(self, job: JobRow, request_id: str) -> bytes:
        """Return the body of a call request: compact JSON, keys sorted."""
        use_api = self.state_bytes + len(self.events.events) > MAX_CALL_STATE_BYTES
        events = self.events.events
        steps = b"{}" if use_api else self.steps_body()
        if use_api and len(self.events.event) + len(events) > MAX_CALL_BYTES:
            events = b"[]"
        return b"".join(
            (
                b'{"ctx":',
                self._context(job, request_id, use_api=use_api),
                b',"defers":{},"event":',
                self.events.event,
                b',"events":',
                events,
                b',"steps":',
                steps,
                b',"use_api":',
                b"true" if use_api else b"false",
                b',"version":%d}' % self.version,
            )
        )

    def _context(self, job: JobRow, request_id: str, *, use_api: bool) -> bytes:
        targeted = job.step_id != DISCOVERY
        qi_id = base64.b64encode(f"{job.id}::default".encode()).decode()
        # Each discovery begins anew, whatever is still running: a racing step that is called for elsewhere is met
        # again, as on every engine, by an app that may run what it meets. Apps of version 0 and 1 go on planning.
        plan = targeted or self.plan_only
        return (
            f'{{"attempt":{job.attempt},"disable_immediate_execution":{_bool(plan)},"env":"",'
            f'"fn_id":"{self.function.id}","generation_id":{job.attempt + 1},"job_id":"{job.id}",'
            f'"max_attempts":{self.function.max_attempts},"qi_id":"{qi_id}","request_id":"{request_id}",'
            f'"run_id":"{self.row.id}","stack":{{"current":{job.position},"stack":['
        ).encode() + b"".join(
            (b",".join(self._quoted), b']},"step_id":"step","use_api":', b"true}" if use_api else b"false}")
        )


def state_overflowed(step: str, size: int) -> str:
    """Return what is said of a step whose result is too much for its run. size: of all results with it, in bytes."""
    return (
        f'state overflowed: with the result of step "{step}" the run holds {size} bytes of results, and at most '
        f"{MAX_STATE_BYTES} are allowed; keep large results elsewhere, and return where they are"
    )


def _bool(value: bool) -> str:
    return "true" if value else "false"
