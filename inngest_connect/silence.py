"""Noticing that the other side of a connection has gone silent, at next to no cost for each frame."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

_SLACK = 0.1
"""Which part of the limit may pass before a frame moves the deadline: moving it costs more than the frame."""


class Silence:
    """async with Silence(seconds) as silence: raises TimeoutError when *heard* is not called for about so long."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._clock = asyncio.get_running_loop().time
        self._timeout = asyncio.timeout(seconds)
        self._moved_at = self._clock()

    def heard(self) -> None:
        """Note that something has come."""
        now = self._clock()
        if now - self._moved_at > _SLACK * self.seconds and not self._timeout.expired():
            self._moved_at = now
            self._timeout.reschedule(now + self.seconds)

    async def __aenter__(self) -> Self:
        await self._timeout.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._timeout.__aexit__(kind, error, trace)
