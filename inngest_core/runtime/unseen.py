"""Which tasks end unseen: those of one `gather` or task group, of which nothing is told before all have ended.

Part of the async driver. When a step's result is delivered, and the function cannot notice that before the next one's
is delivered too, then both may be delivered in one turn of the loop: what the function sees, and in which order, is the
same. asyncio has no public way to ask who looks at a task, so this reads its private list of callbacks, and what
`gather` counts. Where these are other ones, each task counts as seen.
"""

from __future__ import annotations

import asyncio
import types
from typing import Any

Batch = dict[object, int]
"""How many tasks end in one turn, by what is called at their ends."""


def ends_unseen(task: asyncio.Task[Any], batch: Batch) -> bool:
    """Tell whether nothing but a count changes when *task* ends with a result; it is counted in the *batch* then."""
    callbacks: list[tuple[object, object]] | None = getattr(task, "_callbacks", None)
    if callbacks is None or len(callbacks) != 1:
        return False
    callback: Any = callbacks[0][0]
    ended = batch.get(callback, 0) + 1
    if _unfinished(callback) <= ended:  # the last one of them wakes whoever waits for all
        return False
    batch[callback] = ended
    return True


def _unfinished(callback: Any) -> int:
    """Return how many tasks that share this callback have not ended, as far as it is known; 0 where it is not."""
    if type(callback) is types.FunctionType:
        if callback.__code__ is not _COUNT or callback.__closure__ is None:
            return 0
        cells = callback.__closure__
        unfinished: int = cells[_ALL].cell_contents - cells[_FINISHED].cell_contents
        return unfinished
    if type(callback) is types.MethodType and callback.__func__ is _TASK_ENDED:
        return len(getattr(callback.__self__, "_tasks", ()))
    return 0


def _find_count() -> tuple[types.CodeType | None, int, int]:
    """Return the code that `gather` has called at the end of each task, and where it keeps how many there are."""
    for constant in asyncio.gather.__code__.co_consts:
        if isinstance(constant, types.CodeType) and {"nfuts", "nfinished"} <= {*constant.co_freevars}:
            return constant, constant.co_freevars.index("nfuts"), constant.co_freevars.index("nfinished")
    return None, 0, 0


_COUNT, _ALL, _FINISHED = _find_count()
_TASK_ENDED: object = getattr(asyncio.TaskGroup, "_on_task_done", None)
