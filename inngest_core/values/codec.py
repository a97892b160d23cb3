"""How values of one type are written and read: built once for each type, from the schema that pydantic has of it.

The one rule is "write, read back, the same?". A text *fits* a type when the value read from it, written again, gives
all that the text holds. The same holds for a member of a union; where several fit, nobody can tell which was written.

The schema is changed so that what was written can be read: a field is read by the name under which it is written,
bytes are base64, NaN stays visible, an Enum may have any values. A value with keys that pydantic writes otherwise than
the standard library goes through a second schema, in which they are texts. No I/O, no knowledge of steps.
"""

from __future__ import annotations

import contextlib
import datetime
import decimal
import functools
import itertools
import pathlib
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, cast

import pydantic
import pydantic_core
from pydantic_core import SchemaSerializer, SchemaValidator, core_schema

from .classes import layout_of, own_schema, stand_in, written_fields
from .comparison import LISTS, Seen, same
from .json_text import as_body, covers, key_text, ordered, parse_value
from .keys import key_as_text, reading_none_keys, spelled_out, writing_keys
from .schema import CLASS, UUID, Fitting, hashable

MOST_KNOWN = 1024
"""How many types are remembered before it starts anew."""

_CONFIG: Any = {"ser_json_bytes": "base64", "val_json_bytes": "base64", "ser_json_inf_nan": "constants"}
_CONFIGURED = frozenset({"model", "dataclass", "typed-dict"})
_NOT_SCHEMAS = frozenset({"metadata", "config", "cls", "default", "members", "expected", "function"})
"""The keys of a schema that hold none."""
_OF_PYDANTIC = frozenset({"lax-or-strict", "json-or-python"})
"""Schemas that pydantic makes of one class, such as Path; a union within is not the user's."""
_JSON_NODES = frozenset({"str", "int", "float", "bool", "none", "any", "literal", "nullable", "list", "dict"})
_EXACT = frozenset({str, int, float, types.NoneType, list, dict, tuple, set, frozenset, bytes, complex, UUID}) | {
    *(datetime.datetime, datetime.date, datetime.time, datetime.timedelta, decimal.Decimal)
}
"""Classes whose instances pydantic writes only where the type says so, and which come back as they were."""


_Use = Literal["write", "write keys", "read", "read exactly"]


class Codec:
    """Writes and reads the values of one type."""

    def __init__(self, root: Any, *, shared: bool, within: Codec | None = None) -> None:
        """root: the schema. shared: as in `codec_of`. within: the codec of the type that this one is a part of."""
        self.root = root
        self.definitions: list[Any] = root.get("definitions", []) if within is None else within.definitions
        self.classes: set[type] = set()
        """The classes of fields, and Enums, that the type names."""
        self._shared = shared
        self._unions: dict[int, Callable[[object], object]] = {} if within is None else within._unions
        self._open = False
        """Whether values of any class may be in it."""
        self._doubtful = False
        """Whether JSON may confuse its values, or lack something of them."""
        self._serializer = SchemaSerializer(self._made(root, "write"), _CONFIG)
        self._lax = SchemaValidator(self._made(root, "read"), _CONFIG)
        exact = self._made(root, "read exactly")
        self._exact = SchemaValidator(exact, _CONFIG) if self._unions else self._lax

    @functools.cached_property
    def _with_text_keys(self) -> SchemaSerializer:
        return SchemaSerializer(self._made(self.root, "write keys"), _CONFIG)

    def may_change(self, seen: Seen) -> bool:
        """Tell whether a value may come back as another: only then is it read back, which takes longer than writing.

        A class that the type does not name may be a subclass of one that it names.
        """
        told = self._doubtful or seen.odd_offset or seen.odd_keys or (self._open and seen.rich)
        return told or not seen.kinds <= _EXACT | self.classes

    def write(self, value: object, *, checked: bool = True, computed: bool = False, odd_keys: bool = False) -> bytes:
        """Return *value* as JSON; raises ValueError or TypeError.

        checked: it must be of the type. computed: write also what classes compute, as is always done when shared.
        odd_keys: it has keys such as `Seen.odd_keys` tells of; those of many parts are refused.
        """
        serializer = self._with_text_keys if odd_keys else self._serializer
        how: Any = {
            "by_alias": True,
            "round_trip": not (self._shared or computed),
            "warnings": "error" if checked else "none",
            "fallback": _fields_of if checked else jsonable,
        }
        try:
            return serializer.to_json(value, **how)
        except ValueError:  # it refuses lone surrogates, too
            return as_body(serializer.to_python(value, mode="json", **how))

    def read(self, body: bytes) -> Any:
        """Return the value that a JSON text stands for; raises ValidationError, or what a validator raises."""
        if self._exact is not self._lax:
            with contextlib.suppress(Exception):  # it is raised again below, unless it is of no account
                return _validate(self._exact, body)
        return _validate(self._lax, body)

    def fit(self, body: bytes, *, exact: bool = True) -> Any:
        """Do as `read`; raises ValueError when the text holds more than the value.

        exact: of a union, take only what one of its members, and no other, can have written.
        """
        value = _validate(self._exact, body) if exact else self.read(body)
        if covers(self.write(value, checked=False), body):
            return value
        if b'"null":' not in body or not covers(self.write(value, checked=False, odd_keys=True), body):
            raise ValueError("what was read, written again, is not the same")
        return value

    def _made(self, node: Any, use: _Use, *, foreign: bool = False) -> Any:
        """Return a schema, changed. foreign: whether it is within a model that is shared, and as that says itself."""
        if isinstance(node, list | tuple):
            items = cast("list[Any]", node)
            return type(items)(self._made(each, use, foreign=foreign) for each in items)
        if not isinstance(node, dict):
            return node
        schema = cast("dict[str, Any]", node)
        kind = schema.get("type")
        if use == "write" and isinstance(kind, str):
            self._note(kind, schema)
        if kind in _OF_PYDANTIC:
            return schema
        if kind == "enum":
            return _enum(schema)
        if use == "write keys" and "serialization" not in schema:
            if kind == "any":
                return {**schema, "serialization": core_schema.plain_serializer_function_ser_schema(with_text_keys)}
            schema = spelled_out(schema)
        if kind == "union" and use == "read exactly" and not _is_read_unchanged(schema):
            read = self._unions.setdefault(id(schema), self._reading_one_of(schema["choices"]))
            return core_schema.no_info_plain_validator_function(read)
        foreign = foreign or (self._shared and kind == "model")
        made = {
            key: value if key in _NOT_SCHEMAS else self._made(value, use, foreign=foreign)
            for key, value in schema.items()
        }
        if not foreign and ("config" in schema or kind in _CONFIGURED):
            made["config"] = _configured(schema.get("config") or {})
        if kind in ("model", "dataclass") and not made.get("custom_init"):
            made["cls"] = stand_in(made["cls"])
        elif kind in ("model-fields", "typed-dict"):
            made["fields"] = {name: _readable(name, field) for name, field in made["fields"].items()}
        elif kind == "dataclass-args":
            made["fields"] = [_readable(field["name"], field) for field in made["fields"]]
        elif kind == "dict" and "serialization" not in schema:
            made = writing_keys(made, schema["keys_schema"]) if use == "write keys" else reading_none_keys(made)
        if kind == "typed-dict" and use in ("read", "read exactly"):
            made["extra_behavior"] = "ignore"
        return _without_computed(made) if self._shared and made.get("computed_fields") else made

    def _note(self, kind: str, node: dict[str, Any]) -> None:
        metadata: dict[str, Any] = node.get("metadata") or {}
        config: dict[str, Any] = node.get("config") or {}
        cls: Any = node["cls"] if kind in ("enum", "model", "dataclass") else metadata.get(CLASS)
        if cls is not None:
            self.classes.add(cls)
        if kind in ("any", "bool", "literal"):  # an int may be a bool, and would come back as an int
            self.classes.add(bool)
        if kind in ("any", "function-plain") or config.get("extra_fields_behavior") == "allow":
            self._open = True
        if ("serialization" in node and cls is None) or node.get("serialization_exclude"):
            self._doubtful = True
        if kind == "union" and not _is_read_unchanged(node):
            self._doubtful = True

    def _reading_one_of(self, choices: Sequence[Any]) -> Callable[[object], object]:
        """Return what reads a union: what a member takes as it is stays so, else exactly one member must fit."""

        @functools.cache
        def members() -> list[Codec]:  # built once they are needed: a member may hold the union
            parts = map(choice_of, choices)
            roots = [core_schema.definitions_schema(each, self.definitions) for each in parts]
            return [Codec(each, shared=self._shared, within=self) for each in roots]

        def read(data: object) -> object:
            body = as_body(data)
            found: list[object] = []
            for member in members():
                with contextlib.suppress(Exception):  # whatever it is, it is not a member that fits
                    value = member.fit(body)
                    if same(data, value):
                        return value
                    found.append(value)
            if not found:
                raise ValueError("no member of the union fits")
            if any(type(each) is not type(found[0]) or each != found[0] for each in found[1:]):
                raise ValueError("more than one member of the union fits")
            return found[0]

        return read


_codecs: dict[object, tuple[object, Codec]] = {}


def codec_of(typ: object, names: Mapping[str, Any] = types.MappingProxyType({}), *, shared: bool = False) -> Codec:
    """Return what writes and reads a type; the same for equal types.

    names: what the types of its fields may be called where they stand, beside what their modules know.
    shared: others write such values, or read them: a model's bytes are as it says itself, and what it computes is
    written, too.
    Raises PydanticUserError, TypeError or NameError: pydantic does not know such a type.
    """
    key = (typ if hashable(typ) else id(typ), shared)
    known = _codecs.get(key)
    if known is not None and (known[0] is typ or known[0] == typ):
        return known[1]
    codec = Codec(pydantic.TypeAdapter(Fitting(names).fit(typ)).core_schema, shared=shared)
    if len(_codecs) >= MOST_KNOWN:
        _codecs.clear()
    _codecs[key] = (typ, codec)
    return codec


def jsonable(value: object) -> object:
    """Return what stands for an object that pydantic_core does not write: its fields, or what its class says.

    Raises PydanticUserError, TypeError or ValueError: it has none.
    """
    if isinstance(value, pathlib.PurePath):
        return str(value)
    return parse_value(codec_of(type(value)).write(value)) if own_schema(type(value)) is None else _fields_of(value)


def with_text_keys(value: object, in_fields: bool = True) -> object:
    """Return a value with texts as keys; of those that become the same, the last counts.

    in_fields: also in the fields of objects, which become what they are written as.
    Raises TypeError or ValueError: a key is of many parts.
    """
    if isinstance(value, dict):
        held = cast("dict[object, object]", value)
        return {key_as_text(key): with_text_keys(part, in_fields) for key, part in held.items()}
    if isinstance(value, LISTS):
        return list(map(with_text_keys, cast("list[object]", value), itertools.repeat(in_fields)))
    if not in_fields or layout_of(type(value)) is None:
        return value
    try:
        codec = codec_of(type(value))
    except Exception:  # a serializer of the user's may know its class
        return value
    return parse_value(codec.write(value, checked=False, computed=True, odd_keys=True))


def _fields_of(value: object) -> object:
    """Return the fields of an object that stands where any may: pydantic_core knows no attrs class."""
    if own_schema(type(value)) is None:
        raise TypeError(f"a {type(value).__name__} is not JSON")
    return written_fields(value)


def _validate(validator: SchemaValidator, body: bytes) -> Any:
    try:
        return validator.validate_json(body)
    except pydantic.ValidationError as error:
        if error.errors(include_url=False, include_input=False, include_context=False)[0]["type"] != "json_invalid":
            raise
    return validator.validate_python(parse_value(body))  # a lone surrogate, or deep nesting


def choice_of(choice: object) -> Any:
    """Return a member of a union without its label."""
    return cast("tuple[object]", choice)[0] if isinstance(choice, tuple) else choice


def _is_read_unchanged(node: Any) -> bool:
    """Tell whether JSON values are of a schema as they are: pydantic itself reads such a union, ten times as fast."""
    if node["type"] == "union":
        return all(_is_read_unchanged(choice_of(each)) for each in node["choices"])
    inner = [node[key] for key in ("schema", "items_schema", "values_schema") if key in node]
    keys = node.get("keys_schema", {"type": "str"})["type"] in ("str", "any", "literal")
    return keys and node["type"] in _JSON_NODES and "serialization" not in node and all(map(_is_read_unchanged, inner))


def _configured(config: Mapping[str, Any]) -> dict[str, Any]:
    made = {**_CONFIG, **config}
    if made["ser_json_inf_nan"] != "strings":
        made["ser_json_inf_nan"] = "constants"
    return {**made, "val_json_bytes": made["ser_json_bytes"]}


def _readable(name: str, field: dict[str, Any]) -> dict[str, Any]:
    """Let a field be read by the name under which it is written, by its own, and by those that it has anyway."""
    written = field.get("serialization_alias", name)
    given: Any = field.get("validation_alias", name)
    if written == given:
        return field
    one = [given] if isinstance(given, str) else given
    paths: list[Any] = one if isinstance(one[0], list) else [one]
    return {**field, "validation_alias": [[written], [name], *paths]}


def _without_computed(schema: Any) -> Any:
    """Let nothing that is computed be read."""
    computed = {each.get("alias", each["property_name"]) for each in schema["computed_fields"]}

    def drop(data: object) -> object:
        if not isinstance(data, dict):
            return data
        return {key: value for key, value in cast("dict[object, object]", data).items() if key not in computed}

    return core_schema.no_info_before_validator_function(drop, schema)


def _enum(node: dict[str, Any]) -> Any:
    """Let an Enum be read also by what its values look like as JSON, or as the keys of an object."""
    values = [(each.value, each) for each in node["members"]]
    known: dict[object, object] = {key_text(value): each for value, each in values}
    known |= {value: each for value, each in values if isinstance(value, str | int)}
    others = {_text_of(value): each for value, each in values if not isinstance(value, str | int)}

    def find(value: object) -> object:
        if type(value) in (str, int) and value in known:
            return known[value]
        return others.get(_text_of(value), value) if others else value

    return core_schema.no_info_before_validator_function(find, cast("Any", node))


def _text_of(value: object) -> str:
    return ordered(pydantic_core.to_jsonable_python(value, bytes_mode="base64"))
