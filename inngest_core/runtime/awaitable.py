"""Telling what has to be awaited, as every call of user code asks: at once for plain values and for coroutines."""

from __future__ import annotations

import inspect
import types
from collections.abc import Awaitable, Coroutine, Generator
from typing import Any, TypeGuard, TypeVar, cast

from inngest_core.errors import AsyncUnsupportedError

T = TypeVar("T")

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


def begin(coroutine: Any) -> Awaitable[object] | None:
    """Run a coroutine until it waits for something; return what to await for the rest of it, None when it has ended.

    To be called where it would have been awaited: in a coroutine that runs on a loop. Most hooks wait for nothing, and
    then neither the driver nor all the flows above have to be asked. Raises what it raises.
    """
    try:
        return Rest(coroutine, coroutine.send(None))
    except StopIteration:
        return None


def at_once(coroutine: Coroutine[object, None, T], what: str) -> T:
    """Run a coroutine that waits for nothing, where no loop runs; return its result.

    what: names it. Raises AsyncUnsupportedError: it waits.
    """
    try:
        coroutine.send(None)
    except StopIteration as end:
        return cast("T", end.value)
    coroutine.close()
    raise AsyncUnsupportedError(f"{what} waited on an event loop; make the function async def")


class Rest:
    """What is left of a coroutine that has begun and waits."""

    __slots__ = ("_coroutine", "_waits_for")

    def __init__(self, coroutine: Coroutine[Any, Any, object], waits_for: object) -> None:
        """coroutine: nobody else may await it. waits_for: what it has yielded."""
        self._coroutine = coroutine
        self._waits_for = waits_for

    def __await__(self) -> Generator[object, Any, object]:
        coroutine, waits_for = self._coroutine, self._waits_for
        try:
            while True:
                try:
                    sent = yield waits_for
                except GeneratorExit:
                    raise
                except BaseException as error:
                    waits_for = coroutine.throw(error)
                else:
                    waits_for = coroutine.send(sent)
        except StopIteration as end:
            return end.value
        finally:
            coroutine.close()  # it has ended, unless nobody waits for it any more
