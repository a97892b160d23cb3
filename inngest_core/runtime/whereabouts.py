"""Where code runs, in words for messages: the calling line, the thread and the task."""

from __future__ import annotations

import asyncio
import sys
import threading
from types import FrameType


def whereabouts(*ours: str) -> str:
    """Return where the code is that called us, such as 'shop.py:31 (load_user), in the thread "worker-1"'.

    ours: files whose lines are passed over, as `__file__` gives them.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename in ours:
        frame = frame.f_back
    line = "unknown code" if frame is None else _line(frame)
    return f'{line}, in the thread "{threading.current_thread().name}"{_task()}'


def _line(frame: FrameType) -> str:
    return f"{frame.f_code.co_filename}:{frame.f_lineno} ({frame.f_code.co_qualname})"


def _task() -> str:
    try:
        task = asyncio.current_task()
    except RuntimeError:  # no loop runs in this thread
        return ""
    return "" if task is None else f' and the task "{task.get_name()}"'
