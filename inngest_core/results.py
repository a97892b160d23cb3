"""What a step or a function gave, as it goes to the engine and as the function gets it back.

Decides which type counts: an explicit `output_type=` is strict. A return annotation counts only where JSON cannot
express the type; where it is missing, cannot be resolved or does not fit, the result is plain JSON, and one warning
names the step. A value is read from its JSON in every call, the one that ran the step included, so that live equals
replay. No effects; knows no wire names.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import NamedTuple

from . import steps
from .errors import OutputUnserializableError
from .message import misfit_of
from .replay import Memo
from .returns import MISSING, returned_by
from .serializer import (
    LARGEST_STEP,
    Serializer,
    dump_checked,
    dump_value,
    load_value,
    parse_value,
    type_name,
)
from .steps import Tool

MOST_WARNINGS = 1000
"""So many callbacks are warned of by one client."""

_FIX = "annotate what it returns, or give output_type="

Warned = set[tuple[str, object]]
"""Functions and the callbacks of whose results was warned."""


class Results:
    """Reads and writes the results of the steps of one function."""

    __slots__ = ("_function_id", "_logger", "_serializer", "_warned")

    def __init__(self, function_id: str, logger: logging.Logger, serializer: Serializer | None, warned: Warned) -> None:
        self._function_id = function_id
        self._logger = logger
        self._serializer = serializer
        self._warned = warned

    def read(self, tool: Tool, memo: Memo) -> object:
        """Return the value of a memo as user code gets it.

        Raises StepError for a failed step; OutputUnserializableError when the memo does not fit the output type.
        """
        if tool.returns is None or memo.failed or tool.output_type is not None:
            return steps.read(tool, memo, self._serializer)
        returns, data = returned_by(tool.returns), memo.data
        typ = returns.type_for(self._serializer)
        if typ is None:
            if tool.callback is None and returns.problem is not None and returns is not MISSING:
                self._warn(tool, f"comes back as plain JSON: {returns.problem}")
            return data
        try:
            return load_value(data, typ, serializer=self._serializer)
        except OutputUnserializableError as error:
            self._warn_of_misfit(tool, typ, error)
            return data

    def check(self, tool: Tool, value: object) -> None:
        """Raise OutputUnserializableError when what a step gave is not of its output type."""
        check_result(value, _output(tool), tool.output_type, self._serializer)

    def dump(self, tool: Tool, value: object, *, changed: bool) -> bytes:
        """Return what a step gave as JSON; raises OutputUnserializableError.

        changed: a hook put it there; its type is then for what a hook makes of the memo.
        """
        what = _output(tool)
        if tool.returns is None or changed:
            return dump_value(value, what, serializer=self._serializer, limit=LARGEST_STEP)
        returns = returned_by(tool.returns)
        typ = returns.type_for(self._serializer)
        written = dump_result(value, what, tool.output_type, typ, self._serializer, LARGEST_STEP)
        if written.misfit is not None:
            self._warn_of_misfit(tool, typ, written.misfit)
        elif written.rich and typ is None and tool.output_type is None:
            problem = returns.problem or "its annotation is of plain JSON"
            self._warn(tool, f"is a {type(value).__name__} and comes back as plain JSON: {problem}; {_FIX}")
        return written.data

    def dump_invoke_opts(self, tool: Tool) -> Mapping[str, object]:
        """Return the options of an invocation as JSON values; as `steps.dump_invoke_opts`."""
        return steps.dump_invoke_opts(tool, self._serializer)

    def _warn_of_misfit(self, tool: Tool, typ: object, error: OutputUnserializableError) -> None:
        reason = misfit_of(error.__context__ or error).replace("\n", " ")
        self._warn(tool, f"comes back as plain JSON: it does not fit its annotation {type_name(typ)}: {reason}")

    def _warn(self, tool: Tool, message: str) -> None:
        """Warn once of what a callback returns, however often and under whichever ids it is run."""
        key = (self._function_id, getattr(tool.returns, "__code__", tool.step_id))
        if key in self._warned or len(self._warned) >= MOST_WARNINGS:
            return
        self._warned.add(key)
        self._logger.warning('step "%s" of %s: the result %s', tool.step_id, self._function_id, message)


def _output(tool: Tool) -> str:
    return f'step "{tool.step_id}": output'


def check_result(value: object, what: str, output_type: object, serializer: Serializer | None) -> None:
    """Raise OutputUnserializableError when *value* is not of an explicit output type.

    What hooks make of a value is neither of that type nor of that size, so this is asked before they run.
    """
    if output_type is not None:
        dump_result(value, what, output_type, None, serializer, None)


class Written(NamedTuple):
    """A result as JSON. rich: it held more than plain JSON values. misfit: why its annotation does not count."""

    data: bytes
    rich: bool
    misfit: OutputUnserializableError | None = None


def dump_result(
    value: object, what: str, output_type: object, annotated: object, serializer: Serializer | None, limit: int | None
) -> Written:
    """Return *value* as JSON; raises OutputUnserializableError. annotated: the type that counts, if the value fits."""
    misfit: OutputUnserializableError | None = None
    if output_type is not None:
        written = dump_checked(value, what, output_type=output_type, serializer=serializer, limit=limit)
        load_value(parse_value(written[0]), output_type, what=what, serializer=serializer)
        return Written(*written)
    if serializer is None:
        return Written(*dump_checked(value, what, output_type=annotated, limit=limit))
    if annotated is not None:
        try:
            written = dump_checked(value, what, output_type=annotated, serializer=serializer, limit=limit)
            load_value(parse_value(written[0]), annotated, serializer=serializer)
            return Written(*written)
        except OutputUnserializableError as error:  # it comes back as plain JSON, not in the serializer's form
            misfit = error
    typed = annotated is not None
    return Written(*dump_checked(value, what, serializer=serializer, limit=limit, typed=typed), misfit)
