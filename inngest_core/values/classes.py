"""The kinds of classes whose instances are made of fields, one entry each in `_KINDS`: a new kind is one more entry.

A kind with a schema is read field by field, not by pydantic: so such classes may hold one another on every Python, and
an instance comes back in the state in which it was written. The others are read by pydantic, or by a serializer.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, NamedTuple, cast

import pydantic
import pydantic.dataclasses
import typing_extensions
from pydantic_core import core_schema

SchemaOf = Callable[[str], Any]
"""Gives the schema of the field of that name."""
MakeSchema = Callable[[Any, SchemaOf, Mapping[str, Any]], Any]
"""Gives the schema of a class, of which the types of the fields are given too."""


class Layout(NamedTuple):
    """What instances of a class are made of: its fields, some of which are not written, and what they compute."""

    names: Collection[str]
    schema: MakeSchema | None = None
    unwritten: Collection[str] = ()
    computed: Collection[str] = ()
    extra: bool = False
    """Whether an instance may hold fields that the class does not name."""


def _lay_out(cls: type) -> Layout | None:
    """Return what instances of a class are made of; None when these are not fields."""
    layout = next((lay_out(cls) for knows, lay_out in _KINDS if knows(cls)), None)
    known = hasattr(cls, "__get_pydantic_core_schema__") or any(map(_is_pydantic, cls.__mro__))
    return layout._replace(schema=None) if layout is not None and known else layout


layout_of: Callable[[type], Layout | None] = functools.lru_cache(maxsize=1024)(_lay_out)


def own_schema(cls: object) -> MakeSchema | None:
    """Return what makes the schema of a class that is read field by field; None for anything else."""
    layout = layout_of(cls) if isinstance(cls, type) else None
    return None if layout is None else layout.schema


def written_fields(value: object) -> dict[str, object] | None:
    """Return what an instance is written as, by field; None when it has none. What it computes is not among them."""
    layout = layout_of(type(value))
    if layout is None:
        return None
    names = [name for name in layout.names if name not in layout.unwritten and hasattr(value, name)]
    held: dict[str, object] = {name: getattr(value, name) for name in names}
    return held | (cast("pydantic.BaseModel", value).model_extra or {}) if layout.extra else held


def is_struct(cls: type) -> bool:
    """Tell whether a class is a msgspec.Struct, which only a serializer for it can write."""
    return hasattr(cls, "__struct_fields__")


def stand_in(cls: Any) -> Any:
    """Return a class that makes instances of *cls* and counts those as its own, for a schema that was changed.

    For *cls* itself, pydantic takes what it has made of the schema unchanged.
    """
    make = cls.__new__
    return _StandIn(cls.__name__, (), {"__new__": lambda _: make(cls), "stands_for": cls})  # pyright: ignore[reportUnknownLambdaType] - it is given the stand-in


class _StandIn(type):
    stands_for: type

    def __instancecheck__(cls, instance: object) -> bool:
        return type(instance) is cls.stands_for


_is_pydantic = pydantic.dataclasses.is_pydantic_dataclass


def _model(cls: type[pydantic.BaseModel]) -> Layout:
    return Layout(
        names=tuple(cls.model_fields),
        unwritten=frozenset(name for name, field in cls.model_fields.items() if field.exclude),
        computed=tuple(cls.model_computed_fields),
        extra=cls.model_config.get("extra") == "allow",
    )


def _typed_dict(cls: Any, schema_of: SchemaOf, hints: Mapping[str, Any]) -> Any:
    made: Any = _object(hints, schema_of, cls.__required_keys__)
    return {**made, "extra_behavior": "allow"}  # a key that it does not name is written, and seen to be lost


def _object(names: Iterable[str], schema_of: SchemaOf, required: Collection[str]) -> Any:
    return core_schema.typed_dict_schema(
        {name: core_schema.typed_dict_field(schema_of(name), required=name in required) for name in names}
    )


def _named_tuple(cls: Any, schema_of: SchemaOf, _: object) -> Any:
    inner = core_schema.tuple_schema(list(map(schema_of, cls._fields)))
    return core_schema.no_info_after_validator_function(lambda read: cls(*read), inner)


def _attrs(cls: Any, schema_of: SchemaOf, _: object) -> Any:
    fields = {each.name: each for each in cls.__attrs_attrs__}
    arguments = {name: getattr(each, "alias", None) or name.lstrip("_") for name, each in fields.items() if each.init}
    # attrs marks a field without a default by an object of its own
    required = [name for name in arguments if type(fields[name].default).__name__ in ("_Nothing", "_NothingType")]

    def make(read: Mapping[str, Any]) -> object:
        made = cls(**{arguments[name]: value for name, value in read.items() if name in arguments})
        return _restore(made, {name: value for name, value in read.items() if name not in arguments})

    def write(value: object) -> object:
        if not isinstance(value, cls):
            raise TypeError(f"a {type(value).__name__} is not a {cls.__name__}")
        return written_fields(value)

    inner = _object(fields, schema_of, required)
    writing = core_schema.plain_serializer_function_ser_schema(write, return_schema=inner)
    return core_schema.no_info_after_validator_function(make, inner, serialization=writing)


def _dataclass(cls: Any, schema_of: SchemaOf, hints: Mapping[str, Any]) -> Any:
    fields = dataclasses.fields(cls)
    late = [each.name for each in fields if not each.init]
    not_kept = [name for name, hint in hints.items() if dataclasses.InitVar in (hint, type(hint))]
    for name in not_kept:
        if not hasattr(cls, name):
            raise TypeError(f"{cls.__name__}.{name} is an InitVar without a default, and is not kept")

    def argument(field: dataclasses.Field[Any]) -> Any:
        schema = schema_of(field.name)
        if field.default is not dataclasses.MISSING:
            schema = core_schema.with_default_schema(schema, default=field.default)
        elif field.default_factory is not dataclasses.MISSING:
            schema = core_schema.with_default_schema(schema, default_factory=field.default_factory)
        return core_schema.dataclass_field(field.name, schema, kw_only=True)

    def finish(made: Any) -> object:
        held = {name: getattr(made, name) for name in late}
        made.__post_init__(*[getattr(cls, name) for name in not_kept])
        return _restore(made, held)

    inner = core_schema.dataclass_args_schema(cls.__name__, list(map(argument, fields)))
    names = [each.name for each in fields]
    made: Any = core_schema.dataclass_schema(cls, inner, names, slots=hasattr(cls, "__slots__"))
    return core_schema.no_info_after_validator_function(finish, made) if hasattr(cls, "__post_init__") else made


def _restore(made: object, fields: Mapping[str, Any]) -> object:
    """Give fields that no constructor takes the values that they were written with."""
    for name, value in fields.items():
        object.__setattr__(made, name, value)
    return made


_KINDS: tuple[tuple[Callable[[Any], bool], Callable[[Any], Layout]], ...] = (
    (typing_extensions.is_typeddict, lambda _: Layout((), _typed_dict)),
    (lambda cls: hasattr(cls, "__attrs_attrs__"), lambda cls: Layout([a.name for a in cls.__attrs_attrs__], _attrs)),
    (lambda cls: issubclass(cls, pydantic.BaseModel), _model),
    (dataclasses.is_dataclass, lambda cls: Layout([field.name for field in dataclasses.fields(cls)], _dataclass)),
    (is_struct, lambda cls: Layout(cls.__struct_fields__)),
    (lambda cls: hasattr(cls, "_fields") and issubclass(cls, tuple), lambda cls: Layout(cls._fields, _named_tuple)),
)
