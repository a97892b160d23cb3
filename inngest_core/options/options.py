"""Triggers and options of functions: what users build with keyword arguments, and how each goes over the wire.

Types are checked when an option is made; `problems()` says what the engine would refuse, so that whoever knows the
function's name can say it (`function.py`). An engine answers only "At least one function is invalid".
Durations are whole milliseconds or timedelta. Source: protocol §5.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from inngest_core.protocol.duration import Duration, dump_duration, to_ms
from inngest_core.protocol.limits import MAX_CONCURRENCY, MAX_TRIGGER_NAME

from .cron import problem_of
from .expressions import syntax_problem_of

_SECOND_MS = 1_000
_DAY_MS = 86_400 * _SECOND_MS
_LONGEST_MS = (2**63 - 1) // 1_000_000
"""Engines count nanoseconds in 64 bits."""
_ABOVE_ZERO = "1 millisecond to 292 years"
_FROM_ZERO = "zero to 292 years"

Problem = tuple[str, object, str]
"""The field, what it holds, and the rule it breaks."""


class Option(BaseModel):
    """Base of all: wrong types and unknown names are refused, and schemas are built on first use."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    def to_wire(self) -> dict[str, object]:
        """Return the option as JSON values; what is not given is left out."""
        raise NotImplementedError

    def problems(self) -> Iterator[Problem]:
        """Yield what an engine would refuse."""
        yield from ()


class TriggerEvent(Option):
    """Start the function on events of a name, optionally only when an expression holds."""

    event: str
    expression: str | None = None

    def to_wire(self) -> dict[str, object]:
        return _present(event=self.event, expression=self.expression)

    def problems(self) -> Iterator[Problem]:
        yield from _named(self.event, "event")
        if self.expression is not None and len(self.expression) > MAX_TRIGGER_NAME:
            yield "expression", self.expression, f"at most {MAX_TRIGGER_NAME} characters"
        yield from problems_of_expression(self.expression, "expression")


class TriggerCron(Option):
    """Start the function by the clock. cron: five fields, optionally after "TZ=<zone> "; jitter: a random delay."""

    cron: str
    jitter: int | datetime.timedelta | None = None

    def to_wire(self) -> dict[str, object]:
        return _present(cron=self.cron, jitter=_duration(self.jitter))

    def problems(self) -> Iterator[Problem]:
        problem = problem_of(self.cron)
        if problem is not None:
            yield "cron", self.cron, problem
        yield from _within(self.jitter, "jitter", _SECOND_MS, 300 * _SECOND_MS, "1 second to 5 minutes")


Trigger = TriggerEvent | TriggerCron


class Batch(Option):
    """Call the function with several events at once: max_size of them, or those that came within timeout."""

    max_size: int
    timeout: int | datetime.timedelta | None = None
    key: str | None = None
    if_exp: str | None = None

    def to_wire(self) -> dict[str, object]:
        timeout = None if self.timeout is None else dump_duration(self.timeout, largest_unit="h")
        return _present(maxSize=self.max_size, timeout=timeout, key=self.key, **{"if": self.if_exp})

    def problems(self) -> Iterator[Problem]:
        yield from _at_least(self.max_size, "max_size", 2)
        if self.timeout is None:
            yield "timeout", None, "a duration: a batch needs to know how long to wait for more events"
        yield from _within(self.timeout, "timeout", 1, _LONGEST_MS, _ABOVE_ZERO)
        yield from problems_of_expression(self.key, "key")
        yield from problems_of_expression(self.if_exp, "if_exp")


class Cancel(Option):
    """Cancel runs when an event comes. if_exp: with `event` that started the run and `async`, the one that came."""

    event: str
    if_exp: str | None = None
    timeout: int | datetime.timedelta | None = None

    def to_wire(self) -> dict[str, object]:
        return _present(event=self.event, timeout=_duration(self.timeout), **{"if": self.if_exp})

    def problems(self) -> Iterator[Problem]:
        yield from _named(self.event, "event")
        yield from problems_of_expression(self.if_exp, "if_exp")
        yield from _within(self.timeout, "timeout", 0, _LONGEST_MS, _FROM_ZERO)


class Concurrency(Option):
    """Run at most *limit* steps at a time, per value of *key*, within *scope*."""

    limit: int
    key: str | None = None
    scope: Literal["account", "env", "fn"] | None = None

    def to_wire(self) -> dict[str, object]:
        return _present(limit=self.limit, key=self.key, scope=self.scope)

    def problems(self) -> Iterator[Problem]:
        yield from _at_least(self.limit, "limit", 0)
        if self.scope in ("account", "env") and self.key is None:
            yield "key", None, f'a CEL expression, because scope is "{self.scope}"'
        yield from problems_of_expression(self.key, "key")


class ConcurrencyLimits(Option):
    """Limit whole runs and steps apart. fn: how many runs at a time; step: how many steps; up to two limits each."""

    fn: Sequence[Concurrency] = ()
    step: Sequence[Concurrency] = ()

    def to_wire(self) -> dict[str, object]:
        fields = {"fn": self.fn, "step": self.step}
        return {name: [limit.to_wire() for limit in limits] for name, limits in fields.items() if limits}

    def problems(self) -> Iterator[Problem]:
        if not self.fn and not self.step:
            yield "fn", self.fn, "at least one limit, in fn or in step"
        yield from problems_of_list(self.fn, "fn", MAX_CONCURRENCY)
        yield from problems_of_list(self.step, "step", MAX_CONCURRENCY)


class Debounce(Option):
    """Wait until no event came for *period*, then run with the last; wait no longer than *timeout* in all."""

    period: int | datetime.timedelta
    key: str | None = None
    timeout: int | datetime.timedelta | None = None

    def to_wire(self) -> dict[str, object]:
        return _present(period=_duration(self.period), key=self.key, timeout=_duration(self.timeout))

    def problems(self) -> Iterator[Problem]:
        yield from _within(self.period, "period", _SECOND_MS, 7 * _DAY_MS, "1 second to 7 days")
        yield from _within(self.timeout, "timeout", 0, _LONGEST_MS, _FROM_ZERO)
        yield from problems_of_expression(self.key, "key")


class Priority(Option):
    """Move runs ahead in the queue. run: an expression that gives seconds."""

    run: str

    def to_wire(self) -> dict[str, object]:
        return {"run": self.run}

    def problems(self) -> Iterator[Problem]:
        yield from problems_of_expression(self.run, "run")


class RateLimit(Option):
    """Skip events after *limit* in a *period*, per value of *key*."""

    limit: int
    period: int | datetime.timedelta
    key: str | None = None

    def to_wire(self) -> dict[str, object]:
        return _present(limit=self.limit, period=_duration(self.period), key=self.key)

    def problems(self) -> Iterator[Problem]:
        yield from _at_least(self.limit, "limit", 1)
        yield from _within(self.period, "period", 1, _DAY_MS, "1 millisecond to 24 hours")
        yield from problems_of_expression(self.key, "key")


class Singleton(Option):
    """Keep at most one run, per value of *key*. mode: "skip" the new run, or "cancel" the one that is running."""

    mode: Literal["skip", "cancel"]
    key: str | None = None

    def to_wire(self) -> dict[str, object]:
        return _present(mode=self.mode, key=self.key)

    def problems(self) -> Iterator[Problem]:
        yield from problems_of_expression(self.key, "key")


class Throttle(Option):
    """Start at most *limit* runs in a *period*, per value of *key*; more wait. burst: how many may start at once."""

    limit: int
    period: int | datetime.timedelta
    key: str | None = None
    burst: int | None = 1

    def to_wire(self) -> dict[str, object]:
        return _present(limit=self.limit, period=_duration(self.period), key=self.key, burst=self.burst)

    def problems(self) -> Iterator[Problem]:
        yield from _at_least(self.limit, "limit", 1)
        yield from _within(self.period, "period", 1, _LONGEST_MS, _ABOVE_ZERO)
        if self.burst is not None:
            yield from _at_least(self.burst, "burst", 0)
        yield from problems_of_expression(self.key, "key")


class Timeouts(Option):
    """Cancel a run that waited longer than *start* for its start, or runs longer than *finish*."""

    start: int | datetime.timedelta | None = None
    finish: int | datetime.timedelta | None = None

    def to_wire(self) -> dict[str, object]:
        return _present(start=_duration(self.start), finish=_duration(self.finish))

    def problems(self) -> Iterator[Problem]:
        yield from _within(self.start, "start", 1, _LONGEST_MS, _ABOVE_ZERO)
        yield from _within(self.finish, "finish", 1, _LONGEST_MS, _ABOVE_ZERO)


def problems_of(option: Option, where: str) -> Iterator[Problem]:
    """Yield what an engine would refuse in *option*; where: the path to it, for the fields."""
    for field, value, rule in option.problems():
        yield f"{where}.{field}", value, rule


def problems_of_list(options: Sequence[Option], where: str, most: int) -> Iterator[Problem]:
    """Yield what an engine would refuse in a list of options; the first one too many stands for its length."""
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


def _present(**fields: object) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}


def _duration(duration: Duration | None) -> str | None:
    return None if duration is None else dump_duration(duration)


def _named(name: str, field: str) -> Iterator[Problem]:
    if not name.strip() or len(name) > MAX_TRIGGER_NAME:
        yield field, name, f"an event name of 1 to {MAX_TRIGGER_NAME} characters"


def _at_least(number: int, field: str, least: int) -> Iterator[Problem]:
    if number < least:
        yield field, number, f"at least {least}"


def _within(duration: Duration | None, field: str, least_ms: int, most_ms: int, rule: str) -> Iterator[Problem]:
    if duration is None:
        return
    try:
        ms = to_ms(duration)
    except ValueError:
        ms = -1
    if not least_ms <= ms <= most_ms:
        yield field, duration, rule
