"""Messages as protobuf: dataclasses that say their own field numbers; protobuf's runtime writes and reads them.

Which messages there are is in `messages`. Decides nothing; the bundled engine uses both modules too, and protobuf is
loaded when the first message is written or read.
"""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from dataclasses import dataclass
from typing import Any, TypeVar, cast, dataclass_transform

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
        dataclass(frozen=True, kw_only=True)(cls)


def dump(message: Message) -> bytes:
    """Return the bytes of *message*."""
    return cast("bytes", _to_protobuf(message).SerializeToString())


def parse(kind: type[M], data: bytes) -> M:
    """Return the message of that class that *data* holds; fields that it does not know are left out.

    Raises FrameError: the bytes are no such message.
    """
    return _from_protobuf(kind, parse_protobuf(kind, data))


def parse_protobuf(kind: type[Message], data: bytes) -> Any:
    """Return protobuf's own message of that class, which is cheaper; raises FrameError as `parse` does."""
    from google.protobuf.message import DecodeError

    try:
        return protobuf_class(cast("Any", kind)).FromString(data)
    except (DecodeError, UnicodeDecodeError) as error:
        raise FrameError(f"{len(data)} bytes are no {kind.__name__}: {error}") from None


def _to_protobuf(message: Message) -> Any:
    made = protobuf_class(cast("Any", type(message)))()
    for field in _fields_of(cast("Any", type(message))):
        value = getattr(message, field.name)
        if value == field.default:
            continue
        if field.repeated:
            getattr(made, field.name).extend(_to_protobuf(each) if field.message else each for each in value)
        elif field.message is not None:
            getattr(made, field.name).CopyFrom(_to_protobuf(value))
        else:
            setattr(made, field.name, value)
    return made


def _from_protobuf(kind: type[M], made: Any) -> M:
    values: dict[str, Any] = {}
    for field in _fields_of(cast("Any", kind)):
        inner = field.message
        if field.repeated:
            items = getattr(made, field.name)
            values[field.name] = tuple(items if inner is None else (_from_protobuf(inner, each) for each in items))
        elif made.HasField(field.name):
            value = getattr(made, field.name)
            values[field.name] = value if inner is None else _from_protobuf(inner, value)
    return kind(**values)


@dataclass(frozen=True, slots=True)
class _Field:
    """message: the class of a field that holds messages, else None. scalar: the class of any other."""

    name: str
    number: int
    default: object
    scalar: type
    message: type[Message] | None
    repeated: bool


@functools.cache
def _fields_of(kind: Any) -> tuple[_Field, ...]:
    hints = typing.get_type_hints(kind)
    return tuple(_read_field(field, hints[field.name]) for field in dataclasses.fields(kind))


def _read_field(field: dataclasses.Field[Any], hint: Any) -> _Field:
    repeated = typing.get_origin(hint) is tuple
    inner = typing.get_args(hint)[0] if repeated or isinstance(hint, types.UnionType) else hint
    message = inner if issubclass(inner, Message) else None
    return _Field(field.name, field.metadata["number"], field.default, inner, message, repeated)


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

    # Each has a file of its own in the pool.
    proto2 = descriptor_pb2.FileDescriptorProto(name=f"{kind.__name__}.proto", syntax="proto2")
    described = proto2.message_type.add(name=kind.__name__)
    for field in _fields_of(kind):
        one = described.field.add(name=field.name, number=field.number)
        one.label = one.LABEL_REPEATED if field.repeated else one.LABEL_OPTIONAL
        if field.message is None:
            one.type = getattr(one, _SCALARS[field.scalar])
        else:
            protobuf_class(cast("Any", field.message))
            one.type, one.type_name = one.TYPE_MESSAGE, f".{field.message.__name__}"
            proto2.dependency.append(f"{field.message.__name__}.proto")
    _pool().Add(proto2)
    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(kind.__name__))
