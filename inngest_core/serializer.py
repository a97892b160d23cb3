"""Values to JSON and back: what users return, send and receive. No I/O, no wire names, no knowledge of steps.

pydantic_core writes in one pass and knows models, dataclasses, datetime, Decimal, UUID, Enum and sets. What it
refuses but JSON allows (lone surrogates, deep nesting) goes through the standard library. What JSON has no form for
is refused with its path (`unwritable.py`). The adapters that read types are in `fitting.py`. A serializer of the user's
may raise anything; here it becomes our error.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Protocol

import pydantic
import pydantic_core

from .errors import OutputUnserializableError
from .fitting import adapter_of, form_of
from .message import misfit_of
from .shapes import attrs_fields, struct_fields
from .unwritable import LISTS, children, explain, explain_size, locate, survey

FIX_OUTPUT = "return JSON values or give output_type="

LARGEST_EVENT = 3 * 1024 * 1024
"""Bytes of one event as JSON; engines refuse more (protocol C7)."""
LARGEST_STEP = 4 * 1024 * 1024
"""Bytes of what goes into or comes out of one step; engines refuse more (protocol C7)."""
LARGEST_RESPONSE = 8 * 1024 * 1024
"""Bytes of an answer (protocol C7)."""
_LIMITS = {LARGEST_EVENT: "one event", LARGEST_STEP: "one step", LARGEST_RESPONSE: "one answer"}

_CANNOT_FAIL = frozenset({str, int, bool, type(None)})
_UNFIT = (ValueError, TypeError, RecursionError, pydantic.PydanticUserError)

JSON = dict[str, "JSON"] | list["JSON"] | str | int | float | bool | None
"""What a JSON text can hold."""


class Serializer(Protocol):
    """Turns values into JSON values and back; given to `Inngest(serializer=)` and used where a type is known.

    An object of a class that neither JSON nor pydantic knows is also given to `serialize`, with its class as the type.
    """

    def serialize(self, obj: object, typ: object) -> object:
        """Return *obj*, which should be of type *typ*, as JSON values."""
        ...

    def deserialize(self, obj: object, typ: object) -> object:
        """Return the value of type *typ* that the JSON values *obj* stand for."""
        ...


class PydanticSerializer:
    """The serializer for everything that a pydantic TypeAdapter understands."""

    def serialize(self, obj: object, typ: object) -> object:
        return adapter_of(typ).dump_python(obj, mode="json", by_alias=True, warnings=False)

    def deserialize(self, obj: object, typ: object) -> object:
        return read(obj, typ)


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
    typed: bool = False,
) -> tuple[bytes, bool]:
    """Do as `dump_value`; return also whether *value* held more than plain JSON values.

    typed: a type is declared, also where *output_type* is not given, so that keys need not be texts.
    """
    if output_type is not None and serializer is not None:
        value = _serialize(value, what, output_type, serializer)
    write = _WRITE if serializer is None else _Write(serializer)
    by_adapter = False
    try:
        body = write(value)
    except _UNFIT as error:
        body, by_adapter = _write_refused(value, what, output_type, fix, error, write)
    if type(value) in _CANNOT_FAIL:
        rich = False
    else:
        typed = typed or output_type is not None
        rich, problem = survey(value, body, typed=typed, returned=fix == FIX_OUTPUT, nan_is_null=by_adapter)
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
        return read(data, output_type) if serializer is None else serializer.deserialize(data, output_type)
    except Exception as error:  # a serializer of the user's may raise anything
        raise OutputUnserializableError(
            f"{what} does not fit output_type={type_name(output_type)}: {misfit_of(error)}; "
            "correct the type or the value"
        ) from (None if isinstance(error, pydantic.ValidationError) else error)  # its text shows the value


def read(data: object, typ: object) -> Any:
    """Read in JSON mode: a strict model takes a text for a datetime there, and a list for a tuple."""
    adapter = adapter_of(typ)
    try:
        body = _WRITE(data)
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
    except Exception as error:  # a serializer of the user's may raise anything
        by = type(serializer).__name__
        path, part, is_cycle = locate(value, what, _Write(serializer), by)
        reason = "it holds itself" if is_cycle else misfit_of(error)
        where, how = (what, "as") if path == what else (f"{path}, a {type(part).__name__},", "within")
        raise OutputUnserializableError(
            f"{where} could not be written by {by} {how} {type_name(output_type)}: {reason}; "
            "correct the type or the value"
        ) from error


@dataclass(frozen=True, slots=True)
class _Write:
    """Writes a value as JSON, without asking whether that can be read; raises ValueError, TypeError, RecursionError.

    serializer: is asked for objects that pydantic does not know.
    """

    serializer: Serializer | None = None

    def __call__(self, value: object) -> bytes:
        return pydantic_core.to_json(value, bytes_mode="base64", fallback=self._unknown)

    def slowly(self, value: object) -> bytes:
        """Write also lone surrogates and deep nesting."""
        return json.dumps(value, default=self._expand, separators=(",", ":"), allow_nan=False).encode()

    def _expand(self, value: object) -> object:
        """Return one level of a value that the standard library does not know, or all where the class says how."""
        held = children(value)
        if held is None or hasattr(value, "__pydantic_serializer__") or struct_fields(type(value)) is not None:
            return pydantic_core.to_jsonable_python(value, bytes_mode="base64", fallback=self._unknown)
        return [child for _, child in held] if isinstance(value, LISTS) else {step[1:]: child for step, child in held}

    def _unknown(self, value: object) -> object:
        if self.serializer is None or attrs_fields(type(value)) is not None:
            return form_of(value)
        try:
            return self.serializer.serialize(value, type(value))
        except Exception as error:  # a serializer of the user's may raise anything; pydantic keeps the text only
            raise TypeError(misfit_of(error)) from error


_WRITE = _Write()


def _write_refused(
    value: object, what: str, output_type: object, fix: str, error: Exception, write: _Write
) -> tuple[bytes, bool]:
    """Write what the fast way refused, and tell whether an adapter did; or say why that cannot be done."""
    if output_type is not None and write.serializer is None:
        try:
            return adapter_of(output_type).dump_json(value, warnings=False), True
        except _UNFIT:
            pass  # the plain value is explained below
    try:
        return write.slowly(value), False
    except Exception:  # a property of the user's may raise anything
        by = "" if write.serializer is None else type(write.serializer).__name__
        raise OutputUnserializableError(explain(value, what, fix, error, write, by)) from None
