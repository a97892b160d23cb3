"""Everything that `create_function` is told of a function but its triggers and handlers, checked as a whole.

What each option means stands in `options.py`; here is which of them go together, and how they are named on the wire.
Source: protocol §5.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from inngest_core.protocol.limits import MAX_CANCEL, MAX_CONCURRENCY, MAX_RETRIES, MAX_TRIGGERS

from .options import (
    Batch,
    Cancel,
    Concurrency,
    ConcurrencyLimits,
    Debounce,
    Option,
    Priority,
    Problem,
    RateLimit,
    Singleton,
    Throttle,
    Timeouts,
    Trigger,
    TriggerCron,
    TriggerEvent,
    problems_of,
    problems_of_expression,
    problems_of_list,
)

_NOT_IN_IDS = re.compile(r"['\\\x00-\x1f\x7f\ud800-\udfff]")
"""An id stands between quotes in the trigger of the failure handler, and in a URL."""

ID_RULE = "a name without single quotes, backslashes and control characters"

_TRIGGER_RULE = "inngest.TriggerEvent(...), inngest.TriggerCron(...), an event type, or a list of them"

_SINGLE: dict[str, type[Option]] = {
    "batch_events": Batch,
    "debounce": Debounce,
    "priority": Priority,
    "rate_limit": RateLimit,
    "singleton": Singleton,
    "throttle": Throttle,
    "timeouts": Timeouts,
}
_LISTS: dict[str, tuple[type[Option], int, str]] = {
    "cancel": (Cancel, MAX_CANCEL, "a list of inngest.Cancel"),
    "concurrency": (Concurrency, MAX_CONCURRENCY, "a list of inngest.Concurrency, or inngest.ConcurrencyLimits(...)"),
}
"""The class of the items, how many there may be, and what is expected."""
_WIRE_NAMES = {"batch_events": "batchEvents", "rate_limit": "rateLimit"}
"""Those that differ from the names of the arguments."""
_NOT_WITH_BATCHES = ("cancel", "debounce", "priority", "singleton")


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionOpts:
    """What `create_function` was given, apart from triggers and handlers, under the names of its arguments."""

    fn_id: str
    name: str | None = None
    retries: int | None = None
    idempotency: str | None = None
    batch_events: Batch | None = None
    cancel: Sequence[Cancel] | None = None
    concurrency: Sequence[Concurrency] | ConcurrencyLimits | None = None
    debounce: Debounce | None = None
    priority: Priority | None = None
    rate_limit: RateLimit | None = None
    singleton: Singleton | None = None
    throttle: Throttle | None = None
    timeouts: Timeouts | None = None

    def to_wire(self) -> dict[str, object]:
        """Return the options as JSON values, under their wire names; what is not given or empty is left out."""
        wire: dict[str, object] = {} if self.idempotency is None else {"idempotency": self.idempotency}
        for field in (*_SINGLE, *_LISTS):
            name = _WIRE_NAMES.get(field, field)
            option: Option | Sequence[Option] | None = getattr(self, field)
            if isinstance(option, Option):
                wire[name] = option.to_wire()
            elif option:
                wire[name] = [item.to_wire() for item in option]
        return wire

    def problems(self, triggers: Sequence[Trigger]) -> Iterator[Problem]:
        """Yield what an engine would refuse, in the options and in the triggers; meant to be read up to the first."""
        yield from self._problems_of_plain_values()
        yield from _problems_of_triggers(triggers)
        for field in _LISTS:
            yield from _problems_of_items(getattr(self, field), field)
        for field, kind in _SINGLE.items():
            option: object = getattr(self, field)
            if isinstance(option, kind):
                yield from problems_of(option, field)
            elif option is not None:
                yield field, option, f"inngest.{kind.__name__}(...)"
        yield from self._problems_of_combinations()

    def _problems_of_plain_values(self) -> Iterator[Problem]:
        if not is_id(self.fn_id):
            yield "fn_id", self.fn_id, ID_RULE
        if self.name not in (None, "") and not _is_text(self.name):
            yield "name", self.name, "a text, or nothing for the fn_id"
        if self.retries is not None and not _is_whole(self.retries, MAX_RETRIES):
            yield "retries", self.retries, f"a whole number of 0 to {MAX_RETRIES}"
        yield from problems_of_expression(self.idempotency, "idempotency")

    def _problems_of_combinations(self) -> Iterator[Problem]:
        for field in _NOT_WITH_BATCHES if self.batch_events is not None else ():
            if getattr(self, field):
                yield field, getattr(self, field), "nothing, because batch_events is given"
        if self.idempotency is not None and self.rate_limit is not None:
            rule = "nothing, because idempotency is given: an engine makes that its rate limit, of 1 run in 24 hours"
            yield "rate_limit", self.rate_limit, rule


def is_id(text: object) -> bool:
    """Tell whether *text* may be the id of an app or of a function; ID_RULE says what is asked of it."""
    return _is_text(text) and not _NOT_IN_IDS.search(cast("str", text))


def _problems_of_items(options: object, field: str) -> Iterator[Problem]:
    if options is None:
        return
    if field == "concurrency" and isinstance(options, ConcurrencyLimits):
        yield from problems_of(options, field)
        return
    kind, most, rule = _LISTS[field]
    listed = cast("Sequence[Option]", options if isinstance(options, list | tuple) else ())
    if listed is not options or not all(isinstance(option, kind) for option in listed):
        yield field, options, rule
        return
    yield from problems_of_list(listed, field, most)


def _problems_of_triggers(triggers: Sequence[object]) -> Iterator[Problem]:
    if len(triggers) > MAX_TRIGGERS:
        yield f"trigger[{MAX_TRIGGERS}]", triggers[MAX_TRIGGERS], f"at most {MAX_TRIGGERS} of them"
    seen: list[dict[str, object]] = []
    for number, trigger in enumerate(triggers):
        where = f"trigger[{number}]" if len(triggers) > 1 else "trigger"
        if not isinstance(trigger, TriggerEvent | TriggerCron):
            yield where, trigger, _TRIGGER_RULE
            return
        yield from problems_of(trigger, where)
        wire = trigger.to_wire()
        if wire in seen:
            yield where, trigger, f"each trigger once; it is the same as trigger[{seen.index(wire)}]"
        seen.append(wire)


def _is_text(text: object) -> bool:
    return isinstance(text, str) and bool(text.strip())


def _is_whole(number: object, most: int) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= most
