"""Waiting for the end of a run: whoever answers a request with the result of a run waits here. Keeps no results."""

from __future__ import annotations

import asyncio
import contextlib


class Ends:
    """Used on the engine's loop only."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[asyncio.Future[None]]] = {}

    def tell(self, run_id: str) -> None:
        """Wake whoever waits for this run, which has just ended."""
        for future in self._waiting.pop(run_id, ()):
            if not future.done():
                future.set_result(None)

    async def wait(self, run_id: str, seconds: float) -> bool:
        """Wait until a run that is under way ends; return whether it has, after at most *seconds*."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(run_id, []).append(future)
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await future
            return future.done() and not future.cancelled()
        finally:
            waiting = self._waiting.get(run_id)
            if waiting is not None and future in waiting:
                waiting.remove(future)
                if not waiting:
                    del self._waiting[run_id]
