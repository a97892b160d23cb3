"""What is to be done, and when: a heap of jobs, written through to the store. No clock, no loop, no doing.

A job keeps its id over its retries: apps name it in `qi_id` when they save steps.
"""

from __future__ import annotations

import enum
import heapq
import itertools
from collections.abc import Callable

from inngest_devserver.storage.store import Store
from inngest_devserver.storage.tables import JobRow

_SLACK = 1000
"""Entries of jobs that are gone that may stay in the heap."""


class JobKind(enum.StrEnum):
    START = "start"
    """Send the first call request of a run."""
    CALL = "call"
    """Send a call request: discovery when step_id is "step", else for that step."""
    TIMER = "timer"
    """The time of a pause is over: a sleep is done, a wait or an invoke has timed out."""
    FETCH = "fetch"
    """Make the request that a step leaves to the engine."""
    TIMEOUT = "timeout"
    """A run has taken too long to start, or to finish."""
    DEBOUNCE = "debounce"
    """Start the run of a debounce."""
    BATCH = "batch"
    """Start the run of a batch, full or not."""
    CRON = "cron"
    """Start the run of a cron."""


CALLS = frozenset({JobKind.START, JobKind.CALL})


class Queue:
    """on_earlier: called when the next job became due earlier than it was."""

    def __init__(self, store: Store, on_earlier: Callable[[], None]) -> None:
        self._store = store
        self._on_earlier = on_earlier
        self._heap: list[tuple[float, int, JobRow]] = []
        self._jobs: dict[str, JobRow | dict[str, JobRow]] = {}
        """By run: the job itself when there is one, as of most runs, which takes less memory; several by their ids."""
        self._count = 0
        self._numbers = itertools.count()

    def put(self, job: JobRow) -> None:
        """Queue a job; one of the same id is replaced."""
        self._store.put_job(job)
        self.restore(job)

    def look(self) -> None:
        """Have whoever takes jobs look whether one can be done."""
        self._on_earlier()

    def restore(self, job: JobRow) -> None:
        """Queue a job that the store already holds."""
        earlier = not self._heap or job.due < self._heap[0][0]
        self._set(job)
        heapq.heappush(self._heap, (job.due, next(self._numbers), job))
        if len(self._heap) > 2 * self._count + _SLACK:
            self._compact()
        if earlier:
            self._on_earlier()

    def change(self, job: JobRow) -> None:
        """Keep a job that was taken as something else from now on, without queueing it again."""
        self._store.put_job(job)
        self._set(job)

    def _set(self, job: JobRow) -> None:
        known = self._jobs.get(job.run_id)
        if isinstance(known, dict):
            self._count += job.id not in known
            known[job.id] = job
        elif known is None or known.id == job.id:
            self._count += known is None
            self._jobs[job.run_id] = job
        else:
            self._count += 1
            self._jobs[job.run_id] = {known.id: known, job.id: job}

    def job(self, run_id: str, job_id: str) -> JobRow | None:
        """Return the job of this id, if there is one."""
        known = self._jobs.get(run_id)
        if isinstance(known, dict):
            return known.get(job_id)
        return known if known is not None and known.id == job_id else None

    def is_current(self, job: JobRow) -> bool:
        """Tell whether a job that was taken still counts: it was neither dropped nor queued again."""
        return self.job(job.run_id, job.id) is job

    def _compact(self) -> None:
        """Leave out entries of jobs that are gone: the time-out of an invoke would stay for a year."""
        self._heap = [entry for entry in self._heap if self._current(entry) is not None]
        heapq.heapify(self._heap)

    def _current(self, entry: tuple[float, int, JobRow]) -> JobRow | None:
        """Return the job of an entry; None when it was dropped, or queued again for another time."""
        job = self.job(entry[2].run_id, entry[2].id)
        return job if job is not None and job.due == entry[0] else None

    def done(self, job: JobRow) -> None:
        """Forget a job that was taken and is done."""
        self._store.delete_job(job.id)
        self._drop(job.run_id, job.id)

    def drop(self, run_id: str, job_id: str) -> None:
        """Forget a job that is not needed any more, if there is one of this id."""
        if self.job(run_id, job_id) is not None:
            self._store.delete_job(job_id)
            self._drop(run_id, job_id)

    def drop_run(self, run_id: str) -> None:
        """Forget the jobs of a run that has ended."""
        self._store.delete_jobs_of(run_id)
        self._count -= len(self.jobs_of(run_id))
        self._jobs.pop(run_id, None)

    def _drop(self, run_id: str, job_id: str) -> None:
        if self.job(run_id, job_id) is None:
            return
        self._count -= 1
        known = self._jobs[run_id]
        if isinstance(known, dict) and len(known) > 1:
            del known[job_id]
        else:
            del self._jobs[run_id]

    def jobs_of(self, run_id: str) -> list[JobRow]:
        known = self._jobs.get(run_id)
        if known is None:
            return []
        return list(known.values()) if isinstance(known, dict) else [known]

    def take(self, now: float) -> JobRow | None:
        """Return the next job that is due, or None. It stays in the store until `done`."""
        while self._heap and self._heap[0][0] <= now:
            job = self._current(heapq.heappop(self._heap))
            if job is not None:
                return job
        return None

    def next_due(self) -> float | None:
        while self._heap:
            if self._current(self._heap[0]) is not None:
                return self._heap[0][0]
            heapq.heappop(self._heap)
        return None
