"""The kinds of classes whose instances are made of fields, one entry each in `_KINDS`: a new kind is one more entry.

Pydantic reads the kinds without a `schema`, or a serializer of the user's does. The others are read field by field:
so they may hold one another on every Python, and an instance comes back in the state in which it was written.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, cast

import pydantic
import pydantic.dataclasses
import typing_extensions
from pydantic_core import core_schema


class Fields(NamedTuple):
    """What instances of a class hold. extra: they may also hold fields that their class does not name."""

    names: Sequence[str]
    unwritten: frozenset[str] = frozenset()
    computed: Sequence[str] = ()
    extra: bool = False


SchemaOf = Callable[[str], Any]
"""Gives the schema of the type of a field."""


class Kind(NamedTuple):
    """knows: tells whether a class is of this kind. schema: makes the schema of a class whose fields have these."""

    knows: Callable[[Any], bool]
    fields: Callable[[Any], Fields]
    schema: Callable[[Any, SchemaOf, Mapping[str, Any]], Any] | None = None


@functools.lru_cache(maxsize=1024)
def kind_of(cls: type) -> Kind | None:
    return next((kind for kind in _KINDS if kind.knows(cls)), None)


@functools.lru_cache(maxsize=1024)
def fields_of(cls: type) -> Fields | None:
    """Return what instances of a class hold; None when they have no fields."""
    kind = kind_of(cls)
    return None if kind is None else kind.fields(cls)


def has_schema(cls: type) -> bool:
    """Tell whether a class is of a kind that is read field by field."""
    kind = kind_of(cls)
    return kind is not None and kind.schema is not None


def own_schema(cls: object) -> Callable[[Any, SchemaOf, Mapping[str, Any]], Any] | None:
    """Return what makes the schema of a class that is read field by field here; None for any other."""
    if not isinstance(cls, type) or hasattr(cls, "__get_pydantic_core_schema__"):
        return None
    kind = kind_of(cls)
    if kind is None or any(map(pydantic.dataclasses.is_pydantic_dataclass, cls.__mro__)):
        return None
    return kind.schema


class _StandIn(type):
    """The class of classes that stand for another one in a schema."""

    stands_for: type

    def __instancecheck__(cls, instance: object) -> bool:
        return type(instance) is cls.stands_for


def stand_in(cls: Any) -> Any:
    """Return what makes instances of a class and counts them as its own.

    For a class that is its own, pydantic takes what it made of the class's schema unchanged.
    """
    make = object.__new__
    return _StandIn(cls.__name__, (), {"__new__": lambda _: make(cls), "stands_for": cls})


def written_fields(value: object) -> dict[str, object] | None:
    """Return what an instance is written as, by field; None when it has none. What it computes is not among them."""
    fields = fields_of(type(value))
    if fields is None:
        return None
    held = {name: getattr(value, name) for name in fields.names if name not in fields.unwritten and hasattr(value, name)}
    return held | (cast("pydantic.BaseModel", value).model_extra or {}) if fields.extra else held


def is_model(cls: type) -> bool:
    return issubclass(cls, pydantic.BaseModel)


def is_struct(cls: type) -> bool:
    """Tell whether a class is a msgspec.Struct, which only a serializer for it can write."""
    return hasattr(cls, "__struct_fields__")


def _is_attrs(cls: type) -> bool:
    return hasattr(cls, "__attrs_attrs__")


def _is_named_tuple(cls: type) -> bool:
    return issubclass(cls, tuple) and hasattr(cls, "_fields")


def _model_fields(cls: type[pydantic.BaseModel]) -> Fields:
    return Fields(
        names=tuple(cls.model_fields),
        unwritten=frozenset(name for name, field in cls.model_fields.items() if field.exclude),
        computed=tuple(cls.model_computed_fields),
        extra=cls.model_config.get("extra") == "allow",
    )


def _named(attribute: str) -> Callable[[Any], Fields]:
    """Return what gives the fields of a class that holds their names in an attribute."""
    return lambda cls: Fields(tuple(getattr(cls, attribute)))


def _typed_dict(cls: Any, schema_of: SchemaOf, hints: Mapping[str, Any]) -> Any:
    required = cls.__required_keys__
    fields = {key: core_schema.typed_dict_field(schema_of(key), required=key in required) for key in hints}
    return core_schema.typed_dict_schema(fields, extra_behavior="allow")  # what it does not name is seen to be lost


def _named_tuple(cls: Any, schema_of: SchemaOf, _: object) -> Any:
    inner = core_schema.tuple_schema(list(map(schema_of, cls._fields)))
    return core_schema.no_info_after_validator_function(lambda read: cls(*read), inner)


def _attrs(cls: Any, schema_of: SchemaOf, _: object) -> Any:
    attributes: Sequence[Any] = cls.__attrs_attrs__
    fields = {
        each.name: core_schema.typed_dict_field(schema_of(each.name), required=each.init and _is_nothing(each.default))
        for each in attributes
    }
    inner = core_schema.typed_dict_schema(fields)

    def make(read: Mapping[str, Any]) -> object:
        there = [each for each in attributes if each.name in read]
        made = cls(**{_argument(each): read[each.name] for each in there if each.init})
        return _restore(made, {each.name: read[each.name] for each in there if not each.init})

    def values(value: object) -> dict[str, object] | None:
        if not isinstance(value, cls):
            raise TypeError(f"a {type(value).__name__} is not a {cls.__name__}")
        return written_fields(cast("object", value))

    writing = core_schema.plain_serializer_function_ser_schema(values, return_schema=inner)
    return core_schema.no_info_after_validator_function(make, inner, serialization=writing)


def _argument(attribute: Any) -> str:
    return str(getattr(attribute, "alias", None) or attribute.name.lstrip("_"))


def _is_nothing(default: object) -> bool:
    """Know attrs' own mark for "no default" without importing attrs."""
    return type(default).__name__ in ("_Nothing", "_NothingType")


def _dataclass(cls: Any, schema_of: SchemaOf, hints: Mapping[str, Any]) -> Any:
    fields = dataclasses.fields(cls)
    arguments = [_dataclass_field(each, schema_of(each.name)) for each in fields]
    made: Any = core_schema.dataclass_schema(
        cls,
        core_schema.dataclass_args_schema(cls.__name__, arguments),
        [each.name for each in fields],
        slots=hasattr(cls, "__slots__"),
    )
    if not hasattr(cls, "__post_init__"):
        return made
    late = [each.name for each in fields if not each.init]
    defaults = [_default_of(cls, name) for name, hint in hints.items() if _is_init_only(hint)]

    def finish(made: Any) -> object:
        held = {name: getattr(made, name) for name in late}
        made.__post_init__(*defaults)
        return _restore(made, held)

    return core_schema.no_info_after_validator_function(finish, made)


def _dataclass_field(field: dataclasses.Field[Any], schema: Any) -> Any:
    if field.default is not dataclasses.MISSING:
        schema = core_schema.with_default_schema(schema, default=field.default)
    elif field.default_factory is not dataclasses.MISSING:
        schema = core_schema.with_default_schema(schema, default_factory=field.default_factory)
    return core_schema.dataclass_field(field.name, schema, kw_only=True)


def _is_init_only(hint: object) -> bool:
    return hint is dataclasses.InitVar or isinstance(hint, dataclasses.InitVar)


def _default_of(cls: Any, name: str) -> object:
    """Return what `__post_init__` is given in place of an argument that no field keeps."""
    if not hasattr(cls, name):
        raise TypeError(f"{cls.__name__}.{name} is an InitVar without a default, and is not kept")
    return getattr(cls, name)


def _restore(made: object, fields: Mapping[str, Any]) -> object:
    """Give fields that no constructor takes the values that they were written with."""
    for name, value in fields.items():
        object.__setattr__(made, name, value)
    return made


def _dataclass_fields(cls: Any) -> Fields:
    return Fields(tuple(each.name for each in dataclasses.fields(cls)))


_KINDS = (
    Kind(typing_extensions.is_typeddict, _named("__annotations__"), _typed_dict),
    Kind(_is_attrs, lambda cls: Fields(tuple(each.name for each in cls.__attrs_attrs__)), _attrs),
    Kind(is_model, _model_fields),
    Kind(dataclasses.is_dataclass, _dataclass_fields, _dataclass),
    Kind(is_struct, _named("__struct_fields__")),
    Kind(_is_named_tuple, _named("_fields"), _named_tuple),
)
