"""The names of the official SDK's mocks, on the kit's engine: a client that sends nothing, and `trigger`.

Stubs that are not used do not fail a test here, as they do not there.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from inngest_core.client import Inngest as Client
from inngest_core.events.event import Event
from inngest_core.events.outgoing import read_events
from inngest_core.function import Function
from inngest_core.middleware.base import MiddlewareFactory
from inngest_core.protocol.ulid import ENTROPY_SIZE, make_ulid
from inngest_core.runtime.effects import Flow

from .snapshots import Status as RunStatus
from .stubs import TIMEOUT
from .sync_engine import Engine

__tracebackhide__ = True

Timeout = TIMEOUT
"""A stub for `step.wait_for_event`: nothing comes in time."""


class Status(enum.Enum):
    """How a run has ended."""

    COMPLETED = "Completed"
    FAILED = "Failed"


@dataclass(frozen=True, slots=True)
class Result:
    """What `trigger` came to."""

    status: Status
    output: Any = None
    """What the function returned; None when it failed."""
    error: BaseException | None = None
    """What it failed with; None when it did not."""


class Inngest(Client):
    """A client that sends nothing: whatever events it is given, it answers with ids."""

    def send_flow(
        self,
        events: Event | Sequence[Event],
        *,
        skip_middleware: bool = False,
        seed: str | None = None,
        raw_request: object = None,
        middleware: Sequence[MiddlewareFactory] = (),
        headers: Mapping[str, str] | None = None,
        asynchronous: bool = False,
    ) -> Flow[list[str]]:
        """Return ids for the events, and send nothing. The arguments are those of every client."""
        yield from ()
        listed = read_events(events, "events")
        return [make_ulid(0.0, number.to_bytes(ENTROPY_SIZE)) for number in range(len(listed))]


def trigger(
    fn: Function[Any],
    event: Event | list[Event],
    client: Client,
    *,
    step_stubs: Mapping[str, object] | None = None,
) -> Result:
    """Run a function to its end; `testing.run` does the same and shows more.

    fn: the function.
    event: what starts the run, or the events of a batch.
    client: the client to run it with, where the function does not know its own.
    step_stubs: stubs by step id; `Timeout` for a wait that ends in vain.
    Returns how it ended.
    """
    if isinstance(cast("object", fn), Function) and fn.client is None:
        fn.client = client
    events = [event] if isinstance(event, Event) else event
    with Engine(steps=step_stubs) as engine:
        run = engine.wait(engine.start(fn, events))
    if run.status is RunStatus.COMPLETED:
        return Result(Status.COMPLETED, run.output)
    return Result(Status.FAILED, None, run.error)
