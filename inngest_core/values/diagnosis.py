"""What JSON has no form for: looked for in a value that may have to be refused, to say where it is and what to do.

No I/O, no wire names, no knowledge of steps.
"""

from __future__ import annotations

import collections.abc
import decimal
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

import pydantic

from .comparison import LISTS, Seen, children
from .schema import struct_fields

DEEPEST = 1000
"""So many levels are looked into for the value that is refused; the standard library writes about as many."""
LONGEST_PATH = 200
"""So many characters are shown of where something is."""

_FIX_KEY = "give str keys"
_FIX_KEY_RETURNED = f"{_FIX_KEY}, or annotate the type that is returned"
_FIX_NUMBER = "give a finite number or None"
_FIX_BYTES = 'set ser_json_bytes and val_json_bytes to "base64", as these are no text'
_FIX_STRUCT = "give Inngest(serializer=inngest.MsgspecSerializer())"


def problem_of(
    root: object, seen: Seen, written: Callable[[], tuple[Any, Any]], *, typed: bool, returned: bool
) -> str | None:
    """Return what is wrong with a value that was written: a path and a message, or None.

    written: gives the JSON values that were made of it, before and after they became a text. typed: the type is
    declared, so that keys need not be texts. returned: by a callback, whose annotation may allow other keys.
    """
    if any(issubclass(kind, collections.abc.Iterator) for kind in seen.kinds):
        for path, value in _walk(root):
            kind = type(value)
            if issubclass(kind, collections.abc.Iterator):
                return f"{path} is a {kind.__name__}, which can be read only once; return a list of what it gives"
    if seen.other_keys and not typed and (found := _wrong_key(root, returned=returned)) is not None:
        return found
    if seen.huge:
        for path, value in _walk(root):
            if isinstance(value, int) and value.bit_length() > 1023:
                return f"{path} is an int of {value.bit_length():,} bits, which engines cannot keep; give a text"
    return None if seen.finite else not_finite(root, written)


def _walk(root: object, *, within_classes: bool = True) -> Iterable[tuple[str, object]]:
    """Yield all values with their paths, in the order in which they are written."""
    waiting: list[tuple[str, object]] = [("", root)]
    while waiting:
        path, value = waiting.pop()
        yield path, value
        if not within_classes and not issubclass(type(value), (dict, *LISTS)):
            continue
        held = children(value) or []
        waiting.extend((shortened(path + step), child) for step, child in reversed(held))


def shortened(path: str) -> str:
    """Return where something is, without the middle when it is very deep."""
    half = LONGEST_PATH // 2
    return path if len(path) <= LONGEST_PATH + 3 else f"{path[:half]}...{path[-half:]}"


def _wrong_key(root: object, *, returned: bool) -> str | None:
    """Return the first key that is no text; what a class says of its own fields counts as declared."""
    fix = _FIX_KEY_RETURNED if returned else _FIX_KEY
    for path, value in _walk(root, within_classes=False):
        if isinstance(value, dict):
            for key in cast("dict[object, object]", value):
                if not isinstance(key, str):
                    return f"{path}: key {key!r} is a {type(key).__name__}, not a str; {fix}"
    return None


def not_finite(root: object, written: Callable[[], tuple[Any, Any]] | None = None) -> str | None:
    """Return the path of the first NaN or infinity and what to do about it; None when there is none.

    written: gives the JSON values that were made of *root*, before and after they became a text: a serializer of the
    user's may have made something else of it.
    """
    for path, value in _walk(root):
        if isinstance(value, decimal.Decimal) and not value.is_finite():
            return f"{path}: decimal {value} is not JSON; {_FIX_NUMBER}"
        if isinstance(value, pydantic.BaseModel) and value.__pydantic_extra__:  # which is written as null
            found = not_finite(value.__pydantic_extra__)
            if found is not None:
                return path + found
    try:
        before, after = (root, root) if written is None else written()
    except Exception:  # a serializer of the user's may raise anything
        before, after = root, root
    waiting: list[tuple[str, Any, Any]] = [("", before, after)]
    while waiting:
        path, value, text = waiting.pop()
        if isinstance(value, float) and not math.isfinite(value) and not isinstance(text, str):
            return f"{path}: float {float(value)} is not JSON; {_FIX_NUMBER}"
        held, others = children(value) or [], children(text) or []
        texts = [other for _, other in others] if len(others) == len(held) else [None] * len(held)
        pairs = [(shortened(path + step), child, other) for (step, child), other in zip(held, texts, strict=True)]
        waiting.extend(reversed(pairs))
    return None


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
        where, value = shortened(where + refused[0]), refused[1]
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
        largest, path, value = part[0], shortened(path + part[1]), part[2]
    where = "" if path == what else f" ({path} alone is {largest:,})"
    return (
        f"{what} is {size:,} bytes as JSON{where}, over the limit of {limit // 1024 // 1024} MiB for {limit_of}; "
        "keep it elsewhere and pass on where it is"
    )
