"""The parts of a parsed expression, as values. Parses and evaluates nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


class ExpressionError(ValueError):
    """An expression that is refused; the message shows it, and where and why."""


@dataclass(frozen=True, slots=True)
class Literal:
    value: object


@dataclass(frozen=True, slots=True)
class Name:
    """A variable. at: the character at which it begins, from 0."""

    name: str
    at: int


@dataclass(frozen=True, slots=True)
class Select:
    """`operand.field`; as a test, `has(operand.field)`."""

    operand: Node
    field: str
    is_test: bool


@dataclass(frozen=True, slots=True)
class Call:
    """A function or an operator, which is a function of an odd name such as `_==_`. target: of `target.function()`."""

    function: str
    target: Node | None
    arguments: tuple[Node, ...]
    at: int


@dataclass(frozen=True, slots=True)
class ListOf:
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class MapOf:
    items: tuple[tuple[Node, Node], ...]


@dataclass(frozen=True, slots=True)
class Fold:
    """What macros such as exists() and map() become: a loop that carries one value along."""

    variable: str
    over: Node
    carried: str
    initial: Node
    condition: Node
    step: Node
    result: Node


Node = Literal | Name | Select | Call | ListOf | MapOf | Fold


def parts(node: Node) -> Iterator[Node]:
    """Yield a node and all below it."""
    yield node
    for child in _children(node):
        yield from parts(child)


def _children(node: Node) -> tuple[Node, ...]:
    match node:
        case Literal() | Name():
            return ()
        case Select():
            return (node.operand,)
        case Call():
            return node.arguments if node.target is None else (node.target, *node.arguments)
        case ListOf():
            return node.items
        case MapOf():
            return tuple(part for pair in node.items for part in pair)
        case Fold():
            return (node.over, node.initial, node.condition, node.step, node.result)
