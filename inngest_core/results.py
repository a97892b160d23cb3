"""What a step or a function gave, as it goes to the engine and as the function gets it back.

Decides which type counts: an explicit `output_type=` is strict. A return annotation counts only where JSON cannot
express the type; where it is missing, cannot be resolved or does not fit, the result is plain JSON, and one warning
names the step. A value is read from its JSON in every call, the one that ran the step included, so that live equals
replay. No effects; knows no wire names.
"""

from __future__ import annotations

import logging

from . import steps
from .errors import OutputUnserializableError
from .message import misfit_of
from .replay import Memo
from .returns import Returns, returned_by
from .serializer import LARGEST_STEP, Serializer, dump_checked, load_value, parse_value, type_name
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
        typ = returned_by(tool.returns).typ
        data = memo.data
        if typ is None or data is None:
            return data
        try:
            return load_value(data, typ, serializer=self._serializer)
        except OutputUnserializableError as error:
            reason = misfit_of(error.__context__).replace("\n", " ")
            self._warn(tool, f"comes back as plain JSON: it does not fit its annotation {type_name(typ)}: {reason}")
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
            return dump_checked(value, what, limit=LARGEST_STEP)[0]
        returns = returned_by(tool.returns)
        data, rich = dump_result(value, what, tool.output_type, returns, self._serializer, LARGEST_STEP)
        if rich and returns.typ is None and tool.output_type is None:
            problem = returns.problem or "its annotation is of plain JSON"
            self._warn(tool, f"is a {type(value).__name__} and comes back as plain JSON: {problem}; {_FIX}")
        return data

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
        dump_result(value, what, output_type, Returns(), serializer, None)


def dump_result(
    value: object, what: str, output_type: object, returns: Returns, serializer: Serializer | None, limit: int | None
) -> tuple[bytes, bool]:
    """Return *value* as JSON, and whether it held more than plain JSON values; raises OutputUnserializableError."""
    if output_type is not None:
        written = dump_checked(value, what, output_type=output_type, serializer=serializer, limit=limit)
        load_value(parse_value(written[0]), output_type, what=what, serializer=serializer)
        return written
    if returns.typ is not None:
        try:
            return dump_checked(value, what, output_type=returns.typ, serializer=serializer, limit=limit)
        except OutputUnserializableError:
            if serializer is None:
                raise
    return dump_checked(value, what, limit=limit)
