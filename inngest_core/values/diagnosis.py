"""What JSON has no form for: looked for in a value that may have to be refused, to say where it is and what to do.

No I/O, no knowledge of steps.
"""

from __future__ import annotations

import contextlib
import decimal
import math
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, cast

from inngest_core.protocol.limits import in_words

from .classes import is_struct
from .codec import codec_of
from .comparison import CONTAINERS, Seen, children
from .json_text import key_text, parse_value
from .schema import PLAIN_CLASSES

DEEPEST = 1000
"""How many levels are searched for the value that is refused; the standard library writes about as many."""
LONGEST_PATH = 200
"""How many characters of a path are shown."""

_FIX_NUMBER = "give a finite number or None"
_FIX_BYTES = 'set ser_json_bytes and val_json_bytes to "base64", as these are no text'
_FIX_STRUCT = "give Inngest(serializer=inngest.MsgspecSerializer())"

Write = Callable[[object], bytes]
"""Writes a value as JSON as it is; raises an error when it cannot."""


def problem_of(root: object, seen: Seen, body: bytes | None, write: Write) -> str | None:
    """Return what is wrong with a value that was written: a path and a message, or None.

    body: what it was written as by its type, None where it was written as it is.
    """
    iterators = any(issubclass(kind, Iterator) for kind in seen.kinds - PLAIN_CLASSES)
    if iterators or seen.largest.bit_length() > 1023 or not seen.finite:
        for path, value, _ in _walk(root):
            if (problem := _problem(value)) is not None:
                return path + problem
    if seen.finite:
        return None
    for path, value, declared in _walk(root if body is None else parse_value(body)):
        leaf = not declared and not isinstance(value, CONTAINERS)
        for step, part, _ in _walk(_visible(value, write)) if leaf else ():
            if isinstance(part, float) and not math.isfinite(part):
                return f"{path}{step}: float {part} is not JSON; {_FIX_NUMBER}"
    return None


def problem_of_keys(root: object) -> str | None:
    """Return what is wrong with a value of which a key was refused: a path and a message, or None."""
    found = ((path, _problem_of_key(value)) for path, value, _ in _walk(root))
    return next((path + problem for path, problem in found if problem is not None), None)


def _walk(root: object) -> Iterator[tuple[str, object, bool]]:
    """Yield all values with their paths, in the order in which they are written, and whether a class declares them."""
    waiting: list[tuple[str, object, bool]] = [("", root, False)]
    while waiting:
        path, value, declared = waiting.pop()
        yield path, value, declared
        declared = declared or not isinstance(value, CONTAINERS)
        waiting.extend((_shortened(path + step), child, declared) for step, child in reversed(children(value) or []))


def _shortened(path: str) -> str:
    half = LONGEST_PATH // 2
    return path if len(path) <= LONGEST_PATH + 3 else f"{path[:half]}...{path[-half:]}"


def _problem(value: object) -> str | None:
    if issubclass(type(value), Iterator):
        return f" is a {type(value).__name__}, which can be read only once; return a list of what it gives"
    if isinstance(value, int) and value.bit_length() > 1023:
        return f" is an int of {value.bit_length():,} bits, which engines cannot keep; give a text"
    if isinstance(value, decimal.Decimal) and not value.is_finite():
        return f": decimal {value} is not JSON; {_FIX_NUMBER}"
    return None


def _problem_of_key(value: object) -> str | None:
    for key in cast("dict[object, object]", value) if isinstance(value, dict) else ():
        if key_text(key) is None:
            return f": key {key!r} is a {type(key).__name__}, not a str; give str keys"
    return None


def _visible(value: object, write: Write) -> Any:
    """Return a value as JSON values in which NaN stays: a model by itself writes one as null."""
    with contextlib.suppress(Exception):  # pydantic may not know its class, and a serializer may raise anything
        return parse_value(codec_of(type(value)).write(value, checked=False, computed=True))
    with contextlib.suppress(Exception):
        return parse_value(write(value))
    return None


def explain(value: object, path: str, fix: str, error: Exception, write: Write, by: str = "") -> str:
    """Return the message that names the innermost value that *write* refuses. by: the serializer that *write* asks."""
    path, value, is_cycle = locate(value, path, write, by)
    what = f"{path} is a {type(value).__name__}"
    reason = str(error).removeprefix("Error serializing to JSON: ")
    if is_cycle:
        return f"{what} that holds itself; {fix}"
    if (problem := _problem_of_key(value)) is not None:
        return path + problem
    if by:
        return f"{what} that {by} cannot write: {reason.removeprefix('TypeError: ')}; {fix}"
    if is_struct(type(value)):
        return f"{what}, a msgspec.Struct; {_FIX_STRUCT}"
    if isinstance(value, Awaitable):
        return f"{what}, not its result; did you forget await?"
    if children(value) is None:
        return f"{what}; {fix}"
    return f"{what} that cannot be written: {reason}; {_FIX_BYTES if 'utf-8' in reason else fix}"


def locate(value: object, path: str, write: Write, by: str) -> tuple[str, object, bool]:
    """Return the path of the innermost value that *write* refuses, the value, and whether it holds itself.

    by: as in `explain`; without one, no field of a msgspec.Struct is looked at: all of it is refused.
    """
    where, part = path, value
    seen: set[int] = set()
    while len(seen) < DEEPEST:
        if id(part) in seen:
            return where, part, True
        seen.add(id(part))
        held = children(part) if by or not is_struct(type(part)) else None
        refused = next(((step, child) for step, child in held or () if _size(child, write, by) is None), None)
        if refused is None:
            return where, part, False
        where, part = _shortened(where + refused[0]), refused[1]
    return path, value, False  # too deep to be told


def _size(value: object, write: Write, by: str = "") -> int | None:
    """Return the length of a value as JSON; None when it is refused."""
    with contextlib.suppress(Exception):  # a property of the user's may raise anything
        return len(write(value)) if by or _problem_of_key(value) is None else None
    return None


def explain_size(value: object, what: str, size: int, limit: int, limit_of: str, write: Write) -> str:
    """Return the message for a value that is larger than an engine takes; it names the part that makes it so."""
    path, largest = what, size
    while True:
        parts = [(_size(child, write) or 0, step, child) for step, child in children(value) or ()]
        part = max(parts, key=lambda each: each[0], default=(0, "", None))
        if part[0] * 2 < size:
            break
        largest, path, value = part[0], _shortened(path + part[1]), part[2]
    where = "" if path == what else f" ({path} alone is {largest:,})"
    return (
        f"{what} is {size:,} bytes as JSON{where}, over the limit of {in_words(limit)} for {limit_of}; "
        "keep it elsewhere and pass on where it is"
    )
