"""Makes calls again: after a failed attempt, and while an app cannot be reached, which does not count as an attempt.

This module decides when; the executor decides what a failure means for the run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inngest_devserver.calls.caller import BusyError, UnreachableError
from inngest_devserver.calls.ops import StepErrored
from inngest_devserver.calls.retry import parse_retry_after
from inngest_devserver.scheduling.queue import JobKind
from inngest_devserver.storage.tables import JobRow

from . import memos
from .journal import Happening
from .run import PauseKind, Run
from .services import Services

UNREACHABLE = "Unable to reach SDK URL"
_MOST_SHOWN = 5
"""Runs that the terminal names of those that wait for an app."""


class Attempts:
    """Which calls are made again, and when."""

    def __init__(self, services: Services) -> None:
        self._clock = services.clock
        self._active = services.active
        self._queue = services.queue
        self._journal = services.journal
        self._reach = services.reach
        self._backoff = services.backoff
        self._unreached: dict[str, tuple[str, int]] = {}
        """Jobs whose calls do not reach the app, with their runs, and how often they have not."""
        self._waiting: dict[str, int] = {}
        """By app, how many runs have begun to wait for it since it was there."""

    def again(self, run: Run, job: JobRow, retry_after: str | None) -> float:
        """Queue a job for its next attempt; return the seconds until then. retry_after: what the app asked for."""
        now = self._clock.now()
        asked = parse_retry_after(retry_after, now)
        seconds = self._backoff(job.attempt) if asked is None else asked
        self._requeue(run, job._replace(due=now + seconds, attempt=job.attempt + 1))
        return seconds

    def after_failure(
        self, run: Run, job: JobRow, retry_after: str | None, error: Mapping[str, Any], started: float
    ) -> None:
        """As `again`, and record what went wrong in the attempt that began at *started*."""
        seconds = self.again(run, job, retry_after)
        outcome = f"attempt {job.attempt + 1} failed: {error['name']}: {error['message']}; next in {seconds:.3g} s"
        pause, kept = run.pauses.get(job.step_id), memos.attempt_error(error)
        if pause is None:
            self._journal.run(run, Happening.RUN_RETRIED, outcome, attempt=job.attempt, since=started, error=kept)
        else:
            self._step_retried(run, job, pause.step_id, pause.name, outcome, kept, started)

    def step_failed(self, run: Run, job: JobRow, op: StepErrored, message: str, started: float) -> None:
        """Record that a step raised and is to be tried again."""
        outcome = f"attempt {job.attempt + 1} failed: {message}"
        self._step_retried(run, job, op.id, op.name, outcome, memos.attempt_error(op.error), started)

    def _step_retried(
        self, run: Run, job: JobRow, step_id: str, name: str, outcome: str, error: bytes, started: float
    ) -> None:
        pause = run.pauses.get(step_id)
        self._journal.step(
            run,
            Happening.STEP_RETRIED,
            step_id,
            name,
            outcome,
            op=pause.kind if pause else PauseKind.PLANNED,
            attempt=job.attempt,
            since=started,
            queued=pause.since if pause else None,
            position=pause.position if pause else len(run.stack),
            error=error,
        )

    def wait_for_app(self, run: Run, job: JobRow, error: UnreachableError) -> None:
        """Try again later, as often as it takes: an app that is down has not seen the call, so it is not an attempt.

        Calls that were not made yet stay in line meanwhile, and only one at a time tries whether the app is there.
        """
        _, tries = self._unreached.get(job.id, ("", 0))
        self._unreached[job.id] = (run.id, tries + 1)
        run.savers.pop(job.id, None)
        now = self._clock.now()
        if isinstance(error, BusyError):
            due = now + self._backoff(tries)
        else:
            due = self._reach.fail(run.function.app_id, job.id, now)
        self._requeue(run, job._replace(due=due))
        if tries == 0:
            self._tell_of_waiting(run, error)

    def _tell_of_waiting(self, run: Run, error: UnreachableError) -> None:
        app_id = run.function.app_id
        count = self._waiting[app_id] = self._waiting.get(app_id, 0) + 1
        outcome = f"{UNREACHABLE} ({error}); trying until the app is there"
        self._journal.run(run, Happening.RUN_RETRIED, outcome, is_shown=count <= _MOST_SHOWN)
        if count == _MOST_SHOWN + 1:
            self._journal.say("more runs wait for this app, too; they are not named here one by one")

    def _requeue(self, run: Run, job: JobRow) -> None:
        if run.discovery is not None and run.discovery.job_id == job.id:
            run.discovery.started = False
        self._queue.put(job._replace(kind=JobKind.CALL) if job.kind == JobKind.START else job)

    def reached(self, run: Run, job: JobRow) -> None:
        """Note that a call has reached the app, so that others may be made, too."""
        self.forget(job)
        if self._reach.reached(run.function.app_id):
            self._send_waiting(run.function.app_id)

    def forget(self, job: JobRow) -> None:
        """Note that a call is not to be made any more."""
        self._unreached.pop(job.id, None)
        if not self._unreached:
            self._waiting.clear()

    def waits_for_app(self, job: JobRow) -> bool:
        """Tell whether the last call of a job did not reach the app."""
        return job.id in self._unreached

    def app_is_up(self, app_id: str) -> None:
        """Send at once what waits for an app that was down: it has just registered."""
        self._reach.reached(app_id)
        self._send_waiting(app_id)

    def _send_waiting(self, app_id: str) -> None:
        now = self._clock.now()
        self._waiting.pop(app_id, None)
        for job_id, (run_id, _) in list(self._unreached.items()):
            placement = self._active.placement(run_id)
            if placement is not None and placement.app_id == app_id:
                del self._unreached[job_id]
                job = self._queue.job(run_id, job_id)
                if job is not None and job.due > now:
                    self._queue.put(job._replace(due=now))
        self._queue.look()  # for those in line
