"""The type that a callback says it returns: found once for each function, and only where JSON cannot express it.

Sees through partials, bound methods, callable objects and wrappers. Reads annotations; calls nothing of the user's.
"""

from __future__ import annotations

import collections.abc
import contextlib
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, cast

import typing_extensions

from inngest_core.callables import innermost
from inngest_core.error_text import LONGEST_PROBLEM, cut

from .codec import codec_of
from .schema import is_plain
from .serializer import Serializer

MOST_KNOWN = 4096
"""How many functions are remembered before it starts anew."""

_AWAITABLES = (collections.abc.Awaitable, collections.abc.Coroutine)
_SELF: object = cast("Any", typing).Self


class Returns(NamedTuple):
    """What is known of a result.

    typ: to decode it as, None when it is plain JSON. problem: why nothing is known, or why pydantic cannot use *typ*.
    """

    typ: object = None
    problem: str | None = None

    def type_for(self, serializer: Serializer | None) -> object:
        """Return the type that counts: what pydantic does not know, another serializer may know."""
        return None if self.problem is not None and serializer is None else self.typ


MISSING = Returns(problem="its callback has no return annotation")
_known: dict[int, tuple[types.CodeType, object, dict[str, Any], Returns]] = {}
"""By the id of its code, what was found for a function while its annotation and its globals were these."""


def returned_by(callback: Callable[..., object]) -> Returns:
    """Return what *callback* says of its result; for a class, that is the class itself."""
    if isinstance(callback, type):
        return _of_type(callback)
    if type(callback) is types.FunctionType and _says_nothing(callback):
        return MISSING
    known = _recall(callback) if isinstance(callback, types.FunctionType) else None
    if known is not None:  # a wrapper's code is never remembered: it wraps many functions
        return known
    function = _innermost(callback)
    return MISSING if function is None else _recall(function) or _look_up(function, callback)


def identity_of(callback: object) -> object:
    """Return what tells a callback from others: its code, under whatever it is wrapped in; None when it has none."""
    return getattr(_innermost(callback), "__code__", None)


def _says_nothing(function: types.FunctionType) -> bool:
    """Tell whether a function is neither annotated nor a wrapper, as a lambda: a replay asks that of thousands."""
    try:
        return "__wrapped__" not in function.__dict__ and "return" not in function.__annotations__
    except Exception:  # Python 3.14 evaluates annotations here
        return False


def _recall(function: types.FunctionType) -> Returns | None:
    code, annotation, names, returns = _known.get(id(function.__code__), (None, None, None, None))
    fits = code is function.__code__ and names is function.__globals__
    return returns if fits and annotation is function.__annotations__.get("return") else None


def _innermost(callback: object) -> types.FunctionType | None:
    """Return the plain function that holds the annotation; None when there is none."""
    function = innermost(callback, through_wrappers=True)
    return function if isinstance(function, types.FunctionType) else None


def _look_up(function: types.FunctionType, callback: object) -> Returns:
    code, names = function.__code__, function.__globals__
    local: dict[str, Any] = {}
    """The names of the enclosing functions that *function* uses."""
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=False):
        with contextlib.suppress(ValueError):  # not assigned yet
            local[name] = cell.cell_contents
    annotation: object = ""
    try:
        annotation = function.__annotations__.get("return", MISSING)  # Python 3.14 evaluates annotations here
        if annotation is MISSING:
            return MISSING
        # A name that only the alias inngest.JSON holds is found too.
        holder: Any = types.SimpleNamespace(__annotations__={"return": annotation})
        known = {"JSON": Any, **names}
        typ: Any = typing_extensions.get_type_hints(holder, known, local, include_extras=True)["return"]
    except Exception as error:  # an annotation is any expression
        returns = _unresolved(annotation, error)
    else:
        typ = typing.get_args(typ)[-1] if typing.get_origin(typ) in _AWAITABLES else typ
        if typ is _SELF:
            owner = getattr(callback, "__self__", None)
            return _of_type(owner if isinstance(owner, type) else type(owner))
        returns = _of_type(typ, local)
    if not isinstance(annotation, str) or not any(name in annotation for name in local):
        if len(_known) >= MOST_KNOWN:
            _known.clear()
        _known[id(code)] = (code, annotation, names, returns)
    return returns


def _of_type(typ: object, names: Mapping[str, Any] = types.MappingProxyType({})) -> Returns:
    """names: what the types of fields may be called, beside what their modules know."""
    try:
        if is_plain(typ):
            return Returns()
        codec_of(typ, names)
    except Exception as error:  # a type's own code may raise anything
        return _unresolved(typ, error)._replace(typ=typ)
    return Returns(typ)


def _unresolved(annotation: object, error: Exception) -> Returns:
    shown = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))
    reason = cut(str(error).splitlines()[0], LONGEST_PROBLEM) if str(error) else type(error).__name__
    return Returns(problem=f"its return annotation {shown} cannot be used: {reason}")
