"""What a step or a function gave, as it goes to the engine and as the function gets it back.

Decides which type counts: an explicit `output_type=` is strict. A return annotation counts only where JSON cannot
express the type; where it is missing, cannot be resolved or does not fit, the result is plain JSON, and one warning
names the step. A value is read from its JSON in every call, the one that ran the step included, so that live equals
replay. No effects; knows no wire names.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import cast

from inngest_core.errors import OutputUnserializableError
from inngest_core.protocol.limits import MAX_STATE_BYTES, MAX_STEP_BYTES, in_words
from inngest_core.values.return_type import MISSING, identity_of, returned_by
from inngest_core.values.serializer import Rule, Serializer, dump, load

from . import tools
from .replay import Memo
from .tools import Tool

MOST_WARNINGS = 1000
"""How many callbacks one client warns of."""

_FIX = "annotate what it returns, or give output_type="

Warned = set[tuple[str, object]]
"""Pairs of a function's id and what identifies a callback: there was a warning about the result of that."""


class Results:
    """Reads and writes the results of the steps of one function."""

    __slots__ = ("_function_id", "_logger", "_plain", "_serializer", "_warned")

    def __init__(self, function_id: str, logger: logging.Logger, serializer: Serializer | None, warned: Warned) -> None:
        self._function_id = function_id
        self._logger = logger
        self._serializer = serializer
        self._warned = warned
        self._plain: dict[int, Callable[..., object]] = {}
        """By their ids, the callbacks whose results come back as they are; one is often run in a thousand steps."""

    def read(self, tool: Tool, memo: Memo) -> object:
        """Return the value of a memo as user code gets it.

        Raises StepError for a failed step; OutputUnserializableError when the memo does not fit the output type.
        """
        if tool.returns is None or memo.failed or tool.output_type is not None:
            return tools.read(tool, memo, self._serializer)
        return self.read_returned(tool.returns, memo.data, tool.step_id, warns=tool.callback is None)

    def read_returned(
        self, callback: Callable[..., object], data: object, step_id: str, *, warns: bool = False
    ) -> object:
        """Return what *callback* gave, as user code gets it. warns: of an annotation that cannot be used."""
        if id(callback) in self._plain:  # as nearly always
            return data
        returns = returned_by(callback)
        typ = returns.type_for(self._serializer)
        if typ is None:
            self._plain[id(callback)] = callback
            if warns and returns.problem is not None and returns is not MISSING:
                self._warn(_subject(step_id), callback, f"comes back as plain JSON: {returns.problem}")
            return data
        try:
            return cast("object", load(data, typ, rule="annotated", serializer=self._serializer))
        except OutputUnserializableError as error:
            self._warn(_subject(step_id), callback, error.message)
            return data

    def check(self, tool: Tool, value: object) -> None:
        """Raise OutputUnserializableError when what a step gave is not of its output type."""
        check_result(value, f"{_subject(tool.step_id)}: output", tool.output_type, self._serializer)

    def dump(self, tool: Tool, value: object, *, changed: bool) -> bytes:
        """Return what a step gave as JSON; raises OutputUnserializableError.

        changed: a hook put it there. A hook is then to read it, too, and the type is that of what this makes of it.
        """
        what = f"{_subject(tool.step_id)}: output"
        if tool.returns is None or changed:
            return dump(value, what, serializer=self._serializer, limit=MAX_STEP_BYTES).body
        return self._dump(tool.returns, value, what, tool.output_type, MAX_STEP_BYTES, _subject(tool.step_id))

    def dump_invoke_opts(self, tool: Tool) -> Mapping[str, object]:
        """Return the options of an invocation as JSON values; as `tools.dump_invoke_opts`."""
        return tools.dump_invoke_opts(tool, self._serializer)

    def dump_output(
        self, callback: Callable[..., object], value: object, output_type: object, limit: int, *, invoked: bool
    ) -> bytes:
        """Return what a function gave as JSON. invoked: another function gets it. Raises OutputUnserializableError."""
        what = f"function {self._function_id}: output"
        return self._dump(callback, value, what, output_type, limit, "function" if invoked else None)

    def _dump(
        self,
        callback: Callable[..., object],
        value: object,
        what: str,
        output_type: object,
        limit: int,
        subject: str | None,
    ) -> bytes:
        """subject: names, in a warning, what is read back as another value than was given; None for no warning."""
        returns = returned_by(callback)
        typ = returns.type_for(self._serializer) if output_type is None else output_type
        rule: Rule = "annotated" if output_type is None else "strict"
        written = dump(value, what, typ, rule=rule, serializer=self._serializer, limit=limit)
        lost = written.lost
        if typ is None and written.rich and lost is None:
            problem = returns.problem or "its annotation is of plain JSON"
            lost = f"is a {type(value).__name__} and comes back as plain JSON: {problem}; {_FIX}"
        if lost is not None and subject is not None:
            self._warn(subject, callback, lost)
        return written.body

    def _warn(self, subject: str, callback: Callable[..., object], problem: str) -> None:
        """Warn once of what a callback returns, however often and under whichever ids it is run."""
        key = (self._function_id, identity_of(callback) or subject)
        if key not in self._warned and len(self._warned) < MOST_WARNINGS:
            self._warned.add(key)
            self._logger.warning("%s of %s: the result %s", subject, self._function_id, problem)


class RunSize:
    """Adds up the results of one run. brought: the bytes of those that the call began with."""

    __slots__ = ("_bytes",)

    def __init__(self, brought: int) -> None:
        self._bytes = brought

    def add(self, step_id: str, data: bytes) -> None:
        """Count a result; raises OutputUnserializableError when an engine would not keep it with the others."""
        self._bytes += len(data)
        if self._bytes > MAX_STATE_BYTES:
            raise OutputUnserializableError(
                f'step "{step_id}": output is {len(data):,} bytes as JSON, and with it the results of this run are '
                f"{self._bytes:,} bytes, over the limit of {in_words(MAX_STATE_BYTES)} for all steps of one "
                "run; keep the data elsewhere and return where it is"
            )


def _subject(step_id: str) -> str:
    return f'step "{step_id}"'


def check_result(value: object, what: str, output_type: object, serializer: Serializer | None) -> None:
    """Raise OutputUnserializableError when *value* is not of an explicit output type.

    What hooks make of a value is neither of that type nor of that size, so this is asked before they run.
    """
    if output_type is not None:
        dump(value, what, output_type, rule="strict", serializer=serializer)
