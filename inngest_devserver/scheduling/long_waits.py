"""Says in the terminal which runs wait in line for long, and why: one line for a function, and none for the rest of it.

A run is looked at when it is held back, and again when it has waited for some seconds; nothing is polled.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from inngest_devserver.storage.tables import JobRow

from .clock import Clock
from .reasons import Reason, in_words

LONG_SECONDS = 3.0
QUIET_SECONDS = 60.0
"""After a line about a function, before the next one."""


class LongWaits:
    """reason: tells why a call in line is not made. function_of: the id of a run's function, if the run goes on.

    tell: shows a line about a run, given its id.
    """

    def __init__(
        self,
        clock: Clock,
        reason: Callable[[JobRow, float], Reason | None],
        function_of: Callable[[str], str | None],
        tell: Callable[[str, str], None],
    ) -> None:
        self._clock = clock
        self._reason = reason
        self._function_of = function_of
        self._tell = tell
        self._quiet_until: dict[str, float] = {}
        self._watched: dict[str, asyncio.Task[None]] = {}

    def note(self, job: JobRow) -> None:
        """Note that a call is held back."""
        function_id, now = self._function_of(job.run_id), self._clock.now()
        if function_id is None or function_id in self._watched or self._quiet_until.get(function_id, 0.0) > now:
            return
        until = job.due + LONG_SECONDS
        task = asyncio.create_task(self._look(function_id, job, until), name="a look at who waits")
        self._watched[function_id] = task
        task.add_done_callback(lambda _: self._watched.pop(function_id, None))

    async def _look(self, function_id: str, job: JobRow, until: float) -> None:
        while self._clock.now() < until:
            await self._clock.wait(asyncio.Event(), until)
        now = self._clock.now()
        reason = self._reason(job, now)
        if reason is not None:
            self._quiet_until[function_id] = now + QUIET_SECONDS
            self._tell(job.run_id, f"has waited for {now - job.due:.0f} s: {in_words(reason)}")

    def close(self) -> None:
        for task in list(self._watched.values()):
            task.cancel()
