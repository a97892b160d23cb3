"""What is said of an exception of user code: as JSON, as headers, in the log, and whether it may be tried again.

All of it is bounded, so that an answer with an error is within what an engine takes, whatever was raised.
Decides nothing about steps.
"""

from __future__ import annotations

import datetime
import logging
import textwrap
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any, cast

from inngest_core.error_text import MOST_MEMBERS, SHORT_MESSAGE, cut, headline, leaves, message_of, name_of
from inngest_core.errors import CallSupersededError, InngestError, NonRetriableError, RetryAfterError, StepError
from inngest_core.execution.marks import mark_of
from inngest_core.protocol.duration import dump_time, to_ms
from inngest_core.protocol.limits import MAX_RETRY_AFTER_SECONDS
from inngest_core.protocol.wire import CallContext, Header
from inngest_core.runtime.effects import Flow, now

LONGEST_CAUSE_CHAIN = 8
LONGEST_STACK = 24 * 1024
"""Characters. With messages and causes at their longest, and each character escaped, an error is below 4 MiB."""

_PACKAGES = Path(__file__).parent.parent.parent
_OURS = tuple(str(_PACKAGES / name) for name in ("inngest_core", "inngest_middleware"))
"""Where our frames come from; a hook of an integration that wraps a step is between the engine and the user's code."""


def retriable(error: BaseException) -> bool:
    """Tell whether trying again can help; for a group, whether it can for any of its exceptions."""
    return any(each.retriable if isinstance(each, InngestError) else mark_of(each).retriable for each in leaves(error))


def is_final(error: BaseException, ctx: CallContext) -> bool:
    """Tell whether this attempt was the last one."""
    if not retriable(error):
        return True
    return ctx.max_attempts is not None and ctx.attempt + 1 >= ctx.max_attempts


def retry_headers(error: BaseException) -> Flow[dict[str, str]]:
    """Return the headers that tell the engine whether, and when, to try again."""
    if not retriable(error):
        return {Header.NO_RETRY.value: "true"}
    for each in leaves(error):
        when = each.retry_after if isinstance(each, RetryAfterError) else mark_of(each).retry_after
        if when is not None:
            if not isinstance(when, datetime.datetime):
                when = _later(when, (yield from now()))
            return {Header.RETRY_AFTER.value: dump_time(when)}
    return {}


def _later(wait: int | datetime.timedelta, now_seconds: float) -> datetime.datetime:
    """Return when a wait ends: as a time, since engines count whole seconds from a clock without fractions."""
    seconds = min(to_ms(wait) / 1000, MAX_RETRY_AFTER_SECONDS)
    return datetime.datetime.fromtimestamp(now_seconds + seconds, datetime.UTC)


def describe(error: BaseException) -> dict[str, Any]:
    """Return name, message, stack, cause and code of an exception, and the data that it was marked with.

    A StepError gives those of its step.
    """
    described: dict[str, Any] = {}
    for each in reversed(_chain(error)):
        told: dict[str, Any] = {"name": name_of(each), "message": message_of(each)}
        if not isinstance(each, StepError) or each.stack is not None or each.__traceback__ is not None:
            told["stack"] = _stack(each)
        data = mark_of(each).data
        if data is not None:
            told["data"] = data
        if described:
            told["cause"] = described
        described = told
    return {**described, "code": error.code if isinstance(error, InngestError) else InngestError.code}


def _chain(error: BaseException) -> list[BaseException]:
    """Return an exception, what it was raised from, and so on; each once."""
    chain: list[BaseException] = []
    each: BaseException | None = error
    while each is not None and len(chain) <= LONGEST_CAUSE_CHAIN and not any(each is one for one in chain):
        chain.append(each)
        cause = each.__cause__
        each = each.__context__ if cause is None and not each.__suppress_context__ else cause
    return chain


def is_quiet(error: BaseException) -> bool:
    """Tell whether it was raised with quiet=True."""
    return isinstance(error, NonRetriableError | RetryAfterError) and bool(getattr(error, "quiet", False))


def log_failure(logger: logging.Logger, error: BaseException, what: str, *, final: bool) -> None:
    """Log what a step or a function raised, unless it asked for quiet. what: names it."""
    if is_quiet(error):
        return
    if isinstance(error, CallSupersededError):  # as when the run was cancelled: nothing has failed
        logger.info("%s stopped: %s", what, error)
        return
    how = "failed" if final else "will be tried again"
    message = message_of(error, SHORT_MESSAGE) or name_of(error)
    info = exc_info(error)
    if info is not None and _is_long(error):
        info, message = None, f"{message}\n{_stack(error)}"
    logger.error("%s %s: %s", what, how, message, exc_info=info)


def _is_long(error: BaseException) -> bool:
    """Tell whether the text of an exception, without frames, is longer than is of use in a log."""
    lines = traceback.TracebackException(type(error), error, None, limit=0).format()
    return sum(len(line) for line in lines) > LONGEST_STACK


def exc_info(error: BaseException) -> tuple[type[BaseException], BaseException, TracebackType | None] | None:
    """Return what a logger takes to show an exception, without our frames; None when no logger could show it."""
    try:
        list(traceback.TracebackException(type(error), error, None, limit=0).format())
    except Exception:  # a broken class, or groups nested too deep
        return None
    return type(error), error, without_frames(error.__traceback__, _OURS)


def without_frames(trace: TracebackType | None, paths: tuple[str, ...]) -> TracebackType | None:
    """Return a traceback without the frames of files whose paths begin with one of these."""
    theirs: list[TracebackType] = []
    while trace is not None:
        if not trace.tb_frame.f_code.co_filename.startswith(paths):
            theirs.append(trace)
        trace = trace.tb_next
    rest: TracebackType | None = None
    for each in reversed(theirs):
        rest = TracebackType(rest, each.tb_frame, each.tb_lasti, each.tb_lineno)
    return rest


def _stack(error: BaseException, limit: int = LONGEST_STACK) -> str:
    """Return the frames that are not ours, the message and the notes; then those of each exception of a group."""
    if isinstance(error, StepError) and error.stack is not None:
        return _cut_stack(error.stack, limit)
    lines = ["Traceback (most recent call last):\n"]
    lines += traceback.format_tb(without_frames(error.__traceback__, _OURS))
    lines.append(headline(error))
    lines += [f"\n{note}" for note in _notes(error)]
    own = "".join(lines)
    if not isinstance(error, BaseExceptionGroup):
        return _cut_stack(own, limit)
    members = leaves(cast("BaseException", error))[:MOST_MEMBERS]
    share = limit * 9 // 10 // (len(members) + 1)  # a tenth is for the indents
    stacks = [textwrap.indent(_stack_of_member(each, share), "  ") for each in members]
    return _cut_stack("\n\n".join([_cut_stack(own, share), *stacks]), limit)


def _stack_of_member(error: BaseException, limit: int) -> str:
    stack = _stack(error, limit)
    return f'step "{error.step_id}": {stack}' if isinstance(error, StepError) and error.step_id else stack


def _cut_stack(stack: str, limit: int) -> str:
    """Cut in the middle: the end says what was raised and where, the beginning how it came there."""
    return cut(stack, limit, end=limit * 3 // 4)


def _notes(error: BaseException) -> list[str]:
    notes: object = vars(error).get("__notes__")
    listed = cast("list[object]", notes) if isinstance(notes, list) else []
    return [cut(note, SHORT_MESSAGE) for note in listed if isinstance(note, str)]
