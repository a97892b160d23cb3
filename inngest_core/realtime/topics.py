"""Channels and topics, by name or declared with the type of their data."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Any, Generic, TypeVar, cast, overload

import typing_extensions

from inngest_core.errors import ConfigError
from inngest_core.values.json_text import is_unicode

T = TypeVar("T")


class Topic(Generic[T]):
    """A topic whose data is of one type: it is checked when it is published and read as that type by subscribers."""

    @overload
    def __init__(self: Topic[Any], name: str) -> None: ...
    @overload
    def __init__(self, name: str, data_type: type[T]) -> None: ...
    @overload
    def __init__(self, name: str, data_type: typing_extensions.TypeForm[T]) -> None: ...
    def __init__(self, name: str, data_type: Any = None) -> None:
        """Declare a topic.

        name: within its channel.
        data_type: of the data: a pydantic model, a dataclass or any other type; by default the data stays JSON values.
        Raises ConfigError: no name.
        """
        self.name = checked_name(name, "the name of a topic")
        self.type: object = data_type

    def __repr__(self) -> str:
        return f"Topic({self.name!r}, {self.type!r})"


class Channel:
    """A channel with its topics. Its name may have fields, which a call fills: `Channel("order:{id}", …)(id=7)`."""

    def __init__(self, name: str, *topics: Topic[Any] | str) -> None:
        """Declare a channel.

        name: such as "news" or "order:{id}".
        topics: what may be published and subscribed to, as a Topic or by name; by default anything.
        Raises ConfigError: the name is empty or not a template, or one of the topics is not a topic.
        """
        self.name = checked_name(name, "the name of a channel")
        self.topics = tuple(_as_topic(each) for each in topics)
        try:
            parts = [part for part in string.Formatter().parse(name) if part[1] is not None]
        except ValueError as error:
            raise ConfigError(f"channel {name!r} is not a template: {error}; fields are names in braces") from None
        self._fields = {str(field) for _, field, _, _ in parts}
        if not all(field.isidentifier() for field in self._fields):
            raise ConfigError(f"channel {name!r} has a field without a name; fields are names in braces")
        if any(form or conversion for _, _, form, conversion in parts):
            raise ConfigError(f"channel {name!r} has a field with a format; fields are names in braces, no more")

    def __call__(self, **fields: object) -> Channel:
        """Return the channel with its fields filled.

        fields: a value for each field of the name.
        Raises ConfigError: a field is missing, unknown or empty.
        """
        texts = {field: str(value) for field, value in fields.items()}
        if texts.keys() != self._fields or not all(texts.values()):
            raise ConfigError(f"channel {self.name!r} was called with {fields!r}; give a value to each of its fields")
        filled = Channel.__new__(Channel)  # what fills it may hold braces
        filled.name, filled.topics, filled._fields = self.name.format(**texts), self.topics, set[str]()
        return filled

    def __repr__(self) -> str:
        return f"Channel({', '.join([repr(self.name), *map(repr, self.topics)])})"

    def filled_name(self) -> str:
        """Return its name; raises ConfigError when it has fields that were not filled."""
        if self._fields:
            example = ", ".join(f"{field}=…" for field in sorted(self._fields))
            raise ConfigError(f"channel {self.name!r} has fields; call it with them: channel({example})")
        return self.name


AnyTopic = str | Topic[Any]
AnyChannel = str | Channel


def name_of_channel(channel: AnyChannel) -> str:
    """Return the name of a channel; raises ConfigError."""
    return channel.filled_name() if isinstance(channel, Channel) else checked_name(channel, "channel")


def topic_in(channel: AnyChannel, topic: AnyTopic) -> Topic[Any]:
    """Return a topic of a channel, as it was declared there if it was; raises ConfigError."""
    wanted = _as_topic(topic)
    name = wanted.name
    declared = channel.topics if isinstance(channel, Channel) else ()
    found = next((each for each in declared if each.name == name), None)
    if declared and found is None:
        known = ", ".join(f'"{each.name}"' for each in declared)
        raise ConfigError(f'channel "{name_of_channel(channel)}" has no topic "{name}"; it has {known}')
    return wanted if found is None or isinstance(topic, Topic) else found


def _as_topic(topic: AnyTopic) -> Topic[Any]:
    return topic if isinstance(topic, Topic) else Topic(checked_name(topic, "topic", "its name as a text, or a Topic"))


def topics_in(channel: AnyChannel, topics: AnyTopic | Sequence[AnyTopic] | None) -> list[Topic[Any]]:
    """Return topics of a channel; all that it declares when none are named. Raises ConfigError."""
    if topics is None:
        declared = channel.topics if isinstance(channel, Channel) else ()
        if not declared:
            raise ConfigError(f'no topics are given for channel "{name_of_channel(channel)}"; name them')
        return list(declared)
    several = isinstance(topics, list | tuple | set | frozenset)
    listed = list(cast("Sequence[AnyTopic]", topics)) if several else [cast("AnyTopic", topics)]
    if not listed:
        raise ConfigError(f'the list of topics for channel "{name_of_channel(channel)}" is empty; name some')
    return [topic_in(channel, each) for each in listed]


def checked_name(name: object, what: str, fix: str = "a text") -> str:
    """Return the name of a channel or a topic; raises ConfigError when it is not a string, or empty."""
    if not isinstance(name, str) or not name or not is_unicode(name):
        raise ConfigError(f"{what} is {name!r}; give {fix}")
    return name
