"""What a run is at, in one word, and why: how it ended, or whether it runs, sleeps, waits, or stands in line."""

from __future__ import annotations

from dataclasses import dataclass

from inngest_devserver.engine import Engine
from inngest_devserver.http.waiting import waits_for
from inngest_devserver.runs.run import PauseKind, Run, Status
from inngest_devserver.runs.trace import Span
from inngest_devserver.stacks import error_of
from inngest_devserver.storage.tables import RunRow

from . import json_text

_LONGEST_OUTCOME = 160
_WAITING = {
    PauseKind.SLEEP.value: "sleeping",
    PauseKind.WAIT.value: "waiting",
    PauseKind.SIGNAL.value: "waiting",
    PauseKind.INVOKE.value: "waiting",
    PauseKind.FETCH.value: "running",
}


@dataclass(frozen=True, slots=True)
class State:
    """key: what style sheets and icons go by. word: what people read."""

    key: str

    @property
    def word(self) -> str:
        return self.key.capitalize()

    @property
    def is_over(self) -> bool:
        return self.key in ("completed", "failed", "cancelled")


def state_of(engine: Engine, row: RunRow) -> State:
    """Return what a run is at."""
    if row.ended_at is not None or row.status != Status.RUNNING:
        return State(row.status.lower())
    run = engine.active.look_at(row.id)
    return State("running" if run is None else _at(run))


def _at(run: Run) -> str:
    if run.requests:
        return "running"
    kinds = {_WAITING[pause.kind] for pause in run.pauses.values() if pause.kind in _WAITING}
    if run.discovery is not None or any(pause.kind == PauseKind.PLANNED for pause in run.pauses.values()):
        return "queued"
    return next((key for key in ("running", "waiting", "sleeping") if key in kinds), "queued")


def state_of_step(span: Span, *, is_called: bool) -> State:
    """Return what a step is at. is_called: the app is being asked for it just now."""
    if span.ended_at is not None:
        return State(span.status.lower())
    if span.kind in _WAITING:
        return State(_WAITING[span.kind])
    if is_called or (span.started_at is not None and not span.children):
        return State("running")
    return State("retrying" if span.children else "queued")


def outcome_of(engine: Engine, row: RunRow) -> str:
    """Return in a few words what came of a run, or why it does not go on."""
    if row.ended_at is None:
        return "; ".join(waits_for(engine, row.id))[:_LONGEST_OUTCOME]
    output = None if row.output is None else engine.masking.mask_json(row.output)
    if row.status == Status.FAILED:
        error = error_of(output)
        return f"{error.name}: {error.message}"[:_LONGEST_OUTCOME] if error else json_text.in_short(output)
    return "" if output is None else json_text.in_short(output)
