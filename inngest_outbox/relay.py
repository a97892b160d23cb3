"""A relay: sends what is in an outbox, in a thread, in a task, or in a process of its own.

What is sent when is decided in `delivery.py`; here is only what runs it, and what stops it.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from types import TracebackType
from typing import Self

from inngest_core.client import Inngest
from inngest_core.errors import ConfigError
from inngest_core.runtime.drivers import run_async, run_sync
from inngest_core.runtime.fork import forget_after_fork

from .delivery import Delivery, Policy, Store
from .wakeups import Wakeups

STOP_SECONDS = 60.0
"""How long a thread that stops may take for the batch that it is sending."""

_log = logging.getLogger("inngest")


class Relay:
    """Send the events of an outbox, for as long as it runs. Several relays may run at once.

    Made by `outbox.relay(...)`. A relay of a sync engine runs in a thread of its own (`start` and `stop`, or `with`),
    or in the thread that calls `run`; one of an async engine runs in a task (`async with`), or where `run_async` is
    awaited.
    """

    def __init__(
        self,
        client: Inngest,
        store: Store,
        policy: Policy,
        *,
        wakeups: Callable[[], AbstractContextManager[Wakeups]] | None = None,
        async_wakeups: Callable[[], AbstractAsyncContextManager[Wakeups]] | None = None,
    ) -> None:
        """client: sends the events. store: has them. wakeups, async_wakeups: one of them, which tells of new ones."""
        self._delivery = Delivery(client, store, policy, asynchronous=async_wakeups is not None)
        self._wakeups, self._async_wakeups = wakeups, async_wakeups
        self.forget()
        forget_after_fork(self)

    def forget(self) -> None:
        """Begin anew in a forked child, which has no threads."""
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._task: asyncio.Task[None] | None = None
        self._running: Wakeups | None = None
        self._stopped = False

    @property
    def sent(self) -> int:
        """How many events this relay has sent."""
        return self._delivery.sent

    def wake(self) -> None:
        """Look for events now; from any thread. Committed sessions of this process do it by themselves."""
        running = self._running
        if running is not None:
            running.wake()

    def stop(self) -> None:
        """Stop after the batch that is being sent; from any thread. Waits for the thread that `start` started."""
        self._stopped = True
        self.wake()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(STOP_SECONDS)

    def run(self) -> None:
        """Send in this thread until `stop` is called. Raises ConfigError: the relay has an async engine."""
        with self._sync_wakeups()() as wakeups:
            self._running = wakeups
            run_sync(self._delivery.forever(lambda: self._stopped, wakeups.wait), self._delivery.client.resources)

    def drain(self) -> int:
        """Send what is due now. Returns how many events that were. Raises ConfigError: it has an async engine."""
        self._sync_wakeups()
        return run_sync(self._delivery.until_idle(), self._delivery.client.resources)

    def start(self) -> None:
        """Send in a thread of its own, until `stop` is called; once is enough. Raises ConfigError: as `run`."""
        self._sync_wakeups()
        with self._lock:
            if self._thread is not None and self._thread.is_alive():
                return
            self._stopped = False
            self._thread = threading.Thread(target=self._run_and_log, name="inngest-outbox", daemon=True)
            self._thread.start()

    def _run_and_log(self) -> None:
        try:
            self.run()
        except Exception:
            _log.exception("outbox: the relay ended")

    async def run_async(self) -> None:
        """Send on this loop until `stop` is called or it is cancelled. Raises ConfigError: it has a sync engine."""
        async with self._of_a_loop()() as wakeups:
            self._running = wakeups
            flow = self._delivery.forever(lambda: self._stopped, wakeups.wait)
            await run_async(flow, self._delivery.client.resources)

    async def drain_async(self) -> int:
        """Send what is due now. Returns how many events that were. Raises ConfigError: it has a sync engine."""
        self._of_a_loop()
        return await run_async(self._delivery.until_idle(), self._delivery.client.resources)

    def _sync_wakeups(self) -> Callable[[], AbstractContextManager[Wakeups]]:
        if self._wakeups is None:
            raise ConfigError("this relay has an async engine; use `async with`, run_async or drain_async")
        return self._wakeups

    def _of_a_loop(self) -> Callable[[], AbstractAsyncContextManager[Wakeups]]:
        if self._async_wakeups is None:
            raise ConfigError("this relay has a sync engine; use `with`, start, run or drain")
        return self._async_wakeups

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        self._of_a_loop()
        self._stopped = False
        self._task = asyncio.create_task(self.run_async(), name="inngest-outbox")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()
        if self._task is not None:
            await self._task
