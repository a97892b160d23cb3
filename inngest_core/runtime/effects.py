"""Effects, and the alias Flow: protocol code is written once, as generators that yield what they need done.

A flow reads straight down: `answer = yield from fetch(request)`. Only the two drivers (`drivers.py`) perform
effects; nothing here does. Tests drive flows by hand: `next(flow)` is an effect, `flow.send(result)` its result.
"""

from __future__ import annotations

import contextvars
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from inngest_core.web.messages import HTTPRequest, HTTPResponse

from .outcome import Outcome
from .time_limit import TimeLimit

T = TypeVar("T")


@dataclass(slots=True)
class Call:
    """Call a user's callable; its result, awaited where that is possible, or its exception comes back.

    context: run it in these context variables instead of the current ones.
    what: names the callable in messages, such as 'step "charge"'.
    limit: how long its result may be awaited; the call raises TimeoutError after that.
    """

    callback: Callable[..., object]
    args: Sequence[object] = ()
    context: contextvars.Context | None = None
    what: str = ""
    limit: TimeLimit | None = None


@dataclass(slots=True)
class Invoke:
    """Run a whole flow in the driver of the given kind, on the thread or the loop that it needs."""

    flow: Flow[Any]
    is_async: bool


@dataclass(slots=True)
class KeepAlive:
    """Make a stream that runs *flow* while it is read: white space at intervals, and at last what it gives.

    The result is that stream, an iterator or an async iterator, as the driver's web server needs it.
    """

    flow: Flow[bytes]
    seconds: float


@dataclass(slots=True)
class Fetch:
    """One HTTP exchange; raises TransportError when no answer comes."""

    request: HTTPRequest


@dataclass(slots=True)
class Open:
    """Begin one HTTP exchange whose answer is read while it comes; the result is an HTTPStream. Raises TransportError.

    The time-out of the request is for the head of the answer. Whoever opens a stream closes it.
    """

    request: HTTPRequest


@dataclass(slots=True)
class Read:
    """The next bytes of a stream, and none at its end; raises TransportError when none come in *seconds*."""

    stream: HTTPStream
    seconds: float


@dataclass(slots=True)
class Close:
    """End a stream."""

    stream: HTTPStream


@dataclass(slots=True)
class Sleep:
    """Wait before another try. Never a durable sleep."""

    seconds: float


@dataclass(slots=True)
class Later:
    """Begin to run a flow after some time, beside what goes on; the result is a Timer that calls it off.

    flow: makes it. Its result goes nowhere, and it raises nothing. The sync driver never begins it.
    """

    seconds: float
    flow: Callable[[], Flow[None]]


@dataclass(slots=True)
class Now:
    """The wall clock, in Unix seconds."""


NOW = Now()
"""Nothing tells one from another, and every call asks."""


@dataclass(slots=True)
class Random:
    """Random bytes. size: how many."""

    size: int


@dataclass(slots=True)
class Start:
    """Start the body of an async function as a task of its own; async driver only. The result is the Body.

    make: called in that task, given the Body; returns what to await.
    """

    make: Callable[[Any], Awaitable[object]]


@dataclass(slots=True)
class Settle:
    """Let the loop turn until the body has finished or is quiet; async driver only.

    deliver: asked whenever it is quiet; it tells whether it woke a task, and then the loop turns again.
    wait: for news first, as nothing can be decided without. seconds: the longest wait for news.
    beyond: also let the loop turn when the body has finished: tasks that it left may be about to meet steps.
    The result is False when that time ran out.
    """

    body: Body
    deliver: Callable[[], bool]
    wait: bool = False
    seconds: float | None = None
    beyond: bool = False


@dataclass(slots=True)
class Unwind:
    """Cancel the body and the tasks whose steps are parked, and let them end; async driver only."""

    body: Body


Effect = (
    Call | Invoke | KeepAlive | Fetch | Open | Read | Close | Sleep | Later | Now | Random | Start | Settle | Unwind
)
Flow = Generator[Effect, Any, T]


class Timer(Protocol):
    """Calls off what was to begin later, or ends it."""

    def cancel(self) -> None: ...


class HTTPStream(Protocol):
    """An answer that is read while it comes. headers: names in any case.

    abandon: close it from any thread, without waiting for that.
    """

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    def abandon(self) -> None: ...


class Place(Protocol):
    """Where one met step is parked; the task that met it waits there, until the place is resolved or rejected.

    task: that task. late: whether something tried to cancel the wait in vain.
    """

    @property
    def task(self) -> object: ...
    @property
    def late(self) -> bool: ...
    def __await__(self) -> Generator[Any, None, object]: ...
    def look_up(self, variable: contextvars.ContextVar[T]) -> T | None: ...
    def resolve(self, value: object) -> None: ...
    def reject(self, error: BaseException) -> None: ...
    def waits(self) -> bool: ...
    def runs(self) -> bool: ...
    def met_by(self) -> str: ...
    def ends_unseen(self, batch: dict[object, int]) -> bool: ...


class Body(Protocol):
    """The body of an async function, run as a task by the async driver."""

    def park(self, step_id: str, *, runs: bool) -> Place: ...
    def in_main_task(self) -> bool: ...
    def runs_alone(self) -> bool: ...
    def sees_what_runs(self) -> bool: ...
    async def gather(
        self, branches: Sequence[tuple[contextvars.Context, Callable[[], Awaitable[object]]]]
    ) -> list[Outcome]: ...
    def step_runs(self, place: Any) -> contextvars.Context: ...
    def step_ran(self) -> None: ...
    def finished(self) -> bool: ...
    def outcome(self) -> Outcome: ...
    def left_tasks(self) -> Sequence[str]: ...
    def waits_for_steps_only(self) -> bool: ...


def fetch(request: HTTPRequest) -> Flow[HTTPResponse]:
    """Exchange one HTTP request; raises TransportError."""
    response: HTTPResponse = yield Fetch(request)
    return response


def now() -> Flow[float]:
    """Return the Unix time in seconds."""
    seconds: float = yield NOW
    return seconds
