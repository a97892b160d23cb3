"""`connect`: what a program calls to be a worker. Holds signals and loops; the connection is in `life`."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import os
import signal
import socket
import threading
from collections.abc import Callable, Generator, Iterable, Sequence
from pathlib import Path
from types import FrameType
from typing import cast

import google.protobuf  # noqa: F401 # pyright: ignore[reportUnusedImport] - loaded with the first message, but missed now when it is not installed

from inngest_core.client import Inngest
from inngest_core.errors import ConfigError, InngestError
from inngest_core.protocol.duration import Duration, to_ms

from . import loops
from .life import ConnectionState, Life
from .served import Apps, Served

SHUTDOWN_SECONDS = 30.0
_LOOK_UP_SECONDS = 1.0
DEFAULT_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def connect(
    apps: Apps,
    *,
    instance_id: str | None = None,
    max_worker_concurrency: int | None = None,
    shutdown_signals: Sequence[signal.Signals] | None = None,
    shutdown_timeout: Duration | None = None,
    rewrite_gateway_endpoint: Callable[[str], str] | None = None,
    health_file: str | os.PathLike[str] | None = None,
    on_state: Callable[[ConnectionState], object] | None = None,
) -> Worker:
    """Return a worker that serves functions over a connection which it opens itself; nothing is contacted yet.

    apps: pairs of a client and its functions; all of one engine and environment.
    instance_id: names this worker among those of the app; the host's name by default.
    max_worker_concurrency: how many requests it takes at a time; INNGEST_CONNECT_MAX_WORKER_CONCURRENCY by default,
        else no limit.
    shutdown_signals: the signals that shut it down; SIGINT and SIGTERM by default, none for an empty list. They are
        handled only where the worker runs in the main thread.
    shutdown_timeout: how long it waits at shutdown for what is running, in milliseconds or as a timedelta; 30 seconds
        by default. What has not ended by then is cancelled, and the engine gives it to another worker.
    rewrite_gateway_endpoint: gets the URL of the gateway that the engine names, and returns the one to connect to, for
        networks in which they differ.
    health_file: a file that is there while the worker is connected, and is touched whenever the gateway is heard.
    on_state: called on the worker's loop with each new state of the connection.
    Raises ConfigError: an argument that cannot be used.

    Example:
        connect([(client, [charge, notify])]).run()
    """
    served = Served(apps)
    concurrency = _concurrency(max_worker_concurrency, served.client.config.connect_max_worker_concurrency)
    return Worker(
        served,
        instance_id=_instance_id(instance_id),
        max_worker_concurrency=concurrency,
        shutdown_signals=DEFAULT_SIGNALS if shutdown_signals is None else _signals(shutdown_signals),
        shutdown_seconds=_seconds(shutdown_timeout),
        rewrite_gateway_endpoint=rewrite_gateway_endpoint,
        health_file=None if health_file is None else Path(health_file),
        on_state=on_state,
    )


class Worker:
    """A worker: made by `connect`, started once."""

    def __init__(
        self,
        served: Served,
        *,
        instance_id: str,
        max_worker_concurrency: int | None,
        shutdown_signals: Sequence[signal.Signals],
        shutdown_seconds: float,
        rewrite_gateway_endpoint: Callable[[str], str] | None,
        health_file: Path | None,
        on_state: Callable[[ConnectionState], object] | None,
    ) -> None:
        self.instance_id = instance_id
        self._served = served
        self._max_worker_concurrency = max_worker_concurrency
        self._signals = shutdown_signals
        self._shutdown_seconds = shutdown_seconds
        self._rewrite = rewrite_gateway_endpoint
        self._health_file = health_file
        self._on_state = on_state
        self._state = ConnectionState.CONNECTING
        self._waiting: dict[concurrent.futures.Future[None], ConnectionState] = {}
        """What is done when the connection comes to a state, for each that waits."""
        self._life: Life | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended: concurrent.futures.Future[None] | None = None
        self._early_close = False

    @property
    def clients(self) -> tuple[Inngest, ...]:
        """The clients of the apps that it serves."""
        return tuple(self._served.clients)

    @property
    def state(self) -> ConnectionState:
        """Where the connection is now."""
        return self._state

    def get_state(self) -> ConnectionState:
        """Return `state`."""
        return self._state

    @property
    def connection_id(self) -> str | None:
        """The id that the engine gave to the connection; None while there is none."""
        return None if self._life is None else self._life.connection_id

    async def start(self) -> None:
        """Connect, and serve on the running loop until the worker is closed or a shutdown signal comes.

        Cancelling it gives up what is running at once. Raises SigningKeyMissingError: cloud mode without a signing key.
        Raises InngestError: it was started before.
        """
        if self._life is not None:
            raise InngestError("this worker was started before; make another one with connect()")
        self._served.check_keys()
        self._loop = asyncio.get_running_loop()
        self._ended = concurrent.futures.Future()
        self._life = Life(
            self._served,
            self._loop,
            instance_id=self.instance_id,
            max_worker_concurrency=self._max_worker_concurrency,
            rewrite_gateway_endpoint=self._rewrite,
            health_file=self._health_file,
            on_state=self._on_life_state,
            on_end=self._on_life_end,
        )
        with self._shutting_down_on_signals():
            self._life.start()
            if self._early_close:
                self._life.close(self._shutdown_seconds)
            try:
                await _until_looking_up(self._ended)
            except asyncio.CancelledError:
                self._life.close(0)
                self._life.close(0)  # the second one hurries
                await _until(self._ended)
                raise

    async def close(self, *, wait: bool = True) -> None:
        """Take no more requests, finish those that are running, and disconnect; on any loop.

        wait: whether to return only when that is done.
        """
        self.close_soon()
        if wait:
            await self.closed()

    def close_soon(self) -> None:
        """Begin to close, as `close` does, from any thread and without waiting."""
        if self._life is None:
            self._early_close = True
        else:
            self._life.close(self._shutdown_seconds)

    async def closed(self) -> None:
        """Wait until the worker has ended."""
        if self._ended is not None:
            await _until(self._ended)

    async def wait_for_state(self, state: ConnectionState, *, timeout: Duration | None = None) -> None:
        """Wait until the connection is in that state.

        state: the one to wait for. timeout: in milliseconds or as a timedelta; none by default.
        Raises TimeoutError.
        """
        reached: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._waiting[reached] = state  # before the look, as it may change in another thread
        try:
            async with asyncio.timeout(None if timeout is None else to_ms(timeout) / 1000):
                if self._state is not state:
                    await asyncio.wrap_future(reached)
        finally:
            del self._waiting[reached]

    def run(self) -> None:
        """Serve until a shutdown signal comes: for programs that have no loop of their own.

        Async functions run on uvloop where it is installed; `start` leaves the choice of the loop to the program.
        Returns at most 6 seconds after `shutdown_timeout`, unless an async function blocks the loop. The threads of
        plain functions that were given up end with the program, which does not wait for them.
        """
        loops.run(self.start())

    @contextlib.contextmanager
    def _shutting_down_on_signals(self) -> Generator[None]:
        if threading.current_thread() is not threading.main_thread() or not self._signals:
            yield
            return
        # Not by the loop: it handles no signal while a function blocks it.
        before = {number: signal.signal(number, self._on_signal) for number in self._signals}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if self._life is not None:
            self._life.close(self._shutdown_seconds, signal.Signals(number).name)

    # Called in the thread of the connection

    def _on_life_state(self, state: ConnectionState) -> None:
        self._on_loop(lambda: self._set_state(state))

    def _on_life_end(self, failure: BaseException | None) -> None:
        if self._ended is None or self._ended.done():
            return
        if failure is None:
            self._ended.set_result(None)
        else:
            self._ended.set_exception(failure)

    def _on_loop(self, callback: Callable[[], object]) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(callback)

    # On the loop that the worker was started on

    def _set_state(self, state: ConnectionState) -> None:
        if state is self._state and state is not ConnectionState.CONNECTING:
            return
        self._state = state
        for reached, wanted in list(self._waiting.items()):
            if wanted is state:
                with contextlib.suppress(concurrent.futures.InvalidStateError):  # it waits no more
                    reached.set_result(None)
        if self._on_state is not None:
            self._on_state(state)


async def _until(future: concurrent.futures.Future[None]) -> None:
    """Wait for something of another thread, which a cancellation here does not end."""
    await asyncio.shield(asyncio.wrap_future(future))


async def _until_looking_up(future: concurrent.futures.Future[None]) -> None:
    """Wait as `_until` does, but wake up now and then, for Python handles signals only while the main thread is awake.

    A signal that comes just before the loop begins to wait, or in another thread, does not wake it.
    """
    looking = _LookUp(asyncio.get_running_loop())
    try:
        await _until(future)
    finally:
        looking.end()


class _LookUp:
    """Wakes a loop up now and then; by a timer, as a task that waits would need more each time."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._again()

    def end(self) -> None:
        self._next.cancel()

    def _again(self) -> None:
        self._next = self._loop.call_later(_LOOK_UP_SECONDS, self._again)


def _instance_id(given: str | None) -> str:
    chosen = socket.gethostname() if given is None else given
    if not isinstance(cast("object", chosen), str) or not chosen.strip():
        raise ConfigError(f"instance_id is {given!r}; give a name, or leave it out for that of the host")
    return chosen


def _signals(given: object) -> tuple[signal.Signals, ...]:
    if isinstance(given, Iterable) and not isinstance(given, str | bytes):
        with contextlib.suppress(ValueError):
            return tuple(signal.Signals(cast("int", each)) for each in cast("Iterable[object]", given))
    raise ConfigError(f"shutdown_signals is {given!r}; give a list of signals such as [signal.SIGTERM]; [] for none")


def _concurrency(given: int | None, default: int | None) -> int | None:
    name = "INNGEST_CONNECT_MAX_WORKER_CONCURRENCY" if given is None else "max_worker_concurrency"
    chosen = default if given is None else given
    if chosen is not None and (type(chosen) is not int or chosen < 1):
        raise ConfigError(f"{name} is {chosen!r}; give a whole number of 1 or more")
    return chosen


def _seconds(given: Duration | None) -> float:
    if given is None:
        return SHUTDOWN_SECONDS
    try:
        return to_ms(given) / 1000
    except (TypeError, ValueError) as error:
        raise ConfigError(f"shutdown_timeout: {error}") from None
