"""Types: which of them are plain JSON, and a form of the others that pydantic knows. No values of users, no I/O.

Plain is what JSON gives back as it is: texts, numbers, booleans, None, lists, and dicts whose keys are texts. Nothing
is read or said where a type or a value is plain.
"""

from __future__ import annotations

import collections.abc
import enum
import operator
import types
import typing
from collections.abc import Mapping
from typing import Annotated, Any, Literal, NewType, TypeVar, Union

import pydantic
import typing_extensions
from pydantic_core import core_schema

from .classes import MakeSchema, own_schema

CLASS = "inngest_class"
"""The key of the metadata of a schema that names the class of its values."""

UUID: type = typing.get_args(pydantic.UUID1)[0]
"""The class, without its module, which makes random ones."""

_CLASSES = (str, int, float, bool, dict, list, types.NoneType)
PLAIN_CLASSES = frozenset(_CLASSES)
_PLAIN: frozenset[object] = frozenset({None, types.NoneType, bool, int, str, object, Any, list, dict})
_NEVER: tuple[object, ...] = (typing.NoReturn, typing.Never)
_LIST_LIKE = (list, collections.abc.Sequence, collections.abc.MutableSequence)
_DICT_LIKE = (dict, collections.abc.Mapping, collections.abc.MutableMapping)
_READ_ONCE = (collections.abc.Iterable, collections.abc.Collection, collections.abc.Reversible)
_KEPT: frozenset[object] = frozenset({Literal, collections.abc.Callable})
_WRAPPERS = (typing.Required, typing.NotRequired, typing_extensions.ReadOnly)
_UNIONS = (Union, types.UnionType)


def is_plain_class(cls: type[Any]) -> bool:
    """Tell whether JSON gives back something that equals an instance, and of which the instance is made."""
    return cls in PLAIN_CLASSES or (issubclass(cls, _CLASSES) and not issubclass(cls, enum.Enum))


def is_plain(typ: Any, seen: frozenset[int] = frozenset()) -> bool:
    """Tell whether values of a type are plain, so that there is nothing to decode.

    A float is not, unless it might be an int as well: a whole one comes back as an int, which has to be made a float.
    Raises NameError: a field of a TypedDict has a type that cannot be resolved.
    """
    if isinstance(typ, TypeVar) or typ in _NEVER or id(typ) in seen or (hashable(typ) and typ in _PLAIN):
        return True
    seen = seen | {id(typ)}
    origin, args = typing.get_origin(typ), typing.get_args(typ)
    if isinstance(typ, NewType):
        return is_plain(typ.__supertype__, seen)
    if _is_alias(typ):
        return is_plain(typ.__value__, seen)
    if typing_extensions.is_typeddict(typ):
        return all(is_plain(hint, seen) for hint in _hints_of(typ, {}).values())
    if origin is Literal:
        return all(type(arg) in (str, int, bool, types.NoneType) for arg in args)
    if origin is Annotated:
        return is_plain(args[0], seen) and not any(hasattr(arg, "__get_pydantic_core_schema__") for arg in args[1:])
    if origin in _DICT_LIKE:
        return (args[0] in (str, Any, object) or typing.get_origin(args[0]) is Literal) and is_plain(args[1], seen)
    if origin in (*_UNIONS, *_WRAPPERS, *_LIST_LIKE):
        return all(is_plain(arg, seen) for arg in args if arg is not float or origin not in _UNIONS or int not in args)
    return False


def _is_alias(typ: object) -> bool:
    """Tell whether a type was made by a `type` statement, or by TypeAliasType."""
    return isinstance(typ, typing_extensions.TypeAliasType) or type(typ).__name__ == "TypeAliasType"


def _hints_of(owner: Any, names: Mapping[str, Any]) -> dict[str, Any]:
    """Return the types of the fields of a class; names: those that only the function that returns it knows."""
    return typing_extensions.get_type_hints(owner, localns=dict(names), include_extras=True)


def hashable(typ: object) -> bool:
    """Tell whether a type can be the key of a dict: its metadata may be anything."""
    try:
        hash(typ)
    except TypeError:
        return False
    return True


class Fitting:
    """Puts one type in a form that pydantic knows; the classes within it wait until pydantic asks for their fields."""

    def __init__(self, names: Mapping[str, Any]) -> None:
        self._names = names
        self._stand_ins: dict[object, type] = {}
        self._open: set[int] = set()

    def fit(self, typ: Any) -> Any:
        """Return the type in a form that pydantic knows; *typ* itself when it is one."""
        if typ is bytearray:
            return _BYTEARRAY
        if isinstance(typ, str):
            typ = _hints_of(types.SimpleNamespace(__annotations__={"it": typ}), self._names)["it"]
        if isinstance(typ, NewType):
            return self.fit(typ.__supertype__)
        origin: Any = typing.get_origin(typ)
        args: tuple[Any, ...] = typing.get_args(typ)
        if _is_alias(origin or typ):
            return self._fit_alias(typ, origin or typ, args)
        make = own_schema(origin or typ)
        if make is not None:
            return self._stand_in(origin or typ, args, make)
        if not args or origin in _KEPT:
            return typ
        if origin in _READ_ONCE:  # pydantic would hand out an iterator that can be read once
            return types.GenericAlias(list, self.fit(args[0]))
        if origin is Annotated:
            return Annotated[(self.fit(args[0]), *args[1:])]
        fitted = tuple(arg if arg is Ellipsis else self.fit(arg) for arg in args)
        if all(map(operator.is_, fitted, args)):
            return typ
        if origin in _UNIONS:
            return Union[fitted]  # noqa: UP007 - the members are known at run time only
        return origin[fitted[0] if len(fitted) == 1 else fitted]

    def _fit_alias(self, typ: Any, alias: Any, args: tuple[Any, ...]) -> Any:
        """Return what an alias, also a generic one, stands for; itself within itself."""
        if id(alias) in self._open:
            return typ
        self._open.add(id(alias))
        try:
            return self.fit(_put(alias.__value__, dict(zip(alias.__type_params__, args, strict=False))))
        finally:
            self._open.discard(id(alias))

    def _stand_in(self, cls: Any, args: tuple[Any, ...], make: MakeSchema) -> Any:
        """Return a class that stands for one that is read field by field: pydantic asks it for its schema."""
        key = (cls, args) if hashable(args) else (cls, str(args))
        if key in self._stand_ins:
            return self._stand_ins[key]
        ref = f"{cls.__module__}.{cls.__qualname__}:{len(self._stand_ins)}"
        begun: list[bool] = []

        def schema(_: object, __: object, handler: pydantic.GetCoreSchemaHandler) -> Any:
            found = core_schema.definition_reference_schema(ref)
            if begun:
                return found
            begun.append(True)
            hints = _hints_of(cls, {cls.__name__: cls, **self._names})
            given = dict(zip(getattr(cls, "__parameters__", None) or (), args, strict=False))

            def schema_of(name: str) -> Any:
                hint = hints.get(name, Any)
                while typing.get_origin(hint) in (*_WRAPPERS, typing.Final):
                    hint = typing.get_args(hint)[0]
                return handler.generate_schema(self.fit(_put(hint, given)))

            made: Any = {**make(cls, schema_of, hints), "ref": ref, "metadata": {CLASS: cls}}
            return core_schema.definitions_schema(found, [made])

        self._stand_ins[key] = type(cls.__name__, (), {"__get_pydantic_core_schema__": classmethod(schema)})
        return self._stand_ins[key]


def _put(typ: Any, given: Mapping[Any, Any]) -> Any:
    """Return *typ* with the type variables in it replaced."""
    if isinstance(typ, TypeVar):
        return given.get(typ, typ)
    parameters = getattr(typ, "__parameters__", ())
    if not given or not parameters or isinstance(typ, type):
        return typ
    return typ[tuple(given.get(each, each) for each in parameters)]


def _bytes_of(value: object) -> bytes:
    if not isinstance(value, bytearray):
        raise TypeError(f"a {type(value).__name__} is not a bytearray")
    return bytes(value)


_BYTEARRAY = Annotated[
    bytes, pydantic.AfterValidator(bytearray), pydantic.PlainSerializer(_bytes_of, return_type=bytes)
]


def cannot_be_a_type(given: object) -> bool:
    """Tell whether *given* is a value where a type is expected, such as `[Order]` instead of `list[Order]`.

    A serializer may know types that nobody else knows, so only what is never one is told.
    """
    return isinstance(given, _VALUES)


_VALUES = (int, float, complex, bytes, dict, list, tuple, set, frozenset)
TYPE_RULE = "a type, such as Order or list[Order]"
