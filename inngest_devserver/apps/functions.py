"""Functions as apps register them: parse and validate one configuration. No state, no I/O.

Every fault of a function is found and named, not just the first: the app's developer sees them all at once.
Takes what a real engine takes. The rules: docs/protocol.md, "Function configuration".
"""

from __future__ import annotations

import json
import re
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from inngest_core.options.cron import problem_of
from inngest_core.protocol.duration import parse_time
from inngest_core.protocol.limits import MAX_CANCEL, MAX_RETRIES, MAX_TRIGGER_NAME, MAX_TRIGGERS
from inngest_core.protocol.wire import json_kind
from inngest_devserver import fragments
from inngest_devserver.ids import function_uuid
from inngest_devserver.matcher import Expression, ExpressionError

from .durations import check_seconds, seconds_of
from .flow_control import FLOW_CONTROL, FlowControl, object_of
from .flow_options import NO_FLOW, FlowOptions, read_flow

DEFAULT_RETRIES = 4
_LISTS = {"triggers": MAX_TRIGGERS, "cancel": MAX_CANCEL}
_FIELDS = {name.lower(): name for name in ("id", "name", "steps", *_LISTS, *FLOW_CONTROL)}
"""Engines do not mind the case of a field."""
_MOST_KNOWN = 500
_SHORTEST_JITTER_SECONDS, _LONGEST_JITTER_SECONDS = 1.0, 300.0


@dataclass(frozen=True, slots=True)
class Trigger:
    """Either an event (a name, or a prefix and `/*` or `.*`) with an optional expression, or a cron.

    jitter: seconds by which a cron fires late at most.
    """

    event: str = ""
    expression: Expression | None = None
    cron: str = ""
    jitter: float = 0.0


@dataclass(frozen=True, slots=True)
class Cancel:
    """An event that cancels. window: seconds after the start of a run in which it counts; until: a Unix time."""

    event: str
    expression: Expression | None = None
    window: float | None = None
    until: float | None = None

    def counts(self, started_at: float, now: float) -> bool:
        """Tell whether the event cancels a run that began at *started_at*."""
        if self.window is not None and now > started_at + self.window:
            return False
        return self.until is None or now <= self.until


@dataclass(frozen=True, slots=True)
class Function:
    """A registered function. id: the engine's; slug: `<app>-<fn>`. url: asked for call requests.

    text: its configuration as JSON.
    """

    id: str
    app_id: str
    slug: str
    name: str
    url: str
    max_attempts: int
    triggers: tuple[Trigger, ...]
    cancels: tuple[Cancel, ...]
    config: Mapping[str, Any]
    text: bytes
    flow: FlowOptions = NO_FLOW


class ConfigInvalidError(ValueError):
    """Says all that is wrong with one function."""

    def __init__(self, details: list[str]) -> None:
        super().__init__("; ".join(details))
        self.details = details


def parse_function(config: object, *, app_id: str) -> Function:
    """Return the function that *config* describes; raises ConfigInvalidError."""
    if not isinstance(config, dict):
        raise ConfigInvalidError([f"a function is a JSON {json_kind(config)}; expected an object"])
    return _Reader(cast("dict[str, Any]", config)).read(app_id)


class Known:
    """Functions that were parsed before: suites of tests register the same ones with thousands of engines."""

    def __init__(self) -> None:
        self._functions: dict[tuple[str, bytes], Function] = {}

    def parse(self, config: object, text: bytes, *, app_id: str) -> Function:
        """Return the function that *config* describes. text: the same as JSON. Raises ConfigInvalidError."""
        function = self._functions.get((app_id, text))
        if function is not None:
            return function
        function = parse_function(config, app_id=app_id)
        if len(self._functions) >= _MOST_KNOWN:
            self._functions.clear()
        self._functions[app_id, text] = function
        return function


class _Reader:
    """Reads one configuration and collects what is wrong with it."""

    def __init__(self, config: dict[str, Any]) -> None:
        self._config = {_FIELDS.get(key.lower(), key): value for key, value in config.items()}
        self._faults: list[str] = []
        name, slug = self._config.get("name"), self._config.get("id")
        self._name = name if isinstance(name, str) else ""
        self._slug = slug if isinstance(slug, str) and slug else _slug_of(self._name)

    def read(self, app_id: str) -> Function:
        if not self._name:
            self._fault("name", f"is {self._config.get('name')!r}; expected a text")
        if not isinstance(self._config.get("id", ""), str):
            self._fault("id", f"is a JSON {json_kind(self._config['id'])}; expected a string")
        url, retries = self._step()
        function = Function(
            id=function_uuid(app_id, self._slug),
            app_id=app_id,
            slug=self._slug,
            name=self._name,
            url=url,
            max_attempts=retries + 1,
            triggers=self._triggers(),
            cancels=tuple(filter(None, map(self._cancel, self._items("cancel")))),
            config=self._config,
            text=fragments.dump(self._config),
        )
        FlowControl(self._config, self._fault, self._expression).check()
        if self._faults:
            raise ConfigInvalidError(self._faults)
        return replace(function, flow=read_flow(self._config))

    def _fault(self, field: str, what: str) -> None:
        self._faults.append(f'function "{self._slug}": {field} {what}')

    def _object(self, owner: Mapping[str, Any], key: str, field: str) -> dict[str, Any]:
        return object_of(owner.get(key), field, self._fault)

    def _step(self) -> tuple[str, int]:
        steps = self._object(self._config, "steps", "steps")
        step = self._object(steps, next(iter(steps), "step"), "steps.step")
        url = self._object(step, "runtime", "steps.step.runtime").get("url")
        if not isinstance(url, str) or not _is_url(url):
            self._fault("steps.step.runtime.url", f"is {url!r}; expected an http(s) URL")
            url = ""
        retries = self._object(step, "retries", "steps.step.retries").get("attempts", self._config.get("retries"))
        if retries is None:
            retries = DEFAULT_RETRIES
        if not isinstance(retries, int) or isinstance(retries, bool):
            self._fault("steps.step.retries.attempts", f"is {retries!r}; expected an integer from 0 to {MAX_RETRIES}")
            retries = DEFAULT_RETRIES
        return url, min(max(retries, 0), MAX_RETRIES)

    def _items(self, field: str) -> list[tuple[str, dict[str, Any]]]:
        """Return (where, object) for the items of a list."""
        value = self._config.get(field)
        if value is None:
            return []
        if not isinstance(value, list):
            self._fault(field, f"is a JSON {json_kind(value)}; expected an array")
            return []
        items = cast("list[object]", value)
        if len(items) > _LISTS[field]:
            self._fault(field, f"has {len(items)} items; at most {_LISTS[field]} are allowed")
        found: list[tuple[str, dict[str, Any]]] = []
        for number, item in enumerate(items):
            if isinstance(item, dict):
                found.append((f"{field}[{number}]", cast("dict[str, Any]", item)))
            else:
                self._fault(f"{field}[{number}]", f"is a JSON {json_kind(item)}; expected an object")
        return found

    def _triggers(self) -> tuple[Trigger, ...]:
        items = self._items("triggers")
        texts = [json.dumps(trigger, sort_keys=True) for _, trigger in items]
        for number, (where, _) in enumerate(items):
            if texts[number] in texts[:number]:
                self._fault(where, "is the same as another trigger")
        return tuple(filter(None, map(self._trigger, items)))

    def _trigger(self, item: tuple[str, dict[str, Any]]) -> Trigger | None:
        where, trigger = item
        cron = trigger.get("cron")
        if isinstance(cron, str) and cron:
            return self._cron(cron, trigger.get("jitter"), where)
        event = trigger.get("event")
        if not isinstance(event, str) or not event:
            self._fault(where, "has neither an event name nor a cron")
            return None
        self._event_name(event, where)
        return Trigger(event=event, expression=self._expression(trigger.get("expression"), f"{where}.expression"))

    def _cron(self, cron: str, jitter: object, where: str) -> Trigger:
        wanted = problem_of(cron)
        if wanted is not None:
            self._fault(f"{where}.cron", f"is {cron!r}; expected {wanted}")
        seconds: float | None = None
        if jitter not in (None, ""):
            seconds = check_seconds(jitter, f"{where}.jitter", self._fault)
            if seconds is not None and not _SHORTEST_JITTER_SECONDS <= seconds <= _LONGEST_JITTER_SECONDS:
                self._fault(f"{where}.jitter", f"is {jitter!r}; expected 1s to 5m")
        return Trigger(cron=cron, jitter=seconds or 0.0)

    def _event_name(self, name: str, where: str) -> None:
        if len(name) > MAX_TRIGGER_NAME:
            self._fault(f"{where}.event", f"is {len(name)} characters long; at most {MAX_TRIGGER_NAME} are allowed")

    def _cancel(self, item: tuple[str, dict[str, Any]]) -> Cancel | None:
        where, cancel = item
        event = cancel.get("event")
        if not isinstance(event, str) or not event:
            self._fault(f"{where}.event", "is missing; expected the name of an event")
            return None
        self._event_name(event, where)
        expression = self._expression(cancel.get("if"), f"{where}.if")
        if expression is not None:
            try:
                expression.check_for_cancel()
            except ExpressionError as error:
                self._fault(f"{where}.if", str(error))
        return Cancel(event, expression, *_window(cancel.get("timeout")))

    def _expression(self, text: object, where: str) -> Expression | None:
        if text is None or text == "":
            return None
        if not isinstance(text, str):
            self._fault(where, f"is a JSON {json_kind(text)}; expected a string")
            return None
        try:
            return Expression(text)
        except ExpressionError as error:
            self._fault(where, f"does not compile: {error}")
            return None


def _window(text: object) -> tuple[float | None, float | None]:
    """Return how long a cancellation counts, as seconds and as a Unix time; engines ignore what they cannot read."""
    if not isinstance(text, str):
        return None, None
    seconds = seconds_of(text)
    if seconds is not None:
        return seconds, None
    try:
        return None, parse_time(text).timestamp()
    except ValueError:
        return None, None


def _slug_of(name: str) -> str:
    """Return the id of a function that gives none."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _is_url(text: str) -> bool:
    try:
        parts = urllib.parse.urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https", "ws", "wss") and bool(parts.netloc)
