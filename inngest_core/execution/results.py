"""What a step or a function gave, as it goes to the engine and as the function gets it back.

Decides which type counts: an explicit `output_type=` is strict. A return annotation counts only where JSON cannot
express the type; where it is missing, cannot be resolved or does not fit, the result is plain JSON, and one warning
names the step. A value is read from its JSON in every call, the one that ran the step included, so that live equals
replay. No effects; knows no wire names.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from inngest_core.errors import OutputUnserializableError
from inngest_core.protocol.limits import MAX_STEP_BYTES
from inngest_core.values.comparison import same
from inngest_core.values.json_text import parse_value
from inngest_core.values.return_type import MISSING, Returns, identity_of, returned_by
from inngest_core.values.serializer import (
    Serializer,
    Written,
    check_value,
    dump_checked,
    dump_value,
    fit_value,
    type_name,
)

from . import tools
from .replay import Memo
from .tools import Tool

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
            return tools.read(tool, memo, self._serializer)
        returns, data = returned_by(tool.returns), memo.data
        typ = returns.type_for(self._serializer)
        if typ is None:
            if tool.callback is None and returns.problem is not None and returns is not MISSING:
                self._warn(_subject(tool), tool.returns, f"comes back as plain JSON: {returns.problem}")
            return data
        try:
            return fit_value(data, typ, self._serializer)
        except OutputUnserializableError as error:
            self._warn(_subject(tool), tool.returns, _misfit(typ, error))
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
            return dump_value(value, what, serializer=self._serializer, limit=MAX_STEP_BYTES)
        returns = returned_by(tool.returns)
        typ = returns.type_for(self._serializer)
        written = dump_result(value, what, tool.output_type, typ, self._serializer, MAX_STEP_BYTES)
        self._tell(_subject(tool), tool.returns, value, written, None if tool.output_type is not None else returns)
        return written.body

    def dump_invoke_opts(self, tool: Tool) -> Mapping[str, object]:
        """Return the options of an invocation as JSON values; as `tools.dump_invoke_opts`."""
        return tools.dump_invoke_opts(tool, self._serializer)

    def dump_output(
        self, callback: Callable[..., object], value: object, output_type: object, limit: int, *, invoked: bool
    ) -> bytes:
        """Return what a function gave as JSON. invoked: another function gets it. Raises OutputUnserializableError."""
        returns = returned_by(callback)
        what = f"function {self._function_id}: output"
        typ = returns.type_for(self._serializer)
        written = dump_result(value, what, output_type, typ, self._serializer, limit)
        if invoked:
            self._tell("function", callback, value, written, None if output_type is not None else returns)
        return written.body

    def _tell(
        self, subject: str, callback: Callable[..., object], value: object, written: Written, returns: Returns | None
    ) -> None:
        """Warn when what is got is not what was given. returns: None when the type is explicit."""
        if written.large:
            self._warn(subject, callback, "holds an int over 2**53, which engines round; return it as a text")
        if returns is None:
            return
        typ = returns.type_for(self._serializer)
        if typ is None:
            if written.rich:
                problem = returns.problem or "its annotation is of plain JSON"
                self._warn(
                    subject,
                    callback,
                    f"is a {type(value).__name__} and comes back as plain JSON: {problem}; {_FIX}",
                )
            return
        if not written.changed:
            return
        try:
            back = fit_value(parse_value(written.body), typ, self._serializer)
        except OutputUnserializableError as error:
            self._warn(subject, callback, _misfit(typ, error))
        else:
            self._warn(
                subject,
                callback,
                f"is a {type(value).__name__} and comes back as another value, a {type(back).__name__}, by its "
                f"annotation {type_name(typ)}; correct the annotation, or give output_type=",
            )

    def _warn(self, subject: str, callback: Callable[..., object] | None, message: str) -> None:
        """Warn once of what a callback returns, however often and under whichever ids it is run."""
        key = (self._function_id, identity_of(callback) or subject)
        if key in self._warned or len(self._warned) >= MOST_WARNINGS:
            return
        self._warned.add(key)
        self._logger.warning("%s of %s: the result %s", subject, self._function_id, message)


def _subject(tool: Tool) -> str:
    return f'step "{tool.step_id}"'


def _output(tool: Tool) -> str:
    return f"{_subject(tool)}: output"


def _misfit(typ: object, error: OutputUnserializableError) -> str:
    reason = error.message.replace("\n", " ")
    return f"comes back as plain JSON: it does not fit its annotation {type_name(typ)}: {reason}"


def check_result(value: object, what: str, output_type: object, serializer: Serializer | None) -> None:
    """Raise OutputUnserializableError when *value* is not of an explicit output type.

    What hooks make of a value is neither of that type nor of that size, so this is asked before they run.
    """
    if output_type is not None:
        dump_result(value, what, output_type, None, serializer, None)


def dump_result(
    value: object, what: str, output_type: object, annotated: object, serializer: Serializer | None, limit: int | None
) -> Written:
    """Return *value* as JSON and what is to be said of it; raises OutputUnserializableError.

    annotated: the type that counts, if the value fits.
    """
    if output_type is not None:
        written = dump_checked(value, what, output_type=output_type, serializer=serializer, limit=limit)
        check_value(value, written, what, output_type, serializer)
        return written
    if annotated is None:
        return dump_checked(value, what, serializer=serializer, limit=limit)
    if serializer is None:
        return dump_checked(value, what, output_type=annotated, limit=limit)
    try:
        written = dump_checked(value, what, output_type=annotated, serializer=serializer, limit=limit)
        back = fit_value(parse_value(written.body), annotated, serializer)
        return written._replace(changed=not same(value, back))
    except OutputUnserializableError:  # it comes back as plain JSON, not in the serializer's form
        return dump_checked(value, what, serializer=serializer, limit=limit, typed=True)._replace(changed=True)
