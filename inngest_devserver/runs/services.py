"""What runs are driven with: the parts of the engine that the executor uses. Holds no logic."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from inngest_devserver.apps.functions import Function
from inngest_devserver.apps.registry import Registry
from inngest_devserver.calls.caller import Sender
from inngest_devserver.calls.fetcher import Fetcher
from inngest_devserver.calls.ops import Op
from inngest_devserver.calls.reply import Answer, Outcome
from inngest_devserver.ids import Ulids
from inngest_devserver.scheduling.clock import Clock
from inngest_devserver.scheduling.placement import Placement
from inngest_devserver.scheduling.queue import Queue
from inngest_devserver.scheduling.reach import Reach
from inngest_devserver.storage.tables import EventRow

from .active import ActiveRuns
from .journal import Journal
from .run import Run

TakeEvent = Callable[[dict[str, Any]], EventRow]


class RunEnded(Protocol):
    def __call__(self, run_id: str, *, give_up: bool) -> None: ...


@dataclass(frozen=True, slots=True)
class Services:
    """What the executor works with.

    read: says what the answer of the function at a URL means. fetcher: makes the requests of steps.
    track: counts a task that works for a run among the work under way.
    place: says where the calls of a run stand in line, given its function, its first event and when it was queued.
    run_ended: forgets what a run waits for and holds, and may give up its calls.
    invoke: starts a run that a step waits for, given the id of that run and of the step; raises NotStartedError.
    cancelled: tells why a run that begins is cancelled at once; "" when it is not.
    keep_event: keeps an event of the engine's own for one function; send_event: takes one in like any other.
    reach: knows which apps are down.
    backoff: tells how many seconds there are after an attempt that failed, counted from 0.
    substitute: says which op is taken for one that was reported.
    """

    clock: Clock
    ulids: Ulids
    registry: Registry
    active: ActiveRuns
    queue: Queue
    caller: Sender
    read: Callable[[str, Answer, str], Outcome]
    fetcher: Fetcher
    journal: Journal
    place: Callable[[Function, Mapping[str, Any], float], Placement]
    run_ended: RunEnded
    invoke: Callable[[Function, EventRow, tuple[str, str]], Run]
    track: Callable[[asyncio.Task[None]], None]
    cancelled: Callable[[Run], str]
    keep_event: TakeEvent
    send_event: TakeEvent
    reach: Reach
    backoff: Callable[[int], float]
    substitute: Callable[[Run, Op], Op]
