"""The engine as one object: its parts made and joined, started and stopped. No HTTP of its own, no decisions.

All of it lives on one event loop and is touched by that loop's thread only.
"""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inngest_core.protocol.signing import SigningKey, SigningKeys

from .admission.admission import Admission
from .admission.crons import Crons
from .admission.keys import Keys
from .admission.placing import Placing
from .app_output import AppOutput
from .apps.event_types import EventTypes
from .apps.functions import Function
from .apps.registry import Registry
from .calls.caller import WORKERS_URL, Caller, Sender, Transport
from .calls.fetcher import Fetcher, HTTPFetcher
from .calls.ops import Op
from .calls.record import CallRecord
from .calls.reply import Answer, Outcome, read_answer
from .calls.retry import Spread, backoff
from .calls.signatures import Signatures
from .changes import Changes
from .console import Console, Sink, stderr
from .ids import Ulids
from .intake import Intake
from .masking import SECRETS, Masking
from .realtime.hub import Hub
from .realtime.tokens import Tokens
from .runs.active import ActiveRuns
from .runs.bulk import BulkCancellations
from .runs.checkpoints import Checkpoints
from .runs.executor import Executor
from .runs.journal import Journal
from .runs.recovery import end_lost, lost_runs, read_run, recover
from .runs.run import Run
from .runs.services import Services
from .runs.trace import Material, Span, trace
from .scheduling.clock import Clock, SystemClock
from .scheduling.meters import Meters
from .scheduling.queue import JobKind
from .scheduling.reach import Reach
from .scheduling.scheduler import Scheduler
from .storage.flow import FlowStore
from .storage.retention import Keep, Retention
from .storage.run_pages import related_runs
from .storage.store import Store
from .storage.tables import JobRow, RunRow
from .workers.assignments import LEASE_SECONDS, Assignments

_MENDING_SECONDS = 1.0
"""Between two tries to write to a file that could not be written."""


@dataclass(frozen=True, slots=True)
class Options:
    """How an engine is to run.

    persist: file to keep everything in; None keeps it in memory. store: keeps it instead.
    signing_key: signs requests to apps, and is asked for by the API, when given.
    signing_key_fallback: the old key or the next one, while they are changed: it is taken as well, and apps that do not
    know the other one are called with it.
    event_keys: the only ones that may send events; none given allows all.
    concurrency: call requests under way at once in one app, of which one function gets three quarters; fewer than the
    100 connections that a waitress takes by default, as it leaves the others unanswered.
    retry_interval: seconds before the second attempt; doubles with each, up to a minute.
    spread: chooses a number from the first to the last that may be: back-off and crons are a little late at random.
    mask: names of fields, or patterns, whose values are not shown to people; none shows everything.
    keep: how many ended runs are kept, and for how long.
    lease_seconds: how long a worker may keep a call without telling that it is still at it.
    server_kind: what the engine calls itself to apps, "dev" or "cloud". With "cloud" and a key, answers must be signed.
    sink: takes each line for the terminal; None keeps quiet.
    transport: sends requests to apps instead of the network (tests). fetcher: makes those of steps.
    sender: makes the requests to apps, instead of HTTP: for an app that is called in this process.
    substitute: given a run and an op that its app reported, returns the op to take instead, maybe the same.
    """

    persist: Path | None = None
    store: Store | None = None
    signing_key: str | None = field(default=None, repr=False)
    signing_key_fallback: str | None = field(default=None, repr=False)
    event_keys: tuple[str, ...] = field(default=(), repr=False)
    concurrency: int = 64
    retry_interval: float = 1.0
    spread: Spread = random.uniform
    mask: tuple[str, ...] = SECRETS
    keep: Keep = field(default_factory=Keep)
    lease_seconds: float = LEASE_SECONDS
    server_kind: str = "dev"
    sink: Sink | None = stderr
    clock: Clock = field(default_factory=SystemClock)
    transport: Transport | None = None
    fetcher: Fetcher | None = None
    sender: Sender | None = None
    substitute: Callable[[Run, Op], Op] = lambda run, op: op


class Engine:
    """Make it inside a running event loop."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.clock = options.clock
        self.ulids = Ulids()
        self.store = options.store or Store(options.persist, asyncio.get_running_loop().call_soon)
        self.changes = Changes(self.clock)
        self.masking = Masking(options.mask)
        self.output = AppOutput(self.changes, self.masking)
        self.event_types = EventTypes()
        self.registry = Registry(self.store, self.clock)
        self.registry.tell = lambda app, what: self.changes.tell("app", app, status=what)
        self.active = ActiveRuns(self.store)
        self.active.read = self._read_run
        console = Console(options.sink, asyncio.get_running_loop().call_soon)
        self.journal = Journal(self.store, console, self.clock, self.changes)
        self.retention = Retention(self.store.database, options.keep)
        self.store.database.on_trouble = self._file_fails
        self._mending: asyncio.Task[None] | None = None
        self.hub = Hub()
        self.tokens = Tokens(secrets.token_bytes(32))
        self._reach_apps(options)
        # The scheduler and the executor need each other, and so do the executor, the admission and the intake.
        self._control_flow(options)
        services = self._services(options)
        self.executor = Executor(services)
        self.checkpoints = Checkpoints(services, self.store, self.executor)
        self.intake.executor = self.admission.executor = self.executor

    def _reach_apps(self, options: Options) -> None:
        """Make what sends requests, to apps and for steps."""
        self.signing_keys = _signing_keys(options)
        self.assignments = Assignments(
            self.clock, self.ulids, self.registry, self.store, self.journal.say, options.lease_seconds
        )
        self._signatures = Signatures(self.signing_keys, checks_answers=options.server_kind == "cloud")
        sender = options.sender or Caller(
            self.clock,
            options.server_kind,
            self._signatures,
            transport=options.transport,
            workers=self.assignments,
        )
        self.calls = CallRecord(sender, self.clock, self.changes)
        self.caller: Sender = self.calls
        self._fetcher = options.fetcher or HTTPFetcher()

    def _control_flow(self, options: Options) -> None:
        """Make what stands between an event and a call: admission, lines, crons."""
        flow_store = FlowStore(self.store.database)
        self._meters = Meters(flow_store)
        self.cancellations = BulkCancellations(flow_store, self.clock)
        keys = Keys(self.clock, self.journal.say)
        self._placing = Placing(keys)
        self._reach = Reach(self._backoff)
        self.scheduler = Scheduler(
            self.store,
            self.clock,
            limit=options.concurrency,
            meters=self._meters,
            reach=self._reach,
            place=self.active.placement,
            on_call=self._call,
            on_other=self._do,
            tell=self._tell,
        )
        queue = self.scheduler.queue
        say = self.journal.say
        self.admission = Admission(
            self.store, flow_store, self.clock, self.registry, self.active, queue, self._meters, keys, say
        )
        self.crons = Crons(flow_store, self.clock, queue, self.registry, self._begin_timed, options.spread)
        self.intake = Intake(
            self.store, self.clock, self.ulids, self.registry, self.active, self.admission, self.changes
        )

    def _backoff(self, attempt: int) -> float:
        return backoff(attempt, self.options.retry_interval, self.options.spread)

    def _services(self, options: Options) -> Services:
        return Services(
            clock=self.clock,
            ulids=self.ulids,
            registry=self.registry,
            active=self.active,
            queue=self.scheduler.queue,
            caller=self.caller,
            read=self._read,
            fetcher=self._fetcher,
            journal=self.journal,
            place=self._placing.place,
            invoke=self.admission.invoke,
            run_ended=self._run_ended,
            track=self.scheduler.track,
            cancelled=self.cancellations.reason,
            keep_event=self.intake.keep,
            send_event=self.intake.take,
            reach=self._reach,
            backoff=self._backoff,
            substitute=options.substitute,
        )

    def _read(self, url: str, answer: Answer, asked: str) -> Outcome:
        """Return what an answer means. A worker, or an app in this process, has no need to sign it.

        asked: what the app was asked for, in words.
        """
        now = self.clock.now()
        if self.options.sender is not None or url.startswith(WORKERS_URL):
            return read_answer(answer, now, asked)
        return read_answer(answer, now, asked, lambda given: self._signatures.refusal(given, now))

    async def _call(self, job: JobRow) -> None:
        await self.executor.call(job)

    def _tell(self, run_id: str, what: str) -> None:
        run = self.active.look_at(run_id)
        if run is not None:
            self.journal.show(run, what)

    def _do(self, job: JobRow) -> None:
        match job.kind:
            case JobKind.FETCH:
                self.executor.gateway.start(job)
            case JobKind.DEBOUNCE:
                self.admission.debounces.fire(job)
            case JobKind.BATCH:
                self.admission.batches.fire(job)
            case JobKind.CRON:
                self.crons.fire(job)
            case JobKind.TIMEOUT:
                self.executor.timed_out(job)
            case _:
                self.executor.timer(job)

    def _begin_timed(self, function: Function, event: dict[str, Any]) -> None:
        self.admission.offer(function, self.intake.keep(event), event, has_own_id=False)

    def _read_run(self, run_id: str) -> Run | None:
        return read_run(self.store, self.registry, self.scheduler.queue, run_id, self._placing.place)

    def _run_ended(self, run_id: str, *, give_up: bool) -> None:
        self.scheduler.run_ended(run_id, give_up=give_up)
        self.retention.note(self.clock.now())

    def _file_fails(self) -> None:
        """Stop taking work: what is done now could not be kept."""
        self.scheduler.pause()
        why = self.store.database.trouble
        self.journal.say(f"the engine stops: {why} ({self.options.persist}); it goes on when the file can be written")
        self._mending = asyncio.get_running_loop().create_task(self._mend(), name="inngest file")

    async def _mend(self) -> None:
        while not self.store.database.try_again():
            await self.clock.wait(asyncio.Event(), self.clock.now() + _MENDING_SECONDS)
        self.journal.say("the file can be written again: the engine goes on")
        self.scheduler.resume()

    def trace(self, run: RunRow) -> Span:
        """Return what happened in a run, as a tree."""
        active, store = self.active.look_at(run.id), self.store
        related = related_runs(store.database, run.id)
        return trace(
            run,
            Material(
                store.history(run.id),
                dict(store.memos(run.id)),
                dict(store.inputs(run.id)),
                active.pauses.values() if active is not None else (),
                store.metadata(run.id),
                {row.parent_step: row.id for row in related if row.parent_run == run.id},
                self.calls.running(run.id),
            ),
        )

    def start(self) -> None:
        """Take up what the store holds, and begin to work."""
        if not self.store.database.is_new:
            self._take_up()
        self.registry.on_change = self.crons.update
        self.scheduler.start()

    def _take_up(self) -> None:
        self.registry.load()
        self._meters.load()
        self.cancellations.load()
        resumed = recover(self.store, self.registry, self.active, self.scheduler, self._placing.place)
        self.admission.load()
        self.crons.load()
        for row in lost_runs(self.store, self.active):
            self.journal.say(f"run {row.id} cannot go on and has failed: its function or its events are not known")
            end_lost(self.store, row, self.active, self.clock.now(), self.executor.resume)
        if resumed:
            self.journal.say(f"resumed {resumed} run{'s' if resumed > 1 else ''}")

    async def stop_calls(self) -> None:
        """Give up the calls and fetches that are under way, whose jobs stay in the store, and end subscriptions."""
        self.hub.close()
        self.store.database.backups.close()
        self.changes.close()
        if self._mending is not None:
            self._mending.cancel()
        await self.assignments.drain()
        await self.scheduler.stop()

    async def stop(self) -> None:
        await self.stop_calls()
        await self.caller.close()
        await self._fetcher.close()
        self.store.close()

    def let_go(self) -> None:
        """Forget all parts of an engine that has stopped.

        They know each other, so that only the garbage collector would free them; a suite of tests makes thousands.
        """
        for part in (self.intake, self.admission, self.registry, self.active, self.scheduler, self.executor):
            vars(part).clear()
        vars(self).clear()


def _signing_keys(options: Options) -> SigningKeys | None:
    if not options.signing_key:
        return None
    fallback = options.signing_key_fallback
    return SigningKeys(SigningKey(options.signing_key), SigningKey(fallback) if fallback else None)
