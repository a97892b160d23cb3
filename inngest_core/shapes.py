"""Types as JSON sees them: which of them JSON can express, and adapters for the others, each built once.

A type is made fit for pydantic before its adapter is built: bytes are base64 text, attrs classes are objects of their
fields, and a `typing.TypedDict`, which pydantic refuses below Python 3.12, becomes one of typing_extensions.
No values of users, no I/O, no knowledge of steps.
"""

from __future__ import annotations

import base64
import collections.abc
import dataclasses
import functools
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NewType, TypeVar, Union, cast

import pydantic
import pydantic_core
import typing_extensions
from pydantic_core import core_schema

_PLAIN: frozenset[object] = frozenset({None, types.NoneType, bool, int, float, str, object, Any, list, dict})
_NEVER: tuple[object, ...] = (typing.NoReturn, typing.Never)
_LIST_LIKE = frozenset({list, collections.abc.Sequence, collections.abc.MutableSequence})
_DICT_LIKE = frozenset({dict, collections.abc.Mapping, collections.abc.MutableMapping})
_CALLABLE: frozenset[object] = frozenset({collections.abc.Callable})
_READ_ONCE = frozenset({collections.abc.Iterable, collections.abc.Collection, collections.abc.Reversible})
_WRAPPERS = (typing.Required, typing.NotRequired, typing_extensions.ReadOnly)

_Field = tuple[str, str, object, bool]
"""The key, the name of the argument, the type, and whether it must be there."""


def is_plain(typ: object, seen: frozenset[int] = frozenset()) -> bool:
    """Tell whether JSON values are of this type as they are, so that there is nothing to decode.

    Raises NameError: a field of a TypedDict has a type that cannot be resolved.
    """
    if isinstance(typ, TypeVar) or typ in _NEVER or id(typ) in seen or (_hashable(typ) and typ in _PLAIN):
        return True
    seen = seen | {id(typ)}
    if isinstance(typ, NewType):
        return is_plain(typ.__supertype__, seen)
    if isinstance(typ, typing_extensions.TypeAliasType) or type(typ).__name__ == "TypeAliasType":
        return is_plain(cast("Any", typ).__value__, seen)
    if typing_extensions.is_typeddict(typ):
        return all(is_plain(hint, seen) for hint in hints_of(typ).values())
    origin, args = typing.get_origin(typ), typing.get_args(typ)
    if origin is Literal:
        return all(type(arg) in (str, int, bool, types.NoneType) for arg in args)
    if origin is typing.Annotated:
        return is_plain(args[0], seen) and not any(hasattr(arg, "__get_pydantic_core_schema__") for arg in args[1:])
    if origin in (Union, types.UnionType, *_WRAPPERS, *_LIST_LIKE):
        return all(is_plain(arg, seen) for arg in args)
    if origin in _DICT_LIKE:
        key, value = args
        return (key in (str, Any, object) or typing.get_origin(key) is Literal) and is_plain(value, seen)
    return False


def adapter_of(typ: object) -> pydantic.TypeAdapter[Any]:
    """Return the adapter of a type; the same one for equal types.

    Raises PydanticUserError, TypeError or NameError: pydantic does not know such a type.
    """
    return _cached_adapter(typ) if _hashable(typ) else pydantic.TypeAdapter(fit(typ))


@functools.lru_cache(maxsize=1024)
def _cached_adapter(typ: Any) -> pydantic.TypeAdapter[Any]:
    return pydantic.TypeAdapter(fit(typ))


def hints_of(owner: object) -> dict[str, Any]:
    """Return the types of the fields of a class; raises NameError when one cannot be resolved."""
    return typing_extensions.get_type_hints(cast("Any", owner), include_extras=True)


def attrs_fields(kind: object) -> Sequence[Any] | None:
    """Return the attributes of an attrs class; None for any other."""
    return cast("Sequence[Any] | None", vars(kind).get("__attrs_attrs__")) if isinstance(kind, type) else None


def fit(typ: Any, seen: frozenset[int] = frozenset()) -> Any:
    """Return the type in a form that pydantic knows; *typ* itself when it is one."""
    if typ is bytes or typ is bytearray:
        return typing.Annotated[typ, _Base64(typ)]
    origin: Any = typing.get_origin(typ)
    args: tuple[Any, ...] = typing.get_args(typ)
    if isinstance(typ, type) and origin is None:
        return typ if id(typ) in seen else _fit_class(cast("Any", typ), seen | {id(typ)})
    if not args or origin is Literal or origin in _CALLABLE:
        return typ
    if origin in _READ_ONCE:  # pydantic would hand out an iterator that can be read once
        return types.GenericAlias(list, fit(args[0], seen))
    fitted = tuple(arg if arg is Ellipsis else fit(arg, seen) for arg in args)
    if all(one is other for one, other in zip(fitted, args, strict=True)):
        return typ
    if origin is typing.Annotated:
        return typing.Annotated[(fitted[0], *args[1:])]
    if origin in (Union, types.UnionType):
        return Union[fitted]  # noqa: UP007 - the members are known at run time only
    return origin[fitted[0] if len(fitted) == 1 else fitted]


def _fit_class(kind: Any, seen: frozenset[int]) -> Any:
    if typing_extensions.is_typeddict(kind):
        return _fit_typed_dict(kind, seen)
    attributes = attrs_fields(kind)
    if attributes is not None:
        hints = hints_of(kind)
        fields = [
            (each.name, _argument(each), fit(hints.get(each.name, Any), seen), each.default is _nothing(each))
            for each in attributes
            if each.init
        ]
        return typing.Annotated[Any, _Struct(kind, tuple(fields), by_position=False)]
    names = _field_names(kind)
    if names is None:
        return kind
    hints = hints_of(kind)
    fitted = {name: fit(hints.get(name, Any), seen) for name in names}
    if all(fitted[name] is hints.get(name, Any) for name in names):
        return kind
    if dataclasses.is_dataclass(cast("object", kind)):
        fields = [
            (each.name, each.name, fitted[each.name], _is_required(each))
            for each in dataclasses.fields(kind)
            if each.init
        ]
        return typing.Annotated[Any, _Struct(kind, tuple(fields), by_position=False)]
    fields = [(name, name, fitted[name], True) for name in names]
    return typing.Annotated[Any, _Struct(kind, tuple(fields), by_position=True)]


def _field_names(kind: Any) -> Sequence[str] | None:
    """Return the fields of a NamedTuple, or of a dataclass that is not pydantic's own."""
    if dataclasses.is_dataclass(kind):
        return None if hasattr(kind, "__pydantic_serializer__") else [each.name for each in dataclasses.fields(kind)]
    return getattr(cast("Any", kind), "_fields", None) if issubclass(kind, tuple) else None


def _fit_typed_dict(kind: Any, seen: frozenset[int]) -> Any:
    hints = hints_of(kind)
    fitted: dict[str, Any] = {}
    for name, hint in hints.items():
        while typing.get_origin(hint) in _WRAPPERS:
            hint = typing.get_args(hint)[0]
        inner = fit(hint, seen)
        fitted[name] = inner if name in kind.__required_keys__ else typing_extensions.NotRequired[inner]
    return typing_extensions.TypedDict(kind.__name__, fitted)  # type: ignore[operator]  # made at run time


def _argument(attribute: Any) -> str:
    return str(getattr(attribute, "alias", None) or attribute.name.lstrip("_"))


def _nothing(attribute: Any) -> object:
    """Return attrs' own mark for "no default", which stands where a default would, without importing attrs."""
    default = attribute.default
    return default if type(default).__name__ in ("_Nothing", "_NothingType") else object()


def _is_required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _hashable(typ: object) -> bool:
    try:
        hash(typ)
    except TypeError:  # a type with unhashable metadata
        return False
    return True


@dataclass(frozen=True)
class _Base64:
    """Reads and writes bytes as URL-safe base64, the form in which pydantic_core writes them."""

    kind: type

    def __get_pydantic_core_schema__(self, source: Any, handler: pydantic.GetCoreSchemaHandler) -> Any:
        return core_schema.no_info_before_validator_function(
            self._read,
            core_schema.is_instance_schema(self.kind),
            serialization=core_schema.plain_serializer_function_ser_schema(self._write, when_used="json"),
        )

    def _read(self, value: object) -> object:
        return self.kind(base64.urlsafe_b64decode(value)) if isinstance(value, str) else value

    def _write(self, value: bytes) -> str:
        return base64.urlsafe_b64encode(value).decode()


@dataclass(frozen=True)
class _Struct:
    """Reads an object, or an array when by_position, field by field, and makes *kind* of it."""

    kind: Callable[..., object]
    fields: tuple[_Field, ...]
    by_position: bool

    def __get_pydantic_core_schema__(self, source: Any, handler: pydantic.GetCoreSchemaHandler) -> Any:
        schemas = {key: handler.generate_schema(typ) for key, _, typ, _ in self.fields}
        if self.by_position:
            inner: Any = core_schema.tuple_schema(list(schemas.values()))
        else:
            inner = core_schema.typed_dict_schema(
                {
                    key: core_schema.typed_dict_field(schemas[key], required=required)
                    for key, _, _, required in self.fields
                }
            )
        return core_schema.no_info_wrap_validator_function(
            self._read,
            inner,
            serialization=core_schema.plain_serializer_function_ser_schema(_to_jsonable, when_used="json"),
        )

    def _read(self, value: Any, handler: Callable[[Any], Any]) -> object:
        if isinstance(value, cast("type", self.kind)):
            return value
        read = handler(value)
        if self.by_position:
            return self.kind(*read)
        return self.kind(**{argument: read[key] for key, argument, _, _ in self.fields if key in read})


def _to_jsonable(value: object) -> object:
    return pydantic_core.to_jsonable_python(value, bytes_mode="base64", fallback=attrs_values)


def attrs_values(value: object) -> Mapping[str, object]:
    """Return the fields of an attrs instance; raises TypeError for anything else."""
    attributes = attrs_fields(type(value))
    if attributes is None:
        raise TypeError(f"a {type(value).__name__} is not JSON")
    return {each.name: getattr(value, each.name) for each in attributes}
