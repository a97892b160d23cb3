"""The mark by which the tasks and callbacks of one body are known from all others of a loop.

Part of the async driver. It is in their context variables, which they inherit from whatever started them.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Collection
from typing import Any

from .place import context_of


class Mark:
    """Marks one body; only context variables hold it."""


current_mark: contextvars.ContextVar[Mark | None] = contextvars.ContextVar("inngest_body", default=None)
"""None within a step."""


def no_mark() -> None:
    """Return the mark of a body that has not begun: it has none."""


def is_about_to_run(mark: Mark | None, callbacks: Collection[object]) -> bool:
    """Tell whether something with this mark is among those that the loop runs next."""
    for callback in tuple(callbacks):  # other threads may add to them meanwhile
        context: contextvars.Context | None = getattr(callback, "_context", None)
        if context is not None and context.get(current_mark) is mark:
            return True
    return False


def tasks_of(mark: Mark, loop: asyncio.AbstractEventLoop) -> list[asyncio.Task[Any]]:
    """Return the tasks with this mark that have not ended. Looking at every task of the loop takes its time."""
    return [task for task in asyncio.all_tasks(loop) if context_of(task).get(current_mark) is mark]
