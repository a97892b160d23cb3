"""The values of keys and priorities, as texts and numbers. An expression that errs counts as null, and says so.

Decides nothing about runs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from inngest_devserver.apps.functions import Function
from inngest_devserver.matcher import Expression
from inngest_devserver.matching.values import MISSING, NoValueError
from inngest_devserver.scheduling.clock import Clock

_PRIORITY_SECONDS = 600.0
_MOST_COMPLAINTS = 1000


class Keys:
    """say: tells the person at the terminal, once for each field of a function, what is wrong with an expression."""

    def __init__(self, clock: Clock, say: Callable[[str], None]) -> None:
        self._clock = clock
        self._say = say
        self._said: set[str] = set()

    def text(self, function: Function, field: str, expression: Expression | None, event: Mapping[str, Any]) -> str:
        """Return the value of a key as JSON; "" when there is no key."""
        if expression is None:
            return ""
        value = self._value(function, field, expression, event)
        try:
            return json.dumps(_plain(value), sort_keys=True, ensure_ascii=False)
        except (TypeError, ValueError):
            return str(value)

    def holds(self, function: Function, field: str, expression: Expression | None, event: Mapping[str, Any]) -> bool:
        """Return whether a condition is true; none at all is."""
        return expression is None or self._value(function, field, expression, event) is True

    def priority(self, function: Function, event: Mapping[str, Any]) -> float:
        """Return the seconds by which a run goes before others, from -600 to 600."""
        expression = function.flow.priority
        if expression is None:
            return 0.0
        value = self._value(function, "priority.run", expression, event)
        if isinstance(value, bool) or not isinstance(value, int | float):
            if value is not None and value is not MISSING:
                self._complain(f"{function.slug}: priority.run is {value!r}, not a number, and counts as 0")
            return 0.0
        return max(-_PRIORITY_SECONDS, min(_PRIORITY_SECONDS, float(value)))

    def _value(self, function: Function, field: str, expression: Expression, event: Mapping[str, Any]) -> object:
        try:
            return expression.evaluate(event, now=self._clock.now())
        except NoValueError as error:
            self._complain(f"{function.slug}: {field} {expression.text!r} counts as null: {error}")
            return None

    def _complain(self, text: str) -> None:
        if text not in self._said and len(self._said) < _MOST_COMPLAINTS:
            self._said.add(text)
            self._say(text)


def _plain(value: object) -> object:
    """Return what JSON is to say: a missing key is null, and a whole number has no point."""
    if value is MISSING:
        return None
    return int(value) if isinstance(value, float) and value.is_integer() else value


def label(key: str, otherwise: str) -> str:
    """Return the text of a key's value as people read it. otherwise: what counts when there is no key."""
    if not key:
        return otherwise
    return key[1:-1] if key.startswith('"') and key.endswith('"') and len(key) > 1 else key
