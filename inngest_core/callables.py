"""Looking through callables: the function behind partials, bound methods, callable objects and decorators.

Only what an object really holds is followed: a proxy such as `xmlrpc.ServerProxy(url).add` invents an attribute for
every name it is asked for, `__wrapped__` included. Calls nothing of the user's.
"""

from __future__ import annotations

import functools
import inspect
import types
from typing import cast

MOST_LAYERS = 100
"""How many layers are looked through; a wrapper that wraps itself has no end."""


def innermost(callback: object, *, through_wrappers: bool) -> object:
    """Return what *callback* calls in the end; itself when nothing more is known of it.

    through_wrappers: also follow `__wrapped__`, as `functools.wraps` leaves it.
    """
    for _ in range(MOST_LAYERS):
        inner = _wrapped_by(callback) if through_wrappers else None
        if inner is None:
            inner = _called_by(callback)
        if inner is None:
            break
        callback = inner
    return callback


def _called_by(callback: object) -> object | None:
    """Return what a partial, a bound method or a callable object calls; None for everything else."""
    if isinstance(callback, functools.partial):
        return cast("functools.partial[object]", callback).func
    if isinstance(callback, types.MethodType):
        return callback.__func__
    if isinstance(callback, types.FunctionType | type):
        return None
    call = inspect.getattr_static(type(callback), "__call__", None)
    return call if isinstance(call, types.FunctionType) else None


def _wrapped_by(callback: object) -> object | None:
    """Return what a decorator wrapped; None when *callback* does not hold a `__wrapped__` itself."""
    if isinstance(callback, types.FunctionType) or type(callback) is functools.partial:
        return cast("dict[str, object]", callback.__dict__).get("__wrapped__")
    if type(callback) is types.MethodType:  # it has no attributes of its own
        return None
    if inspect.getattr_static(callback, "__wrapped__", None) is None:
        return None
    wrapped: object = getattr(callback, "__wrapped__", None)
    return wrapped
