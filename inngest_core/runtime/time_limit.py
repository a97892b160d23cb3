"""How long a hook may take: a time-out that pauses while what the hook wraps runs.

For the async driver, as nothing can end plain code in a thread. Raises TimeoutError and leaves it to others to say
what that means.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable


class TimeLimit:
    """Limits how long something is waited for; for one wait.

    seconds: how long at most. name: of the option that says so, for the message.
    """

    __slots__ = ("_name", "_pauses", "_seconds", "_timeout")

    def __init__(self, seconds: float, name: str) -> None:
        self._seconds = seconds
        self._name = name
        self._pauses = 0
        self._timeout: asyncio.Timeout | None = None

    async def wait_for(self, awaited: Awaitable[object]) -> object:
        """Return what *awaited* gives; cancel it and raise TimeoutError when the time is over."""
        timeout = asyncio.timeout(None if self._pauses else self._seconds)
        self._timeout = timeout
        try:
            async with timeout:
                return await awaited
        except TimeoutError as error:
            if not timeout.expired():  # one of its own
                raise
            raise TimeoutError(f"it took longer than {self._seconds:g} s, the {self._name} of the client") from error
        finally:
            self._timeout = None

    def pause(self) -> None:
        """Let the time stand still until `resume`, which each pause needs."""
        self._pauses += 1
        if self._pauses == 1:
            self._end_in(None)

    def resume(self) -> None:
        """Let all of the time begin anew."""
        self._pauses -= 1
        if self._pauses == 0:
            self._end_in(self._seconds)

    def _end_in(self, seconds: float | None) -> None:
        timeout = self._timeout
        if timeout is None or timeout.expired():
            return
        try:
            now = asyncio.get_running_loop().time()
        except RuntimeError:  # what waited was closed with its loop
            return
        timeout.reschedule(None if seconds is None else now + seconds)
