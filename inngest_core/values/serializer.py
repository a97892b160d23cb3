"""Values to JSON and back, with two verbs: `dump` and `load`. No I/O, no knowledge of steps.

pydantic_core writes in one pass and knows models, dataclasses, datetime, Decimal, UUID, Enum and sets. What it refuses
but JSON allows (lone surrogates, deep nesting) goes through the standard library. A key that is not a text becomes the
one that the standard library writes. What JSON has no form for is refused with its path. A serializer of the user's,
like a validator, may raise anything; here it becomes our error.

The `rule` says how much a type counts. "annotated": where the value fits it; otherwise the value is plain JSON, and
`Written.lost` says so. "strict": a value that does not fit is refused. "shared": others write such values, or read
them, and may know the type differently. A value fits when it comes back the same: it is written, read, and compared.
"""

from __future__ import annotations

import contextlib
import enum
import functools
import json
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, Protocol, cast

import pydantic
import pydantic_core

from inngest_core.error_text import misfit_of
from inngest_core.errors import OutputUnserializableError
from inngest_core.protocol.limits import MAX_EVENT_BYTES, MAX_MESSAGE_BYTES, MAX_RESPONSE_BYTES, MAX_STEP_BYTES

from .classes import layout_of, own_schema, written_fields
from .codec import Codec, codec_of, jsonable, with_text_keys
from .comparison import LISTS, Seen, is_simple, same, survey
from .diagnosis import Write, explain, explain_size, locate, problem_of, problem_of_keys
from .json_text import LARGEST_INT, as_body, parse_value, settle

_LIMITS = {
    MAX_EVENT_BYTES: "one event",
    MAX_STEP_BYTES: "one step",
    MAX_RESPONSE_BYTES: "one answer",
    MAX_MESSAGE_BYTES: "one message",
}

Rule = Literal["annotated", "strict", "shared"]
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
        return parse_value(codec_of(typ).write(obj))

    def deserialize(self, obj: object, typ: object) -> object:
        return codec_of(typ).read(as_body(obj))


class Written(NamedTuple):
    """A value as JSON, and what is to be said of it.

    rich: it is not plain, so that it comes back as something else where no type is known. lost: how it comes back, when
    that is not as it was although a type is given, or because engines round numbers.
    """

    body: bytes
    rich: bool = False
    lost: str | None = None


def dump(
    value: object,
    what: str,
    typ: object = None,
    *,
    rule: Rule = "annotated",
    serializer: Serializer | None = None,
    fix: str = "return JSON values or give output_type=",
    limit: int | None = None,
) -> Written:
    """Return *value* as compact JSON.

    what: names the root in messages, such as 'step "charge": output'. typ: what the value should be, or None.
    serializer: is asked instead of pydantic for a value of that type, and for objects that pydantic does not know.
    fix: what the user can do about a refusal. limit: the most bytes, one of MAX_EVENT_BYTES, MAX_STEP_BYTES and
    MAX_RESPONSE_BYTES, or None.
    Raises OutputUnserializableError that names the path and the type.
    """
    if typ is None and is_simple(value):  # as many results are; what comes out without any type is seen at once
        body = _write_simple(value)
        if body is not None and (limit is None or len(body) <= limit):
            return Written(body)
    if typ is None or serializer is None:
        written = _dump(value, what, typ, rule, serializer, fix)
    else:
        written = _dump_by(serializer, value, what, typ, rule, fix)
    size = len(written.body)
    if limit is not None and size > limit:
        raise OutputUnserializableError(explain_size(value, what, size, limit, _LIMITS[limit], _writer(serializer)))
    return written


def load(
    data: object, typ: object, *, what: str = "the value", rule: Rule = "strict", serializer: Serializer | None = None
) -> Any:
    """Return what the JSON values *data* mean as *typ*; unchanged when that is None.

    "annotated": only if that is all that they hold.
    Raises OutputUnserializableError that says why they do not fit.
    """
    if typ is None:
        return data
    try:
        if serializer is not None:
            return serializer.deserialize(data, typ)
        codec = codec_of(typ)
        return codec.fit(as_body(data)) if rule == "annotated" else codec.read(as_body(data))
    except Exception as error:  # a validator or a serializer of the user's may raise anything
        raise _misfit(what, typ, rule, error) from _told(error)


def type_name(typ: object) -> str:
    return typ.__name__ if isinstance(typ, type) else str(typ)


def _dump(value: object, what: str, typ: object, rule: Rule, serializer: Serializer | None, fix: str) -> Written:
    """Do as `dump`, with pydantic."""
    write = _writer(serializer)
    codec, body = (None, None) if typ is None else _write_typed(value, typ, rule)
    as_typed = body is not None
    if body is None:
        body = _write_plain(value, what, write, serializer, fix)
    seen = survey(value)
    rich = seen.rich
    seen.finite = seen.finite and not (rich and (b"NaN" in body or b"Infinity" in body))
    shown = body if as_typed and rule != "shared" else None
    if (problem := problem_of(value, seen, shown, write)) is not None:
        raise OutputUnserializableError(what + problem)
    if seen.odd_keys or (seen.other_keys and not as_typed):
        body = _write_keys(value, what, codec if as_typed else None, write) or body
    sure = codec is not None and as_typed and not codec.may_change(seen)
    lost = "holds an int over 2**53, which engines round; return it as a text" if seen.largest > LARGEST_INT else None
    if rule == "strict" and typ is not None:
        _check(value, body, what, typ, seen, as_typed=as_typed, sure=sure)
    elif codec is not None and not sure:
        loss = _loss(value, typ, functools.partial(codec.fit, body))
        if loss is not None and as_typed:  # what its type cannot give back is written as it is
            with contextlib.suppress(Exception):  # only its type can write it
                body = write(with_text_keys(value) if seen.other_keys else value)
            loss = _loss(value, typ, functools.partial(codec.fit, body))
        lost = lost or loss
    unseen = rich and not sure  # what a class says of itself may hold whole floats that were not seen
    return Written(settle(body, seen.whole) if seen.whole or unseen else body, rich, lost)


def _dump_by(serializer: Serializer, value: object, what: str, typ: object, rule: Rule, fix: str) -> Written:
    """Do as `dump`, with a serializer that knows the type."""
    try:
        data = _serialize(value, what, typ, serializer)
        written = _dump(data, what, None, rule, serializer, fix)
        back = load(parse_value(written.body), typ, what=what, rule=rule, serializer=serializer)
        if rule != "annotated" or same(value, back):
            return written
    except OutputUnserializableError:
        if rule != "annotated":
            raise
        written = _dump(value, what, None, rule, serializer, fix)
    loss = _loss(value, typ, lambda: serializer.deserialize(parse_value(written.body), typ))
    return written._replace(lost=written.lost or loss)


def _write_typed(value: object, typ: object, rule: Rule) -> tuple[Codec | None, bytes | None]:
    """Return the codec of a type, None when pydantic does not know it, and the JSON of a value that is of the type."""
    codec = None
    with contextlib.suppress(Exception):  # a type's own code, and a serializer of the user's, may raise anything
        codec = codec_of(typ, shared=rule == "shared")
        return codec, codec.write(value)
    return codec, None


def _write_plain(value: object, what: str, write: Write, serializer: Serializer | None, fix: str) -> bytes:
    try:
        return write(value)
    except Exception as error:  # a property of the user's may raise anything
        by = "" if serializer is None else type(serializer).__name__
        raise OutputUnserializableError(explain(value, what, fix, error, write, by)) from None


def _write_simple(value: object) -> bytes | None:
    try:
        return pydantic_core.to_json(value)
    except ValueError:  # half of a surrogate pair
        return None


def _write_keys(value: object, what: str, codec: Codec | None, write: Write) -> bytes | None:
    """Return a value with texts as keys. codec: what wrote it, None when it was written as it is."""
    try:
        return write(with_text_keys(value)) if codec is None else codec.write(value, odd_keys=True)
    except Exception:  # a property of the user's may raise anything
        if (problem := problem_of_keys(value)) is not None:
            raise OutputUnserializableError(what + problem) from None
        return None  # a class within a class, which only a serializer of the user's can write


def _check(value: object, body: bytes, what: str, typ: object, seen: Seen, *, as_typed: bool, sure: bool) -> None:
    """Raise OutputUnserializableError when what was written of a value is no *typ*, or loses something of it.

    as_typed: it was written as one. sure: and comes back the same, as far as its codec knows.
    """
    try:
        codec = codec_of(typ)
        back = codec.fit(body, exact=False)
        others: set[type[Any]] = seen.kinds - codec.classes
        foreign = any(issubclass(kind, enum.Enum) or layout_of(kind) for kind in others)
        if seen.rich and (as_typed or foreign) and not sure and not same(value, back):
            raise ValueError("it comes back as another value")
    except Exception as error:  # a validator of the user's may raise anything
        raise _misfit(what, typ, "strict", error) from _told(error)


def _loss(value: object, typ: object, read: Callable[[], object]) -> str | None:
    """Return how a value comes back, as *read* reads it; None when that is the same."""
    try:
        back = read()
        if same(value, back):
            return None
    except Exception as error:  # a validator of the user's may raise anything
        return _misfit("", typ, "annotated", error).message
    return (
        f"is a {type(value).__name__} and comes back as another value, a {type(back).__name__}, by its annotation "
        f"{type_name(typ)}; correct the annotation, or give output_type="
    )


def _misfit(what: str, typ: object, rule: Rule, error: Exception) -> OutputUnserializableError:
    name, reason = type_name(typ), misfit_of(error)
    if rule == "annotated":
        reason = reason.replace("\n", " ")
        return OutputUnserializableError(f"comes back as plain JSON: it does not fit its annotation {name}: {reason}")
    return OutputUnserializableError(f"{what} does not fit output_type={name}: {reason}; correct the type or the value")


def _told(error: Exception) -> Exception | None:
    """Return what may be shown as the cause: the text of a ValidationError shows the value."""
    return None if isinstance(error, pydantic.ValidationError) else error


def _serialize(value: object, what: str, typ: object, serializer: Serializer) -> object:
    try:
        return serializer.serialize(value, typ)
    except Exception as error:  # a serializer of the user's may raise anything
        by = type(serializer).__name__
        path, part, is_cycle = locate(value, what, _writer(serializer), by)
        reason = "it holds itself" if is_cycle else misfit_of(error)
        where, how = (what, "as") if path == what else (f"{path}, a {type(part).__name__},", "within")
        raise OutputUnserializableError(
            f"{where} could not be written by {by} {how} {type_name(typ)}: {reason}; correct the type or the value"
        ) from error


def _writer(serializer: Serializer | None) -> Write:
    """Return what writes a value as it is; *serializer* is asked for objects that pydantic does not know."""
    return _WRITE if serializer is None else _writer_by(serializer)


def _writer_by(serializer: Serializer | None) -> Write:
    def write(value: object) -> bytes:
        try:
            return pydantic_core.to_json(value, bytes_mode="base64", fallback=unknown)
        except Exception as error:  # it refuses lone surrogates and deep nesting, too
            with contextlib.suppress(Exception):
                return json.dumps(
                    with_text_keys(value, in_fields=False), default=expand, separators=(",", ":")
                ).encode()
            raise error from None

    def expand(value: object) -> object:
        """Return one level of a value that the standard library does not know, or all where the class says how."""
        if isinstance(value, LISTS):
            return list(cast("list[object]", value))
        if own_schema(type(value)) is not None:
            return with_text_keys(written_fields(value), in_fields=False)
        return pydantic_core.to_jsonable_python(value, bytes_mode="base64", fallback=unknown)

    def unknown(value: object) -> object:
        if serializer is None or own_schema(type(value)) is not None:
            return jsonable(value)
        try:
            return serializer.serialize(value, type(value))
        except Exception as error:  # a serializer of the user's may raise anything; pydantic keeps the text only
            raise TypeError(misfit_of(error)) from error

    return write


_WRITE = _writer_by(None)
