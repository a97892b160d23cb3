"""Messages as protobuf: dataclasses that say their own field numbers; protobuf's runtime writes and reads them.

Which messages there are is in `messages`, and how those are written that a call takes in `flat`. Decides nothing; the
bundled engine uses these modules too, and protobuf is loaded with the first message that needs it.
"""

from __future__ import annotations

import dataclasses
import functools
import operator
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast, dataclass_transform

from .flat import Field, Flat

M = TypeVar("M", bound="Message")


class FrameError(ValueError):
    """Bytes that are no message of Connect."""


def numbered(number: int, *, default: Any) -> Any:
    """Declare a field of a message by its number on the wire.

    A field that has its default is left out of the bytes, and one that is missing there is read as its default.
    """
    return dataclasses.field(default=default, metadata={"number": number})


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(numbered,))
class Message:
    """A message of Connect; a subclass is a frozen dataclass whose fields are `numbered`."""

    def __init_subclass__(cls) -> None:
        # Frozen for type checkers only: to set fields past that lock takes three times as long.
        dataclass(kw_only=True, unsafe_hash=True)(cls)


def dump(message: Message) -> bytes:
    """Return the bytes of *message*."""
    flat = _flat_of(type(message))
    return cast("bytes", _to_protobuf(message).SerializeToString()) if flat is None else flat.dump(vars(message))


def dump_derived(kind: type[Message], source: Message, **fields: Any) -> bytes:
    """Return the bytes of what `derived` returns; *kind* is a class of plain fields."""
    flat = _flat_of(kind)
    if flat is None:
        raise TypeError(f"{kind.__name__} does not have plain fields alone")
    return flat.dump(vars(source) | fields if fields else vars(source))


def parse(kind: type[M], data: bytes) -> M:
    """Return the message of that class that *data* holds; fields that it does not know are left out.

    Raises FrameError: the bytes are no such message.
    """
    flat = _flat_of(kind)
    values = None if flat is None else flat.parse(data)
    if values is None:
        return _from_protobuf(kind, parse_protobuf(kind, data))
    message = kind.__new__(kind)  # past its constructor, which takes as long as all the rest
    message.__dict__ = values
    return message


def parse_protobuf(kind: type[Message], data: bytes) -> Any:
    """Return protobuf's own message of that class, which is cheaper; raises FrameError as `parse` does."""
    try:
        return protobuf_class(cast("Any", kind)).FromString(data)
    except _errors() as error:
        raise FrameError(f"{len(data)} bytes are no {kind.__name__}: {error}") from None


def derived(kind: type[M], source: Message, **fields: Any) -> M:
    """Return a message of that class with the values of *source*, which has fields of the same names, but for these."""
    message = kind.__new__(kind)
    values = vars(source) | fields
    message.__dict__ = {name: values[name] for name in _names_of(kind)}
    return message


def changed(message: M, **fields: Any) -> M:
    """Return a copy of *message* with other values of these fields."""
    copy = type(message).__new__(type(message))
    vars(copy).update(vars(message), **fields)
    return copy


def _to_protobuf(message: Message) -> Any:
    kind: Any = type(message)
    plan = _plan_of(kind)
    inner = plan.inner
    if not inner:
        return plan.protobuf(**vars(message))
    values = dict(vars(message))
    for field in inner:
        value = values[field.name]
        if field.repeated:
            values[field.name] = [_to_protobuf(each) if field.message else each for each in value]
        elif value is not None:
            values[field.name] = _to_protobuf(value)
    return plan.protobuf(**values)


def _from_protobuf(kind: type[M], made: Any) -> M:
    plan = _plan_of(cast("Any", kind))
    message = kind.__new__(kind)  # past its constructor, which takes longer than protobuf
    values = vars(message)
    values.update(zip(plan.names, plan.values_of(made)))  # noqa: B905 - they are as many, and it takes longer to count
    for name in plan.optional:
        if not made.HasField(name):
            values[name] = None
    for field in plan.inner:
        value, inner = values[field.name], field.message
        if field.repeated:
            values[field.name] = tuple(value if inner is None else (_from_protobuf(inner, each) for each in value))
        elif inner is not None and value is not None:
            values[field.name] = _from_protobuf(inner, value)
    return message


@functools.cache
def _errors() -> tuple[type[Exception], ...]:
    from google.protobuf.message import DecodeError

    return DecodeError, UnicodeDecodeError


@dataclass(frozen=True, slots=True)
class _Field:
    """message: the class of a field that holds messages, else None. optional: whether None says that it is missing."""

    name: str
    number: int
    scalar: type
    message: type[Message] | None
    repeated: bool
    optional: bool


@dataclass(frozen=True, slots=True)
class _Plan:
    """How messages of one class are turned, found out once. inner: fields that hold messages, or several values.

    values_of: returns the values of *names*, of protobuf's own message. protobuf: its own class.
    """

    names: tuple[str, ...]
    values_of: Callable[[Any], tuple[Any, ...]]
    optional: tuple[str, ...]
    inner: tuple[_Field, ...]
    protobuf: Any


def _find_names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in _fields_of(kind))


def _find_flat(kind: Any) -> Flat | None:
    """Return how messages of that class are written by hand; None where they hold others, or several values."""
    fields = _fields_of(kind)
    if any(field.repeated or field.message is not None for field in fields):
        return None
    defaults = {field.name: field.default for field in dataclasses.fields(kind)}
    return Flat(Field(field.name, field.number, field.scalar, defaults[field.name]) for field in fields)


# Type checkers do not take classes of messages for keys. To tell them otherwise with each message takes its time.
_names_of: Callable[[Any], tuple[str, ...]] = functools.cache(_find_names)
_flat_of: Callable[[Any], Flat | None] = functools.cache(_find_flat)


@functools.cache
def _plan_of(kind: Any) -> _Plan:
    fields = _fields_of(kind)
    names = _names_of(kind)
    get = operator.attrgetter(*names)
    return _Plan(
        names,
        get if len(names) > 1 else lambda made: (get(made),),
        tuple(field.name for field in fields if field.optional),
        tuple(field for field in fields if field.repeated or field.message is not None),
        protobuf_class(kind),
    )


@functools.cache
def _fields_of(kind: Any) -> tuple[_Field, ...]:
    hints = typing.get_type_hints(kind)
    return tuple(_read_field(field, hints[field.name]) for field in dataclasses.fields(kind))


def _read_field(field: dataclasses.Field[Any], hint: Any) -> _Field:
    repeated, optional = typing.get_origin(hint) is tuple, isinstance(hint, types.UnionType)
    inner = typing.get_args(hint)[0] if repeated or optional else hint
    message = inner if issubclass(inner, Message) else None
    return _Field(field.name, field.metadata["number"], inner, message, repeated, optional)


# Every kind of varint looks the same on the wire.
_SCALARS = {str: "TYPE_STRING", bytes: "TYPE_BYTES", bool: "TYPE_BOOL", int: "TYPE_INT64"}


@functools.cache
def _pool() -> Any:
    """Return a pool of descriptors that nobody else uses."""
    from google.protobuf.descriptor_pool import DescriptorPool

    return DescriptorPool()


@functools.cache
def protobuf_class(kind: Any) -> Any:
    """Return protobuf's own class for a class of messages."""
    from google.protobuf import descriptor_pb2, message_factory

    # Each has a file of its own in the pool. Of proto3, which leaves out what has its default.
    proto3 = descriptor_pb2.FileDescriptorProto(name=f"{kind.__name__}.proto", syntax="proto3")
    described = proto3.message_type.add(name=kind.__name__)
    for field in _fields_of(kind):
        one = described.field.add(name=field.name, number=field.number)
        one.label = one.LABEL_REPEATED if field.repeated else one.LABEL_OPTIONAL
        if field.message is not None:
            protobuf_class(cast("Any", field.message))
            one.type, one.type_name = one.TYPE_MESSAGE, f".{field.message.__name__}"
            proto3.dependency.append(f"{field.message.__name__}.proto")
            continue
        one.type = getattr(one, _SCALARS[field.scalar])
        if field.optional:  # protobuf keeps whether it is there in a "oneof" of its own
            one.proto3_optional, one.oneof_index = True, len(described.oneof_decl)
            described.oneof_decl.add(name=f"_{field.name}")
    _pool().Add(proto3)
    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(kind.__name__))
