"""The flow control options of a function, read from a configuration that was checked. Pure; applies none of them.

What they mean, second by second: docs/flow-control.md. What engines take: `flow_control.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from inngest_devserver.matcher import Expression

from .durations import seconds_of

_DAY_SECONDS = 86_400.0
_RATE_BURST_SHARE = 10
"""A rate limit lets a tenth of its limit come at once, besides the first one."""
_MARGIN = 0.1
_LARGEST_MARGIN_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `limit` at once for each value of the key, counted by function or, for "env" and "account", by key."""

    limit: int
    key: Expression | None = None
    scope: str = "fn"


@dataclass(frozen=True, slots=True)
class Rate:
    """One each `interval` seconds for each value of the key. slack: how far ahead of that it may be, in seconds.

    margin: seconds that are forgiven; see `scheduling/meters.py`.
    """

    interval: float
    slack: float
    key: Expression | None = None
    margin: float = 0.0


@dataclass(frozen=True, slots=True)
class Debounce:
    """Seconds. timeout: None waits for as long as events come."""

    period: float
    timeout: float | None = None
    key: Expression | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """size: events. timeout: seconds. condition: which events go into batches; None is all."""

    size: int
    timeout: float
    key: Expression | None = None
    condition: Expression | None = None


@dataclass(frozen=True, slots=True)
class Singleton:
    """One run at a time for each value of the key. cancels: the new one ends the old one, instead of being dropped."""

    cancels: bool
    key: Expression | None = None


@dataclass(frozen=True, slots=True)
class FlowOptions:
    """limits: of calls. run_limits: of runs. start: seconds to the first call; finish: from that to the end."""

    limits: tuple[Limit, ...] = ()
    run_limits: tuple[Limit, ...] = ()
    rate_limit: Rate | None = None
    throttle: Rate | None = None
    debounce: Debounce | None = None
    batch: Batch | None = None
    singleton: Singleton | None = None
    priority: Expression | None = None
    start: float | None = None
    finish: float | None = None


NO_FLOW = FlowOptions()


def read_flow(config: Mapping[str, Any]) -> FlowOptions:
    """Return the options of a configuration in which `flow_control.py` has found no fault."""
    limits, run_limits = _limits(config.get("concurrency"))
    timeouts = _object(config.get("timeouts"))
    return FlowOptions(
        limits=limits,
        run_limits=run_limits,
        rate_limit=_rate_limit(config),
        throttle=_throttle(_object(config.get("throttle"))),
        debounce=_debounce(_object(config.get("debounce"))),
        batch=_batch(_object(config.get("batchEvents"))),
        singleton=_singleton(config.get("singleton")),
        priority=_expression(_object(config.get("priority")).get("run")),
        start=seconds_of(timeouts.get("start")),
        finish=seconds_of(timeouts.get("finish")),
    )


def _object(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def _expression(text: object) -> Expression | None:
    return Expression(text) if isinstance(text, str) and text else None


def _limits(value: object) -> tuple[tuple[Limit, ...], tuple[Limit, ...]]:
    """Return the limits of calls and those of runs, from any of the spellings."""
    given = _object(value)
    if "fn" in given or "step" in given:
        return _each_limit(given.get("step")), _each_limit(given.get("fn"))
    return _each_limit(value), ()


def _each_limit(value: object) -> tuple[Limit, ...]:
    items = cast("list[object]", value) if isinstance(value, list) else [] if value is None else [value]
    limits = [Limit(item) if isinstance(item, int) else _limit(_object(item)) for item in items]
    return tuple(limit for limit in limits if limit.limit > 0)  # engines take others, and they limit nothing


def _limit(given: Mapping[str, Any]) -> Limit:
    return Limit(int(given.get("limit") or 0), _expression(given.get("key")), str(given.get("scope") or "fn"))


def _rate_limit(config: Mapping[str, Any]) -> Rate | None:
    if idempotency := _expression(config.get("idempotency")):  # it takes the place of a rate limit
        return Rate(_DAY_SECONDS, 0, idempotency)
    given = _object(config.get("rateLimit"))
    period = seconds_of(given.get("period"))
    if not given or not period:
        return None
    limit = int(given["limit"])
    interval, burst = period / limit, limit // _RATE_BURST_SHARE
    margin = min(interval * _MARGIN, _LARGEST_MARGIN_SECONDS)
    return Rate(interval, interval * burst, _expression(given.get("key")), margin)


def _throttle(given: Mapping[str, Any]) -> Rate | None:
    limit, period = int(given.get("limit") or 0), seconds_of(given.get("period"))
    if limit <= 0 or not period:
        return None
    interval, at_once = period / limit, limit + int(given.get("burst") or 0)
    return Rate(interval, interval * (at_once - 1), _expression(given.get("key")))


def _debounce(given: Mapping[str, Any]) -> Debounce | None:
    period = seconds_of(given.get("period"))
    return None if period is None else Debounce(period, seconds_of(given.get("timeout")), _expression(given.get("key")))


def _batch(given: Mapping[str, Any]) -> Batch | None:
    timeout = seconds_of(given.get("timeout"))
    if timeout is None:
        return None
    return Batch(int(given["maxSize"]), timeout, _expression(given.get("key")), _expression(given.get("if")))


def _singleton(value: object) -> Singleton | None:
    if not isinstance(value, Mapping):
        return None
    given = _object(cast("object", value))
    return Singleton(given.get("mode") == "cancel", _expression(given.get("key")))
