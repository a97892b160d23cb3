"""The requests that a worker is at: acknowledged, run, their leases extended, and their replies brought to the engine.

User code runs on the loop that the worker was started on, and that of the connection is another one, so a function
that blocks the former loses neither heartbeat nor lease. No lease, no work: a request whose lease is lost is given up,
because the engine gives it to somebody else.

A request has no task of its own. Frames move it on, which are told of in either thread, and so does time, at which the
loop of the connection looks. Each holds a lock, which is never held while user code runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from inngest_core.client import Inngest

from .api import flush
from .calls import Call, Calls
from .codec import dump, dump_derived
from .messages import ExecutorRequest, ExtendLease, Kind, Reply, RequestAck
from .pauses import Pauses
from .served import Served
from .session import NotConnectedError, Session

ACK_SECONDS = 5.0
"""After this time without an acknowledgement, a reply goes over HTTP."""
SEND_SECONDS = 30.0
"""How long a gateway may take to read a reply, which may be of megabytes."""
LEASE_INTERVALS = 4
"""A lease lives for so many intervals of its extension."""
_NO_LOOP = "the loop of the functions is closed: nobody waits for this worker"


@dataclass(eq=False)
class _Work:
    """One request in flight. lease_id: the newest. session: the connection that it came over.

    Times are in seconds of a clock that never jumps.
    """

    request: ExecutorRequest
    session: Session
    lease_id: str
    leased_at: float
    call: Call
    extended_at: float
    """When the engine was last asked for a longer lease."""
    reply: Reply | None = None
    sent_over: Session | None = None
    """The connection over which the reply was sent."""
    sent_at: float = 0.0
    flushing: asyncio.Task[None] | None = None
    """Brings the reply over HTTP."""


class Requests:
    """The requests in flight of one worker."""

    def __init__(
        self,
        served: Served,
        user_loop: asyncio.AbstractEventLoop,
        limit: int | None,
        current_session: Callable[[], Session | None],
    ) -> None:
        """limit: how many at once. current_session: the newest connection that is open."""
        self._served = served
        self._client: Inngest = served.client
        self._log = served.client.logger
        self._calls = Calls(served, user_loop, self._ended)
        self._lock = threading.RLock()
        self._loop = asyncio.get_running_loop()
        self._limit = limit
        self._current_session = current_session
        self._work: dict[str, _Work] = {}
        self._idle = asyncio.Event()
        """Set when nothing is left while the worker is closing."""
        self.closing = False
        self.left_in_threads: set[str] = set()
        """The plain functions that were given up, which nothing can stop."""

    def ids(self) -> tuple[str, ...]:
        """Return the ids of what is in flight."""
        with self._lock:
            return tuple(self._work)

    @property
    def are_none(self) -> bool:
        """Whether nothing is in flight."""
        return not self._work

    def has_work_of(self, session: Session) -> bool:
        """Tell whether something is in flight that came over that connection, or was replied to over it."""
        with self._lock:
            return any(session in (work.session, work.sent_over) for work in self._work.values())

    def take(self, request: ExecutorRequest, session: Session) -> None:
        """Acknowledge a request and begin it; one that cannot be taken now is left to another worker."""
        with self._lock:
            self._take(request, session)

    def _take(self, request: ExecutorRequest, session: Session) -> None:
        known = self._work.get(request.request_id)
        if known is not None:
            self._take_again(known, request, session)
            return
        if self.closing:
            self._log.info("a request of %s is left to another worker: this one is shutting down", _what(request))
            return
        if self._limit is not None and self._running() >= self._limit:
            self._log.warning(
                "a request of %s is left to another worker: max_worker_concurrency is %d, and as many are running; "
                "the gateway should not have sent it",
                _what(request),
                self._limit,
            )
            return
        try:  # noqa: SIM105 - `suppress` is three calls for each request
            self._begin(request, session)
        except NotConnectedError:  # it is not acknowledged, so another worker gets it
            pass

    def _running(self) -> int:
        """Return how many functions run: a request that is replied to takes no place while its reply is on the way."""
        return sum(work.reply is None for work in self._work.values())

    def _take_again(self, work: _Work, request: ExecutorRequest, session: Session) -> None:
        """Acknowledge what runs already: a gateway that missed the acknowledgement asks again, with another lease."""
        work.session, work.lease_id, work.leased_at = session, request.lease_id, time.monotonic()
        with contextlib.suppress(NotConnectedError):
            session.send(Kind.WORKER_REQUEST_ACK, _ack(request))

    def _begin(self, request: ExecutorRequest, session: Session) -> None:
        """Acknowledge a request, and hand it over to the loop of user code.

        In this order: a function may keep all threads from running, and what is not acknowledged goes to others.
        """
        if self._calls.are_over:
            raise NotConnectedError(_NO_LOOP)
        session.send(Kind.WORKER_REQUEST_ACK, _ack(request), may_wait=True)
        now = time.monotonic()
        work = _Work(request, session, request.lease_id, now, Call(request), now)
        self._work[request.request_id] = work
        try:
            self._calls.begin(work.call)
        except RuntimeError:
            self._forget(work)
            raise NotConnectedError(_NO_LOOP) from None

    def acknowledge(self, request_id: str) -> None:
        """Take note that a gateway has the reply."""
        with self._lock:
            work = self._work.get(request_id)
            if work is not None and work.reply is not None:
                self._forget(work)

    def extend(self, request_id: str, lease_id: str | None) -> None:
        """Take note of a new lease, or of its loss."""
        with self._lock:
            work = self._work.get(request_id)
            if work is None:
                return
            if not lease_id:
                self._give_up(work, "the engine says that its lease is lost")
                return
            work.lease_id, work.leased_at = lease_id, time.monotonic()

    # On the loop of the connection

    def disconnected(self, session: Session) -> None:
        """Bring over HTTP what was replied over a connection that is closed now, and was not acknowledged."""
        with self._lock:
            for work in self._work.values():
                if work.sent_over is session:
                    self._flush(work)

    async def finish(self, seconds: float) -> None:
        """Wait for what is in flight, but give up after that time what has not ended. `closing` is set before."""
        if seconds > 0:
            await self._until_idle(seconds)
        with self._lock:
            for work in list(self._work.values()):
                self._give_up(work, "the worker is shutting down")
        await self._until_idle(ACK_SECONDS)
        with self._lock:
            for work in list(self._work.values()):
                self._forget(work)

    async def _until_idle(self, seconds: float) -> None:
        with self._lock:
            if not self._work:
                return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._idle.wait()

    def look(self) -> None:
        """Extend leases, and bring replies over HTTP that were not acknowledged, where it is time to."""
        now = time.monotonic()
        with self._lock:
            for work in list(self._work.values()):
                if work.reply is None:
                    self._look_at_lease(work, now)
                elif work.sent_over is not None:
                    self._look_at_reply(work, work.sent_over, now)

    def _look_at_lease(self, work: _Work, now: float) -> None:
        interval = work.session.extend_lease_seconds
        if now - work.leased_at > LEASE_INTERVALS * interval:
            self._give_up(work, f"its lease could not be extended for {LEASE_INTERVALS * interval:g} s")
            return
        if now < work.extended_at + interval:
            return
        work.extended_at = now
        session = self._session_for(work)
        if session is not None:
            with contextlib.suppress(NotConnectedError):
                session.send(Kind.WORKER_REQUEST_EXTEND_LEASE, _extension(work))

    def _look_at_reply(self, work: _Work, session: Session, now: float) -> None:
        """Bring a reply over HTTP that has not been acknowledged, unless the gateway has had no time to do so."""
        due = max(work.sent_at, session.drained_at) + ACK_SECONDS
        if session.is_behind:
            due = work.sent_at + SEND_SECONDS
        if due <= now:
            self._flush(work)

    def _flush(self, work: _Work) -> None:
        """On the loop of the connection."""
        if work.flushing is None and self._is_here(work):
            work.flushing = asyncio.create_task(self._bring(work))

    async def _bring(self, work: _Work) -> None:
        """Bring a reply to the engine over HTTP, however long that takes."""
        pauses = Pauses()
        while (problem := await flush(self._client, _reply_of(work))) is not None:
            pause = pauses.next()
            self._log.warning(
                "the reply of %s did not reach the engine, next try in %.1f s: %s", _what(work.request), pause, problem
            )
            await asyncio.sleep(pause)
        work.flushing = None
        with self._lock:
            self._forget(work)

    # On the loop of user code

    def _ended(self, call: Call, reply: Reply | None) -> None:
        """Bring a reply to the engine, over a connection if there is one; None: the function was cancelled."""
        with self._lock:
            work = self._work_of(call)
            if work is None:  # it was given up meanwhile
                return
            if reply is None:
                self._forget(work)
                return
            # First: the connection may end, or its acknowledgement come, as soon as it is sent.
            session = self._session_for(work)
            work.reply, work.sent_over, work.sent_at = reply, session, time.monotonic()
            try:
                if session is None:
                    raise NotConnectedError("there is no connection")
                session.send(Kind.WORKER_REPLY, dump(reply))
            except NotConnectedError:
                with contextlib.suppress(RuntimeError):  # the worker has ended
                    self._loop.call_soon_threadsafe(self._flush, work)

    # All of it

    def _work_of(self, call: Call) -> _Work | None:
        """Return what a function was run for; None when that was given up, though it may be asked for again."""
        work = self._work.get(call.request.request_id)
        return work if work is not None and work.call is call else None

    def _is_here(self, work: _Work) -> bool:
        return self._work.get(work.request.request_id) is work

    def _session_for(self, work: _Work) -> Session | None:
        return self._current_session() if work.session.is_closed else work.session

    def _forget(self, work: _Work) -> None:
        if not self._is_here(work):
            return
        if work.flushing is not None:
            self._loop.call_soon_threadsafe(work.flushing.cancel)
        del self._work[work.request.request_id]
        if self.closing and not self._work:
            self._loop.call_soon_threadsafe(self._idle.set)

    def _give_up(self, work: _Work, why: str) -> None:
        if work.reply is not None:
            return
        self._log.warning("%s was given up: %s; the engine will run it again", _what(work.request), why)
        self._calls.cancel(work.call)
        self._forget(work)
        if self._served.is_sync(work.request):
            self.left_in_threads.add(work.request.function_slug)


def _reply_of(work: _Work) -> Reply:
    if work.reply is None:
        raise AssertionError("a request is brought when it has a reply")
    return work.reply


def _what(request: ExecutorRequest) -> str:
    return f"{request.function_slug} (run {request.run_id})"


def _ack(request: ExecutorRequest) -> bytes:
    return dump_derived(RequestAck, request)


def _extension(work: _Work) -> bytes:
    return dump_derived(ExtendLease, work.request, lease_id=work.lease_id)
