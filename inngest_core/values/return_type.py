"""The type that a callback says it returns: found once for each function, and only where JSON cannot express it.

Sees through partials, bound methods, callable objects and wrappers. Reads annotations; calls nothing of the user's.
"""

from __future__ import annotations

import collections.abc
import functools
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import typing_extensions

from inngest_core.callables import innermost
from inngest_core.error_text import LONGEST_PROBLEM, cut

from .codec import form_of
from .schema import hashable, is_plain
from .serializer import Serializer

MOST_KNOWN = 4096
"""So many functions are remembered; then it starts anew."""

_AWAITABLES = (collections.abc.Awaitable, collections.abc.Coroutine)


class Returns(NamedTuple):
    """What is known of a result.

    typ: to decode it as, None when it is plain JSON. problem: why nothing is known, or why pydantic cannot use *typ*.
    """

    typ: object = None
    problem: str | None = None

    def type_for(self, serializer: Serializer | None) -> object:
        """Return the type that counts: what pydantic does not know, another serializer may know."""
        return None if self.problem is not None and serializer is None else self.typ


@dataclass(slots=True)
class _Known:
    """What was found for a function; it holds while code, annotation and globals are the same."""

    code: types.CodeType
    annotation: object
    names: dict[str, Any]
    returns: Returns

    def fits(self, function: types.FunctionType) -> bool:
        return (
            self.code is function.__code__
            and self.names is function.__globals__
            and self.annotation is function.__annotations__.get("return")
        )


_SELF: object = cast("Any", typing).Self
MISSING = Returns(problem="its callback has no return annotation")
_PLAIN = Returns()
_NONE = object()
_known: dict[int, _Known] = {}


def returned_by(callback: Callable[..., object]) -> Returns:
    """Return what *callback* says of its result; for a class, that is the class itself."""
    if isinstance(callback, type):
        return _of_type(callback)
    if type(callback) is types.FunctionType:  # a wrapper's code is never remembered: it wraps many functions
        known = _known.get(id(callback.__code__))
        if known is not None and known.fits(callback):
            return known.returns
    function = _innermost(callback)
    if function is None:
        return MISSING
    try:
        annotation = function.__annotations__.get("return", _NONE)
    except NameError as error:  # Python 3.14 evaluates annotations here
        return _unresolved("", error)
    if annotation is _NONE:
        return MISSING
    known = _known.get(id(function.__code__))
    if known is not None and known.fits(function):
        return known.returns
    return _look_up(function, annotation, _owner(callback))


def identity_of(callback: object) -> object:
    """Return what tells a callback from others: its code, under whatever it is wrapped in; None when it has none."""
    return getattr(_innermost(callback), "__code__", None)


def _owner(callback: object) -> object:
    """Return the class that a bound method belongs to."""
    owner = getattr(callback, "__self__", None)
    return owner if isinstance(owner, type) else type(owner)


def _innermost(callback: object) -> types.FunctionType | None:
    """Return the plain function that holds the annotation; None when there is none."""
    function = innermost(callback, through_wrappers=True)
    return function if isinstance(function, types.FunctionType) else None


def _look_up(function: types.FunctionType, annotation: object, owner: object) -> Returns:
    code, names = function.__code__, function.__globals__
    local = _closure_of(function)
    holder = types.SimpleNamespace(__annotations__={"return": annotation})
    try:
        # A name that only the alias inngest.JSON holds is found too.
        hints = typing_extensions.get_type_hints(
            cast("Any", holder), {"JSON": Any, **names}, local, include_extras=True
        )
    except Exception as error:  # an annotation is any expression
        returns = _unresolved(annotation, error)
    else:
        typ = _awaited(hints["return"])
        if typ is _SELF:
            return _of_type(owner)
        returns = _of_type(typ, local)
    if not isinstance(annotation, str) or not any(name in annotation for name in local):
        if len(_known) >= MOST_KNOWN:
            _known.clear()
        _known[id(code)] = _Known(code, annotation, names, returns)
    return returns


def _closure_of(function: types.FunctionType) -> dict[str, Any]:
    """Return the names of the enclosing functions that *function* uses."""
    found: dict[str, Any] = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    return found


def _awaited(typ: Any) -> Any:
    """Return what comes of awaiting a value of type *typ*."""
    return typing.get_args(typ)[-1] if typing.get_origin(typ) in _AWAITABLES else typ


def _of_type(typ: object, names: Mapping[str, Any] | None = None) -> Returns:
    """names: what the types of fields may be called, beside what their modules know."""
    return _of_hashable_type(typ) if not names and hashable(typ) else _decide(typ, names or {})


@functools.lru_cache(maxsize=1024)
def _of_hashable_type(typ: Any) -> Returns:
    return _decide(typ, {})


def _decide(typ: object, names: Mapping[str, Any]) -> Returns:
    try:
        if is_plain(typ):
            return _PLAIN
        form_of(typ, names)
    except Exception as error:  # a type's own code may raise anything
        return _unresolved(typ, error)._replace(typ=typ)
    return Returns(typ)


def _unresolved(annotation: object, error: Exception) -> Returns:
    shown = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))
    reason = cut(str(error).splitlines()[0], LONGEST_PROBLEM) if str(error) else type(error).__name__
    return Returns(problem=f"its return annotation {shown} cannot be used: {reason}")
