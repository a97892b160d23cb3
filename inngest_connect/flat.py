"""Messages of plain fields, such as texts and numbers, as protobuf has them on the wire, written and read by hand.

Each call takes four of them, and protobuf's runtime is a library to itself, most of whose time goes into coming back
from wherever the processor has put it since the last call. What is not written in the usual way is left to it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

LAST_OF_ONE_BYTE = 0x7F
"""Numbers up to this one take one byte; in those of more, it masks what each byte says."""
_LAST_NUMBER = 15
"""Of a field: those above it take two bytes themselves."""
_MOST = 2**63
"""No number is as large; one that is negative looks as if it were larger."""


class Field(NamedTuple):
    """A field of a message. default: None for one that says by it that it is missing."""

    name: str
    number: int
    scalar: type
    default: Any


class Flat:
    """One class of messages. Their values are given, and returned, by the names of the fields."""

    def __init__(self, fields: Iterable[Field]) -> None:
        """Raises ValueError: the number of a field is too large."""
        known = sorted(fields, key=lambda field: field.number)
        if any(field.number > _LAST_NUMBER for field in known):
            raise ValueError("the numbers of some fields take more than one byte")
        self._written = [(field.name, _tag(field), field.scalar, field.default) for field in known]
        self._read = {_tag(field): (field.name, field.scalar) for field in known}
        self._defaults = {field.name: field.default for field in known}

    def dump(self, values: dict[str, Any]) -> bytes:
        """Return the bytes of a message; names that are not its fields are left out."""
        parts: list[bytes] = []
        for name, tag, scalar, default in self._written:
            value = values[name]
            if value == default:
                continue
            if scalar is str:
                value = value.encode()
            elif scalar is not bytes:
                parts.append(bytes((tag,)) + dump_length(int(value)))
                continue
            size = len(value)
            parts.append(bytes((tag, size)) if size <= LAST_OF_ONE_BYTE else bytes((tag,)) + dump_length(size))
            parts.append(value)
        return b"".join(parts)

    def parse(self, data: bytes) -> dict[str, Any] | None:
        """Return the values that *data* holds; None for what is no such message, or is written in an unusual way."""
        values = self._defaults.copy()
        known, at, size = self._read, 0, len(data)
        try:
            while at < size:
                name, scalar = known[data[at]]
                number = data[at + 1]
                at += 2
                if number > LAST_OF_ONE_BYTE:
                    number, at = parse_length(data, at - 1)
                    if not 0 <= number < _MOST:
                        return None
                if scalar is str:
                    values[name] = data[at : at + number].decode()
                elif scalar is bytes:
                    values[name] = data[at : at + number]
                else:
                    values[name] = scalar(number)
                    continue
                at += number
        except (LookupError, UnicodeDecodeError):  # a field that is not known, or the end
            return None
        return values if at == size else None


def _tag(field: Field) -> int:
    """Return what is before the value of a field: its number, and whether a length follows."""
    return field.number << 3 | (2 if field.scalar in (str, bytes) else 0)


def dump_length(number: int) -> bytes:
    """Return a length as protobuf writes it: seven bits a byte, the lowest first."""
    written = bytearray()
    while number > LAST_OF_ONE_BYTE:
        written.append(number & LAST_OF_ONE_BYTE | LAST_OF_ONE_BYTE + 1)
        number >>= 7
    written.append(number)
    return bytes(written)


def parse_length(data: bytes, start: int) -> tuple[int, int]:
    """Return the length that is written from *start* on, and where it ends; -1 when the data ends before."""
    number, shift = 0, 0
    for at in range(start, len(data)):
        number |= (data[at] & LAST_OF_ONE_BYTE) << shift
        if data[at] <= LAST_OF_ONE_BYTE:
            return number, at + 1
        shift += 7
    return -1, start
