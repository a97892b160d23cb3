"""What may be given as middleware, and making an instance of it for a call."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Sequence
from typing import cast

from inngest_core.error_text import headline, kind_of
from inngest_core.errors import CONTROL, ConfigError, InngestError, MiddlewareError

from .base import Middleware, MiddlewareFactory, MiddlewarePair, MiddlewareSync

_KINDS = (Middleware, MiddlewareSync)

MIDDLEWARE_RULE = "a middleware class, or a function (client, raw_request) that returns an instance of one"

_ONE_EACH = (
    "its class, or a function (client, raw_request) that returns an instance: one keeps what belongs to one call"
)


def problems_of_middleware(given: object) -> Iterator[tuple[str, object, str]]:
    """Yield what cannot be middleware in the argument *middleware* of a client or a function: field, value and rule."""
    if given is None:
        return
    if not isinstance(given, list | tuple):
        yield "middleware", given, f"a list; each item is {MIDDLEWARE_RULE}"
        return
    for number, factory in enumerate(cast("Sequence[object]", given)):
        where = f"middleware[{number}]"
        if isinstance(factory, MiddlewarePair):
            yield from _problems_of_one(f"{where}.sync", factory.sync)
            yield from _problems_of_one(f"{where}.asynchronous", factory.asynchronous)
            if is_async(factory.sync):
                yield f"{where}.sync", factory.sync, "middleware that is derived from inngest.MiddlewareSync"
        else:
            yield from _problems_of_one(where, factory)


def _problems_of_one(where: str, given: object) -> Iterator[tuple[str, object, str]]:
    if isinstance(given, _KINDS):
        if given.keeps_call:
            yield where, given, _ONE_EACH
    elif not _makes_middleware(given):
        yield where, given, _rule_for(given)


def _rule_for(given: object) -> str:
    """Return what to give instead of something that is nearly right: a class or its factory, not called yet."""
    name = str(getattr(given, "__qualname__", ""))
    if name.endswith(".factory"):
        return f"what it returns: {name}(...)"
    if not isinstance(given, type):
        return MIDDLEWARE_RULE
    if callable(getattr(given, "factory", None)):
        return f"what its factory returns: {name}.factory(...)"
    if issubclass(given, MiddlewarePair):
        return f"an instance of it: {name}(...)"
    if issubclass(given, _KINDS):
        return f"a class whose __init__ takes (client, raw_request), or an instance: {name}(...)"
    return MIDDLEWARE_RULE


def check_middleware(middleware: Sequence[MiddlewareFactory] | None) -> Sequence[MiddlewareFactory]:
    """Return the middleware of a client; raises ConfigError that names what is none."""
    for field, value, rule in problems_of_middleware(middleware):
        raise ConfigError(f"{field} is {value!r}; give {rule}")
    return middleware or ()


def is_async(factory: MiddlewareFactory) -> bool:
    """Tell whether the hooks are `async def`; unknown, and so False, for a function that makes an instance."""
    kind = factory if isinstance(factory, type) else type(factory)
    return issubclass(kind, Middleware)


def make(
    factories: Iterable[MiddlewareFactory], client: object, raw_request: object, *, asynchronous: bool
) -> list[Middleware | MiddlewareSync]:
    """Return the instances for a call. asynchronous: which of a pair is wanted. Raises MiddlewareError."""
    instances: list[Middleware | MiddlewareSync] = []
    for factory in factories:
        if not isinstance(factory, type):
            if isinstance(factory, MiddlewarePair):
                factory = factory.asynchronous if asynchronous else factory.sync  # one of its two
            if isinstance(factory, _KINDS):
                instances.append(factory)
                continue
        try:
            made: object = factory(client, raw_request)
        except (InngestError, *CONTROL):
            raise
        except BaseException as error:
            raise failed(_name_of(factory), error) from error
        if not isinstance(made, _KINDS):
            raise MiddlewareError(f"{_name_of(factory)} returned {kind_of(made)}; expected an instance of middleware")
        instances.append(made)
    return instances


def failed(name: str, error: BaseException) -> MiddlewareError:
    """Return the error that names what raised."""
    return MiddlewareError(f"{name} raised {headline(error)}")


def _name_of(factory: object) -> str:
    return str(getattr(factory, "__name__", None) or repr(factory))


def _makes_middleware(factory: object) -> bool:
    """Tell whether *factory* may be called with a client and a request."""
    if not callable(factory) or (isinstance(factory, type) and not issubclass(factory, _KINDS)):
        return False
    try:
        signature = inspect.signature(factory)
    except (TypeError, ValueError):  # some callables have none
        return True
    try:
        signature.bind(None, None)
    except TypeError:
        return False
    return True
