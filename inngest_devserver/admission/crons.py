"""Crons: when each fires next, and the event that it fires with. Fires while the engine runs, and never twice.

How far a cron has come is kept together with the run that it starts, so a restart repeats nothing; moments that pass
while the engine is down are left out. At clock changes: docs/engine.md, "Cron".
"""

from __future__ import annotations

import datetime
import re
import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cronsim import CronSim, CronSimError

from inngest_core.protocol.wire import EventName
from inngest_devserver.apps.functions import Function
from inngest_devserver.apps.registry import Registry
from inngest_devserver.calls.retry import Spread
from inngest_devserver.scheduling.clock import Clock
from inngest_devserver.scheduling.queue import JobKind, Queue
from inngest_devserver.storage.flow import FlowStore
from inngest_devserver.storage.flow_tables import CronRow
from inngest_devserver.storage.tables import JobRow

_ZONE = re.compile(r"(?:CRON_)?TZ=(\S+)\s+")


@dataclass(frozen=True, slots=True)
class _Next:
    """The next moment of a cron of a function. scheduled: without jitter, Unix seconds."""

    function_id: str
    cron: str
    scheduled: float


class Crons:
    """begin: gives an event to a function, as the event that started it. spread: chooses how late within the jitter."""

    def __init__(
        self,
        store: FlowStore,
        clock: Clock,
        queue: Queue,
        registry: Registry,
        begin: Callable[[Function, dict[str, Any]], None],
        spread: Spread,
    ) -> None:
        self._store = store
        self._clock = clock
        self._queue = queue
        self._registry = registry
        self._begin = begin
        self._spread = spread
        self._last: dict[tuple[str, str], float] = {}
        self._next: dict[str, _Next] = {}
        """By the id of its job."""

    def load(self) -> None:
        """Take in what the store knows, and wait for the next moments of all functions that are registered."""
        self._last = {(row.function_id, row.cron): row.last for row in self._store.crons()}
        self.update()

    def update(self) -> None:
        """Wait for the next moments of the functions that are registered now, and of no others."""
        wanted = {
            (function.id, trigger.cron): trigger.jitter
            for function in self._registry.functions()
            for trigger in function.triggers
            if trigger.cron
        }
        for place in self._last.keys() - wanted.keys():
            self._forget(*place)
        waiting = {(each.function_id, each.cron) for each in self._next.values()}
        for (function_id, cron), jitter in wanted.items():
            if (function_id, cron) not in waiting:
                self._wait(function_id, cron, jitter, after=self._clock.now())

    def fire(self, job: JobRow) -> None:
        """Start the run of a cron whose moment has come."""
        due = self._next.pop(job.id)
        self._queue.done(job)
        function = self._registry.function(due.function_id)
        jitter = None if function is None else _jitter_of(function, due.cron)
        if function is None or jitter is None:
            return
        now = self._clock.now()
        # A clock that was put forward, or a machine that slept, has one moment to make up for, not all of them.
        self._wait(due.function_id, due.cron, jitter, after=max(now, due.scheduled))
        self._begin(function, timer_event(due.cron, due.scheduled, fire_at=max(now, due.scheduled), jitter=jitter))

    def _wait(self, function_id: str, cron: str, jitter: float, *, after: float) -> None:
        after = max(after, self._last.get((function_id, cron), after))
        scheduled = next_moment(cron, after)
        if scheduled is None:
            return
        self._last[function_id, cron] = after
        self._store.put_cron(CronRow(function_id, cron, after))
        job_id = f"cron {function_id} {cron}"
        self._next[job_id] = _Next(function_id, cron, scheduled)
        late = self._spread(0.0, jitter) if jitter else 0.0
        self._queue.restore(JobRow(job_id, job_id, JobKind.CRON, "", scheduled + late, 0, 0))

    def _forget(self, function_id: str, cron: str) -> None:
        del self._last[function_id, cron]
        self._store.delete_cron(function_id, cron)
        job_id = f"cron {function_id} {cron}"
        if self._next.pop(job_id, None) is not None:
            self._queue.drop(job_id, job_id)


def next_moment(cron: str, after: float) -> float | None:
    """Return the first moment of a cron after a Unix time; None when there is none, as for the 30th of February.

    Clock changes are those of Debian's cron: what falls into an hour that is skipped fires right after it, and what
    falls into an hour that comes twice fires once; a cron of every hour or minute just goes on.
    """
    zone_name = _ZONE.match(cron)
    zone = zoneinfo.ZoneInfo(zone_name[1]) if zone_name else datetime.UTC
    fields = cron[zone_name.end() if zone_name else 0 :].replace("?", "*")
    try:
        return next(CronSim(fields, datetime.datetime.fromtimestamp(after, zone))).timestamp()
    except (StopIteration, CronSimError):
        return None


def timer_event(cron: str, scheduled: float, *, fire_at: float, jitter: float) -> dict[str, Any]:
    """Return the event that a cron starts a run with. fire_at: when it fires, with its jitter."""
    moment = _rfc3339(scheduled)
    fires = _rfc3339(fire_at) if jitter else moment
    return {
        "name": EventName.SCHEDULED_TIMER.value,
        "id": moment,
        "ts": int(fire_at * 1000),
        "data": {"cron": cron, "fireAt": fires, "scheduledAt": moment},
    }


def _jitter_of(function: Function, cron: str) -> float | None:
    """Return the jitter of a cron of a function; None when it has that cron no more."""
    return next((trigger.jitter for trigger in function.triggers if trigger.cron == cron), None)


def _rfc3339(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(int(seconds), datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
