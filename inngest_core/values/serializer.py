"""Values to JSON and back: what users return, send and receive. No I/O, no wire names, no knowledge of steps.

pydantic_core writes in one pass and knows models, dataclasses, datetime, Decimal, UUID, Enum and sets. What it
refuses but JSON allows (lone surrogates, deep nesting) goes through the standard library. What JSON has no form for
is refused with its path (`unwritable.py`). How the values of a type are written and read is in `forms.py`. A serializer
of the user's may raise anything; here it becomes our error.
"""

from __future__ import annotations

import contextlib
import functools
import json
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import pydantic
import pydantic_core

from inngest_core.error_text import misfit_of
from inngest_core.errors import OutputUnserializableError
from inngest_core.protocol.limits import MAX_EVENT_BYTES, MAX_RESPONSE_BYTES, MAX_STEP_BYTES

from .codec import Form, form_of, plain_form
from .comparison import LISTS, children, has_fields, same, survey
from .diagnosis import explain, explain_size, locate, problem_of
from .json_text import as_body, has_not_finite, parse_value, settle
from .schema import attrs_fields, struct_fields

FIX_OUTPUT = "return JSON values or give output_type="

_LIMITS = {MAX_EVENT_BYTES: "one event", MAX_STEP_BYTES: "one step", MAX_RESPONSE_BYTES: "one answer"}

_CANNOT_FAIL = frozenset({str, bool, type(None)})

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
        return form_of(typ).to_json_values(obj)

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
    shared: bool = False,
) -> bytes:
    """Return *value* as compact JSON.

    what: names the root in messages, such as 'step "charge": output'. fix: what the user can do about a refusal.
    output_type: what the value should be, or None; it is given to *serializer*, and is of help where plain JSON fails.
    limit: the most bytes, one of those above, or None. shared: others read it too, as `form_of` says.
    Raises OutputUnserializableError that names the path and the type.
    """
    form = None if output_type is None or serializer is not None else _known_form(output_type, shared=shared)
    return _dump(value, what, form, output_type, serializer, fix, limit, typed=output_type is not None).body


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
    limit: int | None = None,
    typed: bool = False,
) -> Written:
    """Do as `dump_value`; return also what is to be said of it.

    typed: a type is declared, also where *output_type* is not given, so that keys need not be texts.
    """
    form = None if output_type is None or serializer is not None else _known_form(output_type)
    typed = typed or output_type is not None
    return _dump(value, what, form, output_type, serializer, FIX_OUTPUT, limit, typed=typed)


def _dump(
    value: object,
    what: str,
    form: Form | None,
    output_type: object,
    serializer: Serializer | None,
    fix: str,
    limit: int | None,
    *,
    typed: bool,
) -> Written:
    if output_type is not None and serializer is not None:
        value = _serialize(value, what, output_type, serializer)
    write = _WRITE if serializer is None else _Write(serializer)
    body, as_typed = _write_as(value, form) if form is not None else (None, False)
    if body is None:
        body = _write_plain(value, what, form, fix, write)
    if form is None and type(value) in _CANNOT_FAIL:
        return _within(Written(body, rich=False), value, what, limit, write)
    seen = survey(value, body)
    of_form = form if as_typed else None
    seen.finite = seen.finite and (seen.plain or not has_not_finite(body))
    written_of = functools.partial(_before_and_after, value, of_form, body, write)
    problem = problem_of(value, seen, written_of, typed=typed, returned=fix == FIX_OUTPUT)
    if problem is not None:
        raise OutputUnserializableError(what + problem)
    changed = False
    if form is not None and (not as_typed or form.doubtful or seen.odd_offset or not seen.kinds <= form.kinds):
        body, changed = _compare(value, body, form, as_typed=as_typed)
    foreign = form is not None and any(map(has_fields, seen.kinds - form.kinds))
    misfit = changed and seen.rich and (as_typed or foreign)
    whole = seen.whole or (serializer is not None and not seen.plain)  # what it wrote was not seen
    return _within(Written(settle(body, whole), seen.rich, changed, misfit, seen.large), value, what, limit, write)


def _within(written: Written, value: object, what: str, limit: int | None, write: _Write) -> Written:
    size = len(written.body)
    if limit is not None and size > limit:
        raise OutputUnserializableError(explain_size(value, what, size, limit, _LIMITS[limit], write))
    return written


def _known_form(typ: object, *, shared: bool = False) -> Form | None:
    """Return the form of a type; nothing when pydantic does not know it: reading says so."""
    try:
        return form_of(typ, shared=shared)
    except Exception:  # a type's own code may raise anything
        return None


def _write_as(value: object, form: Form) -> tuple[bytes | None, bool]:
    """Return a value of the form's type as JSON; nothing when it is of another, or cannot be written so."""
    with contextlib.suppress(Exception):  # a serializer of the user's may raise anything
        return form.write(value), True
    with contextlib.suppress(Exception):  # it is written as it is, or refused with its path
        return json.dumps(form.to_json_values(value), separators=(",", ":"), allow_nan=False).encode(), True
    return None, False


def _write_plain(value: object, what: str, form: Form | None, fix: str, write: _Write) -> bytes:
    """Return *value* as JSON as it is, or say why that cannot be done."""
    try:
        return write(value)
    except Exception as error:  # a serializer of the user's may raise anything
        reason = error
    if form is not None:
        with contextlib.suppress(Exception):  # the plain value is explained below
            return form.write(value, warnings=False)
    try:
        return write.slowly(value)
    except Exception:  # a property of the user's may raise anything
        by = "" if write.serializer is None else type(write.serializer).__name__
        raise OutputUnserializableError(explain(value, what, fix, reason, write, by)) from None


def _before_and_after(value: object, form: Form | None, body: bytes, write: _Write) -> tuple[object, object]:
    """Return the JSON values that were made of *value*, before and after they became a text."""
    return (write.to_json_values(value) if form is None else form.to_json_values(value)), parse_value(body)


def _compare(value: object, body: bytes, form: Form, *, as_typed: bool) -> tuple[bytes, bool]:
    """Return how to write a value that may come back as another, and whether it does.

    What the type cannot give back is written as it is: it comes back as plain JSON, unless it happens to fit.
    """
    if _comes_back(value, body, form):
        return body, False
    if as_typed:
        with contextlib.suppress(Exception):  # only its type can write it
            body = _WRITE(value)
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
        return read(data, output_type) if serializer is None else serializer.deserialize(data, output_type)
    except Exception as error:  # a validator or a serializer of the user's may raise anything
        raise _misfit(what, output_type, misfit_of(error)) from _told(error)


def read(data: object, typ: object) -> Any:
    """Return what JSON values mean as a type; raises ValidationError, or what a validator raises."""
    return form_of(typ).read_any(as_body(data))


def fit_value(data: object, typ: object, serializer: Serializer | None = None) -> Any:
    """Return what the JSON values *data* mean as *typ*, if that is all that they hold.

    Raises OutputUnserializableError, whose message is the reason: reading would lose or change something.
    """
    try:
        if serializer is not None:
            return serializer.deserialize(data, typ)
        return form_of(typ).read_whole(as_body(data), exact=True)
    except Exception as error:  # a validator or a serializer of the user's may raise anything
        raise OutputUnserializableError(misfit_of(error)) from _told(error)


def check_value(value: object, written: Written, what: str, typ: object, serializer: Serializer | None) -> None:
    """Raise OutputUnserializableError when what was written of *value* is no *typ*, or loses something of it."""
    if serializer is not None:
        load_value(parse_value(written.body), typ, what=what, serializer=serializer)
        return
    try:
        back = form_of(typ).read_any(written.body, whole=True)
        fits = not written.misfit or same(value, back)
    except Exception as error:  # a validator of the user's may raise anything
        raise _misfit(what, typ, misfit_of(error)) from _told(error)
    if not fits:
        raise _misfit(what, typ, "it comes back as another value")


def _misfit(what: str, typ: object, reason: str) -> OutputUnserializableError:
    return OutputUnserializableError(
        f"{what} does not fit output_type={type_name(typ)}: {reason}; correct the type or the value"
    )


def _told(error: Exception) -> Exception | None:
    """Return what may be shown as the cause: the text of a ValidationError shows the value."""
    return None if isinstance(error, pydantic.ValidationError) else error


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

    def to_json_values(self, value: object) -> Any:
        return pydantic_core.to_jsonable_python(value, bytes_mode="base64", fallback=self._unknown)

    def slowly(self, value: object) -> bytes:
        """Write also lone surrogates and deep nesting."""
        return json.dumps(value, default=self._expand, separators=(",", ":"), allow_nan=False).encode()

    def _expand(self, value: object) -> object:
        """Return one level of a value that the standard library does not know, or all where the class says how."""
        held = children(value)
        if held is None or hasattr(value, "__pydantic_serializer__") or struct_fields(type(value)) is not None:
            return self.to_json_values(value)
        return [child for _, child in held] if isinstance(value, LISTS) else {step[1:]: child for step, child in held}

    def _unknown(self, value: object) -> object:
        if self.serializer is None or attrs_fields(type(value)) is not None:
            return plain_form(value)
        try:
            return self.serializer.serialize(value, type(value))
        except Exception as error:  # a serializer of the user's may raise anything; pydantic keeps the text only
            raise TypeError(misfit_of(error)) from error


_WRITE = _Write()
