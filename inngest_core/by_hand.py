"""What it takes to call a function without an engine, and what comes of it. Values only.

Tools call functions so: test kits, notebooks, adapters of other transports. The call itself is in `execution`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from .error_text import kind_of
from .errors import ConfigError
from .events.event import Event
from .middleware.base import MiddlewareFactory
from .protocol.wire import Opcode
from .runtime.drivers import Resources
from .runtime.effects import Flow


@dataclass(frozen=True, slots=True, kw_only=True)
class CallInput:
    """What a function is called with by hand."""

    event: Event
    """The event that starts the run."""
    events: Sequence[Event] = ()
    """All events of a batch; by default the one above."""
    attempt: int = 0
    """How often this was tried before."""
    max_attempts: int | None = None
    """How many tries there are in all; None for no end of them."""
    run_id: str | None = None
    """The id of the run; by default a new one."""
    steps: Mapping[str, object] = field(default_factory=dict[str, object])
    """The memos of the finished steps by their hashed ids, as an engine sends them: `{"data": …}` or `{"error": …}` for
    a step that ran, null for a sleep, the event for a wait."""
    stack: Sequence[str] | None = None
    """The hashed ids of the finished steps in the order in which they ended; by default that of `steps`."""
    target: str | None = None
    """The hashed id of the one step to run; by default whatever comes next."""


class StartedBy(Protocol):
    """A context, as far as another call can be made from it."""

    @property
    def event(self) -> Event: ...
    @property
    def events(self) -> Sequence[Event]: ...
    @property
    def attempt(self) -> int: ...
    @property
    def max_attempts(self) -> int | None: ...
    @property
    def run_id(self) -> str | None: ...


_OF_A_CONTEXT = ("event", "events", "attempt", "max_attempts", "run_id")


@dataclass(frozen=True, slots=True)
class CalledStep:
    """A step that a call reported."""

    id: str
    """The hashed id, by which `CallInput.steps` knows it."""
    display_name: str
    """The id as the function wrote it."""
    name: str
    """What it is called on the wire; for a sleep, how long it is."""
    op: Opcode
    """What was reported: that it ran or failed, is planned, or is for an engine to do."""
    opts: Mapping[str, object]
    """Its options on the wire."""


@dataclass(frozen=True, slots=True)
class CallResult:
    """What one call of a function came to: it returned, it raised, or it reported one step or several."""

    error: BaseException | None = None
    """What the function raised; for a step that failed, a StepError."""
    multi: Sequence[CallResult] | None = None
    """One result for each step, when several were reported."""
    output: Any = None
    """What the function returned, or the step that ran: JSON values, as an engine gets them."""
    step: CalledStep | None = None
    """The step that was reported; None when the function has ended."""


class Caller(Protocol):
    """What a function is called with: the client that it was defined with."""

    @property
    def resources(self) -> Resources: ...
    def call_flow(
        self,
        function: Any,
        given: CallInput,
        fn_id: str | None,
        middleware: Sequence[MiddlewareFactory] | None,
    ) -> Flow[CallResult]: ...


def checked_caller(client: object) -> Caller:
    """Return the client that a function is called with; raises ConfigError when it is none."""
    if isinstance(client, type) or not callable(getattr(client, "call_flow", None)):
        raise ConfigError(f"client is {kind_of(client)}; give the client that the function was defined with")
    return cast("Caller", client)


def input_of(given: CallInput | StartedBy) -> CallInput:
    """Return what a function is called with, given that or the context of another call; raises ConfigError."""
    if isinstance(given, CallInput):
        _check(given)
        return given
    if isinstance(cast("object", given), type) or not all(hasattr(given, name) for name in _OF_A_CONTEXT):
        raise ConfigError(f"ctx is {kind_of(given)}; give inngest.CallInput(event=...), or the context of a function")
    return CallInput(
        event=given.event,
        events=given.events,
        attempt=given.attempt,
        max_attempts=given.max_attempts,
        run_id=given.run_id,
    )


def _check(given: CallInput) -> None:
    """Raise ConfigError for a field of another type than it says."""
    fields = cast("Any", given)
    rules: list[tuple[str, bool, str]] = [
        ("event", isinstance(fields.event, Event), "inngest.Event(name=..., data=...)"),
        ("events", _is_list_of(Event, fields.events), "a list of inngest.Event"),
        ("attempt", _is_count(fields.attempt), "a whole number of 0 or more"),
        ("max_attempts", fields.max_attempts is None or _is_count(fields.max_attempts), "a whole number, or None"),
        ("run_id", fields.run_id is None or isinstance(fields.run_id, str), "the id of a run, or None for a new one"),
        ("steps", isinstance(fields.steps, Mapping), "a dict of the memos by the hashed ids of their steps"),
        ("stack", fields.stack is None or _is_list_of(str, fields.stack), "a list of hashed ids, or None"),
        ("target", fields.target is None or isinstance(fields.target, str), "the hashed id of a step, or None"),
    ]
    for name, holds, rule in rules:
        if not holds:
            raise ConfigError(f"CallInput.{name} is {getattr(fields, name)!r}; give {rule}")
    for step in cast("Mapping[object, object]", fields.steps):
        if not isinstance(step, str):
            raise ConfigError(f"CallInput.steps has the key {step!r}; give the hashed ids of steps")


def _is_list_of(kind: type, value: object) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(each, kind) for each in cast("Sequence[object]", value))


def _is_count(value: object) -> bool:
    return type(value) is int and value >= 0
