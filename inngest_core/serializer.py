"""Values to JSON and back: what users return, send and receive. No I/O, no wire names, no knowledge of steps.

pydantic_core writes in one pass and knows models, dataclasses, datetime, Decimal, UUID, Enum and sets. What it
refuses but JSON allows (lone surrogates, deep nesting) goes through the standard library. What JSON has no form for
is refused with its path (`unwritable.py`). Types, and the adapters that read them, are in `shapes.py`.
"""

from __future__ import annotations

import json
from typing import Any, Protocol

import pydantic
import pydantic_core

from .errors import OutputUnserializableError
from .message import misfit_of
from .shapes import adapter_of, attrs_values
from .unwritable import LISTS, children, explain, explain_size, survey

FIX_OUTPUT = "return JSON values or give output_type="

LARGEST_STEP = 4 * 1024 * 1024
"""Bytes of what goes into or comes out of one step; engines refuse more (protocol C7)."""
LARGEST_RESPONSE = 8 * 1024 * 1024
"""Bytes of an answer (protocol C7)."""
_LIMITS = {LARGEST_STEP: "one step", LARGEST_RESPONSE: "one answer"}

_CANNOT_FAIL = frozenset({str, int, bool, type(None)})
_UNFIT = (ValueError, TypeError, pydantic.PydanticUserError)

JSON = dict[str, "JSON"] | list["JSON"] | str | int | float | bool | None
"""What a JSON text can hold."""


class Serializer(Protocol):
    """Turns values into JSON values and back; given to `Inngest(serializer=)` and used where a type is known."""

    def serialize(self, obj: object, typ: object) -> object:
        """Return *obj*, which should be of type *typ*, as JSON values."""
        ...

    def deserialize(self, obj: object, typ: object) -> object:
        """Return the value of type *typ* that the JSON values *obj* stand for."""
        ...


class PydanticSerializer:
    """The serializer for everything that a pydantic TypeAdapter understands."""

    def serialize(self, obj: object, typ: object) -> object:
        return adapter_of(typ).dump_python(obj, mode="json", by_alias=True)

    def deserialize(self, obj: object, typ: object) -> object:
        return _read(obj, typ)


def dump_value(
    value: object,
    what: str,
    *,
    output_type: object = None,
    serializer: Serializer | None = None,
    fix: str = FIX_OUTPUT,
    limit: int | None = None,
) -> bytes:
    """Return *value* as compact JSON.

    what: names the root in messages, such as 'step "charge": output'. fix: what the user can do about a refusal.
    output_type: what the value should be, or None; it is given to *serializer*, and is of help where plain JSON fails.
    limit: the most bytes, one of those above, or None.
    Raises OutputUnserializableError that names the path and the type.
    """
    return dump_checked(value, what, output_type=output_type, serializer=serializer, fix=fix, limit=limit)[0]


def dump_checked(
    value: object,
    what: str,
    *,
    output_type: object = None,
    serializer: Serializer | None = None,
    fix: str = FIX_OUTPUT,
    limit: int | None = None,
) -> tuple[bytes, bool]:
    """Do as `dump_value`; return also whether *value* held more than plain JSON values."""
    if output_type is not None and serializer is not None:
        value = _serialize(value, what, output_type, serializer)
    try:
        body = write(value)
    except (ValueError, TypeError, RecursionError) as error:
        body = _write_refused(value, what, output_type, fix, error)
    if type(value) in _CANNOT_FAIL:
        rich = False
    else:
        rich, problem = survey(value, body, typed=output_type is not None)
        if problem is not None:
            raise OutputUnserializableError(what + problem)
    if limit is not None and len(body) > limit:
        raise OutputUnserializableError(explain_size(value, what, len(body), limit, _LIMITS[limit], write))
    return body, rich


def load_value(
    data: object, output_type: object, *, what: str = "the value", serializer: Serializer | None = None
) -> Any:
    """Return what the JSON values *data* mean as *output_type*; unchanged when that is None.

    Raises OutputUnserializableError: they do not fit.
    """
    if output_type is None:
        return data
    try:
        return _read(data, output_type) if serializer is None else serializer.deserialize(data, output_type)
    except _UNFIT as error:
        why = misfit_of(error)
        raise OutputUnserializableError(
            f"{what} does not fit output_type={type_name(output_type)}: {why}; correct the type or the value"
        ) from (None if isinstance(error, pydantic.ValidationError) else error)  # its text shows the value


def write(value: object) -> bytes:
    """Return *value* as JSON, without asking whether what was written can be read; raises ValueError, TypeError."""
    return pydantic_core.to_json(value, bytes_mode="base64", fallback=attrs_values)


def _read(data: object, typ: object) -> Any:
    """Read in JSON mode: a strict model takes a text for a datetime there, and a list for a tuple."""
    adapter = adapter_of(typ)
    try:
        body = write(data)
    except ValueError:  # a lone surrogate, or deep nesting
        return adapter.validate_python(data)
    return adapter.validate_json(body)


def parse_value(body: bytes) -> Any:
    """Return what a text that was written here holds."""
    try:
        return pydantic_core.from_json(body)
    except ValueError:  # it refuses lone surrogates and deep nesting
        return json.loads(body)


def type_name(typ: object) -> str:
    return typ.__name__ if isinstance(typ, type) else str(typ)


def _serialize(value: object, what: str, output_type: object, serializer: Serializer) -> object:
    try:
        return serializer.serialize(value, output_type)
    except _UNFIT as error:
        raise OutputUnserializableError(
            f"{what} could not be written by {type(serializer).__name__} as {type_name(output_type)}: {error}; "
            "correct output_type= or the value"
        ) from error


def _write_refused(value: object, what: str, output_type: object, fix: str, error: Exception) -> bytes:
    """Write what the fast way refused, or say why that cannot be done."""
    if output_type is not None:
        try:
            return adapter_of(output_type).dump_json(value, warnings=False)
        except (*_UNFIT, RecursionError):
            pass  # the plain value is explained below
    try:
        return json.dumps(value, default=_expand, separators=(",", ":"), allow_nan=False).encode()
    except (ValueError, TypeError, RecursionError):
        raise OutputUnserializableError(explain(value, what, fix, error, write)) from None


def _expand(value: object) -> object:
    """Return one level of a value that the standard library does not know."""
    held = children(value)
    if held is None:
        return pydantic_core.to_jsonable_python(value, bytes_mode="base64")
    if isinstance(value, LISTS):
        return [child for _, child in held]
    fields = {name[1:]: child for name, child in held}
    if hasattr(value, "__pydantic_serializer__"):  # it would read base64 as text
        return {name: child.decode() if isinstance(child, bytes) else child for name, child in fields.items()}
    return fields
