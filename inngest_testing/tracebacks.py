"""Tracebacks as a test needs them: its own lines and those of the app, and none of the SDK.

Modules of the kit that a test calls say `__tracebackhide__ = True`, by which pytest leaves out their frames.
"""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from inngest_core.execution.failure import without_frames

from .errors import TestingError

E = TypeVar("E", bound=BaseException)

_ROOT = Path(__file__).parent.parent
_OURS = tuple(f"{_ROOT / name}{os.sep}" for name in ("inngest_core", "inngest_devserver", "inngest_testing"))
_READING = str(Path(__file__).with_name("results.py"))


def as_raised_by_user(error: E) -> E:
    """Return an exception of user code with the frames of user code only.

    It may have been raised before, by a test that read it: the frames of that are left out, too.
    """
    return error.with_traceback(without_frames(_after_reading(error.__traceback__), _OURS))


def as_raised_by_kit(error: BaseException) -> BaseException:
    """Return an exception that the kit raises; one that fails a test leads to the line of the test only."""
    return error.with_traceback(None) if isinstance(error, TestingError) else error


def _after_reading(trace: TracebackType | None) -> TracebackType | None:
    """Return what follows the last frame in which a result was read."""
    rest = trace
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == _READING:
            rest = trace.tb_next
        trace = trace.tb_next
    return rest
