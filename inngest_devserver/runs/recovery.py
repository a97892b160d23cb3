"""Takes up runs where an earlier engine left them: from rows back to runs, pauses and jobs.

A call that was under way when the engine stopped is sent again. Reads the store, changes nothing in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from inngest_devserver.apps.functions import Function
from inngest_devserver.apps.registry import Registry
from inngest_devserver.matcher import Expression
from inngest_devserver.scheduling.placement import Placement
from inngest_devserver.scheduling.queue import CALLS, JobKind
from inngest_devserver.scheduling.scheduler import Scheduler
from inngest_devserver.storage.store import Store
from inngest_devserver.storage.tables import PauseRow, RunRow

from .active import ActiveRuns
from .run import DISCOVERY, Discovery, Run, load_events

Place = Callable[[Function, Mapping[str, Any], float], Placement]


def recover(store: Store, registry: Registry, active: ActiveRuns, scheduler: Scheduler, place: Place) -> int:
    """Take up every run that has not ended; return how many."""
    pauses: dict[str, list[PauseRow]] = {}
    for pause in store.pauses():
        pauses.setdefault(pause.run_id, []).append(pause)
    for row in store.active_runs():
        run = _run(store, registry, row, place)
        if run is None:
            continue
        for pause in pauses.get(row.id, ()):
            run.pauses[pause.step_id] = pause
            if pause.expression:
                run.expressions[pause.step_id] = Expression(pause.expression)
        active.restore(run)
    begun = {run.id for run in active}
    for job in store.jobs():
        run = active.get(job.run_id)
        if run is None:
            continue
        if job.kind == JobKind.START:
            begun.discard(job.run_id)
        if job.kind in CALLS and job.step_id == DISCOVERY:
            run.discovery = Discovery(job.id)
        scheduler.queue.restore(job)
    for run in active:
        if run.id in begun:
            scheduler.dispatcher.hold(run.id, run.placement)
    return len(active)


def _run(store: Store, registry: Registry, row: RunRow, place: Place) -> Run | None:
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
    return run
