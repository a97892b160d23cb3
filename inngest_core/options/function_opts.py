"""The options of one function as a whole: how each is checked and written, and which of them go together.

What a single option means is in `options.py`. `Inngest.create_function` is the only place that lists the options one
by one; here are the rules for each, by the same names. Follows docs/protocol.md, Function configuration.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import cast

from inngest_core.protocol.limits import MAX_CANCEL, MAX_CONCURRENCY, MAX_RETRIES, MAX_TRIGGERS

from .checkpointing import CheckpointingOption, problems_of_checkpointing
from .option import Option, Problem
from .options import (
    Batch,
    Cancel,
    Concurrency,
    ConcurrencyLimits,
    Debounce,
    Priority,
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
"""An id is written between quotes in the trigger of the failure handler, and into a URL."""

ID_RULE = "a name without single quotes, backslashes and control characters"

_TRIGGER_RULE = "inngest.TriggerEvent(...), inngest.TriggerCron(...), an event type, or a list of them"

_PLAIN = ("fn_id", "name", "retries", "idempotency", "checkpointing")
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


class FunctionOpts:
    """What `create_function` was given, apart from triggers and handlers, under the names of its arguments."""

    def __init__(self, **given: object) -> None:
        """Keep the options; `problems` says what is wrong with them.

        given: the options by name; None means not given.
        Raises TypeError: a name that has no rule here.
        """
        unknown = given.keys() - {*_PLAIN, *_SINGLE, *_LISTS}
        if unknown:
            raise TypeError(f"no rule is known for the options {', '.join(sorted(unknown))}")
        self._given = given

    @property
    def fn_id(self) -> str:
        return cast("str", self._given.get("fn_id"))

    @property
    def name(self) -> str:
        """Return the name that is shown for the function."""
        return cast("str", self._given.get("name")) or self.fn_id

    @property
    def retries(self) -> int | None:
        return cast("int | None", self._given.get("retries"))

    @property
    def checkpointing(self) -> CheckpointingOption | None:
        return cast("CheckpointingOption | None", self._given.get("checkpointing"))

    def to_wire(self) -> dict[str, object]:
        """Return the options as JSON values, under their wire names; what is not given or empty is left out."""
        idempotency = self._given.get("idempotency")
        wire: dict[str, object] = {} if idempotency is None else {"idempotency": idempotency}
        for field in (*_SINGLE, *_LISTS):
            name = _WIRE_NAMES.get(field, field)
            option = cast("Option | Sequence[Option] | None", self._given.get(field))
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
            yield from _problems_of_items(self._given.get(field), field)
        for field, kind in _SINGLE.items():
            option = self._given.get(field)
            if isinstance(option, kind):
                yield from problems_of(option, field)
            elif option is not None:
                yield field, option, f"inngest.{kind.__name__}(...)"
        yield from self._problems_of_combinations()

    def _problems_of_plain_values(self) -> Iterator[Problem]:
        name, retries = self._given.get("name"), self._given.get("retries")
        if not is_id(self.fn_id):
            yield "fn_id", self.fn_id, ID_RULE
        if name not in (None, "") and not _is_text(name):
            yield "name", name, "a text, or nothing for the fn_id"
        if retries is not None and not _is_whole(retries, MAX_RETRIES):
            yield "retries", retries, f"a whole number of 0 to {MAX_RETRIES}"
        yield from problems_of_expression(self._given.get("idempotency"), "idempotency")
        if self._given.get("checkpointing") is not None:
            yield from problems_of_checkpointing(self._given["checkpointing"], "checkpointing")

    def _problems_of_combinations(self) -> Iterator[Problem]:
        given = self._given
        for field in _NOT_WITH_BATCHES if given.get("batch_events") is not None else ():
            if given.get(field):
                yield field, given[field], "nothing, because batch_events is given"

    def warnings(self) -> Iterator[str]:
        """Yield a sentence for each combination that engines accept, but do not treat as it reads."""
        if self._given.get("idempotency") is not None and self._given.get("rate_limit") is not None:
            yield (
                "rate_limit has no effect beside idempotency: engines turn idempotency into a rate limit of one run "
                "in 24 hours per value, and that replaces rate_limit"
            )


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
