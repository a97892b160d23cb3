"""What all options have in common: they take names and refuse wrong types at once, in words. Reads no environment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from inngest_core.error_text import SHORT_MESSAGE, cut
from inngest_core.errors import ConfigError

Problem = tuple[str, object, str]
"""The field, what it holds, and the rule it breaks."""

_SAYS = "Input should be "
"""How pydantic begins to say which values it takes."""
_WORDS = {"a valid integer": "a whole number", "a valid timedelta": "a timedelta", "a valid string": "a text"}


class Option(BaseModel):
    """Base of all options: wrong types and unknown names are refused, and schemas are built on first use."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    def __init__(self, /, *args: object, **given: Any) -> None:
        """Check the types. args: never given; raises ConfigError, which names the option, the field and its value."""
        name = type(self).__name__
        if args:
            first = next(iter(type(self).model_fields))
            raise ConfigError(f"{name} was given {args[0]!r} without a name; give names: {name}({first}=...)")
        try:
            super().__init__(**given)
        except ValidationError as error:
            raise ConfigError(f"{name}: {_problems(type(self), given, error)}") from None

    def to_wire(self) -> dict[str, object]:
        """Return the option as JSON values; what is not given is left out."""
        raise NotImplementedError

    def problems(self) -> Iterator[Problem]:
        """Yield what an engine would refuse."""
        yield from ()


def _problems(kind: type[Option], given: dict[str, Any], error: ValidationError) -> str:
    """Return what is wrong with each field, where pydantic tells of each type that the field may have."""
    expected: dict[str, list[str]] = {}
    told: dict[str, str] = {}
    for each in error.errors(include_url=False, include_context=False):
        field, message = str(each["loc"][0]), each["msg"]
        if each["type"] == "extra_forbidden":
            told[field] = f"it has no {field}; it has {', '.join(kind.model_fields)}"
        elif each["type"] == "missing":
            told[field] = f"{field} is missing"
        else:
            rules = expected.setdefault(field, [])
            rule = message.removeprefix(_SAYS)
            rules.append(_where(each["loc"][1:]) + _WORDS.get(rule, rule))
            shown = cut(repr(given[field]), SHORT_MESSAGE)
            told[field] = f"{field} is {shown}; expected {' or '.join(dict.fromkeys(rules))}"
    return "; ".join(told.values())


def _where(path: Sequence[int | str]) -> str:
    """Return which item of a list a rule is for."""
    return "".join(f"[{each}]: " for each in path if isinstance(each, int))
