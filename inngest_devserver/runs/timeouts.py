"""The time-outs of runs: from queueing to the first call, and from that to the end. Both cancel the run.

Queues jobs and names the reason; ending a run is the executor's matter.
"""

from __future__ import annotations

from inngest_core.protocol.duration import dump_duration
from inngest_devserver.scheduling.clock import Clock
from inngest_devserver.scheduling.queue import JobKind, Queue
from inngest_devserver.storage.tables import JobRow

from .run import Run

_START, _FINISH = "start", "finish"


class Timeouts:
    def __init__(self, clock: Clock, queue: Queue) -> None:
        self._clock = clock
        self._queue = queue

    def queued(self, run: Run) -> None:
        """Begin to count until the first call."""
        self._put(run, _START, run.function.flow.start)

    def begun(self, run: Run) -> None:
        """Begin to count until the end: the first call is made now."""
        self._queue.drop(run.id, _job_id(run, _START))
        self._put(run, _FINISH, run.function.flow.finish)

    def _put(self, run: Run, which: str, seconds: float | None) -> None:
        if seconds is not None:
            due = self._clock.now() + seconds
            self._queue.put(JobRow(_job_id(run, which), run.id, JobKind.TIMEOUT, which, due, 0, 0))


def reason(run: Run, job: JobRow) -> str:
    """Return why a run is cancelled whose time-out is over."""
    flow = run.function.flow
    seconds = flow.start if job.step_id == _START else flow.finish
    limit = f" of {dump_duration(round(seconds * 1000))}" if seconds is not None else ""
    return f"its time-out to {job.step_id}{limit} is over"


def _job_id(run: Run, which: str) -> str:
    return f"{run.id}!{which}"
