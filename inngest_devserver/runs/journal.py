"""Records what happens to a run: as rows for the API, and as lines for the console. Decides nothing."""

from __future__ import annotations

import enum

from inngest_devserver import fragments
from inngest_devserver.changes import Changes
from inngest_devserver.console import Console
from inngest_devserver.scheduling.clock import Clock
from inngest_devserver.storage.store import Store
from inngest_devserver.storage.tables import HistoryRow

from .run import Run, Status


class Happening(enum.StrEnum):
    RUN_STARTED = "run.started"
    RUN_RETRIED = "run.retried"
    RUN_ENDED = "run.ended"
    STEP_STARTED = "step.started"
    STEP_PAUSED = "step.paused"
    STEP_RETRIED = "step.retried"
    STEP_DONE = "step.done"
    STEP_FAILED = "step.failed"
    STEP_NOTED = "step.noted"
    """Something about a step that does not change how it goes on."""


_OVER = frozenset({Happening.STEP_DONE, Happening.STEP_FAILED})
_STEP_STATUSES = {Happening.STEP_DONE: "COMPLETED", Happening.STEP_FAILED: "FAILED"}
_RUNNING = "RUNNING"


class Journal:
    def __init__(self, store: Store, console: Console, clock: Clock, changes: Changes) -> None:
        self._store = store
        self._console = console
        self._clock = clock
        self._changes = changes

    def say(self, text: str) -> None:
        self._console.say(self._clock.now(), text)

    def show(self, run: Run, what: str) -> None:
        """Show something about a run in the terminal that is not worth keeping."""
        self._console.run(self._clock.now(), run.function.slug, run.id, what)
        self._changes.tell("run", run.id, run.id, function=run.function.slug, status=_RUNNING)

    def run(
        self,
        run: Run,
        happening: Happening,
        outcome: str,
        *,
        attempt: int = 0,
        since: float | None = None,
        error: bytes | None = None,
        is_shown: bool = True,
    ) -> None:
        """Record what happened to a run that goes on.

        since: when this attempt began. error: with which it failed. is_shown: in the terminal, too.
        """
        self._run(run, happening, outcome, None, attempt, since, error, is_shown=is_shown)
        self._changes.tell("run", run.id, run.id, function=run.function.slug, status=_RUNNING)

    def ended(self, run: Run, status: Status, outcome: str, *, attempt: int = 0, since: float | None = None) -> None:
        """Record how a run ended. attempt, since: the last attempt, and when it began."""
        self._run(run, Happening.RUN_ENDED, outcome, self._clock.now() - run.row.started_at, attempt, since)
        self._changes.tell("run", run.id, run.id, function=run.function.slug, status=status.upper())

    def _run(
        self,
        run: Run,
        happening: Happening,
        outcome: str,
        took: float | None,
        attempt: int,
        since: float | None,
        error: bytes | None = None,
        *,
        is_shown: bool = True,
    ) -> None:
        now, outcome = self._clock.now(), fragments.text(outcome)
        self._store.add_history(HistoryRow(run.id, now, happening, "", "", attempt, outcome, since=since, error=error))
        if is_shown:
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
        queued: float | None = None,
        position: int = -1,
        error: bytes | None = None,
    ) -> None:
        """Record what happened to a step.

        op: its kind, see PauseKind. since: when it, or this attempt, began. queued, position, error: see HistoryRow.
        """
        now, outcome = self._clock.now(), fragments.text(outcome)
        self._store.add_history(
            HistoryRow(run.id, now, happening, step_id, name, attempt, outcome, op, since, queued, position, error)
        )
        self._console.step(now, run.function.slug, run.id, name, outcome, _took(happening, now, since))
        self._tell(run, step_id, name, _STEP_STATUSES.get(happening, _RUNNING))

    def noted(self, run: Run, step_id: str, name: str, what: str) -> None:
        """Record something about a step that does not change how it goes on."""
        now, what = self._clock.now(), fragments.text(what)
        self._store.add_history(HistoryRow(run.id, now, Happening.STEP_NOTED, step_id, name, 0, what))
        self._console.step(now, run.function.slug, run.id, name, what, None)

    def planned(self, run: Run, step_id: str, name: str) -> None:
        """Let it be known that a step was planned, which is not worth keeping."""
        self._tell(run, step_id, name, _RUNNING)

    def _tell(self, run: Run, step_id: str, name: str, status: str) -> None:
        self._changes.tell("step", step_id, run.id, function=run.function.slug, name=name, status=status)


def _took(happening: Happening, now: float, since: float | None) -> float | None:
    """Return how long it took, for what is over."""
    return None if since is None or happening not in _OVER else now - since
