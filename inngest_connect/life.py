"""The life of a worker's connection, in a thread of its own: connect, serve, reconnect for ever, drain, close.

The thread has a loop of its own, so that no function can keep it from heartbeats and leases.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, cast

from inngest_core.runtime.racing import first_of

from . import loops
from .api import ask_where_to_connect
from .health import HealthFile
from .messages import ExecutorRequest
from .pauses import Pauses
from .requests import Requests
from .served import Served
from .session import LOOK_SECONDS, NotConnectedError, Session, open_session

_LOOKS_LEFT_OUT = 3
"""As long as nothing is in flight, so many looks are one: there are no leases and no replies to look after."""
SETTLED_SECONDS = 10.0
"""A connection that lived for so long was a good one: after its end, the pauses begin anew."""
DRAIN_SECONDS = 60.0
"""How long a connection whose gateway is closing is kept for what came over it."""


class ConnectionState(enum.Enum):
    """Where the connection of a worker is."""

    CONNECTING = "CONNECTING"
    ACTIVE = "ACTIVE"
    RECONNECTING = "RECONNECTING"
    CLOSING = "CLOSING"
    CLOSED = "CLOSED"


class Life:
    """A worker's connection from start to close. Its methods but `start`, `close` and `join` run in its own thread."""

    def __init__(
        self,
        served: Served,
        user_loop: asyncio.AbstractEventLoop,
        *,
        instance_id: str,
        max_worker_concurrency: int | None,
        rewrite_gateway_endpoint: Callable[[str], str] | None,
        health_file: Path | None,
        on_state: Callable[[ConnectionState], object],
        on_end: Callable[[BaseException | None], object],
    ) -> None:
        """on_state, on_end: called in the worker's thread; on_end is the last thing that it does."""
        self._served = served
        self._log = served.client.logger
        self._instance_id = instance_id
        self._limit = max_worker_concurrency
        self._rewrite = rewrite_gateway_endpoint
        self._health = HealthFile(health_file, self._log)
        self._on_state = on_state
        self._on_end = on_end
        self._session: Session | None = None
        """The newest one that is open."""
        self._sessions: set[Session] = set()
        """All that are open."""
        self._next_look: asyncio.TimerHandle | None = None
        self._serving: set[asyncio.Task[None]] = set()
        self._user_loop = user_loop
        self._requests: Requests
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing: asyncio.Event = asyncio.Event()
        self._hurry: asyncio.Event = asyncio.Event()
        self._drain_seconds = 0.0
        self._thread = threading.Thread(target=self._run, name="inngest-connect", daemon=True)
        self._begun = threading.Event()

    # From any thread

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()
        self._begun.wait()

    def close(self, seconds: float, signal_name: str = "") -> None:
        """Ask for no more work, and end after what is in flight; what has not ended after that time is given up.

        signal_name: the signal that asks for it, if one does.
        """
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # it has ended
                self._loop.call_soon_threadsafe(self._close, seconds, signal_name)

    @property
    def connection_id(self) -> str | None:
        session = self._session
        return None if session is None else session.connection_id

    # In its own thread

    def _run(self) -> None:
        failure: BaseException | None = None
        try:
            loops.run(self._live())
        except BaseException as error:
            failure = error
        finally:
            self._begun.set()
            self._on_end(failure)

    def _close(self, seconds: float, signal_name: str) -> None:
        if signal_name:
            self._log.info(
                "%s: shutting down, waiting up to %g s for what is running; another signal ends it at once",
                signal_name,
                seconds,
            )
        self._drain_seconds = seconds
        if self._closing.is_set():
            self._hurry.set()
        self._closing.set()

    async def _live(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._requests = Requests(self._served, self._user_loop, self._limit, self._current_session)
        self._begun.set()
        self._set(ConnectionState.CONNECTING)
        pauses = Pauses()
        exclude: tuple[str, ...] = ()
        try:
            self._look()
            while not self._closing.is_set():
                session = await self._until_closing(self._open(exclude))
                exclude = ()
                if session is None:
                    await self._until_closing(asyncio.sleep(self._announce_pause(pauses.next())))
                else:
                    exclude = await self._stay(session, pauses)
            await self._drain()
        finally:
            self._set(ConnectionState.CLOSED)

    async def _stay(self, session: Session, pauses: Pauses) -> tuple[str, ...]:
        """Serve a session until it is to be left, and pause before the next one, unless its gateway is closing.

        Returns the groups of gateways that the next one is not to be at.
        """
        clock = asyncio.get_running_loop().time
        connected_at = clock()
        ended = self._serve(session)
        await self._until_closing(first_of(session.draining.wait(), asyncio.shield(ended)))
        if clock() - connected_at > SETTLED_SECONDS:
            pauses.begin_anew()
        if session.draining.is_set() and not session.is_closed:
            self._log.info("the gateway of connection %s is closing; connecting anew", session.connection_id)
            return (session.gateway_group,)
        if not self._closing.is_set():
            await self._until_closing(asyncio.sleep(self._announce_pause(pauses.next())))
        return ()

    def _look(self) -> None:
        """Look at all that time, or a function that blocks the loop of user code, may have changed; and again later."""
        if self._next_look is not None:
            self._next_look.cancel()
        seconds = min([LOOK_SECONDS, *(session.look_seconds for session in self._sessions)])
        if self._requests.are_none:
            seconds *= _LOOKS_LEFT_OUT
        self._next_look = asyncio.get_running_loop().call_later(seconds, self._look)
        for session in self._sessions:
            session.look()
        self._requests.look()

    async def _open(self, exclude: tuple[str, ...]) -> Session | None:
        """Make a connection; return None, and log why, when that does not work."""
        try:
            start = await ask_where_to_connect(self._served.client, exclude)
            endpoint = self._rewritten(start.gateway_endpoint)
            introduction = self._served.introduce(
                start, instance_id=self._instance_id, max_worker_concurrency=self._limit
            )
            return await open_session(endpoint, start, introduction, self, self._user_loop)
        except NotConnectedError as error:
            self._log.warning("this worker is not connected: %s", error)
            return None

    def _rewritten(self, endpoint: str) -> str:
        if self._rewrite is None:
            return endpoint
        try:
            rewritten = cast("object", self._rewrite(endpoint))
        except Exception as error:
            raise NotConnectedError(f"rewrite_gateway_endpoint raised {type(error).__name__}: {error}") from error
        if not isinstance(rewritten, str):
            raise NotConnectedError(f"rewrite_gateway_endpoint returned {rewritten!r}, expected a URL")
        return rewritten

    def _serve(self, session: Session) -> asyncio.Task[None]:
        self._session = session
        self._sessions.add(session)
        self._look()
        self._set(ConnectionState.ACTIVE)
        self._log.info("connected to %s (connection %s)", self._served.client.api_origin, session.connection_id)
        task = asyncio.create_task(self._serve_until_closed(session))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        return task

    async def _serve_until_closed(self, session: Session) -> None:
        retiring = asyncio.create_task(self._retire(session))
        try:
            reason = await session.run()
        except Exception as error:
            reason = f"an error of the SDK itself: {type(error).__name__}"
            self.failed(error)
        finally:
            retiring.cancel()
            self._sessions.discard(session)
        if self._session is session:
            self._session = None
            if not self._closing.is_set():
                self._log.warning("connection %s ended: %s", session.connection_id, reason)
                self._set(ConnectionState.RECONNECTING)

    async def _retire(self, session: Session) -> None:
        """Close a connection whose gateway is closing, once nothing is left to do that came over it."""
        await session.draining.wait()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                while self._session is session or self._requests.has_work_of(session):
                    await asyncio.sleep(0.1)
        await session.close()

    async def _drain(self) -> None:
        self._set(ConnectionState.CLOSING)
        self._requests.closing = True
        if self._session is not None:
            self._session.pause()
        finishing = asyncio.create_task(self._requests.finish(self._drain_seconds))
        await first_of(asyncio.shield(finishing), self._hurry.wait())
        if not finishing.done():
            finishing.cancel()
            await self._requests.finish(0)
        for task in list(self._serving):
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        if self._session is not None:  # its task was cancelled before it began
            await self._session.close()
        if self._requests.left_in_threads and self._served.leave_behind():
            names = ", ".join(sorted(self._requests.left_in_threads))
            self._log.warning(
                "left behind: plain functions that were given up still run in threads, which end with the program: %s",
                names,
            )

    async def _until_closing(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Wait for *work*, but not longer than until the worker is to close; return None then."""
        task = asyncio.ensure_future(work)
        await first_of(asyncio.shield(task), self._closing.wait())
        if task.done():
            return task.result()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return None

    def _announce_pause(self, seconds: float) -> float:
        if self._session is None:
            self._set(ConnectionState.RECONNECTING)
        self._log.info("connecting again in %.1f s", seconds)
        return seconds

    def _current_session(self) -> Session | None:
        return self._session

    def _set(self, state: ConnectionState) -> None:
        if state is ConnectionState.ACTIVE:
            self._health.touch()
        elif state is not ConnectionState.CLOSING:
            self._health.remove()
        self._on_state(state)

    # What a session tells

    def requested(self, request: ExecutorRequest, session: Session) -> None:
        self._requests.take(request, session)

    def acknowledged(self, request_id: str) -> None:
        self._requests.acknowledge(request_id)

    def lease_extended(self, request_id: str, lease_id: str | None) -> None:
        self._requests.extend(request_id, lease_id)

    def ended(self, session: Session) -> None:
        self._requests.disconnected(session)

    def failed(self, error: Exception) -> None:
        self._log.error("an error of the SDK itself", exc_info=error)

    def heard(self) -> None:
        self._health.touch()

    def in_flight(self) -> tuple[str, ...]:
        return self._requests.ids()

    def warn(self, text: str) -> None:
        self._log.warning("%s", text)
