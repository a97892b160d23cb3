"""Apps that cannot be reached: when one call tries each of them again, while the others wait. No clock, no calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

LONGEST_SECONDS = 10.0
"""Between two calls that try: one call costs little, and an app that is there again is not to wait for long."""


@dataclass(slots=True)
class _Down:
    """An app that was not reached. until: when it is tried again. tries: how often it was not reached in a row.

    is_due: whether that time has come. probe: the id of the job whose call tries it now; empty when none does.
    """

    until: float
    tries: int = 1
    is_due: bool = False
    probe: str = ""


class Reach:
    """backoff: tells how many seconds there are after a try that failed, counted from 0."""

    def __init__(self, backoff: Callable[[int], float]) -> None:
        self._backoff = backoff
        self._down: dict[str, _Down] = {}

    def look(self, now: float) -> None:
        """Note which apps may be tried again."""
        for down in self._down.values():
            down.is_due = down.is_due or down.until <= now

    def may_call(self, app_id: str) -> bool:
        """Tell whether an app may be called: whether it was reached the last time, or is to be tried."""
        down = self._down.get(app_id)
        return down is None or (down.is_due and not down.probe)

    def begin(self, app_id: str, job_id: str) -> None:
        """Note that a call is made; of an app that was not reached, it is the one that tries."""
        down = self._down.get(app_id)
        if down is not None:
            down.probe = job_id

    def fail(self, app_id: str, job_id: str, now: float) -> float:
        """Note that a call did not reach its app; return when another one tries."""
        down = self._down.get(app_id)
        if down is None:
            down = self._down[app_id] = _Down(now + self._seconds(0))
        elif down.probe == job_id:
            down.until, down.is_due = now + self._seconds(down.tries), False
            down.tries += 1
        return max(down.until, now)

    def _seconds(self, tries: int) -> float:
        return min(self._backoff(tries), LONGEST_SECONDS)

    def end(self, app_id: str, job_id: str) -> None:
        """Note that a call is over, whatever came of it."""
        down = self._down.get(app_id)
        if down is not None and down.probe == job_id:
            down.probe = ""

    def reached(self, app_id: str) -> bool:
        """Note that an app is there; return whether it was not."""
        return self._down.pop(app_id, None) is not None

    def until(self, app_id: str) -> float | None:
        """Return when an app that was not reached is tried again; None for others."""
        down = self._down.get(app_id)
        return None if down is None else down.until

    def next_due(self) -> float | None:
        """Return when the first app is to be tried again."""
        return min((down.until for down in self._down.values() if not down.is_due), default=None)
