"""Triggers and options: their types and their wire forms. What is refused: `test_option_rules.py`."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inngest_core.errors import ConfigError
from inngest_core.options.function_opts import FunctionOpts
from inngest_core.options.options import (
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
    TriggerCron,
    TriggerEvent,
)
from inngest_core.protocol.duration import dump_duration, parse_duration, to_ms

HOUR = datetime.timedelta(hours=1)


@pytest.mark.parametrize(
    ("option", "wire"),
    [
        (TriggerEvent(event="a"), {"event": "a"}),
        (TriggerEvent(event="a", expression="event.data.x > 1"), {"event": "a", "expression": "event.data.x > 1"}),
        (TriggerCron(cron="TZ=Europe/Paris 0 3 * * *"), {"cron": "TZ=Europe/Paris 0 3 * * *"}),
        (TriggerCron(cron="* * * * *", jitter=30_000), {"cron": "* * * * *", "jitter": "30s"}),
        (Batch(max_size=3, timeout=24 * HOUR), {"maxSize": 3, "timeout": "24h"}),
        (Batch(max_size=2, timeout=2000, key="k", if_exp="i"), {"maxSize": 2, "timeout": "2s", "key": "k", "if": "i"}),
        (Cancel(event="a"), {"event": "a"}),
        (Cancel(event="a", if_exp="i", timeout=25 * HOUR), {"event": "a", "if": "i", "timeout": "1d1h"}),
        (Concurrency(limit=2), {"limit": 2}),
        (Concurrency(limit=2, key="k", scope="env"), {"limit": 2, "key": "k", "scope": "env"}),
        (
            ConcurrencyLimits(fn=[Concurrency(limit=1)], step=(Concurrency(limit=2, key="k"), Concurrency(limit=3))),
            {"fn": [{"limit": 1}], "step": [{"limit": 2, "key": "k"}, {"limit": 3}]},
        ),
        (ConcurrencyLimits(step=[Concurrency(limit=2)]), {"step": [{"limit": 2}]}),
        (Debounce(period=1000), {"period": "1s"}),
        (Debounce(period=1000, key="k", timeout=5000), {"period": "1s", "key": "k", "timeout": "5s"}),
        (Priority(run="event.data.p"), {"run": "event.data.p"}),
        (RateLimit(limit=10, period=HOUR / 60, key="k"), {"limit": 10, "period": "1m", "key": "k"}),
        (Singleton(mode="skip"), {"mode": "skip"}),
        (Singleton(mode="cancel", key="k"), {"mode": "cancel", "key": "k"}),
        (Throttle(limit=1, period=1000), {"limit": 1, "period": "1s", "burst": 1}),
        (Throttle(limit=1, period=1000, key="k", burst=2), {"limit": 1, "period": "1s", "burst": 2, "key": "k"}),
        (Throttle(limit=1, period=1000, burst=None), {"limit": 1, "period": "1s"}),
        (Timeouts(), {}),
        (Timeouts(start=HOUR, finish=2 * HOUR), {"start": "1h", "finish": "2h"}),
    ],
)
def test_wire_forms(option: Any, wire: dict[str, object]) -> None:
    assert option.to_wire() == wire
    assert list(option.problems()) == []


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (Batch, {"max_size": "3"}),
        (Batch, {"max_size": 3, "size": 3}),
        (Throttle, {"limit": 1, "period": 1.5}),
        (Throttle, {"limit": 1, "period": "1h"}),
        (Throttle, {"limit": True, "period": 1}),
        (Singleton, {"mode": "stop"}),
        (Concurrency, {"limit": 1, "key": "k", "scope": "world"}),
        (ConcurrencyLimits, {"fn": Concurrency(limit=1)}),
        (ConcurrencyLimits, {"step": [{"limit": 1, "scope": "world"}]}),
        (TriggerEvent, {"event": None}),
        (TriggerEvent, {}),
    ],
)
def test_wrong_types_and_unknown_names_are_refused_at_once(kind: Any, values: Any) -> None:
    with pytest.raises(ConfigError, match=r"^\w+: "):
        kind(**values)


@pytest.mark.parametrize("cron", ["*/5 0-6 1,15 JAN MON", "CRON_TZ=America/New_York 0 3 * * 1-5", "TZ=UTC  0 0 * * *"])
def test_good_crons(cron: str) -> None:
    assert list(TriggerCron(cron=cron).problems()) == []


def test_opts_on_the_wire() -> None:
    assert FunctionOpts(fn_id="f", cancel=[], concurrency=[]).to_wire() == {}
    opts = FunctionOpts(fn_id="f", idempotency="event.data.id", cancel=[Cancel(event="a")], priority=Priority(run="1"))
    assert opts.to_wire() == {"idempotency": "event.data.id", "cancel": [{"event": "a"}], "priority": {"run": "1"}}


@given(st.integers(min_value=0, max_value=10**13), st.sampled_from(["w", "h"]))
def test_durations_round_trip(ms: int, largest_unit: str) -> None:
    text = dump_duration(ms, largest_unit=largest_unit)
    assert round(parse_duration(text) * 1000) == ms
    assert to_ms(datetime.timedelta(milliseconds=ms)) == ms
    if largest_unit == "h":
        assert "d" not in text
        assert "w" not in text
