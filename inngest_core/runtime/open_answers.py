"""Answers that are read while they come, in a thread or on a loop. Each read has a time-out of its own.

Knows no format: what it gives are the bytes as they were sent.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from inngest_core.web.messages import TransportError

if TYPE_CHECKING:
    import httpx

Failing = Callable[[], contextlib.AbstractContextManager[None]]
"""Turns what a read raises into a TransportError."""


class _Open:
    """What the two kinds share: the head of the answer."""

    def __init__(self, response: httpx.Response, failing: Failing) -> None:
        self._response = response
        self._failing = failing

    @property
    def status(self) -> int:
        return self._response.status_code

    @property
    def headers(self) -> Mapping[str, str]:
        return self._response.headers


class OpenAnswer(_Open):
    """An answer that is read in the thread that asked for it."""

    def __init__(self, response: httpx.Response, failing: Failing) -> None:
        super().__init__(response, failing)
        self._chunks: Iterator[bytes] = response.iter_raw()

    def read(self, seconds: float) -> bytes:
        """Return what comes next, and nothing at the end; raises TransportError when nothing comes in *seconds*."""
        from .deadline import within

        with self._failing(), within(seconds):
            return next(self._chunks, b"")

    def close(self) -> None:
        self._response.close()

    def abandon(self) -> None:
        """Close, in whatever thread nobody needs it any more."""
        self.close()


class OpenAnswerAsync(_Open):
    """An answer that is read on the loop that asked for it. A read that is cancelled loses nothing."""

    def __init__(self, response: httpx.Response, failing: Failing) -> None:
        super().__init__(response, failing)
        self._chunks: AsyncIterator[bytes] = response.aiter_raw()
        self._loop = asyncio.get_running_loop()
        self._reading: asyncio.Task[bytes] | None = None
        self._closing: asyncio.Task[None] | None = None

    async def read(self, seconds: float) -> bytes:
        """Return what comes next, and nothing at the end; raises TransportError when nothing comes in *seconds*."""
        reading = self._reading or self._loop.create_task(self._next())
        self._reading = reading
        await asyncio.wait([reading], timeout=seconds)  # which does not cancel it when it is cancelled
        if not reading.done():
            raise TransportError(f"nothing came in {seconds:g} s")
        self._reading = None
        if reading.cancelled():
            raise TransportError("it was closed")
        with self._failing():
            return reading.result()

    async def _next(self) -> bytes:
        return await anext(self._chunks, b"")

    async def close(self) -> None:
        reading = self._reading
        if reading is not None:
            reading.cancel()
            await asyncio.wait([reading])
            if not reading.cancelled():
                reading.exception()  # nobody else asks for it, and asyncio would complain
        await self._response.aclose()

    def abandon(self) -> None:
        """Close soon, from whatever thread nobody needs it any more in."""
        with contextlib.suppress(RuntimeError):  # the loop is closed, and the connection with it
            self._loop.call_soon_threadsafe(self._close_soon)

    def _close_soon(self) -> None:
        self._closing = self._loop.create_task(self.close())
        self._closing.add_done_callback(lambda _: setattr(self, "_closing", None))  # it is kept until then
