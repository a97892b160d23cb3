"""Functions that run on the loop of user code, while the loop of the connection goes on; begun and cancelled by either.

Neither loop waits for the other one. A function that blocks its loop keeps only other functions waiting.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Callable

from .handover import Handover, is_running_here
from .messages import ExecutorRequest, Reply
from .served import Served, failed_reply


class Call:
    """One run of a function. Belongs to the loop of user code."""

    def __init__(self, request: ExecutorRequest) -> None:
        self.request = request
        self.task: asyncio.Task[None] | None = None


OnEnd = Callable[[Call, Reply | None], object]


class Calls:
    """The functions that run. Told what to do in any thread."""

    def __init__(self, served: Served, user_loop: asyncio.AbstractEventLoop, on_end: OnEnd) -> None:
        """on_end: called on the loop of user code with the reply, or with None for a function that was cancelled."""
        self._served = served
        self._user_loop = user_loop
        self._on_end = on_end
        self._there = Handover(user_loop)
        self._running: set[Call] = set()

    @property
    def are_over(self) -> bool:
        """Whether the loop of user code is closed."""
        return self._user_loop.is_closed()

    def begin(self, call: Call) -> None:
        """Run the function that is asked for; raises RuntimeError when the loop of user code is closed."""
        if is_running_here(self._user_loop):  # before whatever may wait for it there, which is about other calls
            self._start(call)
        else:
            self._there.put(functools.partial(self._start, call))

    def cancel(self, call: Call) -> None:
        """Cancel a function as soon as its loop is free."""
        with contextlib.suppress(RuntimeError):  # the loop is closed, and the function ended with it
            self._there.put(functools.partial(self._cancel, call))

    # On the loop of user code

    def _start(self, call: Call) -> None:
        self._running.add(call)
        call.task = self._user_loop.create_task(self._run(call))

    def _cancel(self, call: Call) -> None:
        if call.task is not None:
            call.task.cancel()

    async def _run(self, call: Call) -> None:
        reply: Reply | None = None
        try:
            reply = await self._served.answer(call.request)
        except Exception as error:
            self._served.client.logger.error("an error of the SDK itself", exc_info=error)
            reply = failed_reply(call.request, f"an error of the SDK itself: {type(error).__name__}")
        finally:
            self._running.discard(call)
            self._on_end(call, reply)
