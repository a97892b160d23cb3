"""The engine's loop: takes due jobs from the queue and has them done. Wakes on work and on time; never polls.

Calls stand in line with the dispatcher; other jobs need no turn. Knows nothing of what a job does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from inngest_devserver.storage.store import Store
from inngest_devserver.storage.tables import JobRow

from .clock import Clock
from .dispatcher import Dispatcher, Turn
from .long_waits import LongWaits
from .meters import Meters
from .placement import Placement
from .queue import CALLS, Queue
from .reach import Reach


class Scheduler:
    """What is due, done.

    limit: calls that one app gets at once. reach: knows which apps are down. place: says where the calls of a run
    stand in line.
    on_call: sends one call request; must not raise. on_other: does one job of another kind, without waiting.
    tell: shows a line about a run, given its id.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        limit: int,
        meters: Meters,
        reach: Reach,
        place: Callable[[str], Placement | None],
        on_call: Callable[[JobRow], Coroutine[Any, Any, None]],
        on_other: Callable[[JobRow], None],
        tell: Callable[[str, str], None],
    ) -> None:
        self._clock = clock
        self._wake = asyncio.Event()
        self.paused = False
        self.queue = Queue(store, self._wake.set)
        self.dispatcher = Dispatcher(
            meters, limit=limit, reach=reach, place=place, is_current=self.queue.is_current, on_wait=self._hold_back
        )
        self._place = place
        self._long_waits = LongWaits(clock, self.dispatcher.reason, self._function_of, tell)
        self._on_call = on_call
        self._on_other = on_other
        self._calls: dict[asyncio.Task[None], Turn] = {}
        self._of_run: dict[str, set[asyncio.Task[None]]] = {}
        self._loop: asyncio.Task[None] | None = None
        self._stopped = False
        self._beside: set[asyncio.Task[None]] = set()
        self._quieter = asyncio.Event()
        self._resting: Callable[[], int] = int

    def _hold_back(self, job: JobRow) -> None:
        self._long_waits.note(job)

    def _function_of(self, run_id: str) -> str | None:
        placement = self._place(run_id)
        return None if placement is None else placement.function_id

    def start(self) -> None:
        self._loop = asyncio.create_task(self._run(), name="inngest engine")

    async def stop(self) -> None:
        """Stop taking jobs and give up the calls that are under way; their jobs stay in the store."""
        self._stopped = True
        self._long_waits.close()
        tasks = [*self._calls, *self._beside, *([self._loop] if self._loop else [])]
        self._loop = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def pause(self) -> None:
        """Take no more jobs until `resume`."""
        self.paused = True

    def resume(self) -> None:
        self.paused = False
        self._wake.set()

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            if self.paused:
                await self._clock.wait(self._wake, None)
                continue
            while job := self.queue.take(self._clock.now()):
                if job.kind in CALLS:
                    self.dispatcher.add(job)
                else:
                    self._do(job)
            self._start_calls()
            self._tell_if_quiet()
            await self._clock.wait(self._wake, self._next_due())

    def _next_due(self) -> float | None:
        moments = (self.queue.next_due(), self.dispatcher.next_due())
        return min((moment for moment in moments if moment is not None), default=None)

    def track(self, task: asyncio.Task[None]) -> None:
        """Count work that is done for a run beside its calls: nothing is settled before it ends, and `stop` ends it."""
        self._beside.add(task)
        task.add_done_callback(self._beside_done)

    def _beside_done(self, task: asyncio.Task[None]) -> None:
        self._beside.discard(task)
        self._quieter.set()
        self._report_failure(task)

    async def settled(self, resting: Callable[[], int] = int) -> float | None:
        """Return once no call is under way and nothing is due now: the Unix time of what comes next, or None.

        resting: counts the calls that only wait for time to pass.
        """
        self._resting = resting
        while self._wake.is_set() or len(self._calls) > resting() or self._beside or self._is_due():
            self._quieter.clear()
            await self._quieter.wait()
        return self._next_due()

    def _tell_if_quiet(self) -> None:
        """Have `settled` look, unless calls are under way, or the loop is about to take what is due."""
        if not self._wake.is_set() and len(self._calls) <= self._resting():
            self._quieter.set()

    def look_again(self) -> None:
        """Have `settled` count once more: a call rests."""
        self._quieter.set()

    def _is_due(self) -> bool:
        due = self._next_due()
        return due is not None and due <= self._clock.now()

    def _do(self, job: JobRow) -> None:
        try:
            self._on_other(job)
        except Exception as error:
            # One broken run must not stop the others.
            self._report(f"a {job.kind} broke the engine", error)

    # --- calls

    def _start_calls(self) -> None:
        while not (self._stopped or self.paused) and (turn := self.dispatcher.take(self._clock.now())) is not None:
            task = asyncio.create_task(self._on_call(turn.job), name="a call request")
            self._calls[task] = turn
            self._of_run.setdefault(turn.job.run_id, set()).add(task)
            task.add_done_callback(self._call_done)

    def _call_done(self, task: asyncio.Task[None]) -> None:
        turn = self._calls.pop(task)
        tasks = self._of_run[turn.job.run_id]
        tasks.discard(task)
        if not tasks:
            del self._of_run[turn.job.run_id]
        self.dispatcher.give_back(turn)
        self._start_calls()
        if self.dispatcher.next_due() is not None:
            self._wake.set()  # a throttle may have something to wait for that it had not
        self._tell_if_quiet()
        self._report_failure(task)

    def run_ended(self, run_id: str, *, give_up: bool) -> None:
        """Forget what a run waits for and holds. give_up: end its calls that are under way as well."""
        self.queue.drop_run(run_id)
        if self.dispatcher.release_run(run_id):
            self._wake.set()
        if give_up and (tasks := self._of_run.get(run_id)):
            current = asyncio.current_task()
            for task in tasks:
                if task is not current:  # the one whose answer ends the run is at its end
                    task.cancel()

    def _report_failure(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._report(f"{task.get_name()} broke the engine", error)

    def _report(self, message: str, error: BaseException) -> None:
        asyncio.get_running_loop().call_exception_handler({"message": message, "exception": error})
