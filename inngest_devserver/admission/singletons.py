"""Singletons: which run is the only one of its function and key. Ends nothing."""

from __future__ import annotations

from inngest_devserver.runs.active import ActiveRuns
from inngest_devserver.runs.run import Run

_SLACK = 1000
"""Keys that may be kept before those whose run has ended are looked for."""


class Singletons:
    def __init__(self, active: ActiveRuns) -> None:
        self._active = active
        self._runs: dict[tuple[str, str], str] = {}
        self._sweep_at = _SLACK

    def current(self, function_id: str, key: str) -> Run | None:
        """Return the run of a function and key that has not ended."""
        return self._active.get(self._runs.get((function_id, key), ""))

    def put(self, key: str, run: Run) -> None:
        """Note the newest run of a function and key."""
        self._runs[run.function.id, key] = run.id
        if len(self._runs) > self._sweep_at:
            self._runs = {place: each for place, each in self._runs.items() if self._active.get(each) is not None}
            self._sweep_at = 2 * len(self._runs) + _SLACK
