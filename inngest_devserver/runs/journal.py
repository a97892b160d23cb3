"""Records what happens to a run: as rows for the API, and as lines for the console. Decides nothing."""

from __future__ import annotations

import enum

from inngest_devserver import fragments
from inngest_devserver.console import Console
from inngest_devserver.scheduling.clock import Clock
from inngest_devserver.storage.store import Store
from inngest_devserver.storage.tables import HistoryRow

from .run import Run


class Happening(enum.StrEnum):
    RUN_STARTED = "run.started"
    RUN_RETRIED = "run.retried"
    RUN_ENDED = "run.ended"
    STEP_PAUSED = "step.paused"
    STEP_RETRIED = "step.retried"
    STEP_DONE = "step.done"
    STEP_FAILED = "step.failed"


class Journal:
    def __init__(self, store: Store, console: Console, clock: Clock) -> None:
        self._store = store
        self._console = console
        self._clock = clock

    def say(self, text: str) -> None:
        self._console.say(self._clock.now(), text)

    def run(
        self, run: Run, happening: Happening, outcome: str, *, attempt: int = 0, since: float | None = None
    ) -> None:
        now, outcome = self._clock.now(), fragments.text(outcome)
        self._store.add_history(HistoryRow(run.id, now, happening, "", "", attempt, outcome))
        self._console.run(now, run.function.slug, run.id, outcome, None if since is None else now - since)

    def step(
        self,
        run: Run,
        happening: Happening,
        step_id: str,
        name: str,
        outcome: str,
        *,
        attempt: int = 0,
        since: float | None = None,
    ) -> None:
        now, outcome = self._clock.now(), fragments.text(outcome)
        self._store.add_history(HistoryRow(run.id, now, happening, step_id, name, attempt, outcome))
        self._console.step(now, run.function.slug, run.id, name, outcome, None if since is None else now - since)
