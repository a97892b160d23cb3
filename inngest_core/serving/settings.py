"""A framework's settings as arguments of the client and of `serve`. Their names are the arguments' own, in upper case.

It reads no settings itself and imports no framework: an adapter passes what it found, and the way to import by name.
"""

from __future__ import annotations

import difflib
import inspect
import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, cast

from inngest_core.client import Inngest
from inngest_core.config import BOOLEANS, Streaming
from inngest_core.errors import ConfigError, InngestError

from .arguments import check_options
from .options import ServeOptions

CLIENT_ARGUMENTS = frozenset(inspect.signature(Inngest.__init__).parameters) - {"self"}
SERVE_ARGUMENTS = ServeOptions.__optional_keys__ - CLIENT_ARGUMENTS
SWITCHES = frozenset({"is_production", "enable_unauthed_sync", "checkpointing"})
"""Arguments that are true or false, for which text from the environment, and what it was parsed to, are read."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What settings say. client: arguments of Inngest. serve: arguments of `serve`. own: of the framework itself."""

    client: dict[str, Any]
    serve: ServeOptions
    own: dict[str, Any]

    def make_client(self, name_of: Callable[[str], str]) -> Inngest:
        """Return a client that is configured as the settings say.

        name_of: from the name of a setting to how users write it. Raises ConfigError: it names the setting to change.
        """
        if "app_id" not in self.client:
            raise ConfigError(f"{name_of('APP_ID')} is missing; set it to the id of the app, such as 'shop'")
        return self._make(Inngest, name_of)

    def change(self, client: Inngest, name_of: Callable[[str], str]) -> Inngest:
        """Return *client*, or one of the same app with the options that the settings change.

        name_of: from the name of a setting to how users write it. Raises ConfigError: it names the setting to change.
        """
        return self._make(client.with_options, name_of) if self.client else client

    def _make(self, make: Callable[..., Inngest], name_of: Callable[[str], str]) -> Inngest:
        try:
            return make(**self.client)
        except InngestError as error:
            argument = error.message.partition(" ")[0].partition("[")[0].rstrip(":")
            if argument not in self.client:
                raise
            raise ConfigError(f"{name_of(argument.upper())}: {error.message}") from None


def read_settings(
    given: Mapping[str, object],
    *,
    name_of: Callable[[str], str],
    import_by_name: Callable[[str], object],
    own: Collection[str] = (),
    without: Collection[str] = (),
) -> Settings:
    """Sort settings by what they are arguments of.

    given: values by their upper-case names. name_of: from such a name to how users write the setting.
    import_by_name: imports "module.name", for middleware and a serializer that are given as text.
    own: names of further settings. without: arguments that no setting may give.
    Raises ConfigError: a name is unknown, or a value is of the wrong kind.
    """
    found = Settings({}, {}, {})
    known = (CLIENT_ARGUMENTS | SERVE_ARGUMENTS) - set(without)
    for name, value in given.items():
        argument = name.lower()
        if name in own:
            found.own[name] = value
        elif name != argument.upper() or argument not in known:
            raise ConfigError(_unknown(name, {*own, *map(str.upper, known)}, without, name_of))
        elif argument in SERVE_ARGUMENTS:
            cast("dict[str, object]", found.serve)[argument] = _read(argument, value, name_of(name), import_by_name)
        else:
            found.client[argument] = _read(argument, value, name_of(name), import_by_name)
    try:
        check_options(found.serve)
    except InngestError as error:
        raise ConfigError(f"{name_of(error.message.partition(' ')[0].upper())}: {error.message}") from None
    return found


_INSTEAD = {
    "DEV": ("IS_PRODUCTION",),
    "BASE_URL": ("API_BASE_URL", "EVENT_API_BASE_URL"),
    "SERVE_HOST": ("SERVE_ORIGIN",),
    "LOG_LEVEL": ("LOGGER",),
}
"""Variables of the environment that are no arguments, without INNGEST_, and the settings that do the same."""


def _unknown(name: str, known: Collection[str], without: Collection[str], name_of: Callable[[str], str]) -> str:
    if name.lower() in without:
        return f"{name_of(name)} is not a setting; give {name.lower()} to the client, with which functions are defined"
    if name in _INSTEAD:
        instead = " and ".join(map(name_of, _INSTEAD[name]))
        return f"{name_of(name)} is not a setting, for INNGEST_{name} belongs in the environment; set {instead} instead"
    near = difflib.get_close_matches(name.upper(), known, 1)
    advice = f"did you mean {name_of(near[0])}?" if near else f"the settings are {', '.join(sorted(known))}"
    return f"{name_of(name)} is not a setting; {advice}"


def _read(argument: str, value: object, setting: str, import_by_name: Callable[[str], object]) -> object:
    """Return a value as the argument wants it: settings are often text, from files and the environment."""
    match argument, value:
        case "middleware", list() | tuple():
            items = cast("list[object]", value)
            return [_import(each, setting, import_by_name) if isinstance(each, str) else each for each in items]
        case "serializer", str():
            return _made(_import(value, setting, import_by_name), value, setting)
        case "logger", str():
            return logging.getLogger(value)
        case _, str() | int() if argument in SWITCHES:
            return BOOLEANS.get(str(value).lower(), value)
        case "streaming", str() if value in set(Streaming):
            return Streaming(value)
        case _:
            return value


def _import(name: str, setting: str, import_by_name: Callable[[str], object]) -> object:
    try:
        return import_by_name(name)
    except ImportError as error:
        reason = str(error).strip().rpartition("\n")[2]  # werkzeug gives advice of 20 lines before it
        raise ConfigError(f"{setting} names {name!r}, which cannot be imported: {reason}") from error


def _made(named: object, name: str, setting: str) -> object:
    """Return an object as it is, or one of a class that was named."""
    if not isinstance(named, type):
        return named
    try:
        return named()
    except (ImportError, TypeError) as error:  # it needs a package, or arguments
        raise ConfigError(f"{setting} names {name!r}, of which none can be made: {error}") from error
