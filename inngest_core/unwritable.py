"""What JSON has no form for: found in one quick pass over a value, then looked for again to say where it is.

The quick pass goes level by level and asks for kinds, so it costs about as much as writing the value. The slow one
runs only for a value that is refused. No I/O, no wire names, no knowledge of steps.
"""

from __future__ import annotations

import dataclasses
import decimal
import enum
import json
import math
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any, cast

import pydantic

from .shapes import attrs_fields, attrs_values, struct_fields

SCALARS: frozenset[type] = frozenset({str, int, float, bool, type(None)})
LISTS = (list, tuple, set, frozenset, deque)

DEEPEST = 1000
"""So many levels are looked into for the value that is refused; the standard library writes about as many."""

_FIX_KEY = "give str keys"
_FIX_KEY_RETURNED = f"{_FIX_KEY}, or annotate the type that is returned"
_FIX_NUMBER = "give a finite number or None"
_FIX_BYTES = 'set ser_json_bytes and val_json_bytes to "base64", as these are no text'
_FIX_STRUCT = "give Inngest(serializer=inngest.MsgspecSerializer())"


def survey(
    root: object, body: bytes, *, typed: bool, returned: bool, nan_is_null: bool = False
) -> tuple[bool, str | None]:
    """Return whether *root* holds more than plain JSON values, and what is wrong: a path and a message, or None.

    body: *root* as it was written. typed: the type is declared, so that keys need not be texts.
    returned: by a callback, whose annotation may allow other keys.
    nan_is_null: what wrote *root* writes null for what is not finite, as models do.
    """
    rich, keys_fit, finite = False, True, True
    level: list[object] = [root]
    while level:
        kinds: set[type] = set(map(type, level))
        if nan_is_null and float in kinds and finite:
            finite = all(map(math.isfinite, [one for one in level if type(one) is float]))
        kinds -= SCALARS
        if not kinds:
            break
        below: list[object] = []
        for kind in kinds:
            plain = _is_plain_subclass(kind)
            mine = [one for one in level if type(one) is kind] if len(kinds) > 1 or len(level) > 1 else level
            if kind is dict or issubclass(kind, dict):
                dicts = cast("list[dict[Any, Any]]", mine)
                keys_fit = keys_fit and (typed or all(map(_are_texts, dicts)))
                below.extend(chain.from_iterable(one.values() for one in dicts))
            elif issubclass(kind, LISTS):
                below.extend(chain.from_iterable(cast("list[list[object]]", mine)))
            elif issubclass(kind, pydantic.BaseModel):
                nan_is_null = True
                below.extend(chain.from_iterable(vars(one).values() for one in mine))
            else:
                below.extend(child for one in mine for _, child in children(one) or ())
            rich = rich or not plain
        level = below
    if not keys_fit:
        found = _wrong_key(root, _FIX_KEY_RETURNED if returned else _FIX_KEY)
        if found is not None:
            return rich, found
    if (not finite and b"null" in body) or b"NaN" in body or b"Infinity" in body:
        return rich, not_finite(root) or _hidden_not_finite(body)
    return rich, None


def _are_texts(keys: Iterable[str]) -> bool:
    try:
        "".join(keys)
    except TypeError:
        return False
    return True


def _is_plain_subclass(kind: type[Any]) -> bool:
    """Tell whether instances come back as something that equals them, such as a str of a template language."""
    return issubclass(kind, (str, int, float, dict, list)) and not issubclass(kind, enum.Enum)


def children(value: object) -> list[tuple[str, object]] | None:
    """Return what *value* holds, each with its step of the path; None when it is not a container."""
    if isinstance(value, dict):
        items = cast("dict[object, object]", value).items()
        return [(f".{key}" if isinstance(key, str) and key.isidentifier() else f"[{key!r}]", v) for key, v in items]
    if isinstance(value, LISTS):
        return [(f"[{number}]", item) for number, item in enumerate(cast("list[object]", value))]
    if isinstance(value, pydantic.BaseModel):
        fields = type(value).model_fields
        return [(f".{name}", item) for name, item in value if name not in fields or not fields[name].exclude]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [(f".{field.name}", getattr(value, field.name)) for field in dataclasses.fields(value)]
    if attrs_fields(type(value)) is not None:
        return [(f".{name}", item) for name, item in attrs_values(value).items()]
    names = struct_fields(type(value))
    return None if names is None else [(f".{name}", getattr(value, name)) for name in names]


def _walk(root: object) -> Iterable[tuple[str, object]]:
    """Yield all values with their paths, in the order in which they are written."""
    waiting: list[tuple[str, object]] = [("", root)]
    while waiting:
        path, value = waiting.pop()
        yield path, value
        held = children(value) or []
        if isinstance(value, pydantic.BaseModel) and value.model_config.get("ser_json_inf_nan") == "strings":
            held = [(step, child) for step, child in held if not isinstance(child, float)]
        waiting.extend((path + step, child) for step, child in reversed(held))


def _wrong_key(root: object, fix: str) -> str | None:
    for path, value in _walk(root):
        if isinstance(value, dict):
            for key in cast("dict[object, object]", value):
                if not isinstance(key, str):
                    return f"{path}: key {key!r} is a {type(key).__name__}, not a str; {fix}"
    return None


def not_finite(root: object) -> str | None:
    """Return the path of the first NaN or infinity and what to do about it; None when there is none."""
    for path, value in _walk(root):
        if isinstance(value, float) and not math.isfinite(value):
            return f"{path}: float {value} is not JSON; {_FIX_NUMBER}"
        if isinstance(value, decimal.Decimal) and not value.is_finite():
            return f"{path}: decimal {value} is not JSON; {_FIX_NUMBER}"
    return None


def _hidden_not_finite(body: bytes) -> str | None:
    """Look for a NaN or an infinity that a serializer wrote; a text may hold such a word."""
    try:
        json.loads(body, parse_constant=_refuse)
    except ValueError as error:
        return f" holds a float {error}, which is not JSON; {_FIX_NUMBER}"
    return None


def _refuse(constant: str) -> object:
    raise ValueError(constant)


def explain(
    value: object, path: str, fix: str, error: Exception, write: Callable[[object], bytes], by: str = ""
) -> str:
    """Return the message that names the innermost value that *write* refuses. by: the serializer that *write* asks."""
    path, value, is_cycle = locate(value, path, write, by)
    if is_cycle:
        return f"{path} is a {type(value).__name__} that holds itself; {fix}"
    if isinstance(value, float):
        return f"{path}: float {value} is not JSON; {_FIX_NUMBER}"
    reason = str(error).removeprefix("Error serializing to JSON: ")
    if by:
        reason = reason.removeprefix("TypeError: ")
        return f"{path} is a {type(value).__name__} that {by} cannot write: {reason}; {fix}"
    if struct_fields(type(value)) is not None:
        return f"{path} is a {type(value).__name__}, a msgspec.Struct; {_FIX_STRUCT}"
    if "utf-8" in reason:
        fix = _FIX_BYTES
    reason = "" if children(value) is None else f" that cannot be written: {reason}"
    return f"{path} is a {type(value).__name__}{reason}; {fix}"


def locate(root: object, path: str, write: Callable[[object], bytes], by: str) -> tuple[str, object, bool]:
    """Return the path of the innermost value that *write* refuses, the value, and whether it holds itself.

    by: as in `explain`; without one, no field of a msgspec.Struct is looked at: all of it is refused.
    """
    value, where = root, path
    seen: set[int] = set()
    while len(seen) < DEEPEST:
        if id(value) in seen:
            return where, value, True
        seen.add(id(value))
        held = children(value) if by or struct_fields(type(value)) is None else None
        refused = next(((step, child) for step, child in held or () if not _is_written(child, write)), None)
        if refused is None:
            return where, value, False
        where, value = where + refused[0], refused[1]
    return path, root, False  # too deep to be told


def _is_written(value: object, write: Callable[[object], bytes]) -> bool:
    try:
        body = write(value)
    except (ValueError, TypeError, RecursionError):
        return isinstance(value, str)
    return not (b"NaN" in body or b"Infinity" in body) or not_finite(value) is None


def explain_size(
    value: object, what: str, size: int, limit: int, limit_of: str, write: Callable[[object], bytes]
) -> str:
    """Return the message for a value that is larger than an engine takes; it names the part that makes it so."""
    path, largest = what, size
    while True:
        parts: Sequence[tuple[int, str, object]] = [
            (len(write(child)), step, child) for step, child in children(value) or () if _is_written(child, write)
        ]
        part = max(parts, key=lambda each: each[0], default=(0, "", None))
        if part[0] * 2 < size:
            break
        largest, path, value = part[0], path + part[1], part[2]
    where = "" if path == what else f" ({path} alone is {largest:,})"
    return (
        f"{what} is {size:,} bytes as JSON{where}, over the limit of {limit // 1024 // 1024} MiB for {limit_of}; "
        "keep it elsewhere and pass on where it is"
    )
