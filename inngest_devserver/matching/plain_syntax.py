"""Reads the common forms of expressions without the CEL library, which cannot be installed on Alpine Linux.

Fields, texts and numbers, comparisons, `in`, arithmetic, `&&`, `||`, `!`, `? :`, lists, has() and calls. What it cannot
read, such as macros and texts with escapes, is refused with a message that names the library.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from inngest_core.options.expressions import shorten

from .nodes import Call, ExpressionError, ListOf, Literal, Name, Node, Select

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<float>\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+)
    |(?P<int>\d+(?![\w.]))
    |(?P<text>"[^"\\\n]*"|'[^'\\\n]*')
    |(?P<name>[A-Za-z_]\w*(?!\w*['"]))
    |(?P<mark>&&|\|\||[=!<>]=|[-+*/%!<>()\[\].,?:])
    )""",
    re.VERBOSE,
)
_MACROS = frozenset({"all", "exists", "exists_one", "existsOne", "filter", "map", "transformList", "transformMap"})
_WORDS: Mapping[str, object] = {"true": True, "false": False, "null": None}
_RESERVED = frozenset(
    {"as", "break", "const", "continue", "else", "for", "function", "if", "import", "in", "let", "loop", "package"}
    | {"namespace", "return", "var", "void", "while"}
)
_LEVELS = (
    frozenset({"||"}),
    frozenset({"&&"}),
    frozenset({"==", "!=", "<", "<=", ">", ">=", "in"}),
    frozenset({"+", "-"}),
    frozenset({"*", "/", "%"}),
)
_DEEPEST = 40
_LARGEST = 2**63


class _UnreadableError(Exception):
    """The rest of an expression cannot be read; the message says what was seen."""


def parse(text: str) -> Node:
    """Return the tree of an expression; raises ExpressionError."""
    try:
        return _Parser(text).parse()
    except _UnreadableError as error:
        raise ExpressionError(
            f"expression {shorten(text)}: {error}; only simple expressions can be read here, because the package "
            "cel-expr-python is not installed (there is none for Alpine Linux; use an image such as python:3.13-slim)"
        ) from None


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._next = 0
        self._depth = 0

    def parse(self) -> Node:
        node = self._expression()
        kind, text, at = self._tokens[self._next]
        if kind != "end":
            raise _UnreadableError(f"column {at + 1}: {text!r} was not expected")
        return node

    def _take(self, *texts: str) -> tuple[str, int] | None:
        kind, text, at = self._tokens[self._next]
        if text not in texts or kind == "text":
            return None
        self._next += 1
        return text, at

    def _expect(self, text: str) -> int:
        taken = self._take(text)
        if taken is None:
            _, seen, at = self._tokens[self._next]
            raise _UnreadableError(f"column {at + 1}: expected {text!r}, and there is {seen or 'the end'!r}")
        return taken[1]

    def _expression(self) -> Node:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _UnreadableError("it is nested too deeply")
        node = self._binary(0)
        if taken := self._take("?"):
            then = self._binary(0)
            self._expect(":")
            node = Call("_?_:_", None, (node, then, self._expression()), taken[1])
        self._depth -= 1
        return node

    def _binary(self, level: int) -> Node:
        if level == len(_LEVELS):
            return self._unary()
        node = self._binary(level + 1)
        while taken := self._take(*_LEVELS[level]):
            operator, at = taken
            name = "@in" if operator == "in" else f"_{operator}_"
            node = Call(name, None, (node, self._binary(level + 1)), at)
        return node

    def _unary(self) -> Node:
        marks: list[tuple[str, int]] = []
        while taken := self._take("!", "-"):
            marks.append(taken)
        kind = self._tokens[self._next][0]
        if marks and marks[-1][0] == "-" and kind in ("int", "float"):
            marks.pop()
            node = self._member(sign=-1)
        else:
            node = self._member()
        for mark, at in reversed(marks):
            node = Call(f"{mark}_", None, (node,), at)
        return node

    def _member(self, sign: int = 1) -> Node:
        node = self._primary(sign)
        while taken := self._take(".", "["):
            mark, at = taken
            if mark == "[":
                node = Call("_[_]", None, (node, self._expression()), at)
                self._expect("]")
                continue
            name, _ = self._name()
            opened = self._take("(")
            node = Select(node, name, False) if opened is None else Call(name, node, self._arguments(name), opened[1])
        return node

    def _name(self) -> tuple[str, int]:
        kind, text, at = self._tokens[self._next]
        if kind != "name":
            raise _UnreadableError(f"column {at + 1}: expected a name, and there is {text or 'the end'!r}")
        self._next += 1
        return text, at

    def _arguments(self, name: str) -> tuple[Node, ...]:
        if name in _MACROS:
            raise _UnreadableError(f"{name}() is a macro")
        return self._items(")")

    def _items(self, end: str) -> tuple[Node, ...]:
        items: list[Node] = []
        while not self._take(end):
            if items:
                self._expect(",")
            items.append(self._expression())
        return tuple(items)

    def _primary(self, sign: int) -> Node:
        kind, text, at = self._tokens[self._next]
        self._next += 1
        match kind:
            case "int":
                value = sign * int(text)
                if not -_LARGEST <= value < _LARGEST:
                    raise _UnreadableError(f"column {at + 1}: {text} is too large")
                return Literal(value)
            case "float":
                return Literal(sign * float(text))
            case "text":
                return Literal(text[1:-1])
            case "name":
                return self._named(text, at)
            case _ if text == "(":
                node = self._expression()
                self._expect(")")
                return node
            case _ if text == "[":
                return ListOf(self._items("]"))
            case _:
                raise _UnreadableError(f"column {at + 1}: {text or 'the end'!r} was not expected")

    def _named(self, name: str, at: int) -> Node:
        if name in _WORDS:
            return Literal(_WORDS[name])
        if name in _RESERVED:
            raise _UnreadableError(f"column {at + 1}: {name!r} is reserved")
        opened = self._take("(")
        if opened is None:
            return Name(name, at)
        arguments = self._arguments(name)
        if name != "has":
            return Call(name, None, arguments, opened[1])
        match arguments:
            case (Select(operand, field, False),):
                return Select(operand, field, True)
            case _:
                raise _UnreadableError(f"column {at + 1}: has() takes a field, as in has(event.data.x)")


def _tokens(text: str) -> list[tuple[str, str, int]]:
    """Return the tokens as (kind, text, where), and the end."""
    found: list[tuple[str, str, int]] = []
    at, size = 0, len(text.rstrip())
    while at < size:
        match = _TOKEN.match(text, at)
        if match is None:
            raise _UnreadableError(f"column {at + 1}: {text[at:].strip()[:1]!r} cannot be read")
        kind = match.lastgroup or ""
        found.append((kind, match[kind], match.start(kind)))
        at = match.end()
    return [*found, ("end", "", size)]
