"""How a run goes forward: steps are remembered, paused and resumed, and discovery is asked for.

Everything here happens between two turns of the loop, so that an event cannot slip between a wait and its match.
Sends no requests and ends no runs. The rules: docs/protocol.md, "Execution" and "Parallelism".
"""

from __future__ import annotations

import enum
import sys
from collections.abc import Callable
from dataclasses import dataclass

from inngest_core.protocol.duration import dump_duration
from inngest_devserver import ids
from inngest_devserver.calls.metadata import Metadata, in_short
from inngest_devserver.calls.ops import Fetch, Invoke, Planned, SignalWait, Sleep, Wait
from inngest_devserver.calls.told import NOTHING_TOLD, Told
from inngest_devserver.scheduling.clock import Clock
from inngest_devserver.scheduling.queue import JobKind, Queue
from inngest_devserver.storage.tables import JobRow, PauseRow

from . import memos
from .active import ActiveRuns
from .journal import Happening, Journal
from .run import DISCOVERY, Discovery, PauseKind, Run

Pausing = Planned | Sleep | Wait | SignalWait | Invoke | Fetch
_MINUTE_MS = 60_000
_KINDS = {
    Planned: PauseKind.PLANNED,
    Sleep: PauseKind.SLEEP,
    Wait: PauseKind.WAIT,
    SignalWait: PauseKind.SIGNAL,
    Invoke: PauseKind.INVOKE,
    Fetch: PauseKind.FETCH,
}


class NotStartedError(Exception):
    """There is no run, and there will be none; the text says why."""


class SignalConflictError(Exception):
    """A wait for a signal that another step waits for, and that it was not to take over."""


class Done(enum.IntEnum):
    """What the memos that came in just now mean for the run; of several, the greatest counts."""

    NOTHING = 0
    STEP = 1
    RACING_STEP = 2
    """The function can go on, whatever is still running beside it."""


@dataclass(slots=True)
class News:
    """What an answer has brought so far. count: of what was not known before. retried: a step is to be tried again."""

    done: Done = Done.NOTHING
    count: int = 0
    retried: bool = False

    def add(self, done: Done) -> None:
        self.done = max(self.done, done)
        self.count += done > Done.NOTHING


def _in_vain(pause: PauseRow | None, memo: bytes) -> bool:
    """Tell whether a step has waited for something that did not come."""
    return pause is not None and pause.kind in (PauseKind.WAIT, PauseKind.SIGNAL) and memo == memos.TIMED_OUT


class Progress:
    """invoke: starts the function that an op asks for; raises NotStartedError."""

    def __init__(
        self,
        clock: Clock,
        active: ActiveRuns,
        queue: Queue,
        journal: Journal,
        invoke: Callable[[Run, Invoke], None],
    ) -> None:
        self._clock = clock
        self._active = active
        self._queue = queue
        self._journal = journal
        self._invoke = invoke

    def remember(
        self,
        run: Run,
        step_id: str,
        name: str,
        memo: bytes,
        *,
        failed: str | None = None,
        told: Told = NOTHING_TOLD,
        since: float | None = None,
        attempt: int = 0,
    ) -> Done:
        """Keep the memo of a step that is done; the first one counts.

        failed: the message of the error that the memo holds. since: when the step, or its last attempt, began to run,
        if the app ran it and does not tell. attempt: the last one.
        """
        if step_id in run.memos:
            return Done.NOTHING
        position = len(run.stack)
        pause = self._active.remember(run, step_id, memo, told.arguments)
        if pause is not None:
            self._queue.drop(run.id, _pause_job_id(run.id, step_id))
        happening = Happening.STEP_DONE if failed is None else Happening.STEP_FAILED
        outcome = f"failed: {failed}" if failed is not None else "timed out" if _in_vain(pause, memo) else "done"
        since, queued = told.began or since, None
        if pause is not None:
            since, queued, position = since or pause.since, pause.since, pause.position
        self._journal.step(
            run,
            happening,
            step_id,
            name,
            outcome,
            op=pause.kind if pause else PauseKind.PLANNED,
            attempt=attempt,
            since=since,
            queued=queued,
            position=position,
        )
        self.describe(run, step_id, name, told.metadata)
        return Done.RACING_STEP if pause is not None and pause.race else Done.STEP

    def describe(self, run: Run, step_id: str, name: str, metadata: Metadata) -> None:
        """Keep what an app says of a step, or of its run, and tell what of it is not kept."""
        refused = metadata.refused
        if metadata.entries:
            refused = (*refused, *self._active.describe(run.id, step_id, metadata.entries, self._clock.now()))
        if refused:
            self._journal.noted(run, step_id, name, f"metadata that was not kept: {in_short(refused)}")

    def pause(self, run: Run, op: Pausing) -> bool:
        """Hold a step until it is done elsewhere; False when that is nothing new. Raises SignalConflictError."""
        if op.id in run.memos or op.id in run.pauses:
            return False
        now = self._clock.now()
        row, expression = (
            PauseRow(run.id, op.id, _KINDS[type(op)], op.name, now, op.race, position=len(run.stack)),
            None,
        )
        if isinstance(op, Wait):
            expression = op.expression
            row = row._replace(event=op.event, expression=expression.text if expression else "")
        elif isinstance(op, SignalWait):
            self._free(op)
            row = row._replace(event=op.signal)
        elif isinstance(op, Fetch):
            row = row._replace(request=op.request.dump())
        self._active.pause(run, row, expression)
        self._begin(run, op, now)
        return True

    def _free(self, op: SignalWait) -> None:
        """Take the signal from the step that waits for it, if there is one; raises SignalConflictError."""
        holder = self._active.waiting_for_signal(op.signal)
        if holder is None:
            return
        if not op.replaces:
            raise SignalConflictError("Signal conflict; signal wait already exists for another run")
        self._active.take_signal_from(*holder)

    def _begin(self, run: Run, op: Pausing, now: float) -> None:
        kind, due = JobKind.TIMER, now
        match op:
            case Planned():
                self._queue.put(self._call_job(run, op.id, now))
                self._journal.planned(run, op.id, op.name)
                return
            case Fetch(request=request):
                kind, outcome = JobKind.FETCH, f"fetches from {request.host}"
            case Sleep():
                due, outcome = op.due, f"sleeps for {_words(op.due - now)}"
            case Wait():
                condition = f" if {op.expression.text}" if op.expression else ""
                due, outcome = op.due, f'waits for "{op.event}" for {_words(op.due - now)}{condition}'
            case SignalWait():
                due, outcome = op.due, f'waits for the signal "{op.signal}" for {_words(op.due - now)}'
            case Invoke():
                due, outcome = op.due, f"invokes {op.slug}"
        kind_of_step, position = _KINDS[type(op)], len(run.stack)
        self._journal.step(
            run,
            Happening.STEP_PAUSED,
            op.id,
            op.name,
            outcome,
            op=kind_of_step,
            since=now,
            queued=now,
            position=position,
        )
        # Of a hundred thousand runs that sleep in one step, all jobs share its id.
        self._queue.put(JobRow(_pause_job_id(run.id, op.id), run.id, kind, sys.intern(op.id), due, 0, len(run.stack)))
        if isinstance(op, Invoke):
            self._start_invoked(run, op)

    def _start_invoked(self, run: Run, op: Invoke) -> None:
        try:
            self._invoke(run, op)
        except NotStartedError as error:
            self.remember(run, op.id, op.name, memos.error("Error", str(error)), failed=str(error))

    def unplan(self, run: Run, step_id: str) -> None:
        """Give up a planned step whose call brought no result: discovery may plan it again."""
        pause = run.pauses.get(step_id)
        if pause is not None and pause.kind == PauseKind.PLANNED:
            self._active.end_pause(run, step_id)

    def go_on(self, run: Run, done: Done, *, again: bool = False) -> None:
        """Ask for discovery if the function can go further now. again: discovery is due in any case.

        Parallel steps are waited for together, unless they race or the app speaks version 0 or 1.
        """
        alone = run.version < 2 or not run.waits()
        if again or done is Done.RACING_STEP or (done is Done.STEP and alone) or not run.pauses:
            self.discover(run)

    def discover(self, run: Run, kind: JobKind = JobKind.CALL) -> None:
        """Ask for a discovery call. A run has one at a time: what comes up meanwhile is one more afterwards."""
        if run.discovery is None:
            job = self._call_job(run, DISCOVERY, self._clock.now(), kind)
            run.discovery = Discovery(job.id)
            self._queue.put(job)
        elif run.discovery.started:
            run.discovery.again = True

    def _call_job(self, run: Run, step_id: str, due: float, kind: JobKind = JobKind.CALL) -> JobRow:
        return JobRow(ids.job_id(), run.id, kind, step_id, due, 0, len(run.stack))


def _words(seconds: float) -> str:
    """Return a duration as people read it, such as 1h30m; one of a minute and more without its milliseconds."""
    milliseconds = round(max(seconds, 0.0) * 1000)
    return dump_duration(milliseconds if milliseconds < _MINUTE_MS else round(milliseconds, -3))


def _pause_job_id(run_id: str, step_id: str) -> str:
    return f"{run_id}.{step_id}"
