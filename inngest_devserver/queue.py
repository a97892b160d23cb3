"""What is to be done, and when: a heap of jobs, written through to the store. No clock, no loop, no doing.

A job keeps its id over its retries: apps name it in `qi_id` when they save steps.
"""

from __future__ import annotations

import enum
import heapq
import itertools
from collections.abc import Callable

from .store import Store
from .tables import JobRow


class JobKind(enum.StrEnum):
    CALL = "call"
    """Send a call request: discovery when step_id is "step", else for that step."""
    TIMER = "timer"
    """The time of a pause is over: a sleep is done, a wait or an invoke has timed out."""


class Queue:
    """on_earlier: called when the next job became due earlier than it was."""

    def __init__(self, store: Store, on_earlier: Callable[[], None]) -> None:
        self._store = store
        self._on_earlier = on_earlier
        self._heap: list[tuple[float, int, str]] = []
        self._jobs: dict[str, JobRow] = {}
        self._by_run: dict[str, set[str]] = {}
        self._numbers = itertools.count()

    def put(self, job: JobRow) -> None:
        """Queue a job; one of the same id is replaced."""
        self._store.put_job(job)
        self.restore(job)

    def restore(self, job: JobRow) -> None:
        """Queue a job that the store already holds."""
        earlier = not self._heap or job.due < self._heap[0][0]
        self._jobs[job.id] = job
        self._by_run.setdefault(job.run_id, set()).add(job.id)
        heapq.heappush(self._heap, (job.due, next(self._numbers), job.id))
        if earlier:
            self._on_earlier()

    def done(self, job: JobRow) -> None:
        """Forget a job that was taken and is done."""
        self._store.delete_job(job.id)
        self._drop(job.run_id, job.id)

    def drop(self, run_id: str, job_id: str) -> None:
        """Forget a job that is not needed any more, if there is one of this id."""
        if job_id in self._jobs:
            self._store.delete_job(job_id)
            self._drop(run_id, job_id)

    def drop_run(self, run_id: str) -> None:
        """Forget the jobs of a run that has ended; its rows go with the run's."""
        for job_id in self._by_run.pop(run_id, ()):
            self._jobs.pop(job_id, None)

    def _drop(self, run_id: str, job_id: str) -> None:
        self._jobs.pop(job_id, None)
        jobs = self._by_run.get(run_id)
        if jobs is not None:
            jobs.discard(job_id)
            if not jobs:
                del self._by_run[run_id]

    def jobs_of(self, run_id: str) -> list[JobRow]:
        return [self._jobs[job_id] for job_id in self._by_run.get(run_id, ())]

    def take(self, now: float) -> JobRow | None:
        """Return the next job that is due, or None. It stays in the store until `done`."""
        while self._heap and self._heap[0][0] <= now:
            due, _, job_id = heapq.heappop(self._heap)
            job = self._jobs.get(job_id)
            # A job that was dropped, or queued again for another time, leaves its old entry behind.
            if job is not None and job.due == due:
                return job
        return None

    def next_due(self) -> float | None:
        while self._heap:
            due, _, job_id = self._heap[0]
            job = self._jobs.get(job_id)
            if job is not None and job.due == due:
                return due
            heapq.heappop(self._heap)
        return None
