"""Typed events: a name and the type of its data, for triggers, sending, waiting and invoking.

Two forms mean the same: an EventType, and a subclass of TypedEvent whose name has a default. How data is read is in
`event_data.py`, and what an event is in `event.py`. Holds no protocol.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Generic, TypeVar, Union, cast, overload

import pydantic
import typing_extensions

from inngest_core.errors import ConfigError, EventInvalidError
from inngest_core.options.event_names import NAME_RULE, problem_of
from inngest_core.options.options import Trigger, TriggerEvent
from inngest_core.protocol.wire import EventName
from inngest_core.values.serializer import type_name

from .event import Event
from .event_data import RECEIVED, TypedData, check_type, read_data, type_of_data

D = TypeVar("D")
E = TypeVar("E", bound=Event)


class TypedEvent(Event, Generic[D]):
    """An event whose data has a type; made by calling an EventType, or received by a function it starts.

    A subclass whose name has a default is usable where an EventType is:
    `class Signup(TypedEvent[SignupData]): name: str = "user/signed.up"`.
    Raises ConfigError: a subclass whose data is not an object. Raises EventInvalidError: data that does not fit.
    """

    data: Annotated[D, TypedData()]  # type: ignore[assignment]  # pyright: ignore[reportIncompatibleVariableOverride]
    """Of the declared type."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        typ = type_of_data(cls)
        if typ is not None:
            check_type(typ, f"the event class {cls.__name__}", early=True)


class TypedTrigger(TriggerEvent):
    """A trigger that knows the class of its events; made of an EventType or of a subclass of Event."""

    _kind: Any = pydantic.PrivateAttr(None)

    @property
    def kind(self) -> type[Event]:
        return cast("type[Event]", self._kind)

    def matches(self, name: str) -> bool:
        """Tell whether it is for events of that name; a name that ends in * is for all names that begin so."""
        return name.startswith(self.event[:-1]) if self.event.endswith("*") else name == self.event


class EventType(Generic[D]):
    """An event's name and the type of its data; made by `event_type`.

    Usable as a trigger, in `wait_for_event`, and to make events: `Signup(SignupData(...))`.
    """

    def __init__(self, name: str, data_type: typing_extensions.TypeForm[D]) -> None:
        """Check the name and the type.

        name: as "user/signed.up"; a trigger's may end in "/*" or ".*".
        data_type: a pydantic model, a dataclass, a TypedDict, or a union of them.
        Raises ConfigError: a name that no event has, or a type that is not an object or that pydantic does not know.
        """
        if not isinstance(cast("object", name), str):
            raise ConfigError(f"event_type was given the name {name!r}; expected {NAME_RULE}")
        rule = problem_of(name)
        if rule is not None:
            raise ConfigError(f"event_type was given the name {name!r}; expected {rule}")
        check_type(data_type, f'event_type "{name}"')
        self.name = name
        self.data_type = data_type
        self.kind = _kind_of(data_type)

    def __repr__(self) -> str:
        return f"<EventType {self.name} of {type_name(self.data_type)}>"

    def __call__(self, data: D, *, id: str = "", ts: int = 0, v: str | None = None) -> TypedEvent[D]:  # noqa: A002
        """Return an event to send.

        data: of the type that the event type was made with.
        id: sent twice, an event with an id counts once; empty means not given.
        ts: when it happened, in milliseconds since 1970; zero means not given.
        v: the version of the event's schema.
        Raises EventInvalidError: it names the field of the data that does not fit.
        """
        return self.kind(name=self.name, data=data, id=id, ts=ts, v=v)

    def trigger(self, expression: str | None = None) -> TypedTrigger:
        """Return a trigger for these events.

        expression: a CEL expression over `event` that must hold for an event to start the function.
        """
        return _trigger(self.name, self.kind, expression)


@overload
def event_type(name: str, data_type: type[D]) -> EventType[D]: ...
@overload
def event_type(name: str, data_type: typing_extensions.TypeForm[D]) -> EventType[D]: ...
def event_type(name: str, data_type: Any) -> EventType[Any]:
    """Return the type of the events of that name.

    name: as "user/signed.up"; a trigger's may end in "/*" or ".*".
    data_type: a pydantic model, a dataclass, a TypedDict, or a union of them.
    Raises ConfigError: a name that no event has, or a type that is not an object or that pydantic does not know.
    """
    return EventType(name, data_type)


def as_trigger(given: Trigger | EventType[Any] | type[Event]) -> Trigger:
    """Return what `create_function` was given as a trigger; raises ConfigError for a class that cannot be one."""
    if isinstance(given, EventType):
        return given.trigger()
    if not (isinstance(given, type) and issubclass(cast("type", given), Event)):
        return cast("Trigger", given)
    typ = type_of_data(given)
    if typ is not None:
        check_type(typ, f"the event class {given.__name__}")
    return _trigger(name_of(given), given, None)


def name_of(kind: type[Event]) -> str:
    """Return the name of all events of a class; raises ConfigError when it fixes none."""
    if not _fixes_name(kind):
        raise ConfigError(
            f"the event class {kind.__name__} does not say the name of its events; give it a field "
            '`name: str = "user/signed.up"`'
        )
    return str(kind.model_fields["name"].default)


def _fixes_name(kind: type[Event]) -> bool:
    name: object = kind.model_fields["name"].default
    return isinstance(name, str) and bool(name.strip())


def parse_as(kind: type[E], event: Event) -> E:
    """Return a received event as one of a class, which types its data; raises EventInvalidError that names the field.

    Its name stays, also where the class says another: that of an invoked function is the engine's.
    """
    fields: dict[str, Any] = dict(event)
    typ = type_of_data(kind)
    if typ is not None:
        fields["data"] = read_data(event.data, typ, event.name)
    if _fixes_name(kind):
        del fields["name"]
    try:
        made = kind.model_validate(fields, context=RECEIVED)
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise EventInvalidError(f'event "{event.name}": {where}: {first["msg"]}; expected {kind.__name__}') from None
    return made if made.name == event.name else made.model_copy(update={"name": event.name})


def type_event(event: Event, triggers: Sequence[Trigger]) -> Event:
    """Return *event* with its data typed, as the triggers of the function say; unchanged when they say nothing.

    An invoked function takes the data of any of its triggers, if all of them are typed.
    Raises EventInvalidError: the data does not fit.
    """
    typed = [trigger for trigger in triggers if isinstance(trigger, TypedTrigger)]
    fitting = [each for each in typed if each.matches(event.name)]
    if event.name == EventName.FUNCTION_INVOKED:
        of_events = [trigger for trigger in triggers if isinstance(trigger, TriggerEvent)]
        fitting = typed if len(typed) == len(of_events) else []
    if not fitting:
        return event
    problem: EventInvalidError | None = None
    for each in fitting:
        try:
            return parse_as(each.kind, event)
        except EventInvalidError as error:
            problem = problem or error
    raise problem or AssertionError("one type was tried")


def type_of_triggers(triggers: Sequence[Trigger]) -> object:
    """Return the type of the data that an invoked function takes; None when its triggers do not say."""
    types = [type_of_data(trigger.kind) for trigger in triggers if isinstance(trigger, TypedTrigger)]
    types = [typ for typ in types if typ is not None]
    return Union[tuple(types)] if types else None  # noqa: UP007 - the members are known at run time only


def _kind_of(data_type: typing_extensions.TypeForm[D]) -> type[TypedEvent[D]]:
    """Return a class for the events of a type; not TypedEvent[...] itself, which would look into an Annotated."""
    name = f"TypedEvent[{type_name(data_type)}]"
    made = pydantic.create_model(name, __base__=TypedEvent[Any], data=(Annotated[Any, TypedData(data_type)], ...))
    return cast("type[TypedEvent[D]]", made)


def _trigger(name: str, kind: type[Event], expression: str | None) -> TypedTrigger:
    trigger = TypedTrigger(event=name, expression=expression)
    trigger._kind = kind
    return trigger
