"""The engine's loop: takes due jobs from the queue and has them done. Wakes on work and on time; never polls.

At most `limit` call requests are under way at once; timers need no turn. Knows nothing of what a job does.
"""

from __future__ import annotations

import asyncio
import collections
from collections.abc import Callable, Coroutine
from typing import Any

from inngest_devserver.storage.store import Store
from inngest_devserver.storage.tables import JobRow

from .clock import Clock
from .queue import JobKind, Queue


class Scheduler:
    """on_call: sends one call request; must not raise. on_timer: ends one pause."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        limit: int,
        on_call: Callable[[JobRow], Coroutine[Any, Any, None]],
        on_timer: Callable[[JobRow], None],
    ) -> None:
        self._clock = clock
        self._wake = asyncio.Event()
        self.queue = Queue(store, self._wake.set)
        self._limit = limit
        self._on_call = on_call
        self._on_timer = on_timer
        self._ready: collections.deque[JobRow] = collections.deque()
        self._calls: set[asyncio.Task[None]] = set()
        self._loop: asyncio.Task[None] | None = None
        self._beside: set[asyncio.Task[None]] = set()
        self._quieter = asyncio.Event()

    def start(self) -> None:
        self._loop = asyncio.create_task(self._run(), name="inngest engine")

    async def stop(self) -> None:
        """Stop taking jobs and give up the calls that are under way; their jobs stay in the store."""
        self._ready.clear()
        tasks = [*self._calls, *self._beside, *([self._loop] if self._loop else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            while job := self.queue.take(self._clock.now()):
                if job.kind == JobKind.TIMER:
                    self._timer(job)
                else:
                    self._ready.append(job)
            self._start_calls()
            self._quieter.set()
            await self._clock.wait(self._wake, self.queue.next_due())

    def track(self, task: asyncio.Task[None]) -> None:
        """Count work that is done for a run beside its calls: nothing is settled before it ends, and `stop` ends it."""
        self._beside.add(task)
        task.add_done_callback(self._beside_done)

    def _beside_done(self, task: asyncio.Task[None]) -> None:
        self._beside.discard(task)
        self._quieter.set()
        self._report_failure(task)

    async def settled(self) -> float | None:
        """Return once no call is under way and nothing is due now: the Unix time of what comes next, or None."""
        while self._wake.is_set() or self._calls or self._beside or self._is_due():
            self._quieter.clear()
            await self._quieter.wait()
        return self.queue.next_due()

    def _is_due(self) -> bool:
        due = self.queue.next_due()
        return due is not None and due <= self._clock.now()

    def _timer(self, job: JobRow) -> None:
        try:
            self._on_timer(job)
        except Exception as error:
            # One broken run must not stop the others.
            self._report("a timer broke the engine", error)

    def _start_calls(self) -> None:
        while self._ready and len(self._calls) < self._limit:
            task = asyncio.create_task(self._on_call(self._ready.popleft()))
            self._calls.add(task)
            task.add_done_callback(self._call_done)

    def _call_done(self, task: asyncio.Task[None]) -> None:
        self._calls.discard(task)
        if self._ready:
            self._start_calls()
        self._quieter.set()
        self._report_failure(task)

    def _report_failure(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._report("a call request broke the engine", error)

    def _report(self, message: str, error: BaseException) -> None:
        asyncio.get_running_loop().call_exception_handler({"message": message, "exception": error})
