"""What step tools are given: checked where user code meets the step, with messages that say what to give instead."""

from __future__ import annotations

from typing import Any

from inngest_core.error_text import LONGEST_PROBLEM, cut, kind_of
from inngest_core.errors import ConfigError
from inngest_core.events.event import Event
from inngest_core.events.event_types import EventType, name_of
from inngest_core.function import Function
from inngest_core.options.event_names import problem_of
from inngest_core.values.schema import TYPE_RULE, cannot_be_a_type


def read_awaited_event(step_id: str, event: str | EventType[Any] | type[Event]) -> tuple[str, type[Event] | None]:
    """Return the name of the event to wait for, and its class where it is known.

    Raises ConfigError: no name, event type or class of events; or a name that no event has.
    """
    if isinstance(event, EventType):
        return event.name, event.kind
    if isinstance(event, str):
        name, kind = event, None
    else:
        _check_event_class(step_id, event)
        name, kind = name_of(event), event
    rule = problem_of(name)
    if rule is not None:
        raise ConfigError(f'step "{step_id}": event is {name!r}; expected {rule}')
    return name, kind


def _is_event_class(event: object) -> bool:
    return isinstance(event, type) and issubclass(event, Event)


def _check_event_class(step_id: str, event: object) -> None:
    if _is_event_class(event):
        return
    raise ConfigError(
        f'step "{step_id}": event is {kind_of(event)}; give the name of the event, such as "user/signed.up", '
        "an event type, or a subclass of inngest.Event"
    )


def check_expression(step_id: str, if_exp: object) -> None:
    """Raise ConfigError unless *if_exp* is an expression or None."""
    if if_exp is not None and (not isinstance(if_exp, str) or not if_exp.strip()):
        raise ConfigError(f'step "{step_id}": if_exp is {if_exp!r}; give a CEL expression, or leave it out')


def check_output_type(step_id: str, output_type: object) -> None:
    """Raise ConfigError when *output_type* is no type; before the step runs, whose result could not be kept."""
    if cannot_be_a_type(output_type):
        raise ConfigError(
            f'step "{step_id}": output_type is {cut(repr(output_type), LONGEST_PROBLEM)}; give {TYPE_RULE}'
        )


def check_function(step_id: str, function: object) -> None:
    """Raise ConfigError unless *function* is what `create_function` made."""
    if isinstance(function, Function):
        return
    name = getattr(function, "__qualname__", None)
    shown = f"{name}, which is not decorated" if name else kind_of(function)
    raise ConfigError(
        f'step "{step_id}": function is {shown}; give what @client.create_function(...) made of it, '
        "or use step.invoke_by_id"
    )


def full_function_id(step_id: str, app_id: object, function_id: object) -> str:
    """Return the id of a function as the engine knows it; raises ConfigError for what is not a text."""
    for name, given in (("app_id", app_id), ("function_id", function_id)):
        if not isinstance(given, str) or not given:
            raise ConfigError(f'step "{step_id}": {name} is {given!r}; give a text, or use step.invoke(function=...)')
    return f"{app_id}-{function_id}"
