"""From the text of an expression to a tree of its parts. Google's CEL library parses; here its answer is read.

Where it is not installed, `plain_syntax.py` reads the common forms.

The library hands out what it parsed only as a serialized protocol buffer (`cel.expr.ParsedExpr`), so the few messages
that it is made of are read by hand. Which variables and functions there are is the matter of `evaluation.py`.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterator
from typing import Protocol, cast

from inngest_core.options.expressions import explain, shorten

from . import plain_syntax
from .nodes import Call, ExpressionError, Fold, ListOf, Literal, MapOf, Name, Node, Select


class _Parsed(Protocol):
    def serialize(self) -> bytes: ...


class _Parser(Protocol):
    def compile(self, expression: str, disable_check: bool) -> _Parsed: ...


def parse(text: str) -> Node:
    """Return the tree of an expression; raises ExpressionError."""
    parser = _parser()
    if parser is None:
        return plain_syntax.parse(text)
    try:
        parsed = parser.compile(text, disable_check=True).serialize()
    except TypeError:
        raise ExpressionError(f"expression {shorten(text)}: not a text of valid Unicode") from None
    except RuntimeError as error:
        said = explain(str(error)) if text.strip() else "it is empty; expected something like event.data.id == 'x'"
        raise ExpressionError(f"expression {shorten(text)}: {said}") from None
    try:
        return _Reader(parsed).read()
    except _UnsupportedError as error:
        raise ExpressionError(f"expression {shorten(text)}: {error}") from None


@functools.lru_cache(maxsize=1)
def _parser() -> _Parser | None:
    try:
        # The library brings stubs, but no py.typed marker.
        from cel_expr_python import cel  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
    except ImportError:  # there is none for Alpine Linux
        return None
    return cast("_Parser", cel.NewEnv())


class _UnsupportedError(Exception):
    """The expression has a part that no engine's events can meet."""


_Field = int | bytes


class _Reader:
    """Reads a serialized ParsedExpr: field 2 is the expression, field 3 holds the positions of its parts."""

    def __init__(self, serialized: bytes) -> None:
        parsed = _message(_last(_message(serialized), 2))  # the outermost message says which kind the inner one is
        self._expression = _last(parsed, 2)
        self._positions = dict(self._read_positions(_last(parsed, 3)))

    def read(self) -> Node:
        return self._node(self._expression)

    def _read_positions(self, source: bytes) -> Iterator[tuple[int, int]]:
        for entry in _all(_message(source), 4):
            fields = _message(entry)
            yield _number(fields, 1), _number(fields, 2)

    def _node(self, serialized: bytes) -> Node:
        fields = _message(serialized)
        at = self._positions.get(_number(fields, 2), 0)
        kind, content = next((number, value) for number, value in fields if number > 2)
        assert isinstance(content, bytes)  # noqa: S101 - each kind of expression is a message of its own
        inner = _message(content)
        match kind:
            case 3:
                return Literal(_constant(inner))
            case 4:
                return Name(_text(inner, 1), at)
            case 5:
                return Select(self._node(_last(inner, 1)), _text(inner, 2), _number(inner, 3) == 1)
            case 6:
                target = self._node(_last(inner, 1)) if _last(inner, 1) else None
                return Call(_text(inner, 2), target, self._nodes(inner, 3), at)
            case 7:
                return ListOf(self._nodes(inner, 1))
            case 8:
                return self._map(inner)
            case _:
                return self._fold(inner)

    def _nodes(self, fields: list[tuple[int, _Field]], number: int) -> tuple[Node, ...]:
        return tuple(self._node(each) for each in _all(fields, number))

    def _map(self, fields: list[tuple[int, _Field]]) -> MapOf:
        if name := _text(fields, 1):
            raise _UnsupportedError(f"{name} is a type of message, which events do not hold")
        entries = [_message(entry) for entry in _all(fields, 2)]
        return MapOf(tuple((self._node(_last(entry, 3)), self._node(_last(entry, 4))) for entry in entries))

    def _fold(self, fields: list[tuple[int, _Field]]) -> Fold:
        return Fold(
            variable=_text(fields, 1),
            over=self._node(_last(fields, 2)),
            carried=_text(fields, 3),
            initial=self._node(_last(fields, 4)),
            condition=self._node(_last(fields, 5)),
            step=self._node(_last(fields, 6)),
            result=self._node(_last(fields, 7)),
        )


def _constant(fields: list[tuple[int, _Field]]) -> object:
    number, value = fields[0]
    match number, value:
        case 2, int():
            return value == 1
        case 3, int():
            return value - 2**64 if value >= 2**63 else value
        case 4, int():
            return value
        case 5, bytes():
            found: float = struct.unpack("<d", value)[0]
            return found
        case 6, bytes():
            return value.decode()
        case 7, bytes():
            return value
        case _:
            return None


# The wire format: a message is a row of (field number, value), and a value is a number or bytes.


def _message(serialized: bytes) -> list[tuple[int, _Field]]:
    fields: list[tuple[int, _Field]] = []
    at = 0
    while at < len(serialized):
        tag, at = _varint(serialized, at)
        match tag & 7:
            case 0:
                number, at = _varint(serialized, at)
                fields.append((tag >> 3, number))
            case 1:
                fields.append((tag >> 3, serialized[at : at + 8]))
                at += 8
            case _:
                size, at = _varint(serialized, at)
                fields.append((tag >> 3, serialized[at : at + size]))
                at += size
    return fields


def _varint(serialized: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = serialized[at]
        at += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number, at
        shift += 7


def _all(fields: list[tuple[int, _Field]], number: int) -> list[bytes]:
    return [value for field, value in fields if field == number and isinstance(value, bytes)]


def _last(fields: list[tuple[int, _Field]], number: int) -> bytes:
    found = _all(fields, number)
    return found[-1] if found else b""


def _text(fields: list[tuple[int, _Field]], number: int) -> str:
    return _last(fields, number).decode()


def _number(fields: list[tuple[int, _Field]], number: int) -> int:
    return next((value for field, value in fields if field == number and isinstance(value, int)), 0)
