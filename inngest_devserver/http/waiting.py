"""Why a run waits, in sentences for people. Reads what the engine knows at this moment, and changes nothing."""

from __future__ import annotations

from inngest_devserver.engine import Engine
from inngest_devserver.runs.run import UNKNOWN_VERSION, PauseKind, Run
from inngest_devserver.scheduling.clock import iso
from inngest_devserver.scheduling.queue import CALLS, JobKind
from inngest_devserver.scheduling.reasons import in_words
from inngest_devserver.storage.tables import JobRow, PauseRow, RunRow


def waits_for(engine: Engine, run_id: str) -> list[str]:
    """Return what a run waits for, a sentence for each thing; nothing when it has ended or is being called."""
    return [text for _, text in waits_of_steps(engine, run_id)]


def waits_of_steps(engine: Engine, run_id: str) -> list[tuple[str, str]]:
    """Return the same with the id of the step that waits, which is "step" for the function itself."""
    run = engine.active.look_at(run_id)
    if run is None:
        return []
    jobs = engine.scheduler.queue.jobs_of(run_id)
    until = {job.step_id: iso(job.due) for job in jobs if job.kind == JobKind.TIMER}
    pauses = [(pause.step_id, _pause(pause, until.get(pause.step_id, ""))) for pause in run.pauses.values()]
    in_line = [job for job in jobs if job.kind in CALLS and job.id not in run.requests]
    calls = [(job.step_id, _call(engine, run, job)) for job in in_line]
    return [(step_id, text) for step_id, text in (*pauses, *calls) if text]


def state_of(engine: Engine, row: RunRow) -> str:
    """Return QUEUED, RUNNING or WAITING for a run that has not ended: whether it was called, is called, or waits."""
    run = engine.active.awake_run(row.id)
    if run is None and engine.active.rests_in_line(row.id):
        return "QUEUED" if row.version == UNKNOWN_VERSION else "RUNNING"
    if run is None:
        return "WAITING"
    if run.requests or any(pause.kind == PauseKind.PLANNED for pause in run.pauses.values()):
        return "RUNNING"
    if run.pauses and run.discovery is None:
        return "WAITING"
    return "QUEUED" if run.version == UNKNOWN_VERSION and not run.stack else "RUNNING"


def _pause(pause: PauseRow, until: str) -> str:
    end = f" until {until}" if until else ""
    match pause.kind:
        case PauseKind.SLEEP:
            return f'step "{pause.name}" sleeps{end}'
        case PauseKind.WAIT:
            return f'step "{pause.name}" waits for the event {pause.event}{end}'
        case PauseKind.SIGNAL:
            return f'step "{pause.name}" waits for a signal{end}'
        case PauseKind.INVOKE:
            return f'step "{pause.name}" waits for the function that it invokes{end}'
        case _:
            return ""


def _call(engine: Engine, run: Run, job: JobRow) -> str:
    now = engine.clock.now()
    if job.due > now and engine.executor.attempts.waits_for_app(job):
        return f"the app does not answer; it is called again at {iso(job.due)}"
    if job.due > now:
        retry = f"retry {job.attempt} of {run.function.max_attempts - 1}" if job.attempt else "its next call"
        return f"{retry} is made in {job.due - now:.3g} s, at {iso(job.due)}"
    reason = engine.scheduler.dispatcher.reason(job, now)
    return "" if reason is None else in_words(reason)
