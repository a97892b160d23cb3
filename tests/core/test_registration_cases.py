"""Configurations that a real engine took or refused: what it refuses is refused at definition, or never written.

The recording holds raw configurations; here is how each would be written with our options. What it takes can be
written, but for a few named cases where we are stricter, because the engine takes nonsense and ignores it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

import inngest
from inngest_core.errors import ConfigError

URL = "http://127.0.0.1:9/x"
RECORDING = Path(__file__).parent.parent / "golden" / "recordings" / "registration-cases.json"
CASES: list[dict[str, Any]] = json.loads(RECORDING.read_text(encoding="utf-8"))["cases"]
SECOND, HOUR = 1_000, 3_600_000

Options = Mapping[str, Any]


def cron(text: str, **options: Any) -> Callable[[], Options]:
    return lambda: {"trigger": inngest.TriggerCron(cron=text, **options)}


def events(*names: str, **options: Any) -> Callable[[], Options]:
    return lambda: {"trigger": [inngest.TriggerEvent(event=name, **options) for name in names]}


def limits(*given: Mapping[str, Any]) -> Callable[[], Options]:
    return lambda: {"concurrency": [inngest.Concurrency(**each) for each in given]}


def batch(**more: Any) -> Callable[[], Options]:
    return lambda: {"batch_events": inngest.Batch(max_size=10, timeout=5 * SECOND), **more}


def one(name: str, kind: Callable[..., object], **options: Any) -> Callable[[], Options]:
    return lambda: {name: kind(**options)}


WRITTEN: dict[str, Callable[[], Options]] = {
    "cron ok": cron("*/5 * * * *"),
    "cron TZ": cron("TZ=Europe/Paris 0 9 * * *"),
    "cron 6 fields": cron("* * * * * *"),
    "cron @daily": cron("@daily"),
    "cron junk": cron("hello"),
    "cron bad TZ": cron("TZ=Mars/X 0 9 * * *"),
    "cron jitter 1h": cron("0 * * * *", jitter=HOUR),
    "no triggers": lambda: {"trigger": []},
    "dup triggers": events("a", "a"),
    "11 triggers": events(*(f"a{number}" for number in range(11))),
    "event 300 chars": events("a" * 300),
    "conc 3": limits({"limit": 1}, {"limit": 1}, {"limit": 1}),
    "conc env no key": limits({"limit": 1, "scope": "env"}),
    "conc scope null": limits({"limit": 1, "scope": None}),
    "conc int": limits({"limit": 5}),
    "conc obj": limits({"limit": 2}),
    "conc new form": lambda: {"concurrency": inngest.ConcurrencyLimits(step=[inngest.Concurrency(limit=1)])},
    "conc neg": limits({"limit": -1}),
    "conc bad key": limits({"limit": 1, "key": "event.data..x"}),
    "batch ok": batch(),
    "batch 1d": one("batch_events", inngest.Batch, max_size=10, timeout=24 * HOUR),
    "batch size1": one("batch_events", inngest.Batch, max_size=1, timeout=5 * SECOND),
    "batch no timeout": one("batch_events", inngest.Batch, max_size=5),
    "batch+cancel": batch(cancel=[inngest.Cancel(event="z")]),
    "batch+debounce": batch(debounce=inngest.Debounce(period=5 * SECOND)),
    "batch+singleton": batch(singleton=inngest.Singleton(mode="skip")),
    "rate 48h": one("rate_limit", inngest.RateLimit, limit=1, period=48 * HOUR),
    "rate 0": one("rate_limit", inngest.RateLimit, limit=0, period=HOUR),
    "rate no period": one("rate_limit", inngest.RateLimit, limit=1),
    "throttle 0": one("throttle", inngest.Throttle, limit=0, period=60 * SECOND),
    "throttle junk": one("throttle", inngest.Throttle, limit=1, period="soon"),
    "debounce 100ms": one("debounce", inngest.Debounce, period=100),
    "debounce 8d": one("debounce", inngest.Debounce, period=8 * 24 * HOUR),
    "priority junk": one("priority", inngest.Priority, run="event.."),
    "priority str": one("priority", inngest.Priority, run="'x'"),
    "idem junk": lambda: {"idempotency": "event.data.."},
    "singleton junk": one("singleton", inngest.Singleton, mode="what"),
    "singleton none": one("singleton", inngest.Singleton),
    "timeouts junk": one("timeouts", inngest.Timeouts, start="soon"),
    "cancel 6": lambda: {"cancel": [inngest.Cancel(event=f"z{number}") for number in range(6)]},
    "cancel bad if": lambda: {"cancel": [inngest.Cancel(event="z", if_exp="(((")]},
    "cancel timeout junk": lambda: {"cancel": [inngest.Cancel(event="z", timeout=object())]},  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # refused when it runs
    "name empty": lambda: {"name": ""},
    "name missing": lambda: {"name": None},
    "no steps": dict,
    "url missing": dict,
    "retries 50": lambda: {"retries": 50},
    "retries -1": lambda: {"retries": -1},
    "id missing": lambda: {"fn_id": ""},
    "id w/o app prefix": lambda: {"fn_id": "zzz"},
    "id spaces": lambda: {"fn_id": "a b"},
    "expr string": events("a", expression="'x'"),
}
NEVER_WRITTEN = {"conc scope null", "batch 1d", "name empty", "name missing", "no steps", "url missing"}
"""Refused by the engine; whatever is given, the configuration that we write is another one."""
STRICTER = {
    "conc neg": "it means no limit, or nothing at all",
    "throttle 0": "it means nothing",
    "singleton none": "a mode has no default",
    "timeouts junk": "the engine ignores it",
    "cancel timeout junk": "the engine ignores it",
    "retries 50": "the engine makes 20 of it",
    "retries -1": "it means nothing",
    "id missing": "the engine cannot call a function without an id",
}
"""Taken by the engine and refused here, and why."""
OTHER_SPELLINGS: dict[str, dict[str, object]] = {
    "conc int": {"concurrency": [{"limit": 5}]},
    "conc obj": {"concurrency": [{"limit": 2}]},
    "id w/o app prefix": {"id": "cf-zzz"},
    "no triggers": {"triggers": []},
}
"""Taken by the engine and written in another way, which means the same."""


def configure(options: Options) -> dict[str, object]:
    """Return the configuration that an engine would get; the app and the rest of the function are as recorded."""

    def handler(ctx: inngest.ContextSync) -> None: ...

    client = inngest.Inngest(app_id="cf", is_production=False)
    given: dict[str, Any] = {"fn_id": "a", "trigger": inngest.TriggerEvent(event="a"), **options}
    return client.create_function(**given)(handler).get_config(URL)[0]


def name_of(case: dict[str, Any]) -> str:
    return str(case["case"])


def test_every_recorded_case_has_its_line() -> None:
    assert len(CASES) == 52
    assert list(WRITTEN) == [case["case"] for case in CASES]
    refused = {case["case"] for case in CASES if not case["accepted"]}
    assert refused >= NEVER_WRITTEN
    assert not refused & (STRICTER.keys() | OTHER_SPELLINGS.keys())


REFUSED = [case for case in CASES if not case["accepted"]]
TAKEN = [case for case in CASES if case["accepted"]]


@pytest.mark.parametrize("name", [case["case"] for case in REFUSED if case["case"] not in NEVER_WRITTEN])
def test_what_the_engine_refuses_is_refused(name: str) -> None:
    with pytest.raises(ConfigError):
        configure(WRITTEN[name]())


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=case["case"]) for case in REFUSED if case["case"] in NEVER_WRITTEN]
)
def test_what_the_engine_refuses_is_never_written(case: dict[str, Any]) -> None:
    config = configure(WRITTEN[case["case"]]())
    assert not (config.items() >= case["changed"].items() and not config.keys() & set(case["without"]))


@pytest.mark.parametrize("name", STRICTER)
def test_what_is_refused_though_the_engine_takes_it(name: str) -> None:
    with pytest.raises(ConfigError):
        configure(WRITTEN[name]())


@pytest.mark.parametrize("case", [case for case in TAKEN if case["case"] not in STRICTER], ids=name_of)
def test_what_the_engine_takes_can_be_written(case: dict[str, Any]) -> None:
    config = configure(WRITTEN[case["case"]]())
    expected: dict[str, object] = OTHER_SPELLINGS.get(case["case"]) or case["changed"]
    assert {key: config[key] for key in expected} == expected
