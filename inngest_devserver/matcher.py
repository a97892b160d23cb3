"""Expressions: compile CEL once, ask it of events. `inngest_core/options/expressions.py` checks only their syntax.

An expression sees `event` and `async`: in a trigger `event` is what arrived; in a wait or a cancel `event` is
what started the run and `async` what arrived. Whatever cannot be evaluated (a missing key, other types, data that
CEL cannot hold) is no match and never an error. Here is no I/O, no clock, no evaluator of our own.

Why this library: Google's C++ runtime compares 2.0 with 2 and true with 1 as CEL says, and has linear regular
expressions; the pure Python one gets both wrong and needs twenty times as long; the Rust one lacks platforms.
It overflows the stack on very deep data, and refuses a whole map for one integer past 64 bits: see `prepare`.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, cast

from inngest_core.extras import needs
from inngest_core.options.expressions import explain, shorten

with needs("dev-server", "cel_expr_python"):
    # The library brings stubs, but no py.typed marker.
    from cel_expr_python import cel  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
    from cel_expr_python.ext.ext_strings import ExtStrings  # type: ignore[import-untyped]

MAX_DEPTH = 100
"""Nesting of data that an expression sees: more than the 32 levels that the parser lets an expression reach."""
CACHE_SIZE = 1024
"""Compiled expressions that are kept."""

_INT_MIN, _UINT_MAX = -(2**63), 2**64 - 1
_UNREADABLE = float("nan")
"""Stands for what an expression cannot see: it equals nothing, itself included."""


class _Value(Protocol):
    def type(self) -> object: ...
    def plain_value(self) -> object: ...


class _Program(Protocol):
    def eval(self, *, data: Mapping[str, object]) -> _Value: ...


class _Environment(Protocol):
    def compile(self, expression: str) -> _Program: ...


class ExpressionError(ValueError):
    """An expression that does not compile; the message shows it, and where and why."""


@dataclass(frozen=True, slots=True)
class Facts:
    """An event made fit for CEL: prepare it once, ask many expressions."""

    value: object


def prepare(event: object) -> Facts:
    """Return *event* in values that CEL holds, as an engine that decodes JSON in Go sees them.

    Integers past 64 bits become floats; lone surrogates, and NUL, where the library would cut the text, become
    U+FFFD; what is no JSON value, or nested more than
    MAX_DEPTH deep, equals nothing.
    """
    return event if isinstance(event, Facts) else Facts(_plain(event, MAX_DEPTH))


class Expression:
    """A compiled expression; equal texts share the compiled form. Raises ExpressionError."""

    __slots__ = ("_program", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._program = _compile(text)

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"

    def matches(self, event: object, async_event: object = None) -> bool:
        """Return whether the expression is exactly true for the events (JSON values, or Facts)."""
        return self.evaluate(event, async_event) is True

    def evaluate(self, event: object, async_event: object = None) -> object:
        """Return the value as plain Python; None when it cannot be evaluated, as by a missing key."""
        data = {"event": prepare(event).value, "async": prepare(async_event).value}
        try:
            value = self._program.eval(data=data)
            return None if value.type() == cel.Type.ERROR else value.plain_value()
        except (RuntimeError, TypeError, ValueError, OverflowError):
            return None


@functools.lru_cache(maxsize=1)
def _environment() -> _Environment:
    variables = {"event": cel.Type.DYN, "async": cel.Type.DYN}
    return cast("_Environment", cel.NewEnv(variables=variables, extensions=[ExtStrings()]))


@functools.lru_cache(maxsize=CACHE_SIZE)
def _compile(text: str) -> _Program:
    try:
        return _environment().compile(text)
    except TypeError:
        raise ExpressionError(f"expression {shorten(text)}: not a text of valid Unicode") from None
    except RuntimeError as error:
        said = explain(str(error)) if text.strip() else "it is empty; expected something like event.data.id == 'x'"
        raise ExpressionError(f"expression {shorten(text)}: {said}") from None


def _plain(value: object, room: int) -> object:
    match value:
        case None | bool() | float():
            return value
        case str():
            return _text(value)
        case int():
            return value if _INT_MIN <= value <= _UINT_MAX else _float(value)
        case dict() if room:
            items = cast("Mapping[object, object]", value).items()
            return {_text(str(key)): _plain(item, room - 1) for key, item in items}
        case list() | tuple() if room:
            return [_plain(item, room - 1) for item in cast("list[object]", value)]
        case _:
            return _UNREADABLE


def _text(value: str) -> str:
    """Return *value* without NUL and lone surrogates; two halves of a character are put together."""
    if "\0" in value:
        value = value.replace("\0", "\ufffd")
    if value.isascii():
        return value
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return value


def _float(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")
