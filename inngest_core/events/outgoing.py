"""What `client.send` and `step.send_event` were given, checked before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import cast

import pydantic

from inngest_core.error_text import kind_of
from inngest_core.errors import ConfigError
from inngest_core.options.event_names import has_space

from .event import Event

_RULE = "inngest.Event(name=..., data=...), what an event type makes, or a list of them"


def read_events(given: object, what: str) -> list[Event]:
    """Return the events that were given, one or several.

    what: names the argument in messages, such as "events".
    Raises ConfigError: something else than events, or an event whose name has spaces.
    """
    if isinstance(given, Event):
        listed: list[object] = [given]
    elif not _is_several(given):
        raise ConfigError(f"{what} is {kind_of(given)}; give {_RULE}")
    else:
        listed = list(cast("Iterable[object]", given))
    return [_read_event(event, f"{what}[{number}]") for number, event in enumerate(listed)]


def _is_several(given: object) -> bool:
    """Tell whether it is a list or the like; a text, a dict and a model are iterable, too, but hold no events."""
    return isinstance(given, Iterable) and not isinstance(given, str | bytes | Mapping | pydantic.BaseModel)


def _read_event(event: object, what: str) -> Event:
    if not isinstance(event, Event):
        raise ConfigError(f"{what} is {kind_of(event)}; give {_RULE}")
    if has_space(event.name):
        raise ConfigError(f"{what}.name is {event.name!r}; give a name without spaces, such as 'user/signed.up'")
    return event
