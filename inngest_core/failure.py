"""What is said of an exception of user code: as JSON, as headers, and whether it may be tried again.

Decides nothing about steps. Sources: protocol §6, §7, B2, C5, C6.
"""

from __future__ import annotations

import datetime
import math
import textwrap
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, cast

from .duration import dump_time, to_ms
from .errors import InngestError, RetryAfterError, StepError
from .wire import CallContext, Header

LONGEST_RETRY_SECONDS = 24 * 3600
LONGEST_CAUSE_CHAIN = 8

_Group = BaseExceptionGroup[BaseException]
_OURS = str(Path(__file__).parent)


def retriable(error: BaseException) -> bool:
    """Tell whether trying again can help; for a group, whether it can for any of its exceptions."""
    return any(each.retriable if isinstance(each, InngestError) else True for each in _leaves(error))


def _leaves(error: BaseException) -> Iterator[BaseException]:
    """Yield the exceptions of a group and of the groups in it; of what is no group, itself."""
    if not isinstance(error, BaseExceptionGroup):
        yield error
        return
    for each in cast("_Group", error).exceptions:
        yield from _leaves(each)


def is_final(error: BaseException, ctx: CallContext) -> bool:
    """Tell whether this attempt was the last one."""
    if not retriable(error):
        return True
    return ctx.max_attempts is not None and ctx.attempt + 1 >= ctx.max_attempts


def retry_headers(error: BaseException) -> dict[str, str]:
    """Return the headers that tell the engine whether, and when, to try again."""
    if not retriable(error):
        return {Header.NO_RETRY.value: "true"}
    for each in _leaves(error):
        if isinstance(each, RetryAfterError):
            return {Header.RETRY_AFTER.value: _dump_retry_after(each.retry_after)}
    return {}


def _dump_retry_after(when: int | datetime.timedelta | datetime.datetime) -> str:
    if isinstance(when, datetime.datetime):
        return dump_time(when)
    seconds = math.ceil(to_ms(when) / 1000)
    return str(min(max(seconds, 1), LONGEST_RETRY_SECONDS))


def describe(error: BaseException, *, depth: int = 0) -> dict[str, Any]:
    """Return name, message, stack and cause of an exception; a StepError gives those of its step."""
    if isinstance(error, StepError):
        described: dict[str, Any] = {"name": error.name, "message": error.message}
        if error.stack is not None:
            described["stack"] = error.stack
    else:
        described = {"name": type(error).__name__, "message": message_of(error), "stack": _stack(error)}
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None and depth < LONGEST_CAUSE_CHAIN:
        described["cause"] = describe(cause, depth=depth + 1)
    return described


def message_of(error: BaseException) -> str:
    """Return the text of an exception, also when its own `__str__` is broken; that of a group names its exceptions."""
    if isinstance(error, BaseExceptionGroup):
        group = cast("_Group", error)
        return f"{group.message}: {'; '.join(_named(each) for each in _leaves(group))}"
    try:
        return str(error)
    except Exception as broken:  # an exception whose __str__ raises must not hide that it was raised
        return f"(its message cannot be read: {type(broken).__name__})"


def _named(error: BaseException) -> str:
    """Return kind and text of an exception of a group, and of which step it is."""
    if not isinstance(error, StepError):
        return f"{type(error).__name__}: {message_of(error)}"
    step = f'step "{error.step_id}": ' if error.step_id else ""
    return f"{step}{error.name}: {message_of(error)}"


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
    if isinstance(error, BaseExceptionGroup):
        stacks = (describe(each).get("stack") or _named(each) for each in _leaves(cast("_Group", error)))
        lines.extend("\n\n" + textwrap.indent(stack, "  ") for stack in stacks)
    return "".join(lines)
