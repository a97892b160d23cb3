"""From an import string to a user's app, and to the paths where it may serve: reads objects, starts nothing.

Knows frameworks by the shape of their objects only, never by import: a framework that is not installed is not
missed. Runs in the child process of `host.py`, for importing an app runs the user's code.
"""

from __future__ import annotations

import enum
import functools
import importlib
import inspect
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Protocol, cast

from .import_strings import LoadError, Target, call_factory, find, import_module

_ASGI_ARGUMENTS, _WSGI_ARGUMENTS = 3, 2
_MAX_WRAPPERS = 20
"""Middleware around middleware is unwrapped no deeper than this."""
_TORNADO_METHODS = ("start_request", "add_handlers", "find_handler")


class Kind(enum.StrEnum):
    """The calling convention of an app."""

    ASGI = "asgi"
    TORNADO = "tornado"
    WSGI = "wsgi"


class _Client(Protocol):
    app_id: str
    logger: object


class Served(Protocol):
    """What the host reads of an `inngest_core.serving.app.App`."""

    @property
    def client(self) -> _Client: ...
    @property
    def serve_path(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Loaded:
    """A user's app. served: what its calls of serve() made, in their order."""

    app: object
    kind: Kind
    served: tuple[Served, ...]


def load(target: Target, directory: Path) -> Loaded:
    """Import the module, with *directory* on the path, and return its app.

    Raises LoadError; what the user's own code raises passes through.
    """
    with _collect_apps() as served:
        module = import_module(target, directory)
        found = find(module, target, _app_names)
        app = call_factory(found, target) if target.is_factory or _is_factory(found) else found
        kind = kind_of(app)
        if kind is None:
            raise LoadError(_not_an_app(app, target))
    return Loaded(app, kind, tuple(served))


def _collect_apps() -> AbstractContextManager[list[Served]]:
    module = importlib.import_module("inngest_core.serving.app")  # late: it needs more than this room does
    return cast("AbstractContextManager[list[Served]]", module.collect_apps())


def _app_names(module: ModuleType) -> list[str]:
    return [name for name, value in vars(module).items() if name[:1] != "_" and _is_app_object(value)]


def _is_app_object(value: object) -> bool:
    return not inspect.isroutine(value) and not inspect.isclass(value) and kind_of(value) is not None


def _is_factory(value: object) -> bool:
    return callable(value) and kind_of(value) is None and _takes(value, 0)


def _not_an_app(app: object, target: Target) -> str:
    module = sys.modules.get(target.module)
    others = _app_names(module) if module is not None else []
    hint = f"; did you mean {target.module}:{others[0]}?" if others else ""
    is_what = "is a factory that gave a value of type" if target.is_factory else "is of type"
    return f"{target} {is_what} {type(app).__name__}, expected an ASGI or WSGI app{hint}"


def kind_of(app: object) -> Kind | None:
    """Return the calling convention of *app*, by its signature and whether it is a coroutine function."""
    for layer in _layers(app):
        kind = _kind_of_layer(layer)
        if kind is not None:
            return kind
    return None


def _kind_of_layer(app: object) -> Kind | None:
    if not inspect.isclass(app) and all(callable(getattr(app, name, None)) for name in _TORNADO_METHODS):
        return Kind.TORNADO
    if not callable(app) or _takes(app, 0):  # what needs no argument is a factory, or a wrapper with *args
        return None
    as_asgi, as_wsgi = _takes(app, _ASGI_ARGUMENTS), _takes(app, _WSGI_ARGUMENTS)
    if as_asgi and _is_coroutine(app):
        return Kind.ASGI
    if as_asgi and as_wsgi:
        first = next(iter(inspect.signature(app).parameters), "")
        return {"scope": Kind.ASGI, "environ": Kind.WSGI}.get(first)
    if as_asgi:
        return Kind.ASGI
    return Kind.WSGI if as_wsgi and not _is_coroutine(app) else None


def _is_coroutine(app: object) -> bool:
    plain = app.func if isinstance(app, functools.partial) else app
    return inspect.iscoroutinefunction(plain) or (
        not inspect.isclass(plain) and inspect.iscoroutinefunction(getattr(plain, "__call__", None))  # noqa: B004
    )


def _takes(app: object, count: int) -> bool:
    try:
        inspect.signature(cast("type", app)).bind(*range(count))
    except (TypeError, ValueError):
        return False
    return True


def _layers(app: object) -> Iterator[object]:
    """Yield the app, then what middleware objects wrap, outermost first."""
    inner: object = app
    for _ in range(_MAX_WRAPPERS):
        if inner is None:
            return
        yield inner
        inner = _wrapped(inner)


def _wrapped(app: object) -> object:
    for name in ("app", "application", "wrapped"):
        inner = getattr(app, name, None)
        if callable(inner):
            return inner
    return None


def serve_paths(app: object, serve_path: str) -> list[str]:
    """Return where *serve_path* may have ended up: as it is, under mounts, behind prefixes; likeliest first."""
    wanted = "/" + serve_path.strip("/")
    paths = [path for path in _paths(app, "", _MAX_WRAPPERS) if path.endswith(wanted)]
    mounts = [path.rstrip("/") + wanted for path in _prefixes(app, "", _MAX_WRAPPERS)]
    return list(dict.fromkeys([*paths, wanted, *mounts]))


def _paths(app: object, prefix: str, room: int) -> Iterator[str]:
    """Yield the full paths of all routes without parameters."""
    for route in _routes(app):
        path = prefix + _path_of(route)
        if "{" not in path and "<" not in path and not _is_mount(route):
            yield path
    if room:
        for path, inner in _mounts(app):
            yield from _paths(inner, prefix + path, room - 1)


def _prefixes(app: object, prefix: str, room: int) -> Iterator[str]:
    for path, inner in _mounts(app):
        if path and "{" not in path:
            yield prefix + path
        if room:
            yield from _prefixes(inner, prefix + path, room - 1)


def _routes(app: object) -> Iterable[object]:
    routes = getattr(app, "routes", None)
    if isinstance(routes, (list, tuple)):
        return cast("Iterable[object]", routes)
    rules = getattr(getattr(app, "url_map", None), "iter_rules", None)
    return cast("Iterable[object]", rules()) if callable(rules) else ()


def _path_of(route: object) -> str:
    path = getattr(route, "path", None) or getattr(route, "rule", None)
    return path if isinstance(path, str) else ""


def _is_mount(route: object) -> bool:
    return isinstance(getattr(route, "routes", None), (list, tuple))


def _mounts(app: object) -> Iterator[tuple[str, object]]:
    """Yield prefix and app: mounts among the routes, werkzeug's dispatcher, and what middleware wraps."""
    for route in _routes(app):
        if _is_mount(route):
            yield _path_of(route).rstrip("/"), route
        elif hasattr(route, "original_router"):  # how newer FastAPI keeps an included router
            prefix = getattr(getattr(route, "include_context", None), "prefix", "")
            yield str(prefix).rstrip("/"), getattr(route, "original_router")  # noqa: B009
        elif hasattr(route, "app") and not hasattr(route, "endpoint"):
            yield _path_of(route).rstrip("/"), getattr(route, "app")  # noqa: B009
    mounts = getattr(app, "mounts", None)
    if isinstance(mounts, Mapping):
        yield from ((str(path), inner) for path, inner in cast("Mapping[object, object]", mounts).items())
    inner = None if _routes(app) else _wrapped(app)
    if inner is not None:
        yield "", inner
