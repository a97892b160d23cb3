"""From an import string to what a worker is to serve: reads objects of the user's module, starts nothing."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from inngest_connect.worker import Worker
from inngest_core.client import Inngest
from inngest_core.function import Function
from inngest_core.serving.app import App, collect_apps
from inngest_devserver.hosting.import_strings import (
    LoadError,
    Target,
    call_factory,
    explaining_failures,
    find,
    import_module,
    parse_target,
)

Pair = tuple[Inngest, list[Function[Any]]]


def load_served(text: str, directory: Path) -> Worker | list[Pair]:
    """Import what *text* names, and return the worker that it is, or the clients with the functions that it serves.

    An app serves what was given to `serve`; a client, the functions in its module; a module alone, what it has of
    these. Raises LoadError; the traceback of what the user's own code raises is printed before.
    """
    target = parse_target(text, default="")
    with explaining_failures(text), collect_apps() as served:
        module = import_module(target, directory)
        found = find(module, target, _names_to_serve)
        if target.is_factory or inspect.isfunction(found):
            found = call_factory(found, target)
    if isinstance(found, ModuleType):
        workers = [value for value in vars(found).values() if isinstance(value, Worker)]
        found = workers[0] if len(workers) == 1 else found
    if isinstance(found, Worker):
        return found
    pairs = _merged(_pairs(found, _Module(module, target, served)), served)
    if not pairs:
        raise LoadError(_nothing_to_serve(found, target, module))
    return pairs


class _Module:
    """What is known of the user's module. served: what its calls of `serve` made."""

    def __init__(self, module: ModuleType, target: Target, served: Sequence[App]) -> None:
        values = list(vars(module).values())
        self.target = target
        self.clients = [value for value in values if isinstance(value, Inngest)]
        self.functions = list(_functions_in(values))
        self.served = served

    def served_from(self, application: object) -> Sequence[App]:
        """Return what an application of a framework serves; all there is, where adapters do not know theirs."""
        return [app for app in self.served if app.framework_app is application] or self.served

    def client_of(self, function: Function[Any]) -> Inngest:
        """Return the client that a function was defined with; raises LoadError."""
        for client in (*self.clients, *(app.client for app in self.served)):
            if function.id == f"{client.app_id}-{function.local_id}":
                return client
        raise LoadError(
            f"{self.target}: the client of {function.id} is not in module {self.target.module!r}; import it there, "
            "or name a list of pairs, [(client, [function])]"
        )


def _pairs(found: object, module: _Module) -> Iterator[Pair]:
    match found:
        case ModuleType():
            yield from ((app.client, list(app.functions)) for app in module.served)
            if not module.served:
                yield from _pairs(module.functions, module)
        case Inngest():
            mine = [one for one in module.functions if one.id == f"{found.app_id}-{one.local_id}"]
            yield found, mine
        case App():
            yield found.client, list(found.functions)
        case Function():
            yield module.client_of(found), [found]  # pyright: ignore[reportUnknownArgumentType]
        case (Inngest() as client, list() | tuple()):
            functions = cast("tuple[object, Sequence[object]]", found)[1]
            yield client, list(_functions_in(functions))
        case list() | tuple() | set() | frozenset():
            for each in cast("Iterable[object]", found):
                yield from _pairs(each, module)
        case _ if callable(found):  # an app of some framework
            yield from ((app.client, list(app.functions)) for app in module.served_from(found))
        case _:
            return


def _merged(pairs: Iterable[Pair], served: Sequence[App]) -> list[Pair]:
    """Return one pair for each client, without those that have no functions and without repetitions.

    served: what adapters serve: copies of functions, which add to a call, such as the context of an app.
    """
    of_adapters: dict[int, Function[Any]] = {}
    for function in (each for app in served for each in app.functions):
        of_adapters.setdefault(id(function.handler), function)
    merged: dict[str, tuple[Inngest, dict[int, Function[Any]]]] = {}
    for client, functions in pairs:
        known = merged.setdefault(client.app_id, (client, {}))[1]
        for one in functions:
            which = id(one.handler)  # copies of a function have the same one
            known.setdefault(which, one if one.around is not None else of_adapters.get(which, one))
    return [(client, list(known.values())) for client, known in merged.values() if known]


def _functions_in(values: Iterable[object]) -> Iterator[Function[Any]]:
    """Yield the functions among *values*, and in the lists and tuples among them."""
    for value in values:
        if isinstance(value, Function):
            yield value
        elif isinstance(value, list | tuple):
            yield from (one for one in cast("Sequence[object]", value) if isinstance(one, Function))


def _names_to_serve(module: ModuleType) -> list[str]:
    kinds = (Worker, App, Inngest, Function)
    return [name for name, value in vars(module).items() if name[:1] != "_" and isinstance(value, kinds)]


def _nothing_to_serve(found: object, target: Target, module: ModuleType) -> str:
    what = "has nothing to serve" if isinstance(found, ModuleType) else f"is of type {type(found).__name__}"
    near = [name for name in _names_to_serve(module) if name != target.attribute]
    hint = f"; did you mean {target.module}:{near[0]}?" if near else ""
    return (
        f"{target} {what}, expected functions, a client with functions in that module, "
        f"an app on which serve() was called, or a worker made by connect(){hint}"
    )
