"""The data of typed events: which types it may have, and how it is read, by whoever sends and whoever receives.

What is sent is read, as the receiver will read it, before it goes. Knows types and values; what an event is stands in
`events.py`.
"""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ForwardRef, NewType, TypeVar, Union, cast

import pydantic
from pydantic_core import core_schema

from inngest_core.error_text import headline, misfit_of
from inngest_core.errors import ConfigError, EventInvalidError, OutputUnserializableError
from inngest_core.values.codec import form_of
from inngest_core.values.json_text import as_body, parse_value
from inngest_core.values.schema import attrs_fields, is_alias
from inngest_core.values.serializer import dump_value, type_name

FIX = "give JSON values"

_OF_THE_ENGINE = "_inngest"
"""A key that engines add to the data of an event; a type need not know it."""
_ANY_OBJECT: tuple[object, ...] = (Any, dict[str, Any])
_HINT = "give a pydantic model, a dataclass or a TypedDict"
RECEIVED = {"received": True}
"""Context of a validation: the data was read before."""


def check_type(typ: object, what: str) -> None:
    """Raise ConfigError unless data may be of this type: known to pydantic, and an object as JSON."""
    try:
        form_of(typ, shared=True)
    except Exception as error:  # a type's own code may raise anything
        raise ConfigError(
            f"{what}: {type_name(typ)} cannot be the type of its data: {misfit_of(error)}; {_HINT}"
        ) from None
    check_is_object(typ, what)


def check_is_object(typ: object, what: str) -> None:
    """Raise ConfigError for a type that is not an object as JSON; one that is not resolved yet may be one."""
    if not _is_object(typ):
        raise ConfigError(
            f"{what}: {type_name(typ)} is not an object as JSON, and the data of an event always is; "
            f"{_HINT} with a field for it"
        )


def _is_object(typ: Any) -> bool:
    return all(_is_one_object(member) for member in _members_of(typ))


def _members_of(typ: Any) -> list[Any]:
    """Return the types behind Annotated, NewType and type aliases; those of a union."""
    origin, args = typing.get_origin(typ), typing.get_args(typ)
    if isinstance(typ, NewType):
        return _members_of(typ.__supertype__)
    if is_alias(origin or typ):
        return _members_of((origin or typ).__value__)
    if origin is typing.Annotated:
        return _members_of(args[0])
    if origin in (Union, types.UnionType):
        return [member for arg in args for member in _members_of(arg)]
    return [typ]


def _is_one_object(typ: Any) -> bool:
    kind: Any = typing.get_origin(typ) or typ
    if kind is Any or kind is object or isinstance(kind, ForwardRef):
        return True
    if not isinstance(kind, type):
        return False
    given = cast("type[Any]", kind)
    if issubclass(given, pydantic.RootModel):
        return _is_object(cast("Any", given).model_fields["root"].annotation)
    return issubclass(given, Mapping) or _has_fields(given)


def _has_fields(kind: type[Any]) -> bool:
    """Tell whether instances are objects of fields; a class that tells pydantic itself what it is counts as one."""
    return (
        dataclasses.is_dataclass(kind)
        or attrs_fields(kind) is not None
        or hasattr(kind, "__get_pydantic_core_schema__")
    )


def type_of_data(kind: type[pydantic.BaseModel]) -> object:
    """Return the type of the data of a class of events; None when it is any object."""
    field = kind.model_fields["data"]
    given = next((each.typ for each in field.metadata if isinstance(each, TypedData) and each.typ is not None), None)
    typ: Any = field.annotation if given is None else given
    return None if typ in _ANY_OBJECT or isinstance(typ, TypeVar) else typ


def as_object(value: object) -> object:
    """Return an instance with fields as the JSON object that it is written as; anything else as it is.

    Raises OutputUnserializableError.
    """
    kind = type(value)
    if kind is dict or not _has_fields(kind):  # a dict is what every call brings
        return value
    return parse_value(dump_value(value, "the data of an event", output_type=kind, fix=FIX, shared=True))


def read_data(data: object, typ: object, name: str, *, given: bool = False) -> Any:
    """Return the data of the event *name* as its type. given: by a user, so that it need not be JSON values.

    Raises EventInvalidError that names the field.
    """
    if isinstance(data, dict):
        fields = cast("dict[object, object]", data)
        data = {key: value for key, value in fields.items() if key != _OF_THE_ENGINE}
    try:
        body = dump_value(data, "data", output_type=typ, fix=FIX, shared=True) if given else as_body(data)
        return form_of(typ, shared=True).read_any(body)
    except Exception as error:  # the validators of users raise anything
        problem = error
    if isinstance(problem, pydantic.ValidationError):
        raise EventInvalidError(f'event "{name}": {misfit_of(problem, "data")}; expected {type_name(typ)}') from None
    if isinstance(problem, OutputUnserializableError):
        raise EventInvalidError(f'event "{name}": {problem.message}; expected {type_name(typ)}') from None
    raise EventInvalidError(
        f'event "{name}": data: reading it as {type_name(typ)} raised {headline(problem)}; '
        "a validator should raise ValueError for what does not fit"
    ) from problem


@dataclass(frozen=True)
class TypedData:
    """Makes the field `data` of a class of events hold a value of a type; typ: that of its annotation when None.

    An instance stays the one that was given, once it was seen that the receiver can read it.
    """

    typ: object = None

    def __get_pydantic_core_schema__(self, source: Any, handler: pydantic.GetCoreSchemaHandler) -> Any:
        typ = source if self.typ is None else self.typ
        if isinstance(typ, TypeVar) or typ is Any:
            return core_schema.any_schema()
        return core_schema.with_info_plain_validator_function(functools.partial(_validate, typ))


def _validate(typ: object, value: object, info: core_schema.ValidationInfo) -> object:
    if info.context is RECEIVED:
        return value
    read: object = read_data(value, typ, str(info.data.get("name", "")), given=True)
    return value if isinstance(value, type(read)) and not isinstance(value, dict) else read
