"""Types made fit for pydantic, and the adapter of each, built once; and what stands for objects of unusual classes.

bytes are base64 text, attrs classes are objects of their fields, and a `typing.TypedDict`, which pydantic refuses below
Python 3.12, is read field by field. Whatever holds one of these is taken apart; what pydantic knows goes through as it
is. No I/O, no knowledge of steps.
"""

from __future__ import annotations

import base64
import collections.abc
import dataclasses
import functools
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, NewType, TypeVar, Union, cast

import pydantic
import pydantic_core
import typing_extensions
from pydantic_core import core_schema

from .shapes import WRAPPERS, attrs_fields, attrs_values, hashable, hints_of, is_alias

_CALLABLE: frozenset[object] = frozenset({collections.abc.Callable})
_READ_ONCE = frozenset({collections.abc.Iterable, collections.abc.Collection, collections.abc.Reversible})

_Form = Literal["dict", "object", "array"]
"""A TypedDict, a class that is written as an object, one that is written as an array."""


def adapter_of(typ: object) -> pydantic.TypeAdapter[Any]:
    """Return the adapter of a type; the same one for equal types.

    Raises PydanticUserError, TypeError, NameError or RecursionError: pydantic does not know such a type.
    """
    return _cached_adapter(typ) if hashable(typ) else pydantic.TypeAdapter(fit(typ))


@functools.lru_cache(maxsize=1024)
def _cached_adapter(typ: Any) -> pydantic.TypeAdapter[Any]:
    return pydantic.TypeAdapter(fit(typ))


def form_of(value: object) -> object:
    """Return what stands for an object that pydantic_core does not write: its fields, or what its class says.

    Raises PydanticUserError, TypeError or ValueError: it has none.
    """
    if attrs_fields(type(value)) is not None:
        return attrs_values(value)
    return adapter_of(cast("object", type(value))).dump_python(value, mode="json", by_alias=True)


def fit(typ: Any, outer: frozenset[str] = frozenset()) -> Any:
    """Return the type in a form that pydantic knows; *typ* itself when it is one.

    outer: the names of the classes that it is found in; they are not taken apart again.
    Raises RecursionError: an alias that holds itself, and something that has to be made fit.
    """
    if _is_known(typ):
        return typ
    if typ is bytes or typ is bytearray:
        return typing.Annotated[typ, _Base64(typ)]
    if isinstance(typ, NewType) or is_alias(typing.get_origin(typ) or typ):
        return fit(_meant_by(typ), outer)
    origin, args = typing.get_origin(typ), typing.get_args(typ)
    form = _form_of(origin or typ)
    if form is not None:
        return _fit_class(typ, origin or typ, form, outer)
    if origin in _READ_ONCE:  # pydantic would hand out an iterator that can be read once
        return types.GenericAlias(list, fit(args[0], outer))
    fitted = tuple(arg if arg is Ellipsis else fit(arg, outer) for arg in args)
    if origin is typing.Annotated:
        return typing.Annotated[(fitted[0], *args[1:])]
    if origin in (Union, types.UnionType):
        return Union[fitted]  # noqa: UP007 - the members are known at run time only
    return origin[fitted[0] if len(fitted) == 1 else fitted]


def _is_known(typ: Any, seen: frozenset[str] = frozenset()) -> bool:
    """Tell whether pydantic reads a type as it is meant here, with all that it holds."""
    if typ is bytes or typ is bytearray:
        return False
    if isinstance(typ, NewType) or is_alias(typing.get_origin(typ) or typ):
        name = _name_of(typ)
        return name in seen or _is_known(_meant_by(typ), seen | {name})
    origin, args = typing.get_origin(typ), typing.get_args(typ)
    form = _form_of(origin or typ)
    if form == "dict" or attrs_fields(origin or typ) is not None:
        return False
    if form is not None:
        name = _name_of(typ)
        return name in seen or all(_is_known(hint, seen | {name}) for hint in _hints(typ).values())
    if origin is Literal or origin in _CALLABLE:
        return True
    if origin in _READ_ONCE:
        return False
    return all(_is_known(arg, seen) for arg in args if arg is not Ellipsis)


def _meant_by(typ: Any) -> Any:
    """Return what a NewType or an alias, also a generic one, stands for."""
    if isinstance(typ, NewType):
        return typ.__supertype__
    alias = typing.get_origin(typ) or typ
    return _filled_in(alias.__value__, _given(alias.__type_params__, typ))


def _form_of(kind: Any) -> _Form | None:
    """Return how a class is taken apart; None for one that is left to pydantic."""
    if not isinstance(kind, type) or hasattr(kind, "__pydantic_serializer__"):
        return None
    if typing_extensions.is_typeddict(kind):
        return "dict"
    if attrs_fields(kind) is not None or dataclasses.is_dataclass(kind):
        return "object"
    return "array" if issubclass(kind, tuple) and hasattr(cast("object", kind), "_fields") else None


def _name_of(typ: Any) -> str:
    """Return a name for a class, or an alias, with its arguments; another one of the same name gets another."""
    return f"{typ!r}:{id(typing.get_origin(typ) or typ)}"


def _hints(typ: Any) -> dict[str, Any]:
    """Return the types of the fields of a class; those of a generic one with its arguments in place."""
    kind = typing.get_origin(typ) or typ
    given = _given(getattr(kind, "__parameters__", ()), typ)
    return {name: _filled_in(hint, given) for name, hint in hints_of(kind).items()}


def _given(parameters: Any, typ: Any) -> dict[object, Any]:
    """Return the arguments of a generic type, by its parameters."""
    return dict(zip(parameters, typing.get_args(typ), strict=False))


def _filled_in(hint: Any, given: dict[object, Any]) -> Any:
    while typing.get_origin(hint) in WRAPPERS:
        hint = typing.get_args(hint)[0]
    if isinstance(hint, TypeVar):
        return given.get(hint, hint)
    missing = getattr(hint, "__parameters__", ()) if given and typing.get_args(hint) else ()
    return hint[tuple(given.get(each, each) for each in missing)] if missing else hint


class _Field(NamedTuple):
    """key: as it is written. argument: of the class. required: it must be there."""

    key: str
    argument: str
    required: bool
    typ: Any


def _fit_class(typ: Any, kind: Any, form: _Form, outer: frozenset[str]) -> Any:
    name = _name_of(typ)
    if name in outer:
        return typing.Annotated[Any, _Again(name)]
    hints = _hints(typ)
    fields = tuple(
        _Field(key, argument, required, fit(hints.get(key, Any), outer | {name}))
        for key, argument, required in _fields_of(kind, form)
    )
    return typing.Annotated[Any, _Struct(name, kind, form, fields)]


def _fields_of(kind: Any, form: _Form) -> list[tuple[str, str, bool]]:
    if form == "array":
        return [(name, name, True) for name in kind._fields]
    if form == "dict":
        return [(name, name, name in kind.__required_keys__) for name in hints_of(kind)]
    attributes = attrs_fields(kind)
    if attributes is not None:
        return [(each.name, _argument(each), each.default is _nothing(each)) for each in attributes if each.init]
    return [(each.name, each.name, _is_required(each)) for each in dataclasses.fields(kind) if each.init]


def _argument(attribute: Any) -> str:
    return str(getattr(attribute, "alias", None) or attribute.name.lstrip("_"))


def _nothing(attribute: Any) -> object:
    """Return attrs' own mark for "no default", which stands where a default would, without importing attrs."""
    default = attribute.default
    return default if type(default).__name__ in ("_Nothing", "_NothingType") else object()


def _is_required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


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
class _Again:
    """A class within its own fields."""

    name: str

    def __get_pydantic_core_schema__(self, source: Any, handler: pydantic.GetCoreSchemaHandler) -> Any:
        return core_schema.definition_reference_schema(self.name)


@dataclass(frozen=True)
class _Struct:
    """Reads an object, or an array, field by field, and makes *kind* of it, or a dict."""

    name: str
    kind: Callable[..., object]
    form: _Form
    fields: tuple[_Field, ...]

    def __get_pydantic_core_schema__(self, source: Any, handler: pydantic.GetCoreSchemaHandler) -> Any:
        schemas = {each.key: handler.generate_schema(each.typ) for each in self.fields}
        if self.form == "array":
            inner: Any = core_schema.tuple_schema(list(schemas.values()))
        else:
            required = {each.key: each.required for each in self.fields}
            inner = core_schema.typed_dict_schema(
                {key: core_schema.typed_dict_field(schema, required=required[key]) for key, schema in schemas.items()},
                ref=self.name if self.form == "dict" else None,
            )
        if self.form == "dict":
            return inner
        return core_schema.no_info_wrap_validator_function(
            self._read,
            inner,
            ref=self.name,
            serialization=core_schema.plain_serializer_function_ser_schema(_to_jsonable, when_used="json"),
        )

    def _read(self, value: Any, handler: Callable[[Any], Any]) -> object:
        if isinstance(value, cast("type", self.kind)):
            return value
        read = handler(value)
        if self.form == "array":
            return self.kind(*read)
        return self.kind(**{each.argument: read[each.key] for each in self.fields if each.key in read})


def _to_jsonable(value: object) -> object:
    return pydantic_core.to_jsonable_python(value, bytes_mode="base64", fallback=form_of)
