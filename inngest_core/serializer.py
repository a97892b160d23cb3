"""Values to JSON and back: what users return, send and receive. No I/O, no wire names, no knowledge of steps.

pydantic_core writes in one pass and knows models, dataclasses, datetime, Decimal, UUID, Enum and sets. What it
refuses but JSON allows (lone surrogates, deep nesting) goes through the standard library. What JSON has no form for
is refused with its path, which is looked for only then.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
from collections import deque
from typing import Any, Protocol, cast

import pydantic
import pydantic_core

from .errors import OutputUnserializableError

FIX_OUTPUT = "return JSON values or give output_type="

_LISTS = (list, tuple, set, frozenset, deque)


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
        return _adapter(typ).dump_python(obj, mode="json")

    def deserialize(self, obj: object, typ: object) -> object:
        return _adapter(typ).validate_python(obj)


def dump_value(
    value: object,
    what: str,
    *,
    output_type: object = None,
    serializer: Serializer | None = None,
    fix: str = FIX_OUTPUT,
) -> bytes:
    """Return *value* as compact JSON.

    what: names the root in messages, such as 'step "charge": output'. fix: what the user can do about a refusal.
    output_type: what the value should be, or None; it is given to *serializer*, and is of help where plain JSON fails.
    Raises OutputUnserializableError that names the path and the type.
    """
    if output_type is not None and serializer is not None:
        value = _serialize(value, what, output_type, serializer)
    try:
        body = pydantic_core.to_json(value)
    except (ValueError, TypeError, RecursionError) as error:
        return _dump_refused(value, what, output_type, fix, error)
    if b"NaN" in body or b"Infinity" in body:
        _refuse_not_finite(value, what)
    return body


def load_value(
    data: object, output_type: object, *, what: str = "the value", serializer: Serializer | None = None
) -> Any:
    """Return what the JSON values *data* mean as *output_type*; unchanged when that is None.

    Raises OutputUnserializableError: they do not fit.
    """
    if output_type is None:
        return data
    try:
        return (serializer or PydanticSerializer()).deserialize(data, output_type)
    except (ValueError, TypeError, pydantic.PydanticUserError) as error:
        raise OutputUnserializableError(
            f"{what} does not fit output_type={_type_name(output_type)}: {error}; correct the type or the value"
        ) from error


@functools.lru_cache(maxsize=1024)
def _cached_adapter(typ: Any) -> pydantic.TypeAdapter[Any]:
    return pydantic.TypeAdapter(typ)


def _adapter(typ: object) -> pydantic.TypeAdapter[Any]:
    try:
        return _cached_adapter(typ)
    except TypeError:  # a type with unhashable metadata
        return pydantic.TypeAdapter(cast("Any", typ))


def _type_name(typ: object) -> str:
    return typ.__name__ if isinstance(typ, type) else str(typ)


def _serialize(value: object, what: str, output_type: object, serializer: Serializer) -> object:
    try:
        return serializer.serialize(value, output_type)
    except (ValueError, TypeError, pydantic.PydanticUserError) as error:
        raise OutputUnserializableError(
            f"{what} could not be written by {type(serializer).__name__} as {_type_name(output_type)}: {error}; "
            "correct output_type= or the value"
        ) from error


def _dump_refused(value: object, what: str, output_type: object, fix: str, error: Exception) -> bytes:
    """Write what the fast way refused, or say why that cannot be done."""
    if output_type is not None:
        try:
            return _adapter(output_type).dump_json(value, warnings=False)
        except (ValueError, TypeError, RecursionError, pydantic.PydanticUserError):
            pass  # the plain value is explained below
    try:
        return json.dumps(value, default=_expand, separators=(",", ":"), allow_nan=False).encode()
    except (ValueError, TypeError, RecursionError):
        raise OutputUnserializableError(_explain(value, what, fix, error)) from None


def _expand(value: object) -> object:
    """Return one level of a value that the standard library does not know."""
    children = _children(value)
    if children is None:
        return pydantic_core.to_jsonable_python(value)
    if isinstance(value, _LISTS):
        return [child for _, child in children]
    return {name[1:]: child for name, child in children}


def _children(value: object) -> list[tuple[str, object]] | None:
    """Return what *value* holds, each with its step of the path; None when it is not a container."""
    if isinstance(value, dict):
        items = cast("dict[object, object]", value).items()
        return [(f".{key}" if isinstance(key, str) and key.isidentifier() else f"[{key!r}]", v) for key, v in items]
    if isinstance(value, _LISTS):
        return [(f"[{number}]", item) for number, item in enumerate(cast("list[object]", value))]
    if isinstance(value, pydantic.BaseModel):
        return [(f".{name}", item) for name, item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [(f".{field.name}", getattr(value, field.name)) for field in dataclasses.fields(value)]
    return None


def _explain(value: object, path: str, fix: str, error: Exception) -> str:
    """Return the message that names the innermost value that cannot be written."""
    seen: set[int] = set()
    while True:
        if id(value) in seen:
            return f"{path} is a {type(value).__name__} that holds itself; {fix}"
        seen.add(id(value))
        refused = next(((step, child) for step, child in _children(value) or () if not _can_be_written(child)), None)
        if refused is None:
            break
        path, value = path + refused[0], refused[1]
    if isinstance(value, float):
        return f"{path}: float {value} is not JSON; {fix}"
    reason = "" if _children(value) is None else f" that cannot be written: {error}"
    return f"{path} is a {type(value).__name__}{reason}; {fix}"


def _can_be_written(value: object) -> bool:
    try:
        body = pydantic_core.to_json(value)
    except (ValueError, TypeError, RecursionError):
        return isinstance(value, str)
    return not (b"NaN" in body or b"Infinity" in body) or _not_finite(value) is None


def _refuse_not_finite(value: object, what: str) -> None:
    found = _not_finite(value)
    if found is not None:
        path, number = found
        raise OutputUnserializableError(f"{what}{path}: float {number} is not JSON; give a finite number or None")


def _not_finite(root: object) -> tuple[str, float] | None:
    """Return the path and value of the first NaN or infinity."""
    waiting: list[tuple[str, object]] = [("", root)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, float):
            if not math.isfinite(value):
                return path, value
            continue
        waiting.extend((path + step, child) for step, child in reversed(_children(value) or []))
    return None
