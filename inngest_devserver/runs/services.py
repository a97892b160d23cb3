"""What runs are driven with: the parts of the engine that the executor uses. Holds no logic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from inngest_devserver.apps.registry import Registry
from inngest_devserver.calls.caller import Caller
from inngest_devserver.ids import Ulids
from inngest_devserver.scheduling.clock import Clock
from inngest_devserver.scheduling.queue import Queue
from inngest_devserver.storage.tables import EventRow

from .active import ActiveRuns
from .journal import Journal

TakeEvent = Callable[[dict[str, Any]], EventRow]


@dataclass(frozen=True, slots=True)
class Services:
    """What the executor works with.

    keep_event: keeps an event of the engine's own for one function; send_event: takes one in like any other.
    """

    clock: Clock
    ulids: Ulids
    registry: Registry
    active: ActiveRuns
    queue: Queue
    caller: Caller
    journal: Journal
    keep_event: TakeEvent
    send_event: TakeEvent
    retry_interval: float
