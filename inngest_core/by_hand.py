"""What it takes to call a function without an engine, and what comes of it. Values only.

Tools call functions so: test kits, notebooks, adapters of other transports. The call itself is in `execution`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

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


def input_of(given: CallInput | StartedBy) -> CallInput:
    """Return what a function is called with, given that or the context of another call."""
    if isinstance(given, CallInput):
        return given
    return CallInput(
        event=given.event,
        events=given.events,
        attempt=given.attempt,
        max_attempts=given.max_attempts,
        run_id=given.run_id,
    )
