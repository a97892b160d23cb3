"""Apps and their functions: what is registered now, and which functions an event starts.

Keeps them in memory and writes them through to the store. Starts nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from inngest_core.protocol.wire import json_kind
from inngest_devserver import fragments, ids
from inngest_devserver.matcher import holds
from inngest_devserver.scheduling.clock import Clock
from inngest_devserver.storage.store import Store
from inngest_devserver.storage.tables import AppRow, FunctionRow

from .functions import ConfigInvalidError, Function, Known, Trigger, parse_function

OWN_PREFIX = "inngest/"
"""The names of events that only the engine sends begin with this."""


class RegistrationInvalidError(ValueError):
    """A registration that is refused. details: one text per fault."""

    def __init__(self, message: str, details: list[str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details = details or []


@dataclass(frozen=True, slots=True)
class Registered:
    """The outcome of a registration. modified: whether anything is different now."""

    app: AppRow
    functions: list[Function]
    modified: bool


@dataclass(slots=True)
class _Index:
    """Functions by the events that start them. prefixes: of triggers that end in `/*` or `.*`."""

    exact: dict[str, list[tuple[Function, Trigger]]] = field(default_factory=dict[str, list[tuple[Function, Trigger]]])
    prefixes: list[tuple[str, Function, Trigger]] = field(default_factory=list[tuple[str, Function, Trigger]])


class Registry:
    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self.registrations = 0
        """How many registrations there were: whoever asked an app to register sees whether it did so here."""
        self.on_change: Callable[[], object] = lambda: None
        """Called when the functions that are registered are others than before."""
        self.tell: Callable[[str, str], object] = lambda app, what: None
        """Called with the name of an app that has "registered" in another way than before, or was "removed"."""
        self._apps: dict[str, AppRow] = {}
        self._app_names: dict[str, str] = {}
        self._functions: dict[str, Function] = {}
        self._current: dict[str, dict[str, Function]] = {}
        self._by_slug: dict[str, Function] = {}
        self._index = _Index()

    # --- reading

    def apps(self) -> list[AppRow]:
        return list(self._apps.values())

    def app(self, app_id: str) -> AppRow | None:
        return self._apps.get(app_id)

    def app_named(self, name: str) -> AppRow | None:
        return next((app for app in self._apps.values() if app.name == name), None)

    def app_name(self, app_id: str) -> str:
        """Return the name of an app, also of one that is not registered any more; empty when it never was."""
        return self._app_names.get(app_id, "")

    def known(self) -> list[Function]:
        """Return all functions, also those that are not registered any more."""
        return list(self._functions.values())

    def functions(self, app_id: str | None = None) -> list[Function]:
        """Return the functions that are registered now, of one app or of all."""
        if app_id is not None:
            return list(self._current.get(app_id, {}).values())
        return [function for app in self._current.values() for function in app.values()]

    def function(self, function_id: str) -> Function | None:
        """Return a function by the engine's id, also one that is not registered any more: runs may still need it."""
        return self._functions.get(function_id)

    def by_slug(self, slug: str) -> Function | None:
        return self._by_slug.get(slug)

    def started_by(self, name: str, event: Mapping[str, Any]) -> Iterator[Function]:
        """Yield each function that an event of this name starts, once."""
        seen: set[str] = set()
        now = self._clock.now()
        for function, trigger in self._candidates(name):
            if function.id not in seen and holds(trigger.expression, event, now=now):
                seen.add(function.id)
                yield function

    def _candidates(self, name: str) -> list[tuple[Function, Trigger]]:
        found = self._index.exact.get(name, [])
        if not self._index.prefixes:
            return found
        # A prefix means what users send: a function that the engine's own events start would start itself for ever.
        own = name.startswith(OWN_PREFIX)
        met = (
            (function, trigger)
            for prefix, function, trigger in self._index.prefixes
            if name.startswith(prefix) and (not own or prefix.startswith(OWN_PREFIX))
        )
        return [*found, *met]

    # --- writing

    def register(self, body: Mapping[str, Any]) -> Registered:
        """Take in what an app sent to /fn/register; raises RegistrationInvalidError and changes nothing then."""
        fields = {key.lower(): value for key, value in body.items()}
        name = fields.get("appname")
        if not isinstance(name, str) or not name:
            raise RegistrationInvalidError("App ID required")
        given = fields.get("functions")
        configs = _configs(given)
        texts = [fragments.dump(config) for config in configs]
        app = self._app_of(name, fields, fragments.NULL if given is None else fragments.array(texts))
        before = self._apps.get(app.id)
        modified = before is None or (before.checksum, before.version) != (app.checksum, app.version)
        # An app that is polled is not read again. An older engine may have taken functions that this one refuses; then
        # they are not known, and the app is told why.
        is_known = len(configs) == len(self._current.get(app.id, {}))
        functions = self.functions(app.id) if is_known and not modified else _parse_functions(configs, texts, app.id)
        if modified:
            self._save(app, functions)
            self._replace(app, functions)
            self.tell(app.name, "registered")
        self.registrations += 1
        return Registered(app, functions, modified)

    def _app_of(self, name: str, fields: Mapping[str, Any], functions: bytes) -> AppRow:
        """Return what is kept of an app. functions: as they were sent; a change of them changes the checksum."""
        app_id = ids.app_uuid(name)
        before = self._apps.get(app_id)
        text = fragments.array((fragments.dump(fields.get("url")), functions))
        return AppRow(
            id=app_id,
            name=name,
            url=str(fields.get("url") or ""),
            sdk=str(fields.get("sdk") or ""),
            framework=str(fields.get("framework") or ""),
            checksum=hashlib.sha256(text).hexdigest(),
            created_at=before.created_at if before else self._clock.now(),
            version=str(fields.get("appversion") or ""),
        )

    def remove(self, url: str) -> list[AppRow]:
        """Forget the apps that are served at *url*; return them."""
        gone = [app for app in self._apps.values() if app.url == url]
        for app in gone:
            self._store.archive_app(app.id, self._clock.now())
            del self._apps[app.id]
            self._current.pop(app.id, None)
            self.tell(app.name, "removed")
        self._rebuild()
        return gone

    def load(self) -> None:
        """Take in what the store knows from an earlier time."""
        apps = {app.id: app for app in self._store.apps()}
        for row in self._store.functions():
            try:
                function = parse_function(fragments.load(row.config), app_id=row.app_id)
            except ConfigInvalidError:  # an older engine took more: the app that registers it again is told
                continue
            self._functions[row.id] = function
            if row.archived_at is None and row.app_id in apps:
                self._current.setdefault(row.app_id, {})[row.id] = function
        self._apps = apps
        self._app_names = self._store.app_names()
        self._rebuild()

    def _save(self, app: AppRow, functions: list[Function]) -> None:
        now = self._clock.now()
        self._store.put_app(app)
        self._store.archive_functions(app.id, now)
        for function in functions:
            self._store.put_function(FunctionRow(function.id, app.id, function.slug, function.text, now))

    def _replace(self, app: AppRow, functions: list[Function]) -> None:
        self._apps[app.id] = app
        self._app_names[app.id] = app.name
        self._current[app.id] = {function.id: function for function in functions}
        self._functions.update(self._current[app.id])
        self._rebuild()

    def _rebuild(self) -> None:
        index = _Index()
        for function in self.functions():
            for trigger in function.triggers:
                if trigger.event.endswith(("/*", ".*")):
                    index.prefixes.append((trigger.event[:-1], function, trigger))
                elif trigger.event:
                    index.exact.setdefault(trigger.event, []).append((function, trigger))
        self._index = index
        self._by_slug = {function.slug: function for function in self.functions()}
        self.on_change()


def _configs(given: object) -> list[object]:
    """Return the configurations in a registration, which may have none; raises RegistrationInvalidError."""
    if given is None:
        return []
    if not isinstance(given, list):
        raise RegistrationInvalidError(f"Invalid request: functions is a JSON {json_kind(given)}; expected an array")
    return cast("list[object]", given)


def _parse_functions(configs: list[object], texts: list[bytes], app_id: str) -> list[Function]:
    """Return the functions; raises RegistrationInvalidError. texts: of the configurations, as JSON."""
    functions: list[Function] = []
    details: list[str] = []
    for config, text in zip(configs, texts, strict=True):
        try:
            functions.append(_KNOWN.parse(config, text, app_id=app_id))
        except ConfigInvalidError as error:
            details.extend(error.details)
    if details:
        raise RegistrationInvalidError("At least one function is invalid", details)
    return functions


_KNOWN = Known()
