"""What is said of an exception of user code: as JSON, as headers, and whether it may be tried again.

Decides nothing about steps. Sources: protocol §6, §7, B2, C5, C6.
"""

from __future__ import annotations

import datetime
import math
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any, cast

from .duration import dump_time, to_ms
from .errors import InngestError, RetryAfterError, StepError
from .wire import CallContext, Header

LONGEST_RETRY_SECONDS = 24 * 3600
LONGEST_CAUSE_CHAIN = 8
LONGEST_TEXT = 32_000
"""Characters of a message or a stack: an engine refuses large answers (protocol C7)."""

_Group = BaseExceptionGroup[BaseException]
_OURS = str(Path(__file__).parent)


def retriable(error: BaseException) -> bool:
    """Tell whether trying again can help; for a group, whether it can for any of its exceptions."""
    if isinstance(error, BaseExceptionGroup):
        return any(retriable(each) for each in _members(cast("_Group", error)))
    return error.retriable if isinstance(error, InngestError) else True


def _members(group: _Group) -> tuple[BaseException, ...]:
    return group.exceptions


def is_final(error: BaseException, ctx: CallContext) -> bool:
    """Tell whether this attempt was the last one."""
    if not retriable(error):
        return True
    return ctx.max_attempts is not None and ctx.attempt + 1 >= ctx.max_attempts


def retry_headers(error: BaseException) -> dict[str, str]:
    """Return the headers that tell the engine whether, and when, to try again."""
    if not retriable(error):
        return {Header.NO_RETRY.value: "true"}
    if isinstance(error, RetryAfterError):
        return {Header.RETRY_AFTER.value: _dump_retry_after(error.retry_after)}
    return {}


def _dump_retry_after(when: int | datetime.timedelta | datetime.datetime) -> str:
    if isinstance(when, datetime.datetime):
        return dump_time(when)
    seconds = math.ceil(to_ms(when) / 1000)
    return str(min(max(seconds, 1), LONGEST_RETRY_SECONDS))


def describe(error: BaseException, *, depth: int = 0) -> dict[str, Any]:
    """Return name, message, stack and cause of an exception; a StepError gives those of its step."""
    if isinstance(error, StepError):
        described: dict[str, Any] = {"name": error.name, "message": _shorten(error.message)}
        if error.stack is not None:
            described["stack"] = _shorten(error.stack)
    else:
        message, stack = _shorten(message_of(error)), _shorten(_stack(error))
        described = {"name": type(error).__name__, "message": message, "stack": stack}
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None and depth < LONGEST_CAUSE_CHAIN:
        described["cause"] = describe(cause, depth=depth + 1)
    return described


def _shorten(text: str) -> str:
    if len(text) <= LONGEST_TEXT:
        return text
    note = f"… ({len(text):,} characters in all)"
    return text[: LONGEST_TEXT - len(note)] + note  # no longer than the limit: it may be told again


def message_of(error: BaseException) -> str:
    """Return the text of an exception, also when its own `__str__` is broken; a group's tells of its exceptions."""
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(f"{describe(each)['name']}: {message_of(each)}" for each in _members(cast("_Group", error)))
    try:
        return str(error)
    except Exception as broken:  # an exception whose __str__ raises must not hide that it was raised
        return f"(its message cannot be read: {type(broken).__name__})"


def exc_info(error: BaseException) -> tuple[type[BaseException], BaseException, TracebackType | None]:
    """Return what a logger takes to show an exception, from the first frame on that is the user's."""
    first = error.__traceback__
    while first is not None and first.tb_frame.f_code.co_filename.startswith(_OURS):
        first = first.tb_next
    return type(error), error, first


def _stack(error: BaseException) -> str:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(_OURS)]
    lines = ["Traceback (most recent call last):\n", *traceback.format_list(frames)]
    lines.append(f"{type(error).__name__}: {message_of(error)}")
    return "".join(lines)
