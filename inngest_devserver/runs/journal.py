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
    STEP_STARTED = "step.started"
    STEP_PAUSED = "step.paused"
    STEP_RETRIED = "step.retried"
    STEP_DONE = "step.done"
    STEP_FAILED = "step.failed"


_OVER = frozenset({Happening.STEP_DONE, Happening.STEP_FAILED})


class Journal:
    def __init__(self, store: Store, console: Console, clock: Clock) -> None:
        self._store = store
        self._console = console
        self._clock = clock

    def say(self, text: str) -> None:
        self._console.say(self._clock.now(), text)

    def show(self, run: Run, what: str) -> None:
        """Show something about a run in the terminal that is not worth keeping."""
        self._console.run(self._clock.now(), run.function.slug, run.id, what)

    def run(
        self, run: Run, happening: Happening, outcome: str, *, attempt: int = 0, since: float | None = None
    ) -> None:
        """Record what happened to a run that goes on. since: when this attempt began."""
        self._run(run, happening, outcome, None, attempt, since)

    def ended(self, run: Run, outcome: str, *, attempt: int = 0, since: float | None = None) -> None:
        """Record how a run ended. attempt, since: the last attempt, and when it began."""
        self._run(run, Happening.RUN_ENDED, outcome, self._clock.now() - run.row.started_at, attempt, since)

    def _run(
        self, run: Run, happening: Happening, outcome: str, took: float | None, attempt: int, since: float | None
    ) -> None:
        now, outcome = self._clock.now(), fragments.text(outcome)
        self._store.add_history(HistoryRow(run.id, now, happening, "", "", attempt, outcome, since=since))
        self._console.run(now, run.function.slug, run.id, outcome, took)

    def step(
        self,
        run: Run,
        happening: Happening,
        step_id: str,
        name: str,
        outcome: str,
        *,
        op: str = "",
        attempt: int = 0,
        since: float | None = None,
    ) -> None:
        """Record what happened to a step. op: its kind, see PauseKind. since: when it, or this attempt, began."""
        now, outcome = self._clock.now(), fragments.text(outcome)
        self._store.add_history(HistoryRow(run.id, now, happening, step_id, name, attempt, outcome, op, since))
        self._console.step(now, run.function.slug, run.id, name, outcome, _took(happening, now, since))


def _took(happening: Happening, now: float, since: float | None) -> float | None:
    """Return how long it took, for what is over."""
    return None if since is None or happening not in _OVER else now - since
