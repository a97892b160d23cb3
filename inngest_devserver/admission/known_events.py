"""Events that a function has met: an id that the sender chose starts a function once in 24 hours."""

from __future__ import annotations

from inngest_devserver.scheduling.clock import Clock
from inngest_devserver.storage.flow import FlowStore
from inngest_devserver.storage.tables import EventRow

KNOWN_SECONDS = 86_400.0
_SWEEP_EVERY = 1000
"""Events between two looks for those that are forgotten."""


class KnownEvents:
    def __init__(self, store: FlowStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._added = 0

    def meet(self, function_id: str, event: EventRow) -> bool:
        """Note that a function meets an event; return whether it is for the first time. Names count, too."""
        now = self._clock.now()
        key = f"{event.name}\n{event.id}"
        until = self._store.known_until(function_id, key)
        if until is not None and until > now:
            return False
        self._store.know_event(function_id, key, now + KNOWN_SECONDS)
        self._added += 1
        if self._added % _SWEEP_EVERY == 0:
            self._store.forget_events(now)
        return True
