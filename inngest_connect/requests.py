"""The requests that a worker is at: acknowledged, run, their leases extended, and their replies brought to the engine.

Lives on the loop of the worker's own thread; user code runs on the loop that the worker was started on, so a function
that blocks it loses neither heartbeat nor lease. No lease, no work: a request whose lease is lost is given up, because
the engine gives it to somebody else.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field

from inngest_core.client import Inngest

from .api import flush
from .messages import ExecutorRequest, ExtendLease, Kind, Reply, RequestAck
from .pauses import Pauses
from .served import Served, failed_reply
from .session import NotConnectedError, Session

ACK_SECONDS = 5.0
"""After this time without an acknowledgement, a reply goes over HTTP."""
SEND_SECONDS = 30.0
"""How long a gateway may take to read a reply, which may be of megabytes."""
LEASE_INTERVALS = 4
"""A lease lives for so many intervals of its extension."""


@dataclass(eq=False)
class _Work:
    """One request in flight. lease_id: the newest. session: the connection that it came over."""

    request: ExecutorRequest
    session: Session
    lease_id: str
    leased_at: float
    call: asyncio.Future[Reply] | None = None
    extending: asyncio.TimerHandle | asyncio.Task[None] | None = None
    acknowledged: bool = False
    settled: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the reply is acknowledged, or when the connection that it went over is closed."""


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
        self._user_loop = user_loop
        self._limit = limit
        self._current_session = current_session
        self._work: dict[str, _Work] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._saying: set[asyncio.Task[None]] = set()
        self.closing = False
        self.left_in_threads: set[str] = set()
        """The plain functions that were given up, which nothing can stop."""

    def ids(self) -> tuple[str, ...]:
        """Return the ids of what is in flight."""
        return tuple(self._work)

    def has_work_of(self, session: Session) -> bool:
        """Tell whether something is in flight that came over that connection."""
        return any(work.session is session for work in self._work.values())

    def take(self, request: ExecutorRequest, session: Session) -> None:
        """Acknowledge a request and begin it; one that cannot be taken now is left to another worker."""
        known = self._work.get(request.request_id)
        if known is not None:
            self._take_again(known, request, session)
            return
        if self.closing:
            self._log.info("a request of %s is left to another worker: this one is shutting down", _what(request))
            return
        if self._limit is not None and len(self._work) >= self._limit:
            self._log.warning(
                "a request of %s is left to another worker: max_worker_concurrency is %d, and as many are running; "
                "the gateway should not have sent it",
                _what(request),
                self._limit,
            )
            return
        work = _Work(request, session, request.lease_id, asyncio.get_running_loop().time())
        self._work[request.request_id] = work
        self._tasks[request.request_id] = asyncio.create_task(self._do(work))

    def _take_again(self, work: _Work, request: ExecutorRequest, session: Session) -> None:
        """Acknowledge what runs already: a gateway that missed the acknowledgement asks again, with another lease."""
        work.session, work.lease_id, work.leased_at = session, request.lease_id, asyncio.get_running_loop().time()
        task = asyncio.create_task(self._say_taken_again(work))
        self._saying.add(task)
        task.add_done_callback(self._saying.discard)

    async def _say_taken_again(self, work: _Work) -> None:
        with contextlib.suppress(NotConnectedError):
            await work.session.send(Kind.WORKER_REQUEST_ACK, _ack(work.request))

    def acknowledge(self, request_id: str) -> None:
        """Take note that a gateway has the reply."""
        work = self._work.get(request_id)
        if work is not None:
            work.acknowledged = True
            work.settled.set()

    def extend(self, request_id: str, lease_id: str | None) -> None:
        """Take note of a new lease, or of its loss."""
        work = self._work.get(request_id)
        if work is None:
            return
        if not lease_id:
            self._give_up(work, "the engine says that its lease is lost")
            return
        work.lease_id, work.leased_at = lease_id, asyncio.get_running_loop().time()

    async def finish(self, seconds: float) -> None:
        """Wait for what is in flight, but give up after that time what has not ended."""
        if self._tasks and seconds > 0:
            await asyncio.wait(self._tasks.values(), timeout=seconds)
        for work in list(self._work.values()):
            self._give_up(work, "the worker is shutting down")
        if self._tasks:
            _, left = await asyncio.wait(self._tasks.values(), timeout=ACK_SECONDS)
            for task in left:
                task.cancel()

    async def _do(self, work: _Work) -> None:
        request_id = work.request.request_id
        try:
            call = self._begin(work)
            await self._say_taken(work, call)
            reply = await self._run(work, call)
            if reply is not None:
                await self._bring(work, reply)
        except NotConnectedError:  # it was not acknowledged, so another worker gets it
            pass
        finally:
            del self._work[request_id], self._tasks[request_id]

    def _begin(self, work: _Work) -> asyncio.Future[Reply]:
        """Hand a request over to the loop of user code, which begins it while this one says that it is taken."""
        work.session.check_open()
        answering = self._served.answer(work.request)
        try:
            running = asyncio.run_coroutine_threadsafe(answering, self._user_loop)
        except RuntimeError:
            answering.close()
            raise NotConnectedError("the loop of the functions is closed: nobody waits for this worker") from None
        work.call = asyncio.wrap_future(running)
        return work.call

    async def _say_taken(self, work: _Work, call: asyncio.Future[Reply]) -> None:
        try:
            await work.session.send(Kind.WORKER_REQUEST_ACK, _ack(work.request))
        except BaseException:
            call.cancel()
            raise

    async def _run(self, work: _Work, call: asyncio.Future[Reply]) -> Reply | None:
        """Wait for the function; return None when it was given up."""
        self._extend_later(work)
        try:
            return await call
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if current is not None and current.cancelling():
                raise
            return None
        except Exception as error:
            self._log.error("an error of the SDK itself", exc_info=error)
            return failed_reply(work.request, f"an error of the SDK itself: {type(error).__name__}")
        finally:
            if work.extending is not None:
                work.extending.cancel()

    def _extend_later(self, work: _Work) -> None:
        """Extend the lease after an interval: most calls have ended by then, so none gets a task only for that."""
        interval = work.session.extend_lease_seconds
        work.extending = asyncio.get_running_loop().call_later(interval, self._begin_to_extend, work, interval)

    def _begin_to_extend(self, work: _Work, interval: float) -> None:
        work.extending = asyncio.create_task(self._extend(work, interval))

    async def _extend(self, work: _Work, interval: float) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            if clock() - work.leased_at > LEASE_INTERVALS * interval:
                self._give_up(work, f"its lease could not be extended for {LEASE_INTERVALS * interval:g} s")
                return
            session = self._session_for(work)
            if session is not None:
                with contextlib.suppress(NotConnectedError, TimeoutError):
                    async with asyncio.timeout(interval):  # a gateway that reads nothing holds up who writes
                        await session.send(Kind.WORKER_REQUEST_EXTEND_LEASE, _extension(work))
            interval = work.session.extend_lease_seconds
            await asyncio.sleep(interval)

    async def _bring(self, work: _Work, reply: Reply) -> None:
        """Bring a reply to the engine: over a connection when there is one, and over HTTP when none acknowledges it."""
        session = self._session_for(work)
        if session is not None and await self._send(work, reply, session):
            return
        pauses = Pauses()
        while (problem := await flush(self._client, reply)) is not None:
            pause = pauses.next()
            self._log.warning(
                "the reply of %s did not reach the engine, next try in %.1f s: %s", _what(work.request), pause, problem
            )
            await asyncio.sleep(pause)

    async def _send(self, work: _Work, reply: Reply, session: Session) -> bool:
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await session.send(Kind.WORKER_REPLY, reply)
        except (NotConnectedError, TimeoutError):
            return work.acknowledged
        with session.telling_of_its_end(work.settled), contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ACK_SECONDS):
                await work.settled.wait()
        return work.acknowledged

    def _session_for(self, work: _Work) -> Session | None:
        return self._current_session() if work.session.closed.is_set() else work.session

    def _give_up(self, work: _Work, why: str) -> None:
        if work.call is not None and work.call.cancel():
            self._log.warning("%s was given up: %s; the engine will run it again", _what(work.request), why)
            if self._served.is_sync(work.request):
                self.left_in_threads.add(work.request.function_slug)


def _what(request: ExecutorRequest) -> str:
    return f"{request.function_slug} (run {request.run_id})"


def _ack(request: ExecutorRequest) -> RequestAck:
    return RequestAck(
        request_id=request.request_id,
        account_id=request.account_id,
        env_id=request.env_id,
        app_id=request.app_id,
        function_slug=request.function_slug,
        step_id=request.step_id,
        system_trace_ctx=request.system_trace_ctx,
        user_trace_ctx=request.user_trace_ctx,
        run_id=request.run_id,
    )


def _extension(work: _Work) -> ExtendLease:
    return ExtendLease(**vars(_ack(work.request)), lease_id=work.lease_id)
