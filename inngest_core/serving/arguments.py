"""What was given to `serve`, checked before anything is served. Each message names the argument and what to give."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn, TypeGuard, cast

from inngest_core.client import Inngest
from inngest_core.config import check_streaming, parse_origin
from inngest_core.errors import ConfigError
from inngest_core.function import Function

from .options import ServeOptions

MAX_WRAPPERS = 25
"""Wrappers around a function that are looked through."""


def check_app(app: object, kinds: tuple[type, ...], expected: str) -> None:
    """Check the first argument of a `serve` that adds to an app.

    kinds: what it may be. expected: the same in words, such as "a Flask app or blueprint". Raises ConfigError.
    """
    if not isinstance(app, kinds):
        refuse_app(app, expected)


def refuse_app(app: object, expected: str) -> NoReturn:
    """Refuse the first argument of a `serve`; raises ConfigError."""
    if isinstance(app, Inngest):
        raise ConfigError(f"app is an Inngest client; give {expected} first: serve(app, client, functions)")
    raise ConfigError(f"app is {describe(app)}; give {expected}")


def check_client(client: object) -> None:
    """Check the client that was given to `serve`; raises ConfigError."""
    if not isinstance(client, Inngest):
        raise ConfigError(
            f"client is {describe(client)}; give the inngest.Inngest that the functions were defined with, "
            "which comes just before the list of functions"
        )


def check_options(options: ServeOptions) -> None:
    """Check the keyword arguments of a `serve`.

    Raises TypeError, as Python does: one is unknown. ConfigError: a value is of the wrong type. URLInvalidError:
    serve_origin is no absolute URL.
    """
    for name, value in options.items():
        if name not in ServeOptions.__optional_keys__:
            known = ", ".join(sorted(ServeOptions.__optional_keys__))
            raise TypeError(f"serve() got an unexpected keyword argument {name!r}; it takes {known}")
        kind = _KINDS.get(name)
        if kind is not None and value is not None and not isinstance(value, kind):
            raise ConfigError(f"{name} is {describe(value)}; give a {kind.__name__}, or leave it out")
    check_streaming(options.get("streaming"))
    origin = options.get("serve_origin")
    if origin:
        parse_origin(origin, "serve_origin")


_KINDS: dict[str, type] = {"serve_path": str, "serve_origin": str, "public_path": str, "enable_unauthed_sync": bool}


def check_functions(functions: object, client: Inngest) -> tuple[Function[Any], ...]:
    """Return the functions that were given to `serve` together with *client*.

    Raises ConfigError: it is not a list, or something in it is not a Function, or is a Function of another app.
    """
    given = describe(functions)
    if _is_function(functions):
        raise ConfigError(f"functions is {given}; give a list: [{_name(functions)}]")
    if isinstance(functions, str | bytes | Mapping) or not isinstance(functions, Iterable):
        raise ConfigError(f"functions is {given}; give a list of what @client.create_function returned")
    listed = tuple(cast("Iterable[object]", functions))
    return tuple(_check_function(each, f"functions[{number}]", client) for number, each in enumerate(listed))


def _check_function(function: object, what: str, client: Inngest) -> Function[Any]:
    if not _is_function(function):
        _refuse(function, what)
    if function.id != f"{client.app_id}-{function.local_id}":
        raise ConfigError(
            f"{what} is {describe(function)}, which was defined with another client; client is that of the app "
            f'"{client.app_id}": define the function with it, or serve it with its own client at a path of its own'
        )
    return function


_UNAPPLIED = f"{Inngest.create_function.__qualname__}.<locals>.decorate"
"""The name of what `create_function` returns, which waits for a function."""


def _refuse(given: object, what: str) -> NoReturn:
    wrapped = _wrapped(given)
    if wrapped is not None:
        raise ConfigError(
            f"{what} is a wrapper around {describe(wrapped)}, which an engine could not call through it; "
            "put @client.create_function above the decorator that made the wrapper"
        )
    if getattr(given, "__qualname__", None) == _UNAPPLIED:
        raise ConfigError(
            f"{what} is a decorator that decorates nothing; put @client.create_function(...) above the function, "
            "or call it with the function: client.create_function(...)(function)"
        )
    if callable(given) and not isinstance(given, type):
        raise ConfigError(
            f"{what} is {describe(given)}, which is not decorated; put @client.create_function(fn_id=...) above it"
        )
    raise ConfigError(f"{what} is {describe(given)}; give what @client.create_function returned")


def _wrapped(given: object) -> Function[Any] | None:
    """Return the Function that `functools.wraps` was given, through a few wrappers."""
    for _ in range(MAX_WRAPPERS):
        if not inspect.isfunction(given):
            return None
        given = getattr(given, "__wrapped__", None)
        if _is_function(given):
            return given
    return None


def refuse_second_endpoint(path: str) -> NoReturn:
    """Refuse to serve at *path* of an app, where functions are served already; raises ConfigError."""
    raise ConfigError(
        f"functions are served at {path} of this app already, and only the first ones would be found there; "
        "list all functions of a client in one serve, and give each further client a serve_path of its own"
    )


def _is_function(value: object) -> TypeGuard[Function[Any]]:
    return isinstance(value, Function)


def describe(value: object) -> str:
    """Return what *value* is, in words for a message."""
    if value is None:
        return "None"
    if _is_function(value):
        return f'the Function "{value.id}"'
    if isinstance(value, Inngest):
        return "an Inngest client"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    kind = type(value)
    name = getattr(value, "__qualname__", None)
    if isinstance(name, str) and callable(value):
        return f"the {kind.__name__} {name}"
    known_by = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
    return f"{'an' if known_by[0] in 'aeiou' else 'a'} {known_by}"


def _name(function: Function[Any]) -> str:
    return getattr(function.handler.callback, "__name__", function.local_id)
