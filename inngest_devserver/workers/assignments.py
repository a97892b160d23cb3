"""Calls given to workers: to one at a time, and to another one only when a lease has expired.

A worker that takes a call holds a lease, which it extends while it is at it. What was given to it is not given to
anybody else before that lease has expired, even when its connection is closed: it may only be reconnecting.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import random
import urllib.parse
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from inngest_connect.codec import changed
from inngest_connect.messages import ExecutorRequest, Reply, ReplyStatus
from inngest_core.protocol.wire import Header, Query, dump_json
from inngest_core.web.messages import TransportError, query_of
from inngest_devserver.apps.registry import Registry
from inngest_devserver.calls.caller import WORKERS_URL, BusyError, UnreachableError
from inngest_devserver.calls.reply import Answer
from inngest_devserver.ids import Ulids
from inngest_devserver.scheduling.clock import Clock
from inngest_devserver.storage.store import Store

from .sessions import Sessions

ACK_SECONDS = 5.0
"""A worker that has not acknowledged a call by then has left it to others."""
LEASE_SECONDS = 10.0
_EXTENSIONS = 4
"""How many times a worker extends its lease while one would last."""
DRAIN_SECONDS = 2.0
BUSY_SECONDS = 10.0
"""How long a call waits for a worker that is not at its limit."""
ACCOUNT_ID = "00000000-0000-4000-a000-000000000000"
ENV_ID = "00000000-0000-4000-b000-000000000000"

_SDK, _REQUEST_VERSION = Header.SDK.value, Header.REQUEST_VERSION.value
_REQUEST_ID, _RUN_ID, _JOB_ID = Header.REQUEST_ID.value, Header.RUN_ID.value, Header.JOB_ID.value
_TRACE_HEADERS = (Header.TRACEPARENT.value, Header.TRACESTATE.value)
_STATUSES = {ReplyStatus.NOT_COMPLETED: 206, ReplyStatus.DONE: 200, ReplyStatus.ERROR: 500}


class Worker(Protocol):
    """A worker that is connected."""

    def can_take(self, app_name: str) -> bool: ...
    def serves(self, app_name: str) -> bool: ...
    @property
    def load(self) -> int: ...
    def give(self, request: ExecutorRequest) -> bool:
        """Give it a call; return False when the connection is closed."""
        ...

    async def drain(self) -> None:
        """Have it connect elsewhere, and close the connection."""
        ...

    def release(self, request_id: str) -> None:
        """Count a call no more that it has lost."""
        ...

    def acknowledge(self, request_id: str) -> None:
        """Tell it that its reply is kept."""
        ...


@dataclass(eq=False)
class Assignment:
    """A call that some worker is to make."""

    request: ExecutorRequest
    worker: Worker | None = None
    """Who was given the call, or who has replied: the same worker may do so over another connection."""
    taken: bool = False
    """Whether that worker has acknowledged the call."""
    declines: float = 0.0
    """When a worker that has not acknowledged the call counts as one that left it to others, on the loop's clock."""
    expires: float = 0.0
    """When the lease ends, on the same clock."""
    settled: asyncio.Future[bool] | None = None
    """Done when the worker has replied, has left the call to others, or, if True, has lost its lease."""
    look: asyncio.TimerHandle | None = None
    """Looks whether one of the two times is over."""
    reply: Reply | None = None
    kept: asyncio.Future[bool] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    """Done when what the reply says is in the store; False when it never will be."""

    def settle(self, *, is_lost: bool = False) -> None:
        """Let whoever waits for the worker go on."""
        if self.settled is not None and not self.settled.done():
            self.settled.set_result(is_lost)


class Assignments:
    """The calls that workers are at, and the workers."""

    def __init__(
        self,
        clock: Clock,
        ulids: Ulids,
        registry: Registry,
        store: Store,
        say: Callable[[str], object],
        lease_seconds: float,
    ) -> None:
        self._lease_seconds = lease_seconds
        self._clock = clock
        self._ulids = ulids
        self._registry = registry
        self._store = store
        self._say = say
        self._workers: set[Worker] = set()
        self._by_request: dict[str, Assignment] = {}
        self._changed = asyncio.Event()
        self.sessions = Sessions(clock, ulids)

    @property
    def extend_seconds(self) -> float:
        """How often a worker is to extend the lease of a call."""
        return self._lease_seconds / _EXTENSIONS

    # Workers

    def add(self, worker: Worker) -> None:
        """Take in a worker that has connected."""
        self._workers.add(worker)
        self.something_changed()

    def remove(self, worker: Worker) -> None:
        """Forget a worker whose connection is closed; what it has remains its own until the leases expire."""
        self._workers.discard(worker)

    async def drain(self) -> None:
        """Close the connections of all workers, which then reconnect as soon as they can."""
        if not self._workers:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                await asyncio.gather(*(worker.drain() for worker in self._workers))

    def something_changed(self) -> None:
        """Let calls that wait for a worker look again."""
        self._changed.set()
        self._changed = asyncio.Event()

    def take(self, request_id: str, worker: Worker) -> None:
        """Note that a worker has acknowledged a call."""
        assignment = self._by_request.get(request_id)
        if assignment is not None and assignment.worker is worker:
            assignment.taken = True

    def extend(self, request_id: str, lease_id: str) -> str | None:
        """Return a new lease for a call; None when the given one is lost."""
        assignment = self._by_request.get(request_id)
        now = _now()
        if assignment is None or assignment.request.lease_id != lease_id or assignment.expires < now:
            return None
        new = self._new_lease()
        assignment.request = changed(assignment.request, lease_id=new)
        assignment.expires = now + self._lease_seconds
        return new

    def reply(self, reply: Reply, worker: Worker | None = None) -> Assignment | None:
        """Take in a reply; return what it replies to, or None when nobody waits for it (any more).

        worker: who is to be told when it is kept; None for a reply that came over HTTP.
        """
        assignment = self._by_request.get(reply.request_id)
        if assignment is None:
            return None
        if worker is not None:
            assignment.worker = worker
        if assignment.reply is None:
            assignment.reply = reply
            assignment.settle()
        return assignment

    # Calls

    async def send(self, url: str, headers: Mapping[str, str], body: bytes, seconds: float) -> Answer:
        """Have a worker make a call.

        seconds: how long it may take; a worker may extend its lease no longer. Raises UnreachableError: none can take
        it now. TransportError: there was no answer in that time.
        """
        assignment = Assignment(self._request(url, headers, body))
        request_id = assignment.request.request_id
        self._by_request[request_id] = assignment
        try:
            # First of all: while the rest is prepared, the worker is at it.
            if (worker := self._free_now(assignment.request.app_name)) is not None:
                self._give(worker, assignment)
            async with asyncio.timeout(seconds):
                reply = await self._until_replied(assignment, worker)
        except BaseException as error:
            self._give_up(assignment)
            if isinstance(error, TimeoutError):
                raise TransportError(f"{WORKERS_URL}: no answer in {seconds:g} seconds") from None
            raise
        task = asyncio.current_task()
        if task is None:
            raise AssertionError("calls are made in tasks")
        task.add_done_callback(lambda done: self._keep(assignment, cancelled=done.cancelled()))
        return _answer(reply)

    def _give_up(self, assignment: Assignment) -> None:
        """Wait no more for a call: its worker hears of it when it extends its lease, or else loses it at its end."""
        request_id, worker = assignment.request.request_id, assignment.worker
        del self._by_request[request_id]
        assignment.kept.set_result(False)
        if worker is not None:
            asyncio.get_running_loop().call_at(assignment.expires, worker.release, request_id)

    async def _until_replied(self, assignment: Assignment, worker: Worker | None) -> Reply:
        """Wait until a worker has replied. worker: the one that was given the call already, if one was."""
        request, declined = assignment.request, set[Worker]()
        while True:
            if worker is None:
                worker = await self._free_worker(request.app_name, declined)
                if assignment.reply is not None:  # by one whose lease had expired
                    return assignment.reply
                self._give(worker, assignment)
            is_lost = await self._settled(assignment)
            if assignment.reply is not None:
                return assignment.reply
            worker.release(request.request_id)
            if is_lost:
                self._say(f"{request.function_slug}: the lease of a worker expired; the call goes to another one")
            else:
                declined.add(worker)
            worker = None

    def _give(self, worker: Worker, assignment: Assignment) -> None:
        loop, now = asyncio.get_running_loop(), _now()
        if assignment.settled is not None:  # it was given to one before
            assignment.request = changed(assignment.request, lease_id=self._new_lease())
        assignment.worker, assignment.taken, assignment.settled = worker, False, loop.create_future()
        assignment.declines, assignment.expires = now + ACK_SECONDS, now + self._lease_seconds
        if not worker.give(assignment.request):
            assignment.settle()

    async def _settled(self, assignment: Assignment) -> bool:
        """Wait until a call is settled that was given to a worker; return whether that has lost its lease."""
        assert assignment.settled is not None  # noqa: S101 - set when it was given
        # One timer for both deadlines, which looks again when it came too early: most calls end before it is due.
        when = min(assignment.declines, assignment.expires)
        assignment.look = asyncio.get_running_loop().call_at(when, self._look, assignment)
        try:
            return await assignment.settled
        finally:
            assignment.look.cancel()

    def _look(self, assignment: Assignment) -> None:
        """Settle an assignment whose time is over, or look again when it will be."""
        may_decline = not assignment.taken and assignment.worker in self._workers
        until = assignment.declines if may_decline else assignment.expires
        if until <= _now():
            assignment.settle(is_lost=not may_decline)
        else:
            assignment.look = asyncio.get_running_loop().call_at(until, self._look, assignment)

    def _free_now(self, app_name: str, declined: Collection[Worker] = ()) -> Worker | None:
        """Return the least busy worker that can take a call of an app, if there is one."""
        able = [worker for worker in self._workers if worker.can_take(app_name) and worker not in declined]
        if len(able) < 2:
            return able[0] if able else None
        least = min(worker.load for worker in able)
        return random.choice([worker for worker in able if worker.load == least])  # noqa: S311 - any of them

    async def _free_worker(self, app_name: str, declined: set[Worker]) -> Worker:
        deadline = _now() + BUSY_SECONDS
        while True:
            changed = self._changed
            if (worker := self._free_now(app_name, declined)) is not None:
                return worker
            if not any(worker.serves(app_name) for worker in self._workers):
                raise UnreachableError(f"{WORKERS_URL}: no worker of the app {app_name} is connected")
            if _now() >= deadline:
                raise BusyError(f"{WORKERS_URL}: all workers of the app {app_name} are busy")
            await _within(min(1.0, deadline - _now()), changed)

    def _request(self, url: str, headers: Mapping[str, str], body: bytes) -> ExecutorRequest:
        slug, step_id = _asked(url)
        function = self._registry.by_slug(slug)
        app = None if function is None else self._registry.app(function.app_id)
        if function is None or app is None:
            raise UnreachableError(f"{WORKERS_URL}: no app that is registered has a function {slug}")
        trace = dump_json({name: headers[name] for name in _TRACE_HEADERS if name in headers})
        return ExecutorRequest(
            request_id=headers[_REQUEST_ID],
            account_id=ACCOUNT_ID,
            env_id=ENV_ID,
            app_id=app.id,
            app_name=app.name,
            function_id=function.id,
            function_slug=slug,
            step_id=step_id,
            request_payload=body,
            system_trace_ctx=trace,
            user_trace_ctx=trace,
            run_id=headers[_RUN_ID],
            lease_id=self._new_lease(),
            job_id=headers[_JOB_ID],
        )

    def _new_lease(self) -> str:
        return self._ulids.new(self._clock.now())

    def _keep(self, assignment: Assignment, *, cancelled: bool) -> None:
        """Acknowledge a reply once what it says was applied, and is in the store."""
        self._by_request.pop(assignment.request.request_id, None)
        self.something_changed()
        if cancelled:
            assignment.kept.set_result(False)
            return
        self._store.commit()
        assignment.kept.set_result(True)
        if assignment.worker is not None:
            assignment.worker.acknowledge(assignment.request.request_id)


@functools.lru_cache(maxsize=1024)
def _asked(url: str) -> tuple[str, str]:
    """Return the slug of the function and the id of the step that the URL of a call names."""
    query = dict(urllib.parse.parse_qsl(query_of(url)))
    return query[Query.FUNCTION_ID.value], query[Query.STEP_ID.value]


def _answer(reply: Reply) -> Answer:
    headers = {_SDK: reply.sdk_version, _REQUEST_VERSION: str(reply.request_version)}
    if reply.no_retry:
        headers[Header.NO_RETRY.value] = "true"
    if reply.retry_after:
        headers[Header.RETRY_AFTER.value] = reply.retry_after
    return Answer(_STATUSES.get(ReplyStatus(reply.status), 500), headers, reply.body)


async def _within(seconds: float, event: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


def _now() -> float:
    return asyncio.get_running_loop().time()
