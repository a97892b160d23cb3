"""Types as JSON sees them: which of them JSON can express, and a form of the others that pydantic knows.

Dataclasses, attrs classes, NamedTuples and TypedDicts are read field by field here, not by pydantic: so they may hold
one another on every Python, and an instance comes back in the state in which it was written.
No values of users, no I/O, no knowledge of steps.
"""

from __future__ import annotations

import base64
import collections.abc
import dataclasses
import operator
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NewType, TypeVar, Union, cast

import pydantic
import typing_extensions
from pydantic_core import core_schema

KIND = "inngest_kind"
"""The key of the metadata of a schema that names the class of its values."""

_PLAIN: frozenset[object] = frozenset({None, types.NoneType, bool, int, str, object, Any, list, dict})
_NEVER: tuple[object, ...] = (typing.NoReturn, typing.Never)
_LIST_LIKE = frozenset({list, collections.abc.Sequence, collections.abc.MutableSequence})
_DICT_LIKE = frozenset({dict, collections.abc.Mapping, collections.abc.MutableMapping})
_CALLABLE: frozenset[object] = frozenset({collections.abc.Callable})
_READ_ONCE = frozenset({collections.abc.Iterable, collections.abc.Collection, collections.abc.Reversible})
_WRAPPERS = (typing.Required, typing.NotRequired, typing_extensions.ReadOnly)


def is_plain(typ: object, seen: frozenset[int] = frozenset()) -> bool:
    """Tell whether JSON values are of this type as they are, so that there is nothing to decode.

    A float is none of them, unless it might be an int as well: engines write a whole one as an int.
    Raises NameError: a field of a TypedDict has a type that cannot be resolved.
    """
    if isinstance(typ, TypeVar) or typ in _NEVER or id(typ) in seen or (hashable(typ) and typ in _PLAIN):
        return True
    seen = seen | {id(typ)}
    if isinstance(typ, NewType):
        return is_plain(typ.__supertype__, seen)
    if is_alias(typ):
        return is_plain(cast("Any", typ).__value__, seen)
    if typing_extensions.is_typeddict(typ):
        return all(is_plain(hint, seen) for hint in hints_of(typ, {}).values())
    origin, args = typing.get_origin(typ), typing.get_args(typ)
    if origin is Literal:
        return all(type(arg) in (str, int, bool, types.NoneType) for arg in args)
    if origin is typing.Annotated:
        return is_plain(args[0], seen) and not any(hasattr(arg, "__get_pydantic_core_schema__") for arg in args[1:])
    if origin in (Union, types.UnionType) and int in args:
        return all(is_plain(arg, seen) for arg in args if arg is not float)
    if origin in (Union, types.UnionType, *_WRAPPERS, *_LIST_LIKE):
        return all(is_plain(arg, seen) for arg in args)
    if origin in _DICT_LIKE:
        key, value = args
        return (key in (str, Any, object) or typing.get_origin(key) is Literal) and is_plain(value, seen)
    return False


def is_alias(typ: object) -> bool:
    """Tell whether a type was made by a `type` statement, or by TypeAliasType."""
    return isinstance(typ, typing_extensions.TypeAliasType) or type(typ).__name__ == "TypeAliasType"


def hints_of(owner: object, names: Mapping[str, Any]) -> dict[str, Any]:
    """Return the types of the fields of a class; names: those that only the function that returns it knows.

    Raises NameError when one cannot be resolved.
    """
    return typing_extensions.get_type_hints(cast("Any", owner), localns=dict(names), include_extras=True)


def attrs_fields(kind: object) -> Sequence[Any] | None:
    """Return the attributes of an attrs class; None for any other."""
    return cast("Sequence[Any] | None", getattr(kind, "__attrs_attrs__", None)) if isinstance(kind, type) else None


def struct_fields(kind: type) -> Sequence[str] | None:
    """Return the names of the fields of a msgspec.Struct; None for any other class."""
    return cast("Sequence[str] | None", getattr(kind, "__struct_fields__", None))


def attrs_values(value: object) -> Mapping[str, object]:
    """Return the fields of an attrs instance; raises TypeError for anything else."""
    attributes = attrs_fields(type(value))
    if attributes is None:
        raise TypeError(f"a {type(value).__name__} is not JSON")
    return {each.name: getattr(value, each.name) for each in attributes}


def hashable(typ: object) -> bool:
    try:
        hash(typ)
    except TypeError:  # a type with unhashable metadata
        return False
    return True


class Fitting:
    """Puts one type in a form that pydantic knows; the classes within it wait until pydantic asks for their fields."""

    def __init__(self, names: Mapping[str, Any]) -> None:
        self._names = names
        self._structs: dict[object, type] = {}
        self._begun: set[str] = set()
        self._open: set[int] = set()

    def fit(self, typ: Any) -> Any:
        """Return the type in a form that pydantic knows; *typ* itself when it is one."""
        if typ is bytearray:
            return typing.Annotated[typ, _ByteArray()]
        if isinstance(typ, str):
            typ = hints_of(types.SimpleNamespace(__annotations__={"it": typ}), self._names)["it"]
        if isinstance(typ, NewType):
            return self.fit(typ.__supertype__)
        origin: Any = typing.get_origin(typ)
        args: tuple[Any, ...] = typing.get_args(typ)
        if is_alias(origin or typ):
            return self._fit_alias(typ, origin or typ, args)
        if is_struct(origin or typ):
            return self._struct(origin or typ, args)
        if not args or origin is Literal or origin in _CALLABLE:
            return typ
        if origin in _READ_ONCE:  # pydantic would hand out an iterator that can be read once
            return types.GenericAlias(list, self.fit(args[0]))
        if origin is typing.Annotated:
            inner = self.fit(args[0])
            return typ if inner is args[0] else typing.Annotated[(inner, *args[1:])]
        fitted = tuple(arg if arg is Ellipsis else self.fit(arg) for arg in args)
        if all(map(operator.is_, fitted, args)):
            return typ
        if origin in (Union, types.UnionType):
            return Union[fitted]  # noqa: UP007 - the members are known at run time only
        return origin[fitted[0] if len(fitted) == 1 else fitted]

    def _fit_alias(self, typ: Any, alias: Any, args: tuple[Any, ...]) -> Any:
        """Return what an alias, also a generic one, stands for; itself within itself."""
        if id(alias) in self._open:
            return typ
        self._open.add(id(alias))
        try:
            fitted = self.fit(_put(alias.__value__, dict(zip(alias.__type_params__, args, strict=False))))
        finally:
            self._open.discard(id(alias))
        return fitted

    def _struct(self, kind: Any, args: tuple[Any, ...]) -> Any:
        """Return a class that stands for *kind*: pydantic asks it for its schema."""
        key = (kind, args) if hashable(args) else (kind, str(args))
        if key in self._structs:
            return self._structs[key]
        ref = f"{kind.__module__}.{kind.__qualname__}:{len(self._structs)}"

        def schema(_: object, __: object, handler: pydantic.GetCoreSchemaHandler) -> Any:
            if ref in self._begun:
                return core_schema.definition_reference_schema(ref)
            self._begun.add(ref)
            made: Any = {**self._schema(kind, args, handler.generate_schema), "ref": ref, "metadata": {KIND: kind}}
            return core_schema.definitions_schema(core_schema.definition_reference_schema(ref), [made])

        made = type(kind.__name__, (), {"__get_pydantic_core_schema__": classmethod(schema)})
        self._structs[key] = made
        return made

    def _schema(self, kind: Any, args: tuple[Any, ...], generate: Callable[[Any], Any]) -> Any:
        hints = hints_of(kind, {kind.__name__: kind, **self._names})
        given = dict(zip(getattr(kind, "__parameters__", None) or (), args, strict=False))

        def schema_of(name: str) -> Any:
            hint = hints.get(name, Any)
            while typing.get_origin(hint) in (*_WRAPPERS, typing.Final):
                hint = typing.get_args(hint)[0]
            return generate(self.fit(_put(hint, given)))

        if typing_extensions.is_typeddict(kind):
            return _typed_dict({name: (schema_of(name), name in kind.__required_keys__) for name in hints}, extra=True)
        if attrs_fields(kind) is not None:
            return _attrs(kind, schema_of)
        if not dataclasses.is_dataclass(kind):
            return _named_tuple(kind, schema_of)
        return _dataclass(kind, schema_of)


def is_struct(kind: object) -> bool:
    """Tell whether a class is read here, field by field; a class that brings its own schema is not."""
    if not isinstance(kind, type) or hasattr(kind, "__get_pydantic_core_schema__"):
        return False
    if typing_extensions.is_typeddict(kind) or attrs_fields(kind) is not None:
        return True
    if dataclasses.is_dataclass(kind):
        return not hasattr(kind, "__pydantic_serializer__")
    bases: Sequence[object] = cast("Any", kind).__mro__
    return hasattr(cast("object", kind), "_fields") and tuple in bases


def _put(typ: Any, given: Mapping[Any, Any]) -> Any:
    """Return *typ* with the type variables in it replaced."""
    if isinstance(typ, TypeVar):
        return given.get(typ, typ)
    parameters = getattr(typ, "__parameters__", ())
    if not given or not parameters or isinstance(typ, type):
        return typ
    return typ[tuple(given.get(each, each) for each in parameters)]


def _typed_dict(fields: Mapping[str, tuple[Any, bool]], *, extra: bool) -> Any:
    made = {key: core_schema.typed_dict_field(schema, required=required) for key, (schema, required) in fields.items()}
    return core_schema.typed_dict_schema(made, extra_behavior="allow" if extra else "ignore")


def _named_tuple(kind: Any, schema_of: Callable[[str], Any]) -> Any:
    inner = core_schema.tuple_schema([schema_of(name) for name in kind._fields])

    def make(read: Sequence[Any]) -> object:
        return kind(*read)

    return core_schema.no_info_after_validator_function(make, inner)


def _attrs(kind: Any, schema_of: Callable[[str], Any]) -> Any:
    attributes = attrs_fields(kind) or ()
    fields = {each.name: (schema_of(each.name), each.init and _is_nothing(each.default)) for each in attributes}
    inner = _typed_dict(fields, extra=False)

    def make(read: Mapping[str, Any]) -> object:
        there = [each for each in attributes if each.name in read]
        made = kind(**{_argument(each): read[each.name] for each in there if each.init})
        return restore(made, {each.name: read[each.name] for each in there if not each.init})

    def values(value: Any) -> Mapping[str, object]:
        if not isinstance(value, kind):
            raise TypeError(f"a {type(value).__name__} is no {kind.__name__}")
        return attrs_values(value)

    return core_schema.no_info_after_validator_function(
        make,
        inner,
        serialization=core_schema.plain_serializer_function_ser_schema(values, return_schema=inner),
    )


def restore(made: object, fields: Mapping[str, Any]) -> object:
    """Give fields that no constructor takes the values that they were written with."""
    for name, value in fields.items():
        object.__setattr__(made, name, value)
    return made


def _dataclass(kind: Any, schema_of: Callable[[str], Any]) -> Any:
    fields: Sequence[dataclasses.Field[Any]] = dataclasses.fields(kind)
    names = [each.name for each in fields]
    late = [each.name for each in fields if not each.init]
    more = _init_only(kind)

    def finish(made: Any) -> object:
        held = {name: getattr(made, name) for name in late}
        made.__post_init__(*more)
        return restore(made, held)

    made: Any = core_schema.dataclass_schema(
        kind,
        core_schema.dataclass_args_schema(
            kind.__name__, [_dataclass_field(each, schema_of(each.name)) for each in fields]
        ),
        names,
        slots=hasattr(kind, "__slots__"),
    )
    if not hasattr(kind, "__post_init__"):
        return made
    return core_schema.no_info_after_validator_function(finish, made)


def _dataclass_field(field: dataclasses.Field[Any], schema: Any) -> Any:
    if field.default is not dataclasses.MISSING:
        schema = core_schema.with_default_schema(schema, default=field.default)
    elif field.default_factory is not dataclasses.MISSING:
        schema = core_schema.with_default_schema(schema, default_factory=field.default_factory)
    return core_schema.dataclass_field(field.name, schema, kw_only=True)


def _init_only(kind: Any) -> list[object]:
    """Return what `__post_init__` is given in place of arguments that no field keeps."""
    only = [
        name
        for name, field in kind.__dataclass_fields__.items()
        if str(field._field_type) == "_FIELD_INITVAR"  # the standard library has no public way to ask
    ]
    for name in only:
        if not hasattr(kind, name):
            raise TypeError(f"{kind.__name__}.{name} is an InitVar without a default, and is not kept")
    return [getattr(kind, name) for name in only]


def _argument(attribute: Any) -> str:
    return str(getattr(attribute, "alias", None) or attribute.name.lstrip("_"))


def _is_nothing(default: object) -> bool:
    """Know attrs' own mark for "no default" without importing attrs."""
    return type(default).__name__ in ("_Nothing", "_NothingType")


@dataclass(frozen=True)
class _ByteArray:
    """Reads and writes a bytearray as the base64 of its bytes."""

    def __get_pydantic_core_schema__(self, source: Any, handler: pydantic.GetCoreSchemaHandler) -> Any:
        return core_schema.no_info_after_validator_function(
            bytearray,
            core_schema.bytes_schema(),
            serialization=core_schema.plain_serializer_function_ser_schema(self._write),
        )

    def _write(self, value: object) -> str:
        if not isinstance(value, bytearray):
            raise TypeError(f"a {type(value).__name__} is no bytearray")
        return base64.urlsafe_b64encode(value).decode()
