"""Typed events: a name and the type of its data, for triggers, sending, waiting and invoking.

Data is read as JSON is: a text counts for a datetime. Holds no protocol; what an event is stands in `events.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, TypeVar, cast

import pydantic

from .errors import ConfigError, EventInvalidError
from .events import Event
from .forms import form_of
from .options import Trigger, TriggerEvent
from .serializer import dump_value, reason_of, type_name
from .texts import as_body, parse_value
from .wire import EventName

D = TypeVar("D")

_OF_THE_ENGINE = "_inngest"
"""A key that engines add to the data of an event; a type need not know it."""


class TypedEvent(Event, Generic[D]):
    """An event whose data has a type; made by calling an EventType, or received by a function it starts."""

    data: D  # type: ignore[assignment]  # pyright: ignore[reportIncompatibleVariableOverride]


class TypedTrigger(TriggerEvent):
    """A trigger that knows the type of the data; made by an EventType."""

    _event_type: Any = pydantic.PrivateAttr(None)

    @property
    def event_type(self) -> EventType[Any]:
        return cast("EventType[Any]", self._event_type)


class EventType(Generic[D]):
    """An event's name and the type of its data; made by `event_type`.

    Usable as a trigger, in `wait_for_event`, and to make events: `Signup(SignupData(...))`.
    """

    def __init__(self, name: str, data_type: type[D]) -> None:
        """Raises ConfigError: no name, or a type that pydantic does not know."""
        if not isinstance(cast("object", name), str) or not name.strip():
            raise ConfigError(f"event_type was given the name {name!r}; give one such as 'user/signed.up'")
        try:
            form_of(data_type, shared=True)
        except Exception as error:  # a type's own code may raise anything
            raise ConfigError(
                f'event_type "{name}": {type_name(data_type)} cannot be the type of its data: {error}; '
                "give a pydantic model, a dataclass or a TypedDict"
            ) from None
        self.name = name
        self.data_type = data_type

    def __repr__(self) -> str:
        return f"<EventType {self.name} of {type_name(self.data_type)}>"

    def __call__(self, data: D, *, id: str = "", ts: int = 0, v: str | None = None) -> TypedEvent[D]:  # noqa: A002
        """Return an event to send; raises EventInvalidError that names the field that does not fit."""
        written = parse_value(dump_value(data, f'event "{self.name}": data', fix="give JSON values"))
        read = self.read(written, self.name)
        if type(cast("object", data)) is not dict:
            read = data  # as it is: JSON may lack something of it
        made = TypedEvent[Any].model_construct(name=self.name, data=read, id=id, ts=ts, v=v)
        return cast("TypedEvent[D]", made)

    def trigger(self, expression: str | None = None) -> TypedTrigger:
        """Return a trigger, optionally for the events only for which *expression* holds."""
        trigger = TypedTrigger(event=self.name, expression=expression)
        trigger._event_type = self
        return trigger

    def parse(self, event: Event) -> TypedEvent[D]:
        """Return a received event with its data typed; raises EventInvalidError that names the field."""
        fields: dict[str, Any] = {**event.__dict__, **(event.__pydantic_extra__ or {})}
        fields["data"] = self.read(event.data, event.name)
        return cast("TypedEvent[D]", TypedEvent[Any].model_construct(None, **fields))

    def read(self, data: object, name: str) -> D:
        if isinstance(data, dict):
            given = cast("dict[str, object]", data)
            data = {key: value for key, value in given.items() if key != _OF_THE_ENGINE}
        try:
            return cast("D", form_of(self.data_type, shared=True).read(as_body(data)))
        except Exception as error:  # a validator of the user's may raise anything
            reason = reason_of(error, "data")
            raise EventInvalidError(f'event "{name}": {reason}; expected {type_name(self.data_type)}') from None

    def matches(self, name: str) -> bool:
        """Tell whether events of that name are of this type; a name that ends in * stands for all that begin so."""
        return name.startswith(self.name[:-1]) if self.name.endswith("*") else name == self.name


def event_type(name: str, data_type: type[D]) -> EventType[D]:
    """Return the type of the events of that name. data_type: a pydantic model, a dataclass, a TypedDict."""
    return EventType(name, data_type)


def type_event(event: Event, triggers: Sequence[Trigger]) -> Event:
    """Return *event* with its data typed, as the triggers of the function say; unchanged when they say nothing.

    An invoked function takes the data of any of its triggers, if all of them are typed.
    Raises EventInvalidError: the data does not fit.
    """
    types = [trigger.event_type for trigger in triggers if isinstance(trigger, TypedTrigger)]
    fitting = [each for each in types if each.matches(event.name)]
    if event.name == EventName.FUNCTION_INVOKED:
        of_events = [trigger for trigger in triggers if isinstance(trigger, TriggerEvent)]
        fitting = types if len(types) == len(of_events) else []
    if not fitting:
        return event
    problem: EventInvalidError | None = None
    for each in fitting:
        try:
            return each.parse(event)
        except EventInvalidError as error:
            problem = problem or error
    raise problem or AssertionError("one type was tried")
