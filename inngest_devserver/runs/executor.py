"""Drives runs: starts them, sends their call requests, applies the answers, and ends them.

`reply.py` says what an answer means, `progress.py` how steps go on, and `attempts.py` when a call is made again.
The rules: docs/protocol.md, "Execution" and "Retries and errors".
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Mapping
from typing import Any

from inngest_core.web.messages import TransportError
from inngest_devserver import fragments
from inngest_devserver.apps.functions import Function
from inngest_devserver.calls.caller import UnreachableError
from inngest_devserver.calls.ops import Complete, Invoke, Op, Planned, Rediscover, StepDone, StepErrored, Wait
from inngest_devserver.calls.reply import Outcome, Raised, Returned, Stepped
from inngest_devserver.calls.requests import call_headers, call_url
from inngest_devserver.calls.told import NOTHING_TOLD, Told
from inngest_devserver.ids import trace_id as new_trace_id
from inngest_devserver.scheduling.queue import JobKind
from inngest_devserver.storage.tables import EventRow, JobRow, PauseRow, RunRow

from . import memos, system_events, timeouts
from .attempts import UNREACHABLE, Attempts
from .ends import Ends
from .gateway import Gateway
from .journal import Happening
from .progress import Done, News, NotStartedError, Pausing, Progress, SignalConflictError
from .reruns import Again
from .run import DISCOVERY, UNKNOWN_VERSION, PauseKind, Run, Status, load_events
from .services import Services
from .signals import Signals
from .timeouts import Timeouts

MOST_FRUITLESS = 50
"""Answers in a row that bring nothing new, before a run is failed: its function would be called for ever."""


class Executor:
    """ends: lets a caller wait for the end of a run."""

    def __init__(self, services: Services) -> None:
        self._s = services
        self.ends = Ends()
        self._progress = Progress(
            services.clock, services.active, services.queue, services.journal, self._start_invoked
        )
        self.attempts = Attempts(services)
        self._timeouts = Timeouts(services.clock, services.queue)
        self.gateway = Gateway(services, self.attempts, self._finish)
        self.signals = Signals(services.active, self._finish)

    # --- the life of a run

    def start(
        self,
        function: Function,
        rows: list[EventRow],
        *,
        parent: tuple[str, str] = ("", ""),
        again: Again | None = None,
    ) -> Run:
        """Start a run of *function*. parent: the run and the step that invoked it. again: what it knows beforehand."""
        now = self._s.clock.now()
        row = RunRow(
            id=self._s.ulids.new(now),
            function_id=function.id,
            event_id=rows[0].internal_id,
            event_key=f"{rows[0].name}\n{rows[0].id}",
            batch=",".join(event.internal_id for event in rows),
            status=Status.RUNNING,
            started_at=now,
            ended_at=None,
            output=None,
            version=UNKNOWN_VERSION,
            trace_id=new_trace_id(),
            parent_run=parent[0],
            parent_step=parent[1],
            rerun_of=again.run_id if again else "",
        )
        events = load_events(rows)
        run = Run(row, function, events, self._s.place(function, events.first, now))
        self._s.active.start(run)
        self._s.journal.run(run, Happening.RUN_STARTED, f'started by "{rows[0].name}"')
        if again is not None:
            again.tell(run, self._s.active)
        self._timeouts.queued(run)
        self._progress.discover(run, JobKind.START)
        if why := self._s.cancelled(run):
            self.cancel(run, why)
        self._s.active.rest(run)
        return run

    def end(
        self,
        run: Run,
        status: Status,
        output: bytes,
        error: Mapping[str, Any] | None = None,
        *,
        last: tuple[int, float | None] = (0, None),
    ) -> None:
        """End a run, tell the step that invoked it, and send the engine's events about it.

        last: the attempt with which it ended, and when that began.
        """
        now = self._s.clock.now()
        for job in self._s.queue.jobs_of(run.id):
            self.attempts.forget(job)
        self._s.run_ended(run.id, give_up=status is Status.CANCELLED)
        self._s.active.end(run, status, now, output)
        self.gateway.cut_off(run.id)
        self.ends.tell(run.id)
        outcome = status.lower() if error is None else f"{status.lower()}: {error.get('name')}: {error.get('message')}"
        with self._ending_if_broken(run):  # what cannot be told here must not keep others from being told
            self._s.journal.ended(run, status, outcome, attempt=last[0], since=last[1])
        memo = memos.data(output) if error is None else memos.run_failed(error)
        self._answer_parent(run, memo, error)
        for event in system_events.ended(run, status, output, error, now):
            self._s.send_event(event)

    def cancel(self, run: Run, why: str) -> None:
        error = {"error": "RunCancelledError", "name": "RunCancelledError", "message": f"function cancelled: {why}"}
        self.end(run, Status.CANCELLED, fragments.NULL, error)

    def _fail(self, run: Run, output: object, reason: str) -> None:
        self.end(run, Status.FAILED, fragments.dump(output), memos.run_error(output, reason))

    def _fail_for(self, run: Run, name: str, message: str) -> None:
        self._fail(run, {"name": name, "message": message}, name)

    @contextlib.contextmanager
    def _ending_if_broken(self, run: Run) -> Generator[None]:
        """Fail a run that the engine itself cannot handle, because of a bug of its own or of data at a limit of Python,
        instead of leaving it there for ever."""
        try:
            yield
        except Exception as error:
            self._s.journal.say(f"the engine failed in run {run.id}: {error!r}")
            if run in self._s.active:
                self._fail_for(run, "EngineError", f"the engine failed: {error!r}")

    # --- steps that are done elsewhere

    def resume(
        self, run: Run, pause: PauseRow, memo: bytes, *, failed: str | None = None, told: Told = NOTHING_TOLD
    ) -> None:
        """Keep the memo of a step that was paused, and let the run go on."""
        done = self._progress.remember(run, pause.step_id, pause.name, memo, failed=failed, told=told)
        if not self._overflowed(run, pause.name):
            self._progress.go_on(run, done)
            self._s.active.rest(run)

    def save(self, run: Run, op: StepDone) -> None:
        """Keep the memo of a step that the app saves while its call goes on; that call asks for what comes next."""
        self._progress.remember(run, op.id, op.name, op.memo, told=op.told)
        self._overflowed(run, op.name)

    def _finish(self, run: Run, pause: PauseRow, memo: bytes, failed: str | None, told: Told = NOTHING_TOLD) -> None:
        with self._ending_if_broken(run):
            self.resume(run, pause, memo, failed=failed, told=told)

    def timed_out(self, job: JobRow) -> None:
        """Cancel a run whose time to start or to finish is over."""
        run = self._s.active.get(job.run_id)
        if run is not None:
            self.cancel(run, timeouts.reason(run, job))

    def timer(self, job: JobRow) -> None:
        """End a pause whose time is over."""
        run = self._s.active.get(job.run_id)
        pause = run.pauses.get(job.step_id) if run is not None else None
        if run is None or pause is None:
            self._s.queue.done(job)
            return
        with self._ending_if_broken(run):
            if pause.kind == PauseKind.INVOKE:
                self.resume(run, pause, memos.invoke_timed_out(), failed="timed out")
            else:
                self.resume(run, pause, memos.SLEPT if pause.kind == PauseKind.SLEEP else memos.TIMED_OUT)

    def _start_invoked(self, run: Run, op: Invoke) -> None:
        function = self._s.registry.by_slug(op.slug)
        if function is None:
            raise NotStartedError(f"could not find function with ID: {op.slug}")
        now = self._s.clock.now()
        event = system_events.invoked(op.payload, function, now, (run, op.id, op.name, op.due))
        self._s.invoke(function, self._s.keep_event(event), (run.id, op.id))

    def _answer_parent(self, run: Run, memo: bytes, error: Mapping[str, Any] | None) -> None:
        parent = self._s.active.get(run.row.parent_run) if run.row.parent_run else None
        pause = parent.pauses.get(run.row.parent_step) if parent is not None else None
        if parent is not None and pause is not None:
            self.resume(parent, pause, memo, failed=None if error is None else str(error.get("message")))

    # --- call requests

    async def call(self, job: JobRow) -> None:
        """Send the call request of a job and apply the answer."""
        run = self._s.active.get(job.run_id)
        if run is None:
            self._s.queue.done(job)
            return
        if run.discovery is not None and run.discovery.job_id == job.id:
            run.discovery.started = True
            run.discovery.again = False
        if job.kind == JobKind.START:
            job = self._begin(run, job)
        started = self._s.clock.now()
        with self._ending_if_broken(run):
            try:
                outcome = await self._exchange(run, job)
            except UnreachableError as error:
                if run in self._s.active:
                    self.attempts.wait_for_app(run, job, error)
                    self._s.active.rest(run)
                return
            # The run may have been cancelled, or ended by another call, while this one was under way.
            if run in self._s.active:
                self.attempts.reached(run, job)
                self._apply(run, job, outcome, started)
                self._s.active.rest(run)

    def _begin(self, run: Run, job: JobRow) -> JobRow:
        """Note that the first call of a run is made: after a restart it is not held back again."""
        if run.placement.is_plain and run.function.flow.start is None and run.function.flow.finish is None:
            return job
        self._timeouts.begun(run)
        job = job._replace(kind=JobKind.CALL)
        self._s.queue.change(job)
        return job

    async def _exchange(self, run: Run, job: JobRow) -> Outcome:
        """Return what came of a call; raises UnreachableError when the app has not seen it."""
        request_id = self._s.ulids.new(self._s.clock.now())
        # The app may have registered again since the run began, with another URL or other retries.
        self._s.active.set_function(run, self._s.registry.function(run.function.id) or run.function)
        headers = call_headers(run, job, request_id)
        url = call_url(run.function.url, run.function.slug, job.step_id)
        run.requests[job.id] = run.savers[job.id] = request_id
        try:
            answer = await self._s.caller.send("POST", url, headers, run.call_body(job, request_id))
        except UnreachableError:
            raise
        except TransportError as error:
            return Raised({"name": "Error", "message": f"{UNREACHABLE}: {error}"}, UNREACHABLE)
        finally:
            del run.requests[job.id]
        return self._s.read(url, answer, run.asked_for(job.step_id))

    def _apply(self, run: Run, job: JobRow, outcome: Outcome, started: float) -> None:
        match outcome:
            case Returned(output):
                self.end(run, Status.COMPLETED, output, last=(job.attempt, started))
            case Raised():
                self._attempt_failed(run, job, outcome, started)
            case Stepped():
                self._apply_steps(run, job, outcome, started)

    def _attempt_failed(self, run: Run, job: JobRow, raised: Raised, started: float) -> None:
        error = memos.run_error(raised.output, raised.reason)
        if raised.final or job.attempt + 1 >= run.function.max_attempts:
            self.end(run, Status.FAILED, fragments.dump(raised.output), error, last=(job.attempt, started))
            return
        self.attempts.after_failure(run, job, raised.retry_after, error, started)

    # --- reported steps

    def _apply_steps(self, run: Run, job: JobRow, stepped: Stepped, started: float) -> None:
        if run.version == UNKNOWN_VERSION:
            self._s.active.set_protocol(run, stepped.version, plan_only=run.plan_only)
        complete = next((op for op in stepped.ops if isinstance(op, Complete)), None)
        news = News()
        for op in sorted(stepped.ops, key=lambda op: not isinstance(op, Wait)):  # first, so that no event slips past it
            if run in self._s.active and (complete is None or isinstance(op, StepDone | StepErrored)):
                self._apply_op(run, job, self._s.substitute(run, op), stepped, started, news)
        if run not in self._s.active:
            return  # one of the steps has ended it
        if complete is not None:
            self.end(run, Status.COMPLETED, complete.output, last=(job.attempt, started))
        elif news.retried:
            self.attempts.again(run, job, stepped.retry_after)
        else:
            self._job_done(run, job, news)

    def _apply_op(self, run: Run, job: JobRow, op: Op, stepped: Stepped, started: float, news: News) -> None:
        match op:
            case StepDone():
                news.add(self._remember(run, job, op, started))
            case StepErrored() if op.id in run.memos:
                pass
            case StepErrored() if stepped.no_retry or job.attempt + 1 >= run.function.max_attempts:
                memo = memos.step_error(op.error, no_retry=stepped.no_retry)
                done = StepDone(op.id, op.name, memo, True, op.message, op.told)
                news.add(self._remember(run, job, done, started))
            case StepErrored():
                news.retried = True
                self.attempts.step_failed(run, job, op, op.message, op.told.began or started)
                self._progress.describe(run, op.id, op.name, op.told.metadata)
            case Planned():
                self._progress.pause(run, op)
                news.count += op.id not in run.planned
                run.planned.add(op.id)
            case Complete() | Rediscover():
                pass
            case _:  # what the engine does itself
                self._hold(run, op, news)

    def _remember(self, run: Run, job: JobRow, op: StepDone, started: float) -> Done:
        """Keep what came of a step; started: when the call began that ran it."""
        failed = op.message if op.failed else None
        done = self._progress.remember(
            run, op.id, op.name, op.memo, failed=failed, told=op.told, since=started, attempt=job.attempt
        )
        self._overflowed(run, op.name)
        return done

    def _hold(self, run: Run, op: Pausing, news: News) -> None:
        try:
            news.count += self._progress.pause(run, op)
        except SignalConflictError as error:
            self._fail_for(run, "SignalConflictError", str(error))

    def _job_done(self, run: Run, job: JobRow, news: News) -> None:
        self._s.queue.done(job)
        run.savers.pop(job.id, None)
        again = False
        if job.step_id != DISCOVERY:
            self._progress.unplan(run, job.step_id)
        elif run.discovery is not None:
            again = run.discovery.again
            run.discovery = None
        if run.version < 2 and len(run.pauses) > 1:
            self._s.active.set_protocol(run, run.version, plan_only=True)
        waiting = any(pause.kind != PauseKind.PLANNED for pause in run.pauses.values())
        has_saved = len(run.stack) > job.position
        run.fruitless = 0 if news.count or waiting or has_saved else run.fruitless + 1
        if run.fruitless >= MOST_FRUITLESS:
            self._fail_for(run, "FunctionStuckError", f"the app answered {MOST_FRUITLESS} times without anything new")
            return
        self._progress.go_on(run, news.done, again=again)

    def _overflowed(self, run: Run, step: str) -> bool:
        """Fail a run that has grown past its limits with a step; return whether it has."""
        overflow = run.overflow(step)
        if overflow is not None:
            self._fail_for(run, *overflow)
        return overflow is not None
