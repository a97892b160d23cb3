"""How a relay learns of new entries: within its process, or over a connection to PostgreSQL.

A relay that misses a call asks the database anyway after a while, so nothing here has to be perfect.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import select
import threading
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Protocol, Self, cast

CHANNEL = "inngest_outbox"
NOTIFY = f"NOTIFY {CHANNEL}"
LISTEN = f"LISTEN {CHANNEL}"
SLICE_SECONDS = 1.0
"""The longest wait in one piece: a relay that is stopped notices then."""

_log = logging.getLogger("inngest")


class Wakeups(Protocol):
    """Tells of new entries. Entered where it is waited in, and left there."""

    def wait(self, seconds: float) -> Any:
        """Return after so many seconds, or earlier when there are new entries; may return an awaitable."""

    def wake(self) -> None:
        """Let whoever waits return; from any thread."""


class Flag:
    """Wakeups of this process, for a thread."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def wait(self, seconds: float) -> None:
        self._event.wait(seconds)
        self._event.clear()

    def wake(self) -> None:
        self._event.set()


class AsyncFlag:
    """Wakeups of this process, for a task."""

    async def __aenter__(self) -> Self:
        self._loop, self._event = asyncio.get_running_loop(), asyncio.Event()
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            return
        self._event.clear()

    def wake(self) -> None:
        self._loop.call_soon_threadsafe(self._event.set)


class Listener(Flag):
    """Wakeups over PostgreSQL's NOTIFY, for a thread.

    connect: opens a connection of psycopg or psycopg2 in autocommit mode, which then belongs to this object.
    """

    def __init__(self, connect: Callable[[], Any]) -> None:
        super().__init__()
        self._connect = connect
        self._raw: Any = None

    def __exit__(self, *_: object) -> None:
        self._disconnect()

    def wait(self, seconds: float) -> None:
        try:
            self._listen(seconds)
        except Exception as error:  # of whichever driver: the connection is gone
            _log.warning("outbox: cannot listen to the database, asking it now and then: %s", error)
            self._disconnect()
            time.sleep(min(seconds, SLICE_SECONDS))

    def _disconnect(self) -> None:
        raw, self._raw = self._raw, None
        if raw is not None:
            with contextlib.suppress(Exception):  # of whichever driver: it may be broken already
                raw.close()

    def _listen(self, seconds: float) -> None:
        if self._raw is None:
            self._raw = self._connect()
            self._raw.cursor().execute(LISTEN)
            return  # what was written before is looked for now
        while seconds > 0 and not self._event.is_set():
            if _heard(self._raw, min(seconds, SLICE_SECONDS)):
                break
            seconds -= SLICE_SECONDS
        self._event.clear()


def _heard(raw: Any, seconds: float) -> bool:
    """Wait for a notification on a connection of psycopg, or of psycopg2, whose `notifies` is a list."""
    if callable(raw.notifies):
        return any(True for _ in cast("Iterable[object]", raw.notifies(timeout=seconds, stop_after=1)))
    if not select.select([raw], [], [], seconds)[0]:
        return False
    raw.poll()
    heard = bool(raw.notifies)
    raw.notifies.clear()
    return heard


class AsyncListener(AsyncFlag):
    """Wakeups over PostgreSQL's NOTIFY, for a task.

    connect: opens a connection of asyncpg, or an async one of psycopg in autocommit mode, which then belongs to this
    object.
    """

    def __init__(self, connect: Callable[[], Awaitable[Any]]) -> None:
        self._connect = connect
        self._listening: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self._listening = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)

    async def _listen(self) -> None:
        while True:
            try:
                raw = await self._connect()
                try:
                    await self._hear(raw)
                finally:
                    await raw.close()
            except Exception as error:  # of whichever driver: the connection is gone
                _log.warning("outbox: cannot listen to the database, asking it now and then: %s", error)
            await asyncio.sleep(SLICE_SECONDS)

    async def _hear(self, raw: Any) -> None:
        """Listen until the connection is gone."""
        if hasattr(raw, "add_listener"):
            await self._hear_asyncpg(raw)
            return
        await raw.execute(LISTEN)
        self._event.set()
        async for _ in raw.notifies():
            self._event.set()

    async def _hear_asyncpg(self, raw: Any) -> None:
        ended = asyncio.Event()

        def hear(*_: object) -> None:
            self._event.set()

        def end(_: object) -> None:
            ended.set()

        raw.add_termination_listener(end)
        await raw.add_listener(CHANNEL, hear)
        self._event.set()
        await ended.wait()
