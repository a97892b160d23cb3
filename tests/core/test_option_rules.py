"""Every rule of triggers and options, and what is said when one is broken. CEL itself: `test_expressions.py`."""

from __future__ import annotations

import datetime
from typing import Any, Literal

import pytest

from inngest_core.client import Inngest
from inngest_core.errors import FunctionConfigError
from inngest_core.events.event_types import event_type
from inngest_core.function import Function
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

HOUR = datetime.timedelta(hours=1)
WEEK = 7 * 24 * HOUR
EVENT = TriggerEvent(event="a/b")
BATCH = Batch(max_size=2, timeout=1000)
LIMIT = Concurrency(limit=1)
LONG = "x" * 256
CUT = f"'{'x' * 200}'... (256 characters)"
AGES = 300 * 365 * 24 * HOUR

NAME = "an event name of 1 to 255 characters without spaces"
WILDCARD = (
    'a wildcard only at the end, after "/" or ".", such as "app/*" or "app/user.*"; '
    "engines accept any other, but never match an event with it"
)
CEL = "a CEL expression such as event.data.id"
TRIGGER = "inngest.TriggerEvent(...), inngest.TriggerCron(...), an event type, or a list of them"
CRON = 'five fields such as "0 3 * * 1-5", optionally after "TZ=Europe/Paris "'
PART = 'as *, a number, "1-5", "*/10", or a list'
ZONE = 'a zone of the IANA database such as "Europe/Paris"'
ID = "a name without single quotes, backslashes and control characters"
LIMITS = "a list of inngest.Concurrency, or inngest.ConcurrencyLimits(...)"
NO_BATCH = "nothing, because batch_events is given"
SHARED: tuple[Literal["env", "account"], ...] = ("env", "account")
YEARS = "1 millisecond to 292 years"


def define(**options: Any) -> Function[object]:
    def handler(ctx: object) -> object: ...

    given: dict[str, Any] = {"fn_id": "f", "trigger": EVENT, **options}
    return Inngest(app_id="app", is_production=False).create_function(**given)(handler)


def message_of(**options: Any) -> str:
    with pytest.raises(FunctionConfigError) as caught:
        define(**options)
    return caught.value.message


PLAIN: list[tuple[dict[str, Any], str]] = [
    ({"retries": -1}, "retries is -1; expected a whole number of 0 to 20"),
    ({"retries": 21}, "retries is 21; expected a whole number of 0 to 20"),
    ({"retries": True}, "retries is True; expected a whole number of 0 to 20"),
    ({"retries": "3"}, "retries is '3'; expected a whole number of 0 to 20"),
    ({"retries": 1.0}, "retries is 1.0; expected a whole number of 0 to 20"),
    ({"name": " "}, "name is ' '; expected a text, or nothing for the fn_id"),
    ({"name": 5}, "name is 5; expected a text, or nothing for the fn_id"),
    ({"idempotency": " "}, f"idempotency is ' '; expected {CEL}"),
    ({"idempotency": 5}, f"idempotency is 5; expected {CEL}"),
]

TRIGGERS: list[tuple[object, str]] = [
    ("user/signed.up", f"trigger is 'user/signed.up'; expected {TRIGGER}"),
    (["a/b"], f"trigger is 'a/b'; expected {TRIGGER}"),
    ([None], f"trigger is None; expected {TRIGGER}"),
    ({"event": "a/b"}, f"trigger is {{'event': 'a/b'}}; expected {TRIGGER}"),
    ([EVENT, {"cron": "* * * * *"}], f"trigger[1] is {{'cron': '* * * * *'}}; expected {TRIGGER}"),
    (
        [TriggerEvent(event=f"e{number}") for number in range(11)],
        "trigger[10] is TriggerEvent(event='e10', expression=None); expected at most 10 of them",
    ),
    (
        [EVENT, TriggerCron(cron="* * * * *"), EVENT],
        "trigger[2] is TriggerEvent(event='a/b', expression=None); "
        "expected each trigger once; it is the same as trigger[0]",
    ),
    (
        [event_type("a/b", dict[str, Any]), EVENT],
        "trigger[1] is TriggerEvent(event='a/b', expression=None); "
        "expected each trigger once; it is the same as trigger[0]",
    ),
    (
        [TriggerCron(cron="* * * * *", jitter=60_000), TriggerCron(cron="* * * * *", jitter=HOUR / 60)],
        "trigger[1] is TriggerCron(cron='* * * * *', jitter=datetime.timedelta(seconds=60)); "
        "expected each trigger once; it is the same as trigger[0]",
    ),
    (TriggerEvent(event=""), f"trigger.event is ''; expected {NAME}"),
    (TriggerEvent(event=" "), f"trigger.event is ' '; expected {NAME}"),
    (TriggerEvent(event=LONG), f"trigger.event is {CUT}; expected {NAME}"),
    (TriggerEvent(event="user signed up"), f"trigger.event is 'user signed up'; expected {NAME}"),
    (TriggerEvent(event="a/b\n"), f"trigger.event is 'a/b\\n'; expected {NAME}"),
    (TriggerEvent(event="app/us*"), f"trigger.event is 'app/us*'; expected {WILDCARD}"),
    (TriggerEvent(event="*"), f"trigger.event is '*'; expected {WILDCARD}"),
    (TriggerEvent(event="/*"), f"trigger.event is '/*'; expected {WILDCARD}"),
    (TriggerEvent(event="*/created"), f"trigger.event is '*/created'; expected {WILDCARD}"),
    (TriggerEvent(event="app/*/*"), f"trigger.event is 'app/*/*'; expected {WILDCARD}"),
    (TriggerEvent(event="a", expression=""), f"trigger.expression is ''; expected {CEL}"),
    (event_type("a", dict[str, int]).trigger(""), f"trigger.expression is ''; expected {CEL}"),
    (TriggerCron(cron="* * * * *", jitter=999), "trigger.jitter is 999; expected 1 second to 5 minutes"),
    (TriggerCron(cron="* * * * *", jitter=-1), "trigger.jitter is -1; expected 1 second to 5 minutes"),
    (
        [EVENT, TriggerCron(cron="* * * * *", jitter=HOUR)],
        "trigger[1].jitter is datetime.timedelta(seconds=3600); expected 1 second to 5 minutes",
    ),
]

CRONS = [
    ("", CRON),
    ("@daily", CRON),
    ("* * * *", CRON),
    ("* * * * * *", CRON),
    ("TZ=Europe/Paris", CRON),
    ("60 * * * *", f"a minute of 0 to 59 instead of '60', {PART}"),
    ("*/0 * * * *", f"a minute of 0 to 59 instead of '*/0', {PART}"),
    ("1,,2 * * * *", f"a minute of 0 to 59 instead of '1,,2', {PART}"),
    ("a;b * * * *", f"a minute of 0 to 59 instead of 'a;b', {PART}"),
    ("0 5-3 * * *", f"an hour of 0 to 23 instead of '5-3', {PART}"),
    ("0 0 0 * *", f"a day of the month of 1 to 31 instead of '0', {PART}"),
    (
        "0 0 1 FOO *",
        f"a month of 1 to 12 or JAN, FEB, MAR, APR, MAY, JUN, JUL, AUG, SEP, OCT, NOV, DEC instead of 'FOO', {PART}",
    ),
    ("0 0 * * 7", f"a day of the week of 0 to 6 or SUN, MON, TUE, WED, THU, FRI, SAT instead of '7', {PART}"),
    ("TZ=Europe/Atlantis 0 3 * * *", f"{ZONE} instead of 'Europe/Atlantis'"),
    ("CRON_TZ=../etc 0 3 * * *", f"{ZONE} instead of '../etc'"),
]

OPTIONS: list[tuple[dict[str, Any], str]] = [
    ({"batch_events": Batch(max_size=1, timeout=1000)}, "batch_events.max_size is 1; expected at least 2"),
    (
        {"batch_events": Batch(max_size=2)},
        "batch_events.timeout is None; expected a duration: a batch needs to know how long to wait for more events",
    ),
    ({"batch_events": Batch(max_size=2, timeout=0)}, "batch_events.timeout is 0; expected 1 second to 292 years"),
    ({"batch_events": Batch(max_size=2, timeout=999)}, "batch_events.timeout is 999; expected 1 second to 292 years"),
    (
        {"batch_events": Batch(max_size=2, timeout=datetime.timedelta(microseconds=999))},
        "batch_events.timeout is datetime.timedelta(microseconds=999); expected 1 second to 292 years",
    ),
    ({"batch_events": Batch(max_size=2, timeout=1000, key="")}, f"batch_events.key is ''; expected {CEL}"),
    ({"batch_events": Batch(max_size=2, timeout=1000, if_exp=" ")}, f"batch_events.if_exp is ' '; expected {CEL}"),
    ({"cancel": [Cancel(event="")]}, f"cancel[0].event is ''; expected {NAME}"),
    ({"cancel": [Cancel(event="a"), Cancel(event=LONG)]}, f"cancel[1].event is {CUT}; expected {NAME}"),
    ({"cancel": [Cancel(event="a", if_exp="")]}, f"cancel[0].if_exp is ''; expected {CEL}"),
    ({"cancel": [Cancel(event="a b")]}, f"cancel[0].event is 'a b'; expected {NAME}"),
    ({"cancel": [Cancel(event="a*")]}, f"cancel[0].event is 'a*'; expected {WILDCARD}"),
    *[
        (
            {"cancel": [Cancel(event="a", if_exp=text)]},
            f"cancel[0].if_exp is {text!r}; expected a CEL expression without {name}(): "
            "engines refuse that in a cancellation",
        )
        for name, text in [
            ("has", "has(async.data.id)"),
            ("map", "event.data.list.map(x, x) == async.data.list"),
            ("startsWith", "async.data.name.startsWith('a')"),
            ("lowercase", "lowercase(event.data.name) == async.data.name"),
        ]
    ],
    ({"cancel": [Cancel(event="a", timeout=-1)]}, "cancel[0].timeout is -1; expected zero to 292 years"),
    (
        {"cancel": [Cancel(event=f"e{number}") for number in range(6)]},
        "cancel[5] is Cancel(event='e5', if_exp=None, timeout=None); expected at most 5 of them",
    ),
    ({"cancel": [{"event": "a"}]}, "cancel is [{'event': 'a'}]; expected a list of inngest.Cancel"),
    (
        {"cancel": Cancel(event="a")},
        "cancel is Cancel(event='a', if_exp=None, timeout=None); expected a list of inngest.Cancel",
    ),
    (
        {"concurrency": [LIMIT, LIMIT, LIMIT]},
        "concurrency[2] is Concurrency(limit=1, key=None, scope=None); expected at most 2 of them",
    ),
    ({"concurrency": [Concurrency(limit=-1)]}, "concurrency[0].limit is -1; expected at least 0"),
    (
        {"concurrency": [Concurrency(limit=1, scope="env")]},
        'concurrency[0].key is None; expected a CEL expression, because scope is "env"',
    ),
    (
        {"concurrency": [LIMIT, Concurrency(limit=1, scope="account")]},
        'concurrency[1].key is None; expected a CEL expression, because scope is "account"',
    ),
    (
        {"concurrency": [Concurrency(limit=1, key="", scope="env")]},
        f"concurrency[0].key is ''; expected {CEL}",
    ),
    ({"concurrency": LIMIT}, f"concurrency is Concurrency(limit=1, key=None, scope=None); expected {LIMITS}"),
    ({"concurrency": 5}, f"concurrency is 5; expected {LIMITS}"),
    (
        {"concurrency": ConcurrencyLimits()},
        "concurrency.fn is (); expected at least one limit, in fn or in step",
    ),
    (
        {"concurrency": ConcurrencyLimits(fn=[LIMIT, LIMIT])},
        "concurrency.fn[1] is Concurrency(limit=1, key=None, scope=None); expected at most 1 of them",
    ),
    (
        {"concurrency": ConcurrencyLimits(step=[LIMIT, LIMIT, LIMIT])},
        "concurrency.step[2] is Concurrency(limit=1, key=None, scope=None); expected at most 2 of them",
    ),
    (
        {"concurrency": ConcurrencyLimits(fn=[Concurrency(limit=0)])},
        "concurrency.fn[0].limit is 0; expected at least 1",
    ),
    *[
        (
            {"concurrency": ConcurrencyLimits(fn=[Concurrency(limit=1, key="'a'", scope=scope)])},
            f"concurrency.fn[0].scope is '{scope}'; expected nothing or \"fn\": runs are limited per function only",
        )
        for scope in SHARED
    ],
    (
        {"concurrency": ConcurrencyLimits(step=[Concurrency(limit=1, scope="env")])},
        'concurrency.step[0].key is None; expected a CEL expression, because scope is "env"',
    ),
    (
        {"concurrency": ConcurrencyLimits(fn=[LIMIT], step=[LIMIT, Concurrency(limit=-1)])},
        "concurrency.step[1].limit is -1; expected at least 0",
    ),
    ({"debounce": Debounce(period=999)}, "debounce.period is 999; expected 1 second to 7 days"),
    (
        {"debounce": Debounce(period=WEEK + HOUR)},
        "debounce.period is datetime.timedelta(days=7, seconds=3600); expected 1 second to 7 days",
    ),
    ({"debounce": Debounce(period=1000, timeout=-1)}, "debounce.timeout is -1; expected zero to 292 years"),
    ({"debounce": Debounce(period=1000, key="")}, f"debounce.key is ''; expected {CEL}"),
    ({"priority": Priority(run=" ")}, f"priority.run is ' '; expected {CEL}"),
    ({"rate_limit": RateLimit(limit=0, period=1)}, "rate_limit.limit is 0; expected at least 1"),
    ({"rate_limit": RateLimit(limit=1, period=0)}, "rate_limit.period is 0; expected 1 millisecond to 24 hours"),
    (
        {"rate_limit": RateLimit(limit=1, period=25 * HOUR)},
        "rate_limit.period is datetime.timedelta(days=1, seconds=3600); expected 1 millisecond to 24 hours",
    ),
    ({"rate_limit": RateLimit(limit=1, period=1, key="")}, f"rate_limit.key is ''; expected {CEL}"),
    ({"singleton": Singleton(mode="skip", key="")}, f"singleton.key is ''; expected {CEL}"),
    ({"throttle": Throttle(limit=0, period=1)}, "throttle.limit is 0; expected at least 1"),
    ({"throttle": Throttle(limit=1, period=-5)}, f"throttle.period is -5; expected {YEARS}"),
    ({"throttle": Throttle(limit=1, period=1, burst=-1)}, "throttle.burst is -1; expected at least 0"),
    ({"throttle": Throttle(limit=1, period=1, key="")}, f"throttle.key is ''; expected {CEL}"),
    ({"timeouts": Timeouts(start=0)}, f"timeouts.start is 0; expected {YEARS}"),
    ({"timeouts": Timeouts(finish=AGES)}, f"timeouts.finish is datetime.timedelta(days=109500); expected {YEARS}"),
]

COMBINATIONS: list[tuple[dict[str, Any], str]] = [
    (
        {"batch_events": BATCH, "cancel": [Cancel(event="a")]},
        f"cancel is [Cancel(event='a', if_exp=None, timeout=None)]; expected {NO_BATCH}",
    ),
    (
        {"batch_events": BATCH, "debounce": Debounce(period=1000)},
        f"debounce is Debounce(period=1000, key=None, timeout=None); expected {NO_BATCH}",
    ),
    ({"batch_events": BATCH, "priority": Priority(run="1")}, f"priority is Priority(run='1'); expected {NO_BATCH}"),
    (
        {"batch_events": BATCH, "singleton": Singleton(mode="skip")},
        f"singleton is Singleton(mode='skip', key=None); expected {NO_BATCH}",
    ),
]

SINGLE = ("Batch", "Debounce", "Priority", "RateLimit", "Singleton", "Throttle", "Timeouts")


@pytest.mark.parametrize(("options", "said"), [*PLAIN, *OPTIONS, *COMBINATIONS])
def test_options(options: dict[str, Any], said: str) -> None:
    assert message_of(**options) == f'function "app-f": {said}'


@pytest.mark.parametrize(("trigger", "said"), TRIGGERS)
def test_triggers(trigger: object, said: str) -> None:
    assert message_of(trigger=trigger) == f'function "app-f": {said}'


@pytest.mark.parametrize(("cron", "rule"), CRONS)
def test_crons(cron: str, rule: str) -> None:
    message = message_of(trigger=TriggerCron(cron=cron))
    assert message == f'function "app-f": trigger.cron is {cron!r}; expected {rule}'


@pytest.mark.parametrize("kind", SINGLE)
def test_an_option_of_another_kind(kind: str) -> None:
    field = {"Batch": "batch_events", "RateLimit": "rate_limit"}.get(kind, kind.lower())
    for value in (EVENT, {"limit": 1}, [LIMIT]):
        message = message_of(**{field: value})
        assert message == f'function "app-f": {field} is {value!r}; expected inngest.{kind}(...)'


@pytest.mark.parametrize(
    ("fn_id", "said"),
    [
        ("", f"function \"app-\": fn_id is ''; expected {ID}"),
        (" ", f"function \"app- \": fn_id is ' '; expected {ID}"),
        ("it's", f'function "app-it\'s": fn_id is "it\'s"; expected {ID}'),
        ("a\\b", f"function \"app-a\\b\": fn_id is 'a\\\\b'; expected {ID}"),
        ("a\nb", f"function 'app-a\\nb': fn_id is 'a\\nb'; expected {ID}"),
        ("a\ud800", f"function 'app-a\\ud800': fn_id is 'a\\ud800'; expected {ID}"),
        (5, f'function "app-5": fn_id is 5; expected {ID}'),
    ],
)
def test_ids(fn_id: Any, said: str) -> None:
    assert message_of(fn_id=fn_id) == said


def test_a_failure_handler_takes_an_id_of_any_length() -> None:
    def on_failure(ctx: object) -> None: ...

    function = define(fn_id="x" * 300, on_failure=on_failure)
    assert function.get_config("http://app/")[1]["triggers"] == [
        {"event": "inngest/function.failed", "expression": f"event.data.function_id == 'app-{'x' * 300}'"}
    ]


def test_idempotency_beside_a_rate_limit_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    function = define(idempotency="event.data.id", rate_limit=RateLimit(limit=1, period=1000))
    assert caplog.messages == [
        'function "app-f": rate_limit has no effect beside idempotency: engines turn idempotency into a rate limit of '
        "one run in 24 hours per value, and that replaces rate_limit"
    ]
    config = function.get_config("http://app/")[0]
    assert (config["idempotency"], config["rateLimit"]) == ("event.data.id", {"limit": 1, "period": "1s"})


@pytest.mark.parametrize(
    "options",
    [
        {"name": "", "retries": 0},
        {"name": None, "retries": 20},
        {"fn_id": "größe 注文　処理/1:2"},
        {"trigger": ()},
        {"trigger": [TriggerEvent(event=f"e{number}") for number in range(10)]},
        {"trigger": [EVENT, TriggerEvent(event="a/b", expression="event.data.x")]},
        {"trigger": TriggerEvent(event="x" * 255, expression=f"event.data.x == '{'x' * 780}'")},
        {"trigger": [TriggerEvent(event="app/*"), TriggerEvent(event="app/user.*")]},
        {"cancel": [Cancel(event="a", if_exp="event.data.has == async.data.map && event.data.x == 'has(it)'")]},
        {"trigger": TriggerCron(cron="* * * * *", jitter=1000)},
        {"cancel": (), "concurrency": []},
        {"cancel": tuple(Cancel(event="a", timeout=0) for _ in range(5))},
        {"concurrency": [LIMIT, Concurrency(limit=0, key="event.data.id", scope="account")]},
        {"concurrency": ConcurrencyLimits(fn=(Concurrency(limit=1, key="'a'", scope="fn"),), step=[LIMIT, LIMIT])},
        {"concurrency": ConcurrencyLimits(step=[Concurrency(limit=0, key="'a'", scope="account")])},
        {"batch_events": BATCH, "cancel": [], "concurrency": [LIMIT], "throttle": Throttle(limit=1, period=1)},
        {"batch_events": Batch(max_size=1000, timeout=292 * 365 * 24 * HOUR), "idempotency": "event.data.id"},
        {"debounce": Debounce(period=WEEK, timeout=0)},
        {"rate_limit": RateLimit(limit=1, period=24 * HOUR), "throttle": Throttle(limit=1, period=WEEK, burst=0)},
    ],
)
def test_what_just_fits(options: dict[str, Any]) -> None:
    assert define(**options).get_config("http://127.0.0.1/api/inngest")
