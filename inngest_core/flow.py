"""Effects, and the alias Flow: protocol code is written once, as generators that yield what they need done.

A flow reads straight down: `answer = yield from fetch(request)`. Only the two drivers (`drivers.py`) perform
effects; nothing here does. Tests drive flows by hand: `next(flow)` is an effect, `flow.send(result)` its result.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from .http import HTTPRequest, HTTPResponse

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call:
    """Call a user's callable; its result, awaited where that is possible, or its exception comes back.

    context: run it in these context variables instead of the current ones.
    what: names the callable in messages, such as 'step "charge"'.
    """

    callback: Callable[..., object]
    args: Sequence[object] = ()
    context: contextvars.Context | None = None
    what: str = ""


@dataclass(frozen=True, slots=True)
class Invoke:
    """Run a whole flow in the driver of the given colour, on the thread or loop that colour needs."""

    flow: Flow[Any]
    is_async: bool


@dataclass(frozen=True, slots=True)
class Fetch:
    """One HTTP exchange; raises TransportError when no answer comes."""

    request: HTTPRequest


@dataclass(frozen=True, slots=True)
class Sleep:
    """Wait before another try. Never a durable sleep."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Now:
    """The wall clock, in Unix seconds."""


@dataclass(frozen=True, slots=True)
class Random:
    """So many random bytes."""

    size: int


@dataclass(frozen=True, slots=True)
class Start:
    """Start the body of an async function as a task of its own; async driver only.

    The result is a Body: where its steps wait, and how it ended.
    """

    handler: Callable[..., object]
    args: Sequence[object]
    lobby: Lobby


@dataclass(frozen=True, slots=True)
class Settle:
    """Let the loop run until the body has finished, or is quiet with something new in the lobby (design §5).

    seconds: give up after so long; the result is then False.
    """

    body: Body
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Unwind:
    """Cancel the body and the tasks that wait in the lobby; come back when they have ended."""

    body: Body


Effect = Call | Invoke | Fetch | Sleep | Now | Random | Start | Settle | Unwind
Flow = Generator[Effect, Any, T]


class Waiter(Protocol):
    """What a parked task awaits."""

    def resolve(self, value: object) -> None: ...
    def reject(self, error: BaseException) -> None: ...


class Body(Protocol):
    """A function's body that runs as a task."""

    def finished(self) -> bool: ...
    def result(self) -> object:
        """Return what the body returned, or raise what it raised."""


class Lobby(Protocol):
    """What the core gives the driver, so that it knows whether there is something to decide."""

    version: int
    """Grows with every step that is met."""

    def has_work(self) -> bool: ...


def fetch(request: HTTPRequest) -> Flow[HTTPResponse]:
    """Exchange one HTTP request; raises TransportError."""
    response: HTTPResponse = yield Fetch(request)
    return response


def now() -> Flow[float]:
    """Return the Unix time in seconds."""
    seconds: float = yield Now()
    return seconds
