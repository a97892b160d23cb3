"""Telling what has to be awaited, as every call of user code asks: at once for plain values and for coroutines."""

from __future__ import annotations

import inspect
import types
from collections.abc import Awaitable
from typing import TypeGuard

_PLAIN = frozenset({types.NoneType, bool, int, float, str, bytes, dict, list, tuple})
"""Asking a class for a method that it lacks takes ten times as long as looking it up here."""


def is_awaitable(value: object) -> TypeGuard[Awaitable[object]]:
    """Tell whether *value* can be awaited."""
    kind: type[object] = type(value)
    if kind in _PLAIN:
        return False
    if kind is types.CoroutineType:
        return True
    return (kind is types.GeneratorType or hasattr(kind, "__await__")) and inspect.isawaitable(value)
