"""Types as JSON sees them: which of them JSON can express, and what is known of classes that hold fields.

No values of users but the fields of attrs instances, no adapters, no I/O, no knowledge of steps.
"""

from __future__ import annotations

import collections.abc
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NewType, TypeVar, Union, cast

import typing_extensions

_PLAIN: frozenset[object] = frozenset({None, types.NoneType, bool, int, float, str, object, Any, list, dict})
_NEVER: tuple[object, ...] = (typing.NoReturn, typing.Never)
_LIST_LIKE = frozenset({list, collections.abc.Sequence, collections.abc.MutableSequence})
_DICT_LIKE = frozenset({dict, collections.abc.Mapping, collections.abc.MutableMapping})
WRAPPERS = (typing.Required, typing.NotRequired, typing_extensions.ReadOnly)
"""What stands around the types of the fields of a TypedDict."""


def is_plain(typ: object, seen: frozenset[int] = frozenset()) -> bool:
    """Tell whether JSON values are of this type as they are, so that there is nothing to decode.

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
        return all(is_plain(hint, seen) for hint in hints_of(typ).values())
    origin, args = typing.get_origin(typ), typing.get_args(typ)
    if origin is Literal:
        return all(type(arg) in (str, int, bool, types.NoneType) for arg in args)
    if origin is typing.Annotated:
        return is_plain(args[0], seen) and not any(hasattr(arg, "__get_pydantic_core_schema__") for arg in args[1:])
    if origin in (Union, types.UnionType, *WRAPPERS, *_LIST_LIKE):
        return all(is_plain(arg, seen) for arg in args)
    if origin in _DICT_LIKE:
        key, value = args
        return (key in (str, Any, object) or typing.get_origin(key) is Literal) and is_plain(value, seen)
    return False


def is_alias(typ: object) -> bool:
    """Tell whether a type was made by a `type` statement, or by TypeAliasType."""
    return isinstance(typ, typing_extensions.TypeAliasType) or type(typ).__name__ == "TypeAliasType"


def hashable(typ: object) -> bool:
    """Tell whether a type can be a key; one with unhashable metadata cannot."""
    try:
        hash(typ)
    except TypeError:
        return False
    return True


def hints_of(owner: object) -> dict[str, Any]:
    """Return the types of the fields of a class; raises NameError when one cannot be resolved."""
    return typing_extensions.get_type_hints(cast("Any", owner), include_extras=True)


def attrs_fields(kind: object) -> Sequence[Any] | None:
    """Return the attributes of an attrs class; None for any other."""
    return cast("Sequence[Any] | None", getattr(kind, "__attrs_attrs__", None)) if isinstance(kind, type) else None


def struct_fields(kind: type) -> Sequence[str] | None:
    """Return the names of the fields of a msgspec.Struct; None for any other class."""
    return cast("Sequence[str] | None", getattr(kind, "__struct_fields__", None))


def attrs_values(value: object) -> Mapping[str, object]:
    """Return the fields of an attrs instance."""
    return {each.name: getattr(value, each.name) for each in attrs_fields(type(value)) or ()}
