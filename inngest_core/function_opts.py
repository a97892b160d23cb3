"""Everything that `create_function` is told of a function but its triggers and handlers, checked as a whole.

What each option means stands in `options.py`; here is which of them go together, and how they are named on the wire.
Source: protocol §5.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from .options import (
    Batch,
    Cancel,
    Concurrency,
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
)

MAX_TRIGGERS = 10
MAX_RETRIES = 20
MAX_CANCEL = 5
MAX_CONCURRENCY = 2
_NOT_IN_IDS = re.compile(r"['\\\x00-\x1f\x7f]")
"""An id stands between quotes in the trigger of the failure handler."""

_WIRE_NAMES = {
    "batch_events": "batchEvents",
    "cancel": "cancel",
    "concurrency": "concurrency",
    "debounce": "debounce",
    "priority": "priority",
    "rate_limit": "rateLimit",
    "singleton": "singleton",
    "throttle": "throttle",
    "timeouts": "timeouts",
}
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
    concurrency: Sequence[Concurrency] | None = None
    debounce: Debounce | None = None
    priority: Priority | None = None
    rate_limit: RateLimit | None = None
    singleton: Singleton | None = None
    throttle: Throttle | None = None
    timeouts: Timeouts | None = None

    def to_wire(self) -> dict[str, object]:
        """Return the options as JSON values, under their wire names; what is not given or empty is left out."""
        wire: dict[str, object] = {} if self.idempotency is None else {"idempotency": self.idempotency}
        for field, wire_name in _WIRE_NAMES.items():
            option: Option | Sequence[Option] | None = getattr(self, field)
            if isinstance(option, Option):
                wire[wire_name] = option.to_wire()
            elif option:
                wire[wire_name] = [item.to_wire() for item in option]
        return wire

    def problems(self, triggers: Sequence[Trigger]) -> Iterator[Problem]:
        """Yield what an engine would refuse, in the options and in the triggers."""
        if not self.fn_id.strip() or _NOT_IN_IDS.search(self.fn_id):
            yield "fn_id", self.fn_id, "a name without single quotes, backslashes and control characters"
        if self.retries is not None and not _is_whole(self.retries, MAX_RETRIES):
            yield "retries", self.retries, f"a whole number of 0 to {MAX_RETRIES}"
        if self.idempotency is not None and not self.idempotency.strip():
            yield "idempotency", self.idempotency, "an expression"
        yield from _problems_of_triggers(triggers)
        yield from _problems_of_list(self.cancel, "cancel", Cancel, MAX_CANCEL)
        yield from _problems_of_list(self.concurrency, "concurrency", Concurrency, MAX_CONCURRENCY)
        for field in _WIRE_NAMES:
            option: object = getattr(self, field)
            if field in ("cancel", "concurrency") or option is None:
                continue
            if not isinstance(option, Option):
                yield field, option, f"an option object such as inngest.{field.title().replace('_', '')}(...)"
                return
            yield from _problems_of(option, field)
        if self.batch_events is not None:
            for field in _NOT_WITH_BATCHES:
                if getattr(self, field):
                    yield field, getattr(self, field), "nothing, because batch_events is given"


def _problems_of(option: Option, where: str) -> Iterator[Problem]:
    for field, value, rule in option.problems():
        yield f"{where}.{field}", value, rule


def _problems_of_list(options: object, where: str, kind: type[Option], most: int) -> Iterator[Problem]:
    if options is None:
        return
    listed = cast("Sequence[object]", options) if isinstance(options, list | tuple) else [options]
    if len(listed) > most:
        yield where, f"a list of {len(listed)}", f"at most {most}"
    for number, option in enumerate(listed):
        if listed is not options or not isinstance(option, kind):
            yield where, options, f"a list of inngest.{kind.__name__}"
            return
        yield from _problems_of(option, f"{where}[{number}]")


def _problems_of_triggers(triggers: Sequence[object]) -> Iterator[Problem]:
    if len(triggers) > MAX_TRIGGERS:
        yield "trigger", f"a list of {len(triggers)}", f"at most {MAX_TRIGGERS}"
    for number, trigger in enumerate(triggers):
        where = f"trigger[{number}]" if len(triggers) > 1 else "trigger"
        if not isinstance(trigger, TriggerEvent | TriggerCron):
            yield where, trigger, "inngest.TriggerEvent or inngest.TriggerCron"
            return
        yield from _problems_of(trigger, where)
        if trigger in triggers[:number]:
            yield where, trigger, "each trigger once"


def _is_whole(number: object, most: int) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= most
