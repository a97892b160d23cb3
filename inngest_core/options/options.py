"""Triggers and options of functions: what users build with keyword arguments, and how each goes over the wire.

Types are checked when an option is made (`option.py`). `problems()` says what an engine would refuse, so that whoever
knows the function's name can say it (`function.py`); an engine answers only "At least one function is invalid".
Durations are whole milliseconds or timedelta. Follows docs/protocol.md, Function configuration.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from typing import Literal

from inngest_core.protocol.duration import Duration, dump_duration, to_ms
from inngest_core.protocol.limits import MAX_CONCURRENCY, MAX_CONCURRENCY_OF_RUNS

from . import cron, event_names
from .expressions import called_in, syntax_problem_of
from .option import Option, Problem

_SECOND_MS = 1_000
_DAY_MS = 86_400 * _SECOND_MS
LONGEST_MS = (2**63 - 1) // 1_000_000
"""Engines count nanoseconds in 64 bits."""
_ABOVE_ZERO = "1 millisecond to 292 years"
_FROM_ZERO = "zero to 292 years"

_NOT_IN_CANCEL = frozenset({"has", "map", "startsWith", "lowercase"})


class TriggerEvent(Option):
    """Start the function when an event arrives."""

    event: str
    """The name of the event; "app/*" or "app/user.*" stand for all names that begin so."""
    expression: str | None = None
    """A CEL expression over `event` that must hold for the event to start the function."""

    def to_wire(self) -> dict[str, object]:
        return _present(event=self.event, expression=self.expression)

    def problems(self) -> Iterator[Problem]:
        yield from _named(self.event, "event")
        yield from problems_of_expression(self.expression, "expression")


class TriggerCron(Option):
    """Start the function on a schedule."""

    cron: str
    """Five fields such as "0 3 * * 1-5", optionally after "TZ=Europe/Paris"; nothing else, such as "@daily"."""
    jitter: int | datetime.timedelta | None = None
    """The longest random delay of a start: 1 second to 5 minutes, in milliseconds or as a timedelta."""

    def to_wire(self) -> dict[str, object]:
        return _present(cron=self.cron, jitter=_duration(self.jitter))

    def problems(self) -> Iterator[Problem]:
        problem = cron.problem_of(self.cron)
        if problem is not None:
            yield "cron", self.cron, problem
        yield from within(self.jitter, "jitter", _SECOND_MS, 300 * _SECOND_MS, "1 second to 5 minutes")


Trigger = TriggerEvent | TriggerCron


class Batch(Option):
    """Call the function with several events at once, which are `ctx.events`."""

    max_size: int
    """The number of events that ends a batch at once; at least 2."""
    timeout: int | datetime.timedelta | None = None
    """The longest wait after the first event of a batch: at least 1 second, in milliseconds or as a timedelta."""
    key: str | None = None
    """A CEL expression over `event`; events that give different values go into different batches."""
    if_exp: str | None = None
    """A CEL expression over `event`; an event for which it does not hold is not batched, and starts a run alone."""

    def to_wire(self) -> dict[str, object]:
        timeout = None if self.timeout is None else dump_duration(self.timeout, largest_unit="h")
        return _present(maxSize=self.max_size, timeout=timeout, key=self.key, **{"if": self.if_exp})

    def problems(self) -> Iterator[Problem]:
        yield from _at_least(self.max_size, "max_size", 2)
        if self.timeout is None:
            yield "timeout", None, "a duration: a batch needs to know how long to wait for more events"
        yield from within(self.timeout, "timeout", _SECOND_MS, LONGEST_MS, "1 second to 292 years")
        yield from problems_of_expression(self.key, "key")
        yield from problems_of_expression(self.if_exp, "if_exp")


class Cancel(Option):
    """Cancel runs of the function when an event arrives."""

    event: str
    """The name of the event."""
    if_exp: str | None = None
    """A CEL expression that must hold, over `event` (what started the run) and `async` (what arrived); engines refuse
    has() and some other calls here."""
    timeout: int | datetime.timedelta | None = None
    """How long after the start of a run the event still cancels it, in milliseconds or as a timedelta."""

    def to_wire(self) -> dict[str, object]:
        return _present(event=self.event, timeout=_duration(self.timeout), **{"if": self.if_exp})

    def problems(self) -> Iterator[Problem]:
        yield from _named(self.event, "event")
        yield from problems_of_expression(self.if_exp, "if_exp")
        yield from _without_calls(self.if_exp, "if_exp")
        yield from within(self.timeout, "timeout", 0, LONGEST_MS, _FROM_ZERO)


class Concurrency(Option):
    """Limit how many steps run at a time; more wait."""

    limit: int
    """How many steps may run at a time."""
    key: str | None = None
    """A CEL expression over `event`; each value that it gives has the limit for itself."""
    scope: Literal["account", "env", "fn"] | None = None
    """Who shares the limit: the steps of this function (the default), or all of the environment or account that use the
    same key."""

    def to_wire(self) -> dict[str, object]:
        return _present(limit=self.limit, key=self.key, scope=self.scope)

    def problems(self) -> Iterator[Problem]:
        yield from _at_least(self.limit, "limit", 0)
        if self.scope in ("account", "env") and self.key is None:
            yield "key", None, f'a CEL expression, because scope is "{self.scope}"'
        yield from problems_of_expression(self.key, "key")


class ConcurrencyLimits(Option):
    """Limit how many runs and how many steps of a function there are at a time, each on its own."""

    fn: Sequence[Concurrency] = ()
    """The limit of whole runs: one Concurrency of at least 1, of this function only."""
    step: Sequence[Concurrency] = ()
    """The limits of steps: two at most."""

    def to_wire(self) -> dict[str, object]:
        fields = {"fn": self.fn, "step": self.step}
        return {name: [limit.to_wire() for limit in limits] for name, limits in fields.items() if limits}

    def problems(self) -> Iterator[Problem]:
        if not self.fn and not self.step:
            yield "fn", self.fn, "at least one limit, in fn or in step"
        yield from problems_of_list(self.fn, "fn", MAX_CONCURRENCY_OF_RUNS)
        yield from problems_of_list(self.step, "step", MAX_CONCURRENCY)
        for number, limit in enumerate(self.fn):
            yield from _at_least(limit.limit, f"fn[{number}].limit", 1)
            if limit.scope in ("account", "env"):
                yield f"fn[{number}].scope", limit.scope, 'nothing or "fn": runs are limited per function only'


class Debounce(Option):
    """Wait until events stop coming, then run once, with the last one."""

    period: int | datetime.timedelta
    """How long to wait after each event: 1 second to 7 days, in milliseconds or as a timedelta."""
    key: str | None = None
    """A CEL expression over `event`; each value that it gives is debounced for itself."""
    timeout: int | datetime.timedelta | None = None
    """The longest wait after the first event, in milliseconds or as a timedelta."""

    def to_wire(self) -> dict[str, object]:
        return _present(period=_duration(self.period), key=self.key, timeout=_duration(self.timeout))

    def problems(self) -> Iterator[Problem]:
        yield from within(self.period, "period", _SECOND_MS, 7 * _DAY_MS, "1 second to 7 days")
        yield from within(self.timeout, "timeout", 0, LONGEST_MS, _FROM_ZERO)
        yield from problems_of_expression(self.key, "key")


class Priority(Option):
    """Move runs ahead in the queue, or back."""

    run: str
    """A CEL expression over `event` that gives seconds, -600 to 600: a run with 60 starts before those that were queued
    up to 60 seconds earlier."""

    def to_wire(self) -> dict[str, object]:
        return {"run": self.run}

    def problems(self) -> Iterator[Problem]:
        yield from problems_of_expression(self.run, "run")


class RateLimit(Option):
    """Skip events when too many come."""

    limit: int
    """How many runs may start in a period; at least 1. They are spread over the period."""
    period: int | datetime.timedelta
    """1 millisecond to 24 hours, in milliseconds or as a timedelta."""
    key: str | None = None
    """A CEL expression over `event`; each value that it gives has the limit for itself."""

    def to_wire(self) -> dict[str, object]:
        return _present(limit=self.limit, period=_duration(self.period), key=self.key)

    def problems(self) -> Iterator[Problem]:
        yield from _at_least(self.limit, "limit", 1)
        yield from within(self.period, "period", 1, _DAY_MS, "1 millisecond to 24 hours")
        yield from problems_of_expression(self.key, "key")


class Singleton(Option):
    """Keep at most one run at a time."""

    mode: Literal["skip", "cancel"]
    """What happens when another event comes: "skip" it, or "cancel" the run that there is and start a new one."""
    key: str | None = None
    """A CEL expression over `event`; each value that it gives may have a run."""

    def to_wire(self) -> dict[str, object]:
        return _present(mode=self.mode, key=self.key)

    def problems(self) -> Iterator[Problem]:
        yield from problems_of_expression(self.key, "key")


class Throttle(Option):
    """Start runs later when too many events come."""

    limit: int
    """How many runs may start in a period; at least 1. They are spread over the period."""
    period: int | datetime.timedelta
    """At least 1 millisecond, in milliseconds or as a timedelta."""
    key: str | None = None
    """A CEL expression over `event`; each value that it gives has the limit for itself."""
    burst: int | None = 1
    """How many runs more than the limit may start at once."""

    def to_wire(self) -> dict[str, object]:
        return _present(limit=self.limit, period=_duration(self.period), key=self.key, burst=self.burst)

    def problems(self) -> Iterator[Problem]:
        yield from _at_least(self.limit, "limit", 1)
        yield from within(self.period, "period", 1, LONGEST_MS, _ABOVE_ZERO)
        if self.burst is not None:
            yield from _at_least(self.burst, "burst", 0)
        yield from problems_of_expression(self.key, "key")


class Timeouts(Option):
    """Cancel runs that start too late or take too long."""

    start: int | datetime.timedelta | None = None
    """How long a run may wait in the queue for its first call, in milliseconds or as a timedelta."""
    finish: int | datetime.timedelta | None = None
    """How long a run may take from its first call, in milliseconds or as a timedelta."""

    def to_wire(self) -> dict[str, object]:
        return _present(start=_duration(self.start), finish=_duration(self.finish))

    def problems(self) -> Iterator[Problem]:
        yield from within(self.start, "start", 1, LONGEST_MS, _ABOVE_ZERO)
        yield from within(self.finish, "finish", 1, LONGEST_MS, _ABOVE_ZERO)


def problems_of(option: Option, where: str) -> Iterator[Problem]:
    """Yield what an engine would refuse in *option*; where: the path to it, for the fields."""
    for field, value, rule in option.problems():
        yield f"{where}.{field}", value, rule


def problems_of_list(options: Sequence[Option], where: str, most: int) -> Iterator[Problem]:
    """Yield what an engine would refuse in a list of options; of a list that is too long, the first item too many."""
    if len(options) > most:
        yield f"{where}[{most}]", options[most], f"at most {most} of them"
    for number, option in enumerate(options):
        yield from problems_of(option, f"{where}[{number}]")


def problems_of_expression(text: object, field: str) -> Iterator[Problem]:
    """Yield what is wrong with an expression; with None, which is none, nothing."""
    if text is None:
        return
    if not isinstance(text, str) or not text.strip():
        yield field, text, "a CEL expression such as event.data.id"
        return
    problem = syntax_problem_of(text)
    if problem is not None:
        yield field, text, f"a CEL expression; {problem}"


def _without_calls(text: str | None, field: str) -> Iterator[Problem]:
    """Yield what engines refuse in the expression of a cancellation, although they take it everywhere else."""
    refused = sorted(called_in(text or "") & _NOT_IN_CANCEL)
    if refused:
        yield field, text, f"a CEL expression without {refused[0]}(): engines refuse that in a cancellation"


def _present(**fields: object) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}


def _duration(duration: Duration | None) -> str | None:
    return None if duration is None else dump_duration(duration)


def _named(name: str, field: str) -> Iterator[Problem]:
    rule = event_names.problem_of(name)
    if rule is not None:
        yield field, name, rule


def _at_least(number: int, field: str, least: int) -> Iterator[Problem]:
    if number < least:
        yield field, number, f"at least {least}"


def within(duration: Duration | None, field: str, least_ms: int, most_ms: int, rule: str) -> Iterator[Problem]:
    """Yield that a duration is not of so many milliseconds; with None, which is not given, nothing."""
    if duration is None:
        return
    try:
        ms = to_ms(duration)
    except ValueError:
        ms = -1
    if not least_ms <= ms <= most_ms:
        yield field, duration, rule
