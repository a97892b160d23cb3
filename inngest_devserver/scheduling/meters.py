"""How full rate limits and throttles are: the generic cell rate algorithm, kept in the store. Decides nothing else.

A meter holds one number, the moment at which all that it has admitted is used up. Something is admitted while that
moment is at most `slack` seconds away, and moves it on by one interval.

What comes on the beat may come a little early or late, since senders and engines share no clock. A meter may therefore
have a margin: so much too early is forgiven, and a burst that is used up at one moment counts for so much more, so that
it is over when the next event comes on the beat, as on other engines.
"""

from __future__ import annotations

from dataclasses import dataclass

from inngest_devserver.storage.flow import FlowStore
from inngest_devserver.storage.flow_tables import MeterRow

_TOLERANCE_SECONDS = 1e-6
"""What the arithmetic of floats may be off; less than clocks tell apart."""
_SLACK = 1000
"""Meters that may be kept before those that are empty are looked for."""


@dataclass(frozen=True, slots=True)
class Metered:
    """What a meter measures, and how. interval, slack, margin: seconds; see `apps.flow_options.Rate`."""

    function_id: str
    kind: str
    key: str
    interval: float
    slack: float
    margin: float = 0.0


class Meters:
    def __init__(self, store: FlowStore) -> None:
        self._store = store
        self._full_at: dict[tuple[str, str, str], float] = {}
        self._begun: dict[tuple[str, str, str], float] = {}
        """When a meter that was empty admitted something."""
        self._sweep_at = _SLACK

    def load(self) -> None:
        """Take in what the store knows."""
        for row in self._store.meters():
            self._full_at[row.function_id, row.kind, row.key] = row.full_at

    def admits_at(self, what: Metered) -> float:
        """Return the Unix time from which one more is admitted; past or now is now."""
        full_at = self._full_at.get((what.function_id, what.kind, what.key), 0.0)
        return full_at - max(what.slack, what.margin) - _TOLERANCE_SECONDS

    def take(self, what: Metered, now: float) -> bool:
        """Admit one if there is room; return whether there was."""
        if self.admits_at(what) > now:
            return False
        place = (what.function_id, what.kind, what.key)
        full_at = self._full_at.get(place, 0.0)
        if full_at <= now:
            full_at = self._begun[place] = now
        elif what.slack and full_at - now > what.slack - what.margin and now - self._begun.get(place, 0) < what.margin:
            full_at += what.margin
        full_at = self._full_at[place] = full_at + what.interval
        self._store.put_meter(MeterRow(*place, full_at))
        if len(self._full_at) > self._sweep_at:
            self._sweep(now)
        return True

    def _sweep(self, now: float) -> None:
        self._full_at = {place: full_at for place, full_at in self._full_at.items() if full_at > now}
        self._begun = {place: begun for place, begun in self._begun.items() if place in self._full_at}
        self._store.delete_meters(now)
        self._sweep_at = 2 * len(self._full_at) + _SLACK
