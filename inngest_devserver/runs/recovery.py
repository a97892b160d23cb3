"""Takes up runs where an earlier engine left them: from rows back to runs, pauses and jobs.

A call that was under way when the engine stopped is sent again. A run that cannot be taken up ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from inngest_devserver import fragments
from inngest_devserver.apps.functions import Function
from inngest_devserver.apps.registry import Registry
from inngest_devserver.matcher import Expression
from inngest_devserver.scheduling.placement import Placement
from inngest_devserver.scheduling.queue import CALLS, JobKind, Queue
from inngest_devserver.scheduling.scheduler import Scheduler
from inngest_devserver.storage.store import Store
from inngest_devserver.storage.tables import HistoryRow, PauseRow, RunRow

from . import memos
from .active import ActiveRuns
from .journal import Happening
from .run import DISCOVERY, Discovery, Run, Status, load_events

Resume = Callable[..., None]
Place = Callable[[Function, Mapping[str, Any], float], Placement]


def recover(store: Store, registry: Registry, active: ActiveRuns, scheduler: Scheduler, place: Place) -> int:
    """Take up every run that has not ended; return how many."""
    pauses: dict[str, list[PauseRow]] = {}
    for pause in store.pauses():
        pauses.setdefault(pause.run_id, []).append(pause)
    jobs = store.jobs()
    starting = {job.run_id for job in jobs if job.kind == JobKind.START}
    discoveries = {job.run_id: job.id for job in jobs if job.kind in CALLS and job.step_id == DISCOVERY}
    for row in store.active_runs():
        run = _run(store, registry, row, pauses.pop(row.id, ()), place)
        if run is None:
            continue
        if row.id in discoveries:
            run.discovery = Discovery(discoveries[row.id])
        active.restore(run)
        if row.id not in starting:
            scheduler.dispatcher.hold(run.id, run.placement)
        active.rest(run)
    for job in jobs:
        if active.knows(job.run_id):
            scheduler.queue.restore(job)
    return len(active)


def read_run(store: Store, registry: Registry, queue: Queue, run_id: str, place: Place) -> Run | None:
    """Return a run as the store and the queue have it, for one that is not being called."""
    row = store.run(run_id)
    run = None if row is None else _run(store, registry, row, store.pauses(run_id), place)
    if run is not None:
        jobs = (job for job in queue.jobs_of(run_id) if job.kind in CALLS and job.step_id == DISCOVERY)
        run.discovery = next((Discovery(job.id) for job in jobs), None)
    return run


def lost_runs(store: Store, active: ActiveRuns) -> list[RunRow]:
    """Return the runs that have not ended and could not be taken up."""
    return [row for row in store.active_runs() if not active.knows(row.id)]


def end_lost(store: Store, row: RunRow, active: ActiveRuns, now: float, resume: Resume) -> None:
    """Fail a run that nobody can take up any more, and tell the step that invoked it."""
    message = "the function of this run, or its events, are not known to this engine any more; send the event again"
    error = {"name": "RunLostError", "message": message}
    store.end_run(row.id, Status.FAILED, now, fragments.dump(error))
    store.delete_jobs_of(row.id)
    store.add_history(HistoryRow(row.id, now, Happening.RUN_ENDED, "", "", 0, f"failed: {message}"))
    parent = active.get(row.parent_run) if row.parent_run else None
    pause = parent.pauses.get(row.parent_step) if parent is not None else None
    if parent is not None and pause is not None:
        resume(parent, pause, memos.error(**error), failed=message)


def _run(store: Store, registry: Registry, row: RunRow, pauses: Iterable[PauseRow], place: Place) -> Run | None:
    function = registry.function(row.function_id)
    events = [event for event_id in row.batch.split(",") if (event := store.event(event_id)) is not None]
    if function is None or not events:
        return None
    loaded = load_events(events)
    placement = place(function, loaded.first, row.started_at)
    run = Run(row, function, loaded, placement, version=row.version, plan_only=row.plan_only)
    for step_id, memo in store.memos(row.id):
        run.remember(step_id, memo)
    for step_id, arguments in store.inputs(row.id):
        if step_id not in run.memos:
            run.give_input(step_id, arguments)
    for pause in pauses:
        run.pauses[pause.step_id] = pause
        if pause.expression:
            run.expressions[pause.step_id] = Expression(pause.expression)
    return run
