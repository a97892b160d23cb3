"""Models that are written under other names than they are read under: what they wrote, made readable for them again.

pydantic writes a field under its serialization alias and reads it under its validation alias. Where the two differ, it
drops or refuses what it wrote itself. Changes names only; what a value means is decided by the adapters of `shapes.py`.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import functools
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NewType, Union, cast

import pydantic
import typing_extensions
from pydantic.fields import FieldInfo

from .shapes import attrs_fields, hints_of

Change = Callable[[Any], Any]
"""JSON values with the names that were written → the same with the names that are read."""

_MARKS = (typing.Required, typing.NotRequired, typing_extensions.ReadOnly)


def change_for(typ: Any) -> Change | None:
    """Return how the names in JSON values of a type are to be changed; None when they are read as they are written."""
    try:
        return _cached_change(typ)
    except TypeError:  # a type with unhashable metadata
        return _find_change(typ)


@functools.lru_cache(maxsize=1024)
def _cached_change(typ: Any) -> Change | None:
    return _find_change(typ)


def _find_change(typ: Any) -> Change | None:
    structs: dict[object, _Struct] = {}
    change = _change(typ, structs)
    return change if any(each.is_needed for each in structs.values()) else None


def members_of(typ: Any) -> list[Any]:
    """Return the types behind Annotated, NewType, type aliases and the marks of a TypedDict; those of a union."""
    origin, args = typing.get_origin(typ), typing.get_args(typ)
    if isinstance(typ, NewType):
        return members_of(typ.__supertype__)
    if isinstance(typ, typing_extensions.TypeAliasType) or type(typ).__name__ == "TypeAliasType":
        return members_of(cast("Any", typ).__value__)
    if origin is typing.Annotated or origin in _MARKS:
        return members_of(args[0])
    if origin in (Union, types.UnionType):
        return [member for arg in args for member in members_of(arg)]
    return [typ]


@dataclass(slots=True)
class _Field:
    """One field of a class. written, read: its keys. inside: further keys, each within what the one before holds."""

    written: str
    read: str
    inside: Sequence[str] = ()
    change: Change | None = None

    def changed(self, value: Any) -> Any:
        return value if self.change is None else self.change(value)

    def place(self, target: dict[str, Any], value: object) -> None:
        """Put a value where it is read; other fields may be read from the same objects."""
        *outer, last = self.read, *self.inside
        for key in outer:
            target = target.setdefault(key, {})
        target[last] = value


@dataclass(slots=True)
class _Struct:
    """How to change an object of one class. dropped: what is computed, which nothing reads."""

    fields: list[_Field] = field(default_factory=list[_Field])
    dropped: frozenset[str] = frozenset()

    @property
    def is_needed(self) -> bool:
        return bool(self.dropped) or any(each.written != each.read or each.inside for each in self.fields)

    def knows(self, keys: Iterable[str]) -> bool:
        known = {key for each in self.fields for key in (each.written, each.read)}
        return self.dropped.union(known).issuperset(keys)

    def __call__(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        given = cast("dict[str, Any]", value)
        moved = self.dropped.union(each.written for each in self.fields)
        result = {key: item for key, item in given.items() if key not in moved}
        for each in self.fields:
            if each.read in given:
                result[each.read] = given[each.read] if each.inside else each.changed(given[each.read])
            elif each.written in given:
                each.place(result, each.changed(given[each.written]))
        return result


def _change(typ: Any, structs: dict[object, _Struct]) -> Change | None:
    found = [change for member in members_of(typ) if (change := _change_of_one(member, structs)) is not None]
    return found[0] if len(found) == 1 else functools.partial(_of_union, found) if found else None


def _of_union(changes: list[Change], value: Any) -> Any:
    """Change an object as the first class of a union that knows all its keys; a list as the lists of the union say."""
    for change in changes:
        if not isinstance(change, _Struct):
            value = change(value)
        elif isinstance(value, dict) and change.knows(cast("dict[str, Any]", value)):
            return change(cast("object", value))
    return cast("object", value)


def _change_of_one(typ: Any, structs: dict[object, _Struct]) -> Change | None:
    origin, args = typing.get_origin(typ), typing.get_args(typ)
    if isinstance(origin, type) and args:
        return _change_of_container(cast("type[Any]", origin), args, structs)
    if not isinstance(typ, type):
        return None
    kind = cast("type[Any]", typ)
    if issubclass(kind, pydantic.RootModel):
        return _change(cast("Any", kind).model_fields["root"].annotation, structs)
    return _change_of_class(kind, structs)


def _change_of_container(origin: type[Any], args: tuple[Any, ...], structs: dict[object, _Struct]) -> Change | None:
    if issubclass(origin, tuple) and Ellipsis not in args:
        changes = [_change(arg, structs) for arg in args]
        return functools.partial(_of_positions, changes) if any(changes) else None
    if issubclass(origin, collections.abc.Mapping):
        held, how = args[-1], _of_values
    elif issubclass(origin, collections.abc.Iterable):
        held, how = args[0], _of_items
    else:
        return None
    change = _change(held, structs)
    return None if change is None else functools.partial(how, change)


def _of_items(change: Change, value: object) -> object:
    return [change(item) for item in cast("list[object]", value)] if isinstance(value, list) else value


def _of_values(change: Change, value: object) -> object:
    if not isinstance(value, dict):
        return value
    return {key: change(item) for key, item in cast("dict[str, object]", value).items()}


def _of_positions(changes: list[Change | None], value: object) -> object:
    if not isinstance(value, list):
        return value
    items = cast("list[object]", value)
    if len(items) != len(changes):
        return items
    return [item if change is None else change(item) for change, item in zip(changes, items, strict=True)]


def _change_of_class(kind: type[Any], structs: dict[object, _Struct]) -> Change | None:
    if kind in structs:
        return structs[kind]
    infos = _infos_of(kind)
    if infos is not None:
        struct = structs[kind] = _Struct()
        _fill(struct, kind, infos, structs)
        return struct
    if dataclasses.is_dataclass(kind) or typing_extensions.is_typeddict(kind) or attrs_fields(kind) is not None:
        struct = structs[kind] = _Struct()
        struct.fields = [_Field(name, name, (), _change(hint, structs)) for name, hint in hints_of(kind).items()]
        return struct
    return None


def _infos_of(kind: type[Any]) -> Mapping[str, FieldInfo] | None:
    """Return the fields of a pydantic model or a pydantic dataclass; None for any other class."""
    if issubclass(kind, pydantic.BaseModel):
        return kind.model_fields
    return cast("Mapping[str, FieldInfo] | None", getattr(kind, "__pydantic_fields__", None))


def _fill(struct: _Struct, kind: Any, infos: Mapping[str, FieldInfo], structs: dict[object, _Struct]) -> None:
    paths = {name: _path(name, info, kind) for name, info in infos.items()}
    read = {path[0] for path in paths.values()}
    for name, info in infos.items():
        first, *inside = paths[name]
        written = info.serialization_alias or name
        if written in read and not inside:  # by this field, or by another one, whose it is
            written = first
        struct.fields.append(_Field(written, first, inside, _change(info.annotation, structs)))
    if issubclass(kind, pydantic.BaseModel):
        computed = {each.alias or name for name, each in kind.model_computed_fields.items()}
        struct.dropped = frozenset(computed) - read


def _path(name: str, info: FieldInfo, kind: Any) -> list[str]:
    """Return the keys that lead to where a field is read from; to where it is written, if it is read there."""
    config: Mapping[str, Any] = getattr(kind, "model_config", None) or getattr(kind, "__pydantic_config__", {})
    alias = info.validation_alias
    choices = alias.choices if isinstance(alias, pydantic.AliasChoices) else [alias or name]
    paths = [choice.path if isinstance(choice, pydantic.AliasPath) else [choice] for choice in choices]
    usable = [[str(key) for key in path] for path in paths if all(isinstance(key, str) for key in path)]
    if config.get("validate_by_alias") is False:
        usable = []
    if config.get("populate_by_name") or config.get("validate_by_name") or not usable:
        usable.append([name])
    written = [info.serialization_alias or name]
    return written if written in usable else usable[0]
