"""Makes the requests that steps leave to the engine, each in a task of its own, and hands over what came of them.

A request belongs to a job in the queue, so it is made again after a restart; it ends with its run. How a run goes on
is the executor's matter. The rules: docs/protocol.md, "Fetch".
"""

from __future__ import annotations

import asyncio
import json
from typing import Protocol

from inngest_core.protocol.ai_metadata import ai_metadata, provider_by_host
from inngest_core.web.messages import TransportError
from inngest_devserver.calls.fetched import Done, Failed, Request, load_request, no_answer, read_fetched
from inngest_devserver.calls.fetcher import NoRetryError
from inngest_devserver.calls.metadata import NO_METADATA, Metadata, read_metadata
from inngest_devserver.calls.told import Told
from inngest_devserver.storage.tables import JobRow, PauseRow

from .attempts import Attempts
from .journal import Happening
from .run import PauseKind, Run
from .services import Services

MOST_AT_ONCE = 64
"""Requests under way; the others wait for their turn, apart from the calls of apps."""


class Finish(Protocol):
    """Lets a run go on, given the pause that ends, its memo, the message when that is an error, and what is told."""

    def __call__(self, run: Run, pause: PauseRow, memo: bytes, failed: str | None, told: Told = ...) -> None: ...


class Gateway:
    def __init__(self, services: Services, attempts: Attempts, finish: Finish) -> None:
        self._s = services
        self._attempts = attempts
        self._finish = finish
        self._turns = asyncio.Semaphore(MOST_AT_ONCE)
        self._tasks: dict[str, set[asyncio.Task[None]]] = {}

    def start(self, job: JobRow) -> None:
        """Make the request of a job."""
        run = self._s.active.get(job.run_id)
        pause = run.pauses.get(job.step_id) if run is not None else None
        if run is None or pause is None:
            self._s.queue.done(job)
            return
        task = asyncio.create_task(self._perform(run, pause, job), name=f"a fetch of run {run.id}")
        self._tasks.setdefault(run.id, set()).add(task)
        task.add_done_callback(lambda task: self._forget(run.id, task))
        self._s.track(task)

    def _forget(self, run_id: str, task: asyncio.Task[None]) -> None:
        tasks = self._tasks.get(run_id)
        if tasks is not None:
            tasks.discard(task)
            if not tasks:
                del self._tasks[run_id]

    def cut_off(self, run_id: str) -> None:
        """Give up the requests of a run that has ended."""
        current = asyncio.current_task() if self._tasks else None
        for task in self._tasks.pop(run_id, ()):
            if task is not current:  # the one whose answer ends the run is at its end
                task.cancel()

    async def _perform(self, run: Run, pause: PauseRow, job: JobRow) -> None:
        started = self._s.clock.now()
        result, metadata = await self._exchange(pause)
        if run not in self._s.active or run.pauses.get(pause.step_id) is not pause:
            return
        if isinstance(result, Done):
            self._finish(run, pause, result.memo, None, Told(metadata=metadata))
        elif result.final or job.attempt + 1 >= run.function.max_attempts:
            self._finish(run, pause, result.memo, result.message)
        else:
            seconds = self._attempts.again(run, job, result.retry_after)
            outcome = f"attempt {job.attempt + 1} failed: {result.message}; next in {seconds:.3g} s"
            self._s.journal.step(
                run,
                Happening.STEP_RETRIED,
                job.step_id,
                pause.name,
                outcome,
                op=PauseKind.FETCH,
                attempt=job.attempt,
                since=started,
                queued=pause.since,
                position=pause.position,
            )

    async def _exchange(self, pause: PauseRow) -> tuple[Done | Failed, Metadata]:
        """Return what came of a request, and what the answer says besides."""
        request = load_request(pause.request)
        async with self._turns:
            began = self._s.clock.now()
            try:
                result = read_fetched(request.op, await self._s.fetcher.fetch(request))
            except TransportError as error:
                result = no_answer(request.op, str(error), final=isinstance(error, NoRetryError))
            return result, _metadata(request, result, self._s.clock.now() - began)


def _metadata(request: Request, result: Done | Failed, seconds: float) -> Metadata:
    """Return what the answer of a model's provider says of models and tokens."""
    if not isinstance(result, Done) or result.answer is None:
        return NO_METADATA
    provider = provider_by_host(request.host)
    milliseconds = max(round(seconds * 1000), 0)
    return read_metadata(ai_metadata(json.loads(request.body), result.answer, provider, milliseconds))
