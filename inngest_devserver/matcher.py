"""Expressions: compiled once, asked of events. `inngest_core/options/expressions.py` checks only their syntax.

An expression that cannot be evaluated does not match; it never raises. There is no I/O and no clock here.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator

from .matching.evaluation import Compiler, Evaluator, evaluate
from .matching.nodes import Call, ExpressionError, Fold, Node, Select, parts
from .matching.syntax import parse
from .matching.values import MISSING, NoValueError

CACHE_SIZE = 1024
"""Compiled expressions that are kept."""

__all__ = ["CACHE_SIZE", "Expression", "ExpressionError", "holds"]


class Expression:
    """A compiled expression; equal texts share the compiled form. Raises ExpressionError."""

    __slots__ = ("_evaluator", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._evaluator, _ = _compile(text)

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"

    def matches(self, event: object, async_event: object = MISSING, *, now: float = 0.0) -> bool:
        """Return whether the expression is exactly true for the events, at the Unix time *now*."""
        try:
            return self.evaluate(event, async_event, now=now) is True
        except NoValueError:
            return False

    def evaluate(self, event: object, async_event: object = MISSING, *, now: float = 0.0) -> object:
        """Return the value for the events; raises NoValueError, which says why there is none."""
        return evaluate(self._evaluator, event, async_event, now)

    def check_for_wait(self) -> None:
        """Raise ExpressionError when engines do not take this expression in a wait: it loops over a list."""
        _, tree = _compile(self.text)
        if any(isinstance(part, Fold) for part in parts(tree)):
            raise ExpressionError(f"expression {self.text!r}: macros such as exists() and map() do not work in a wait")

    def check_for_cancel(self) -> None:
        """Raise ExpressionError when engines do not take this expression in a cancellation: it calls a function."""
        _, tree = _compile(self.text)
        called = next(_called(tree), None)
        if called is not None:
            raise ExpressionError(
                f"expression {self.text!r}: {called} does not work in a cancellation; compare keys with values"
            )


def _called(tree: Node) -> Iterator[str]:
    for part in parts(tree):
        match part:
            case Fold():
                yield "a macro such as exists() or map()"
            case Select(is_test=True):
                yield "has()"
            case Call(function=name) if name.isidentifier():
                yield f"{name}()"
            case _:
                pass


@functools.lru_cache(maxsize=CACHE_SIZE)
def _compile(text: str) -> tuple[Evaluator, Node]:
    tree = parse(text)
    return Compiler(text).compile(tree), tree


def holds(expression: Expression | None, event: object, async_event: object = MISSING, *, now: float) -> bool:
    """Return whether *expression* is true for the events; none at all is true for every event."""
    return expression is None or expression.matches(event, async_event, now=now)
