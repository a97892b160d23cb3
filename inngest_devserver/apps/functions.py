"""Functions as apps register them: parse and validate one configuration. No state, no I/O.

Every fault of a function is found and named, not just the first: the app's developer sees them all at once.
Flow control is accepted and checked for its shape only; it is not applied yet. Sources: protocol §5, C1.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from inngest_core.protocol.duration import parse_duration
from inngest_core.protocol.limits import MAX_RETRIES
from inngest_core.protocol.wire import json_kind
from inngest_devserver.ids import function_uuid
from inngest_devserver.matcher import Expression, ExpressionError

DEFAULT_RETRIES = 4
FLOW_CONTROL = (
    "batchEvents",
    "concurrency",
    "debounce",
    "idempotency",
    "priority",
    "rateLimit",
    "singleton",
    "throttle",
    "timeouts",
)
_LISTS = {"triggers": 10, "cancel": 5}


@dataclass(frozen=True, slots=True)
class Trigger:
    """Either an event (name, or a prefix that ends in *) with an optional expression, or a cron."""

    event: str = ""
    expression: Expression | None = None
    cron: str = ""


@dataclass(frozen=True, slots=True)
class Cancel:
    """An event that cancels. window: seconds after the start of a run in which it counts."""

    event: str
    expression: Expression | None = None
    window: float | None = None


@dataclass(frozen=True, slots=True)
class Function:
    """A registered function. id: the engine's; slug: `<app>-<fn>`. url: asked for call requests."""

    id: str
    app_id: str
    slug: str
    name: str
    url: str
    max_attempts: int
    triggers: tuple[Trigger, ...]
    cancels: tuple[Cancel, ...]
    config: Mapping[str, Any]

    def unapplied(self) -> list[str]:
        """Return the options that are accepted but not applied yet."""
        return [name for name in FLOW_CONTROL if self.config.get(name)]


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


class _Reader:
    """Reads one configuration and collects what is wrong with it."""

    def __init__(self, config: dict[str, Any]) -> None:
        self._config = config
        self._faults: list[str] = []
        slug = config.get("id")
        self._slug = slug if isinstance(slug, str) else ""

    def read(self, app_id: str) -> Function:
        if not self._slug:
            self._fault("id", "is missing; expected <app id>-<function id>")
        name = self._config.get("name") or self._slug
        if not isinstance(name, str):
            self._fault("name", f"is a JSON {json_kind(name)}; expected a string")
        url, retries = self._step()
        function = Function(
            id=function_uuid(app_id, self._slug),
            app_id=app_id,
            slug=self._slug,
            name=str(name),
            url=url,
            max_attempts=retries + 1,
            triggers=tuple(filter(None, map(self._trigger, self._items("triggers")))),
            cancels=tuple(filter(None, map(self._cancel, self._items("cancel")))),
            config=self._config,
        )
        self._flow_control()
        if self._faults:
            raise ConfigInvalidError(self._faults)
        return function

    def _fault(self, field: str, what: str) -> None:
        self._faults.append(f'function "{self._slug}": {field} {what}')

    def _object(self, owner: Mapping[str, Any], key: str, field: str) -> dict[str, Any]:
        value = owner.get(key)
        if value is None:
            return {}
        if not isinstance(value, dict):
            self._fault(field, f"is a JSON {json_kind(value)}; expected an object")
            return {}
        return cast("dict[str, Any]", value)

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
        if not isinstance(retries, int) or isinstance(retries, bool) or retries < 0:
            self._fault("steps.step.retries.attempts", f"is {retries!r}; expected an integer from 0 to {MAX_RETRIES}")
            retries = DEFAULT_RETRIES
        return url, min(retries, MAX_RETRIES)

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

    def _trigger(self, item: tuple[str, dict[str, Any]]) -> Trigger | None:
        where, trigger = item
        cron = trigger.get("cron")
        if isinstance(cron, str) and cron:
            return Trigger(cron=cron)
        event = trigger.get("event")
        if not isinstance(event, str) or not event:
            self._fault(where, "has neither an event name nor a cron")
            return None
        return Trigger(event=event, expression=self._expression(trigger.get("expression"), f"{where}.expression"))

    def _cancel(self, item: tuple[str, dict[str, Any]]) -> Cancel | None:
        where, cancel = item
        event = cancel.get("event")
        if not isinstance(event, str) or not event:
            self._fault(f"{where}.event", "is missing; expected the name of an event")
            return None
        window = self._duration(cancel.get("timeout"), f"{where}.timeout")
        return Cancel(event=event, expression=self._expression(cancel.get("if"), f"{where}.if"), window=window)

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

    def _duration(self, text: object, where: str) -> float | None:
        if text is None or text == "":
            return None
        try:
            if isinstance(text, str):
                return parse_duration(text)
        except ValueError:
            pass
        self._fault(where, f"is {text!r}; expected a duration such as 1h30m")
        return None

    def _flow_control(self) -> None:
        for field in FLOW_CONTROL:
            value = self._config.get(field)
            allowed = (str,) if field == "idempotency" else (dict, list) if field == "concurrency" else (dict,)
            if value is not None and not isinstance(value, allowed):
                self._fault(field, f"is a JSON {json_kind(value)}, which is not allowed there")


def _is_url(text: str) -> bool:
    try:
        parts = urllib.parse.urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https", "ws", "wss") and bool(parts.netloc)
