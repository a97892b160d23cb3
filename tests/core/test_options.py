"""Triggers and options: wire forms, and what an engine would refuse."""

from __future__ import annotations

import datetime
from typing import Any

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inngest_core.duration import dump_duration, parse_duration, to_ms
from inngest_core.function_opts import FunctionOpts
from inngest_core.options import (
    Batch,
    Cancel,
    Concurrency,
    Debounce,
    Priority,
    RateLimit,
    Singleton,
    Throttle,
    Timeouts,
    Trigger,
    TriggerCron,
    TriggerEvent,
)

HOUR = datetime.timedelta(hours=1)
EVENT = TriggerEvent(event="a/b")


def problems(*triggers: Trigger, **options: Any) -> list[tuple[str, object, str]]:
    return list(FunctionOpts(fn_id=options.pop("fn_id", "f"), **options).problems(triggers))


def fields(*triggers: Trigger, **options: Any) -> list[str]:
    return [field for field, _, _ in problems(*triggers, **options)]


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
        (Debounce(period=1000), {"period": "1s"}),
        (Debounce(period=1000, key="k", timeout=5000), {"period": "1s", "key": "k", "timeout": "5s"}),
        (Priority(run="event.data.p"), {"run": "event.data.p"}),
        (RateLimit(limit=10, period=HOUR / 60, key="k"), {"limit": 10, "period": "1m", "key": "k"}),
        (Singleton(mode="skip"), {"mode": "skip"}),
        (Singleton(mode="cancel", key="k"), {"mode": "cancel", "key": "k"}),
        (Throttle(limit=1, period=1000), {"limit": 1, "period": "1s", "burst": 1}),
        (Throttle(limit=1, period=1000, key="k", burst=2), {"limit": 1, "period": "1s", "burst": 2, "key": "k"}),
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
        (TriggerEvent, {"event": None}),
        (TriggerEvent, {}),
    ],
)
def test_wrong_types_and_unknown_names_are_refused_at_once(kind: type[pydantic.BaseModel], values: Any) -> None:
    with pytest.raises(pydantic.ValidationError):
        kind(**values)


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"batch_events": Batch(max_size=1, timeout=1)}, "batch_events.max_size"),
        ({"batch_events": Batch(max_size=2)}, "batch_events.timeout"),
        ({"batch_events": Batch(max_size=2, timeout=0)}, "batch_events.timeout"),
        ({"cancel": [Cancel(event="")]}, "cancel[0].event"),
        ({"cancel": [Cancel(event="a")] * 6}, "cancel"),
        ({"cancel": Cancel(event="a")}, "cancel"),
        ({"cancel": [{"event": "a"}]}, "cancel"),
        ({"concurrency": [Concurrency(limit=1)] * 3}, "concurrency"),
        ({"concurrency": [Concurrency(limit=1, scope="env")]}, "concurrency[0].key"),
        ({"concurrency": [Concurrency(limit=1), Concurrency(limit=1, scope="account")]}, "concurrency[1].key"),
        ({"concurrency": [Concurrency(limit=-1)]}, "concurrency[0].limit"),
        ({"debounce": Debounce(period=999)}, "debounce.period"),
        ({"debounce": Debounce(period=datetime.timedelta(days=7, seconds=1))}, "debounce.period"),
        ({"debounce": {"period": 1}}, "debounce"),
        ({"priority": Priority(run=" ")}, "priority.run"),
        ({"rate_limit": RateLimit(limit=0, period=1)}, "rate_limit.limit"),
        ({"rate_limit": RateLimit(limit=1, period=0)}, "rate_limit.period"),
        ({"rate_limit": RateLimit(limit=1, period=25 * HOUR)}, "rate_limit.period"),
        ({"throttle": Throttle(limit=0, period=1)}, "throttle.limit"),
        ({"throttle": Throttle(limit=1, period=-HOUR)}, "throttle.period"),
        ({"timeouts": Timeouts(start=0)}, "timeouts.start"),
        ({"timeouts": Timeouts(finish=-1)}, "timeouts.finish"),
        ({"retries": -1}, "retries"),
        ({"retries": 21}, "retries"),
        ({"retries": True}, "retries"),
        ({"retries": "3"}, "retries"),
        ({"idempotency": ""}, "idempotency"),
        ({"fn_id": ""}, "fn_id"),
        ({"fn_id": "it's"}, "fn_id"),
        ({"fn_id": "a\nb"}, "fn_id"),
    ],
)
def test_what_an_engine_would_refuse(options: dict[str, Any], field: str) -> None:
    assert fields(EVENT, **options) == [field]


@pytest.mark.parametrize(
    ("field", "option"),
    [
        ("cancel", [Cancel(event="a")]),
        ("debounce", Debounce(period=1000)),
        ("priority", Priority(run="1")),
        ("singleton", Singleton(mode="skip")),
    ],
)
def test_what_does_not_go_with_batches(field: str, option: object) -> None:
    assert fields(EVENT, batch_events=Batch(max_size=2, timeout=1), **{field: option}) == [field]


@pytest.mark.parametrize("cron", ["@daily", "* * * *", "* * * * * *", "", "TZ=Europe/Paris", "a;b * * * *"])
def test_bad_crons(cron: str) -> None:
    assert fields(TriggerCron(cron=cron)) == ["trigger.cron"]


@pytest.mark.parametrize("cron", ["*/5 0-6 1,15 JAN MON", "CRON_TZ=America/New_York 0 3 * * 1-5", "TZ=UTC  0 0 * * *"])
def test_good_crons(cron: str) -> None:
    assert fields(TriggerCron(cron=cron)) == []


@pytest.mark.parametrize(
    ("cron", "rule"),
    [
        ("60 * * * *", """a minute of 0 to 59 instead of '60', as *, a number, "1-5", "*/10", or a list"""),
        ("0 5-3 * * *", "an hour of 0 to 23 instead of '5-3'"),
        ("0 0 0 * *", "a day of the month of 1 to 31 instead of '0'"),
        ("0 0 1 FOO *", "a month of 1 to 12 or JAN, FEB, "),
        ("0 0 * * 7", "a day of the week of 0 to 6 or SUN, "),
        ("*/0 * * * *", "a minute of 0 to 59 instead of '*/0'"),
        ("1,,2 * * * *", "a minute of 0 to 59 instead of '1,,2'"),
        ("TZ=Europe/Atlantis 0 3 * * *", "a zone of the IANA database such as"),
        ("TZ=../etc 0 3 * * *", "a zone of the IANA database such as"),
        ("@daily", 'five fields such as "0 3 * * 1-5", optionally after "TZ=Europe/Paris "'),
    ],
)
def test_a_bad_cron_is_explained(cron: str, rule: str) -> None:
    (found,) = problems(TriggerCron(cron=cron))
    assert found[:2] == ("trigger.cron", cron)
    assert found[2].startswith(rule)


def test_triggers() -> None:
    assert fields() == []
    assert fields(EVENT, EVENT) == ["trigger[1]"]
    assert fields(*[TriggerEvent(event=f"e{n}") for n in range(11)]) == ["trigger"]
    assert fields(TriggerEvent(event="x" * 256)) == ["trigger.event"]
    assert fields(TriggerEvent(event="x", expression="y" * 256)) == ["trigger.expression"]
    assert fields(EVENT, TriggerCron(cron="* * * * *", jitter=999)) == ["trigger[1].jitter"]
    assert fields(TriggerCron(cron="* * * * *", jitter=datetime.timedelta(minutes=6))) == ["trigger.jitter"]
    assert list(FunctionOpts(fn_id="f").problems(["a/b"])) == [  # type: ignore[list-item]  # pyright: ignore
        ("trigger", "a/b", "inngest.TriggerEvent or inngest.TriggerCron")
    ]


def test_an_option_says_its_rule() -> None:
    assert problems(EVENT, batch_events=Batch(max_size=1, timeout=1)) == [("batch_events.max_size", 1, "at least 2")]
    assert problems(EVENT, rate_limit={"limit": 1}) == [
        ("rate_limit", {"limit": 1}, "an option object such as inngest.RateLimit(...)")
    ]


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
