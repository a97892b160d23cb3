"""The setting INNGEST: the project's client, what it serves, and the modules in which its functions are found.

Everything here is refused with ImproperlyConfigured, when the project starts.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import Any, cast

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.utils.module_loading import import_string, module_has_submodule

from inngest_core.client import Inngest
from inngest_core.config import BOOLEANS
from inngest_core.errors import InngestError
from inngest_core.function import Function
from inngest_core.serving.options import ServeOptions
from inngest_core.serving.settings import Settings, read_settings

MODULE = "inngest_functions"
"""The module of each app that is searched for functions."""

_OWN = ("CLIENT", "FUNCTIONS", "OUTBOX_RELAY")


def name_of(setting: str) -> str:
    """Return a setting as users write it."""
    return f'INNGEST["{setting}"]'


def is_configured() -> bool:
    """Tell whether the project has the setting INNGEST."""
    return getattr(settings, "INNGEST", None) is not None


@functools.cache
def get_client() -> Inngest:
    """Return the client that the setting INNGEST describes, always the same one.

    Call it in the modules that define functions or send events.
    Raises ImproperlyConfigured: INNGEST is missing, or something in it does not fit; the message names the setting.
    """
    try:
        found = _read()
        if "CLIENT" in found.own:
            return _named_client(found)
        return found.make_client(name_of)
    except InngestError as error:
        raise ImproperlyConfigured(error.message) from error


def serve_options() -> ServeOptions:
    """Return what the setting INNGEST says about serving. Raises ImproperlyConfigured."""
    return _read().serve


def starts_outbox_relay() -> bool:
    """Tell whether each process sends the events of its outbox. Raises ImproperlyConfigured."""
    if not is_configured():
        return False
    return _switch(_read().own.get("OUTBOX_RELAY", False)) is True


@functools.cache
def discover() -> tuple[Function[Any], ...]:
    """Import the modules of functions, and return the functions of the project's client that are in them.

    These are `inngest_functions` of every installed app, and the modules that INNGEST["FUNCTIONS"] names.
    Raises ImproperlyConfigured: a module cannot be imported, or two functions have one id.
    """
    client = get_client()
    found: dict[str, tuple[Function[Any], str]] = {}
    for where, function in _found(client):
        if function.id != f"{client.app_id}-{function.local_id}":
            continue
        other, first = found.setdefault(function.id, (function, where))
        if other is not function:
            raise ImproperlyConfigured(
                f'two functions have the fn_id "{function.local_id}": one is in {first}, one in {where}; '
                "give each fn_id once"
            )
    return tuple(function for function, _ in found.values())


def _found(client: Inngest) -> Iterator[tuple[str, Function[Any]]]:
    """Yield the functions of the project, each with where it is. Raises ImproperlyConfigured."""
    for module in _modules():
        yield from ((module.__name__, function) for function in functions_in(module))
    try:
        yield from (("the setting TASKS", function) for function in _task_functions(client))
    except InngestError as error:
        raise ImproperlyConfigured(f"the setting TASKS: {error.message}") from error


def _task_functions(client: Inngest) -> Iterator[Function[Any]]:
    """Yield the functions that run the tasks of `django.tasks`, where a backend of ours is set."""
    backends = cast("dict[str, dict[str, object]]", getattr(settings, "TASKS", None) or {})
    if any(str(backend.get("BACKEND", "")).startswith("inngest_django.") for backend in backends.values()):
        from .tasks.discovery import functions_of_backends  # late: it needs the backport before Django 6

        yield from functions_of_backends(client)


def functions_in(module: ModuleType) -> Iterator[Function[Any]]:
    """Yield the functions that are values of a module, also in lists and tuples."""
    for value in list(vars(module).values()):
        items = cast("Iterable[object]", value) if isinstance(value, list | tuple) else (value,)
        yield from (each for each in items if isinstance(each, Function))


def foreign_functions() -> Iterator[tuple[str, Function[Any]]]:
    """Yield what was found in the modules of functions but belongs to another client, with the name of its module."""
    client = get_client()
    for module in _modules():
        for function in functions_in(module):
            if function.id != f"{client.app_id}-{function.local_id}":
                yield module.__name__, function


def _read() -> Settings:
    given = getattr(settings, "INNGEST", None)
    if given is None:
        raise ImproperlyConfigured(
            'the setting INNGEST is missing; add INNGEST = {"APP_ID": "shop"} with the id of your app to the settings'
        )
    if not isinstance(given, dict):
        raise ImproperlyConfigured(
            f'the setting INNGEST is {type(given).__name__}; give a dict, as in INNGEST = {{"APP_ID": "shop"}}'
        )
    settings_given = {str(name): value for name, value in cast("dict[object, object]", given).items()}
    try:
        found = read_settings(settings_given, name_of=name_of, import_by_name=import_string, own=_OWN)
    except InngestError as error:
        raise ImproperlyConfigured(error.message) from error
    _check_outbox(found.own.get("OUTBOX_RELAY", False))
    return found


def _switch(value: object) -> object:
    """Return what is on or off as a bool, also where it is text as the environment has it; else the value itself."""
    return BOOLEANS.get(value.lower(), value) if isinstance(value, str) else value


def _check_outbox(given: object) -> None:
    relay = _switch(given)
    if not isinstance(relay, bool):
        raise ImproperlyConfigured(f"{name_of('OUTBOX_RELAY')} is {relay!r}; give True or False")
    if relay and not any(app.startswith("inngest_django.outbox") for app in settings.INSTALLED_APPS):
        raise ImproperlyConfigured(
            f'{name_of("OUTBOX_RELAY")} needs the outbox; add "inngest_django.outbox" to INSTALLED_APPS'
        )


def _named_client(found: Settings) -> Inngest:
    """Return the client that the project makes itself. Raises ImproperlyConfigured."""
    name = found.own["CLIENT"]
    if found.client:
        also = name_of(min(found.client).upper())
        raise ImproperlyConfigured(f"{also} has no effect together with {name_of('CLIENT')}; give it to that client")
    try:
        client = import_string(name) if isinstance(name, str) else name
    except ImportError as error:
        raise ImproperlyConfigured(f"{name_of('CLIENT')} is {name!r}, which cannot be imported: {error}") from error
    if not isinstance(client, Inngest):
        raise ImproperlyConfigured(
            f"{name_of('CLIENT')} is {name!r}, a {type(client).__name__}; give the dotted name of an inngest.Inngest"
        )
    return client


def _modules() -> Iterator[ModuleType]:
    for app in apps.get_app_configs():
        if app.module is not None and module_has_submodule(app.module, MODULE):
            yield _import(f"{app.name}.{MODULE}", f"the app {app.label!r} in INSTALLED_APPS")
    named = _read().own.get("FUNCTIONS", ())
    if isinstance(named, str) or not isinstance(named, list | tuple | set):
        raise ImproperlyConfigured(
            f"{name_of('FUNCTIONS')} is {named!r}; give a list of modules with functions, as in ['shop.jobs']"
        )
    for name in cast("Iterable[object]", named):
        yield _import(str(name), name_of("FUNCTIONS"))


def _import(name: str, setting: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImproperlyConfigured:
        raise
    except Exception as error:
        raise ImproperlyConfigured(
            f"the module {name}, where functions are looked for because of {setting}, cannot be imported: "
            f"{type(error).__name__}: {error}"
        ) from error


def _forget(*, setting: str, **_: object) -> None:
    """Follow `override_settings` in tests."""
    if setting in ("INNGEST", "INSTALLED_APPS"):
        get_client.cache_clear()
        discover.cache_clear()


setting_changed.connect(_forget)
