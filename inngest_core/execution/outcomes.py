"""What ends a call before its function does, and the ops that tell of it. Values only."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from inngest_core.errors import OutputUnserializableError
from inngest_core.protocol.wire import Op, Opcode
from inngest_core.runtime.awaitable import is_awaitable
from inngest_core.runtime.outcome import Raised, Returned
from inngest_core.values.serializer import dump

from .replay import Found
from .tools import Tool


@dataclass(slots=True)
class Reported:
    """The call ended with ops. headers: when, and whether, the step that failed may be tried again."""

    ops: Sequence[Op]
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class TargetMissed:
    """The function did not meet the step that the engine asked for.

    met: those that it did meet: the id on the wire, and the one in the code. name: of the missed step, where known.
    """

    met: Sequence[tuple[str, str]]
    name: str | None


CallOutcome = Reported | TargetMissed | Returned | Raised
"""What one call of one function came to."""


def report_new(found: Sequence[Found[Tool, Any]]) -> Reported:
    """Report steps that have not run: those that run in the app are planned."""
    return Reported([op_of(each, Opcode.STEP_PLANNED if each.op is Opcode.STEP_RUN else each.op) for each in found])


def report_again(found: Found[Tool, Any]) -> Reported:
    """Report a step from its memo, as it came."""
    memo = found.memo
    if memo is None:
        raise AssertionError("only a step with a memo is reported again")
    if memo.failed:
        return Reported([op_of(found, Opcode.STEP_FAILED, error=dict(memo.error or {}))])
    return Reported([op_of(found, Opcode.STEP_RUN, data=dump(memo.data, f'step "{found.step_id}"').body)])


def op_of(
    found: Found[Tool, Any],
    opcode: Opcode,
    *,
    data: bytes = b"null",
    error: Mapping[str, object] | None = None,
    timing: tuple[int, int] | None = None,
) -> Op:
    tool = found.tool
    return Op(
        op=opcode,
        id=found.id,
        name=tool.name,
        display_name=found.step_id,
        opts=tool.opts,
        data=data,
        error=error,
        step_id=found.step_id,
        index=found.index,
        timing=timing,
        metadata=() if timing is None or opcode is not Opcode.STEP_RUN else _describe(found, data, timing),
    )


def _describe(found: Found[Tool, Any], data: bytes, timing: tuple[int, int]) -> Sequence[Mapping[str, object]]:
    tool = found.tool
    if tool.describe is None:
        return ()
    return tool.describe(data, args_of(found), timing[1] // 1_000_000)


def refuse_coroutine(value: object, what: str) -> Returned:
    """Return what user code returned; raises OutputUnserializableError when it has yet to be awaited."""
    if not is_awaitable(value):
        return Returned(value)
    kind, name = type(value).__name__, getattr(value, "__qualname__", "")
    if inspect.iscoroutine(value):
        value.close()
    raise OutputUnserializableError(
        f"{what} returned a {kind}{f' of {name}' if name else ''}, not its result; did you forget await?"
    )


def args_of(found: Found[Tool, Any]) -> Sequence[object]:
    """Return the arguments of what a step runs, which may have been edited in the engine."""
    return found.tool.args if found.input is None else found.input
