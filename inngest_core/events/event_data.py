"""The data of typed events: which types it may have, and how it is read, by whoever sends and whoever receives.

What is sent is read before it goes, as the receiver will read it. Knows types and values; `event.py` says what an
event is.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import pydantic
from pydantic_core import core_schema

from inngest_core.error_text import headline, misfit_of
from inngest_core.errors import ConfigError, EventInvalidError, OutputUnserializableError
from inngest_core.values.classes import is_struct, layout_of
from inngest_core.values.codec import choice_of, codec_of
from inngest_core.values.json_text import as_body, parse_value
from inngest_core.values.serializer import dump, type_name

FIX = "give JSON values"

_OF_THE_ENGINE = "_inngest"
"""A key that engines add to the data of an event; a type need not know it."""
_ANY_OBJECT: tuple[object, ...] = (Any, dict[str, Any])
_HINT = "give a pydantic model, a dataclass or a TypedDict"
RECEIVED = {"received": True}
"""Context of a validation: the data was read before."""


def check_type(typ: object, what: str, *, early: bool = False) -> None:
    """Raise ConfigError unless data may be of this type: known to pydantic, and an object as JSON.

    early: what the type names may not be there yet; then it is looked at again when it is used.
    """
    try:
        codec = codec_of(typ, shared=True)
    except Exception as error:  # a type's own code may raise anything
        if early:
            return
        raise ConfigError(
            f"{what}: {type_name(typ)} cannot be the type of its data: {misfit_of(error)}; {_HINT}"
        ) from None
    if not _is_object(codec.root, codec.definitions):
        raise ConfigError(
            f"{what}: {type_name(typ)} is not an object as JSON, and the data of an event always is; "
            f"{_HINT} with a field for it"
        )


def _is_object(node: Any, definitions: Sequence[Any]) -> bool:
    """Tell whether values of a schema are objects as JSON."""
    kind: str = node["type"]
    if kind in ("dict", "typed-dict", "dataclass", "any", "function-plain"):
        return True
    if kind == "nullable" or (kind == "model" and not node["root_model"]):
        return kind == "model"
    parts: list[Any] = [node[key] for key in ("schema", "json_schema", "lax_schema") if key in node]
    if kind in ("union", "tagged-union"):
        parts = list(node["choices"].values()) if kind == "tagged-union" else list(map(choice_of, node["choices"]))
    elif kind == "definition-ref":
        parts = [each for each in definitions if each["ref"] == node["schema_ref"]]
    return bool(parts) and all(_is_object(each, definitions) for each in parts)


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
    cls = type(value)
    if cls is dict:  # as every call brings it
        return value
    has_fields = layout_of(cls) is not None and not is_struct(cls)
    if not (has_fields or hasattr(cls, "__get_pydantic_core_schema__")):
        return value
    return parse_value(dump(value, "the data of an event", cls, rule="shared", fix=FIX).body)


def read_data(data: object, typ: object, name: str, *, given: bool = False) -> Any:
    """Return the data of the event *name* as its type. given: by a user, so that it need not be JSON values.

    Raises EventInvalidError that names the field.
    """
    if isinstance(data, dict):
        fields = cast("dict[object, object]", data)
        data = {key: value for key, value in fields.items() if key != _OF_THE_ENGINE}
    try:
        body = dump(data, "data", typ, rule="shared", fix=FIX).body if given else as_body(data)
        return codec_of(typ, shared=True).read(body)
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
