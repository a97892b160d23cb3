"""What engines require of flow control options, each alone and together. This module applies none of them.

Takes what a real engine takes and refuses what it refuses, however odd: apps of every SDK are to register here as
they do elsewhere. The rules: docs/protocol.md, "Function configuration" and "Flow control".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, cast

from inngest_core.protocol.limits import MAX_CONCURRENCY
from inngest_core.protocol.wire import json_kind

from .durations import Fault, check_seconds

Compiles = Callable[[object, str], object]
"""Checks the expression in a field."""

FLOW_CONTROL = (
    "batchEvents",
    "concurrency",
    "debounce",
    "idempotency",
    "priority",
    "rateLimit",
    "singleton",
    "throttle",
    "timeouts",
)
_NOT_WITH_BATCH = ("cancel", "debounce", "singleton", "priority")
_NO_DAYS = re.compile(r"[0-9.]+(?:ms|us|µs|ns|[hms])")
_DAY_SECONDS = 86_400.0
_SHORTEST_SECONDS = 1.0
_LONGEST_DEBOUNCE_SECONDS = 7 * _DAY_SECONDS
_SHARED_SCOPES = ("env", "account")


def object_of(value: object, field: str, fault: Fault) -> dict[str, Any]:
    """Return what is in an object, and nothing for null; anything else is a fault of the field."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        fault(field, f"is a JSON {json_kind(value)}; expected an object")
        return {}
    return cast("dict[str, Any]", value)


class FlowControl:
    """Checks the options of one function."""

    def __init__(self, config: Mapping[str, Any], fault: Fault, compiles: Compiles) -> None:
        self._config = config
        self._fault = fault
        self._compiles = compiles

    def check(self) -> None:
        self._concurrency(self._config.get("concurrency"))
        self._batch()
        self._rate_limit()
        self._throttle()
        self._debounce()
        self._singleton()
        self._object("timeouts")  # engines ignore what they cannot read in it
        if priority := self._object("priority"):
            self._compiles(priority.get("run"), "priority.run")
        self._compiles(self._config.get("idempotency"), "idempotency")

    def _object(self, field: str) -> dict[str, Any]:
        return object_of(self._config.get(field), field, self._fault)

    def _limit(self, value: object, field: str, least: float) -> None:
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            wanted = "an integer" if least < 0 else f"an integer of at least {least}"
            self._fault(field, f"is {value!r}; expected {wanted}")

    # --- concurrency, in all of its spellings

    def _concurrency(self, value: object) -> None:
        match value:
            case None:
                return
            case bool():
                self._fault("concurrency", "is a JSON boolean; expected an integer, an object or an array")
            case int():
                self._limits([{"limit": value}], "concurrency")
            case list():
                self._limits(cast("list[object]", value), "concurrency")
            case dict():
                given = cast("dict[str, Any]", value)
                if "fn" in given or "step" in given:
                    self._by_kind(given)
                else:
                    self._limits([given], "concurrency")
            case _:
                self._fault("concurrency", f"is a JSON {json_kind(value)}; expected an integer, an object or an array")

    def _by_kind(self, given: Mapping[str, Any]) -> None:
        for kind in ("fn", "step"):
            value, field = given.get(kind), f"concurrency.{kind}"
            limits = cast("list[object]", value if isinstance(value, list) else [] if value is None else [value])
            self._limits(limits, field)
            if kind == "fn":
                self._of_runs(limits, field)

    def _of_runs(self, limits: list[object], field: str) -> None:
        """Check limits on runs, about which engines are stricter than about those on steps."""
        if len(limits) > 1:
            self._fault(field, f"has {len(limits)} limits; at most 1 is allowed")
        for limit in limits:
            given = cast("dict[str, Any]", limit) if isinstance(limit, dict) else {"limit": limit}
            if given.get("limit") == 0:
                self._fault(f"{field}.limit", "is 0; expected at least 1")
            if given.get("scope") in _SHARED_SCOPES:
                self._fault(f"{field}.scope", f"is {given['scope']!r}; only 'fn' is allowed here")

    def _limits(self, limits: list[object], field: str) -> None:
        if len(limits) > MAX_CONCURRENCY:
            self._fault(field, f"has {len(limits)} limits; at most {MAX_CONCURRENCY} are allowed")
        for number, limit in enumerate(limits):
            where = f"{field}[{number}]"
            if isinstance(limit, int):
                self._limit(limit, where, -(2**63))
            elif isinstance(limit, dict):
                self._one_limit(cast("dict[str, Any]", limit), where)
            else:
                self._fault(where, f"is a JSON {json_kind(limit)}; expected an object")

    def _one_limit(self, limit: Mapping[str, Any], where: str) -> None:
        self._limit(limit.get("limit", 0), f"{where}.limit", -(2**63))
        self._compiles(limit.get("key"), f"{where}.key")
        scope = limit.get("scope", "fn")
        if scope not in ("fn", *_SHARED_SCOPES):
            self._fault(f"{where}.scope", f"is {scope!r}; expected 'fn', 'env' or 'account'")
        elif scope != "fn" and not limit.get("key"):
            self._fault(f"{where}.scope", f"is {scope!r}, which needs a key")

    # --- the others

    def _batch(self) -> None:
        batch = self._object("batchEvents")
        if not batch:
            return
        self._limit(batch.get("maxSize"), "batchEvents.maxSize", 2)
        timeout = batch.get("timeout")
        if isinstance(timeout, str) and re.fullmatch(f"(?:{_NO_DAYS.pattern})+", timeout) is None:
            self._fault("batchEvents.timeout", f"is {timeout!r}; expected units no longer than h, as in 24h")
        else:
            seconds = check_seconds(timeout, "batchEvents.timeout", self._fault)
            if seconds is not None and seconds < _SHORTEST_SECONDS:
                self._fault("batchEvents.timeout", f"is {timeout!r}; expected at least 1s")
        self._compiles(batch.get("key"), "batchEvents.key")
        self._compiles(batch.get("if"), "batchEvents.if")
        for other in _NOT_WITH_BATCH:
            if self._config.get(other):
                self._fault("batchEvents", f"cannot be used together with {other}")

    def _rate_limit(self) -> None:
        limit = self._object("rateLimit")
        if not limit:
            return
        self._limit(limit.get("limit"), "rateLimit.limit", 1)
        seconds = check_seconds(limit.get("period"), "rateLimit.period", self._fault)
        if seconds is not None and seconds > _DAY_SECONDS:
            self._fault("rateLimit.period", f"is {limit['period']!r}; expected at most 24h")
        self._compiles(limit.get("key"), "rateLimit.key")

    def _throttle(self) -> None:
        throttle = self._object("throttle")
        if not throttle:
            return
        self._limit(throttle.get("limit"), "throttle.limit", 0)
        check_seconds(throttle.get("period"), "throttle.period", self._fault)
        self._limit(throttle.get("burst", 0), "throttle.burst", 0)
        self._compiles(throttle.get("key"), "throttle.key")

    def _debounce(self) -> None:
        debounce = self._object("debounce")
        if not debounce:
            return
        seconds = check_seconds(debounce.get("period"), "debounce.period", self._fault)
        if seconds is not None and not _SHORTEST_SECONDS <= seconds <= _LONGEST_DEBOUNCE_SECONDS:
            self._fault("debounce.period", f"is {debounce['period']!r}; expected 1s to 7d")
        if debounce.get("timeout") is not None:
            check_seconds(debounce["timeout"], "debounce.timeout", self._fault)
        self._compiles(debounce.get("key"), "debounce.key")

    def _singleton(self) -> None:
        singleton = self._object("singleton")
        mode = singleton.get("mode")
        if mode not in (None, "", "skip", "cancel"):
            self._fault("singleton.mode", f"is {mode!r}; expected 'skip' or 'cancel'")
        self._compiles(singleton.get("key"), "singleton.key")
