"""Values to JSON and back: what users return, send and receive. No I/O, no wire names, no knowledge of steps.

pydantic_core writes in one pass and knows models, dataclasses, datetime, Decimal, UUID, Enum and sets. What it
refuses but JSON allows (lone surrogates, deep nesting) goes through the standard library. What JSON has no form for
is refused with its path (`unwritable.py`). How the values of a type are written and read is in `forms.py`.
"""

from __future__ import annotations

import contextlib
import functools
import json
import pathlib
from typing import Any, NamedTuple, Protocol

import pydantic
import pydantic_core

from .errors import OutputUnserializableError
from .forms import Form, form_of
from .shapes import attrs_values
from .texts import as_body, has_not_finite, parse_value, settle
from .unwritable import (
    LISTS,
    children,
    explain,
    explain_size,
    has_fields,
    problem_of,
    same,
    shortened,
    survey,
)

FIX_OUTPUT = "return JSON values or give output_type="

LARGEST_STEP = 4 * 1024 * 1024
"""Bytes of what goes into or comes out of one step; engines refuse more (protocol C7)."""
LARGEST_RESPONSE = 8 * 1024 * 1024
"""Bytes of an answer (protocol C7)."""
_LIMITS = {LARGEST_STEP: "one step", LARGEST_RESPONSE: "one answer"}

_CANNOT_FAIL = frozenset({str, bool, type(None)})
MOST_PROBLEMS = 3
"""So many problems of a value that does not fit are told."""

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
        return form_of(typ).to_json_values(obj)

    def deserialize(self, obj: object, typ: object) -> object:
        return form_of(typ).read_any(as_body(obj))


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
    return dump_checked(value, what, output_type=output_type, serializer=serializer, fix=fix, limit=limit).body


class Written(NamedTuple):
    """A value as JSON. rich: it held more than plain JSON values; changed: it comes back as something else.

    misfit: it does so although it is no plain JSON that stands for the type. large: it holds an int that engines round.
    """

    body: bytes
    rich: bool
    changed: bool = False
    misfit: bool = False
    large: bool = False


def dump_checked(
    value: object,
    what: str,
    *,
    output_type: object = None,
    serializer: Serializer | None = None,
    fix: str = FIX_OUTPUT,
    limit: int | None = None,
) -> Written:
    """Do as `dump_value`; return also what is to be said of it."""
    if output_type is not None and serializer is not None:
        value = _serialize(value, what, output_type, serializer)
    form = None if output_type is None or serializer is not None else _known_form(output_type)
    body, as_typed = _write_as(value, form) if form is not None else (None, False)
    if body is None:
        body = _write_plain(value, what, form, fix)
    if form is None and type(value) in _CANNOT_FAIL:
        return _within(Written(body, rich=False), value, what, limit)
    seen = survey(value, body)
    of_form = form if as_typed else None
    seen.finite = seen.finite and (seen.plain or not has_not_finite(body))
    written_of = functools.partial(_before_and_after, value, of_form, body)
    problem = problem_of(value, seen, written_of, typed=output_type is not None)
    if problem is not None:
        raise OutputUnserializableError(what + problem)
    changed = False
    if form is not None and (not as_typed or form.doubtful or seen.odd_offset or not seen.kinds <= form.kinds):
        body, changed = _compare(value, body, form, as_typed=as_typed)
    foreign = form is not None and any(map(has_fields, seen.kinds - form.kinds))
    misfit = changed and seen.rich and (as_typed or foreign)
    written = Written(settle(body, seen.whole), seen.rich, changed, misfit, seen.large)
    return _within(written, value, what, limit)


def _within(written: Written, value: object, what: str, limit: int | None) -> Written:
    size = len(written.body)
    if limit is not None and size > limit:
        raise OutputUnserializableError(explain_size(value, what, size, limit, _LIMITS[limit], write))
    return written


def _known_form(typ: object) -> Form | None:
    """Return the form of a type; nothing when pydantic does not know it: reading says so."""
    try:
        return form_of(typ)
    except Exception:  # a type's own code may raise anything
        return None


def _write_as(value: object, form: Form) -> tuple[bytes | None, bool]:
    """Return a value of the form's type as JSON; nothing when it is of another, or cannot be written so."""
    with contextlib.suppress(Exception):  # a serializer of the user's may raise anything
        return form.write(value), True
    with contextlib.suppress(Exception):  # it is written as it is, or refused with its path
        return json.dumps(form.to_json_values(value), separators=(",", ":"), allow_nan=False).encode(), True
    return None, False


def _write_plain(value: object, what: str, form: Form | None, fix: str) -> bytes:
    """Return *value* as JSON as it is, or say why that cannot be done."""
    try:
        return write(value)
    except Exception as error:  # a serializer of the user's may raise anything
        reason = error
    if form is not None:
        with contextlib.suppress(Exception):  # the plain value is explained below
            return form.write(value, warnings=False)
    try:
        return json.dumps(value, default=_expand, separators=(",", ":"), allow_nan=False).encode()
    except (ValueError, TypeError, RecursionError):
        raise OutputUnserializableError(explain(value, what, fix, reason, write)) from None


def _before_and_after(value: object, form: Form | None, body: bytes) -> tuple[object, object]:
    """Return the JSON values that were made of *value*, before and after they became a text."""
    if form is not None:
        return form.to_json_values(value), parse_value(body)
    return pydantic_core.to_jsonable_python(value, bytes_mode="base64", fallback=plain_form), parse_value(body)


def _compare(value: object, body: bytes, form: Form, *, as_typed: bool) -> tuple[bytes, bool]:
    """Return how to write a value that may come back as another, and whether it does.

    What the type cannot give back is written as it is: it comes back as plain JSON, unless it happens to fit.
    """
    if _comes_back(value, body, form):
        return body, False
    if as_typed:
        with contextlib.suppress(Exception):  # only its type can write it
            body = write(value)
    return body, True


def _comes_back(value: object, body: bytes, form: Form) -> bool:
    try:
        return same(value, form.read_whole(body, exact=True))
    except Exception:  # a validator of the user's may raise anything
        return False


def load_value(
    data: object, output_type: object, *, what: str = "the value", serializer: Serializer | None = None
) -> Any:
    """Return what the JSON values *data* mean as *output_type*; unchanged when that is None.

    Raises OutputUnserializableError: they do not fit.
    """
    if output_type is None:
        return data
    try:
        if serializer is not None:
            return serializer.deserialize(data, output_type)
        return form_of(output_type).read_any(as_body(data))
    except Exception as error:  # a validator or a serializer of the user's may raise anything
        raise OutputUnserializableError(
            f"{what} does not fit output_type={type_name(output_type)}: {reason_of(error)}; "
            "correct the type or the value"
        ) from error


def fit_value(data: object, typ: object, serializer: Serializer | None = None) -> Any:
    """Return what the JSON values *data* mean as *typ*, if that is all that they hold.

    Raises OutputUnserializableError, whose message is the reason: reading would lose or change something.
    """
    try:
        if serializer is not None:
            return serializer.deserialize(data, typ)
        return form_of(typ).read_whole(as_body(data), exact=True)
    except Exception as error:  # a validator or a serializer of the user's may raise anything
        raise OutputUnserializableError(reason_of(error)) from error


def check_value(value: object, written: Written, what: str, typ: object, serializer: Serializer | None) -> None:
    """Raise OutputUnserializableError when what was written of *value* is no *typ*, or loses something of it."""
    try:
        if serializer is not None:
            serializer.deserialize(parse_value(written.body), typ)
            return
        back = form_of(typ).read_any(written.body, whole=True)
        reason = "it comes back as another value" if written.misfit and not same(value, back) else None
    except Exception as error:  # a validator or a serializer of the user's may raise anything
        reason = reason_of(error)
    if reason is not None:
        raise OutputUnserializableError(
            f"{what}, a {type(value).__name__}, does not fit output_type={type_name(typ)}: {reason}; "
            "correct the type or the value"
        )


def reason_of(error: BaseException, root: str = "") -> str:
    """Return why a value does not fit: the first problems with their places, never what the value holds.

    root: the name of the whole value.
    """
    if not isinstance(error, pydantic.ValidationError):
        return shortened(
            str(error) if isinstance(error, ValueError | TypeError) else f"{type(error).__name__}: {error}"
        )
    problems = error.errors(include_url=False, include_input=False, include_context=False)
    first = ", ".join(_problem(each, root) for each in problems[:MOST_PROBLEMS])
    return first if len(problems) <= MOST_PROBLEMS else f"{first}, and {len(problems) - MOST_PROBLEMS:,} more"


def _problem(problem: Any, root: str) -> str:
    where = shortened(".".join(filter(None, [root, *map(str, problem["loc"])])))
    told = shortened(problem["msg"].removeprefix("Value error, "))
    return f"{where}: {told}" if where else told


def write(value: object) -> bytes:
    """Return *value* as JSON, without asking whether what was written can be read; raises ValueError, TypeError."""
    return pydantic_core.to_json(value, bytes_mode="base64", fallback=plain_form)


def plain_form(value: object) -> object:
    """Return what is written of a value that pydantic_core does not know; raises TypeError."""
    return str(value) if isinstance(value, pathlib.PurePath) else attrs_values(value)


def type_name(typ: object) -> str:
    return typ.__name__ if isinstance(typ, type) else str(typ)


def _serialize(value: object, what: str, output_type: object, serializer: Serializer) -> object:
    try:
        return serializer.serialize(value, output_type)
    except Exception as error:  # whatever a serializer raises belongs to the value
        how = f"by {type(serializer).__name__} as {type_name(output_type)}"
        raise OutputUnserializableError(
            f"{what} could not be written {how}: {reason_of(error)}; correct output_type= or the value"
        ) from error


def _expand(value: object) -> object:
    """Return one level of a value that the standard library does not know."""
    held = children(value)
    if isinstance(value, LISTS):
        return [child for _, child in held or ()]
    if held is None or hasattr(value, "__pydantic_serializer__"):  # a model is written by its own serializer
        return pydantic_core.to_jsonable_python(value, bytes_mode="base64", fallback=plain_form)
    return {name[1:]: child for name, child in held}
