"""Whatever options a function has: what an engine is told of it holds no null, and the bundled engine takes it."""

from __future__ import annotations

import datetime
import json
import re
import uuid
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from inngest_core.client import Inngest
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
from inngest_core.serving.authentication import UNSIGNED
from inngest_core.serving.registration import register
from inngest_devserver.apps.functions import parse_function

from .test_registration import URL, Served, drive, put, put_in_band

SECOND, DAY = 1_000, 86_400_000

Options = st.SearchStrategy[Any]


def maybe(strategy: Options) -> Options:
    return st.none() | strategy


def durations(least: int, most: int) -> Options:
    whole = st.integers(least, most)
    return whole | whole.map(lambda ms: datetime.timedelta(milliseconds=ms))


names = st.text(min_size=1, max_size=20).filter(lambda name: bool(name.strip()))
event_names = st.text(min_size=1, max_size=20).filter(lambda name: not re.search(r"[\s*]", name)) | st.sampled_from(
    ["app/*", "app/user.*"]
)
expressions = st.sampled_from(["event.data.id", "event.data.x == null", "'a key'", "async.data.id == event.data.id"])
keys = maybe(expressions)
ids = st.text(st.characters(exclude_characters="'\\", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20).filter(
    lambda fn_id: bool(fn_id.strip())
)
limits = st.builds(Concurrency, limit=st.integers(0, 9), key=keys, scope=st.sampled_from([None, "fn"])) | st.builds(
    Concurrency, limit=st.integers(0, 9), key=expressions, scope=st.sampled_from(["env", "account"])
)
limit_of_runs = st.builds(Concurrency, limit=st.integers(1, 9), key=keys, scope=st.sampled_from([None, "fn"]))
limits_of_runs = st.lists(limit_of_runs, min_size=1, max_size=1)
some_limits = st.lists(limits, min_size=1, max_size=2)
triggers = st.lists(
    st.builds(TriggerEvent, event=event_names, expression=keys)
    | st.builds(TriggerCron, cron=st.just("*/5 * * * *"), jitter=maybe(durations(SECOND, 300 * SECOND))),
    max_size=10,
    unique_by=lambda trigger: json.dumps(trigger.to_wire()),
)
timeouts = durations(0, 400 * DAY)

with_batches = st.fixed_dictionaries(
    {
        "batch_events": maybe(
            st.builds(Batch, max_size=st.integers(2, 9), timeout=durations(SECOND, 9 * DAY), key=keys, if_exp=keys)
        ),
        "concurrency": maybe(
            st.just([])
            | some_limits
            | st.builds(ConcurrencyLimits, fn=limits_of_runs, step=st.just([]) | some_limits)
            | st.builds(ConcurrencyLimits, step=some_limits)
        ),
        "throttle": maybe(
            st.builds(
                Throttle,
                limit=st.integers(1, 9),
                period=durations(1, 9 * DAY),
                key=keys,
                burst=maybe(st.integers(0, 9)),
            )
        ),
        "timeouts": maybe(st.builds(Timeouts, start=maybe(durations(1, DAY)), finish=maybe(durations(1, DAY)))),
        "name": maybe(names),
        "retries": maybe(st.integers(0, 20)),
    }
)
without_batches = st.fixed_dictionaries(
    {
        "cancel": maybe(
            st.lists(st.builds(Cancel, event=event_names, if_exp=keys, timeout=maybe(timeouts)), max_size=5)
        ),
        "debounce": maybe(
            st.builds(Debounce, period=durations(SECOND, 7 * DAY), key=keys, timeout=maybe(timeouts)),
        ),
        "priority": maybe(st.builds(Priority, run=expressions)),
        "singleton": maybe(st.builds(Singleton, mode=st.sampled_from(["skip", "cancel"]), key=keys)),
    }
)
frequency = st.fixed_dictionaries(
    {
        "idempotency": keys,
        "rate_limit": maybe(st.builds(RateLimit, limit=st.integers(1, 9), period=durations(1, DAY), key=keys)),
    }
)


@st.composite
def functions(draw: st.DrawFn) -> Function[object]:
    def handler(ctx: object) -> object: ...

    given_options = {**draw(with_batches), **draw(frequency)}
    if given_options["batch_events"] is None:
        given_options |= draw(without_batches)
    return Inngest(app_id="app", is_production=False).create_function(
        fn_id=draw(ids), trigger=draw(triggers), on_failure=draw(st.sampled_from([None, handler])), **given_options
    )(handler)


def nulls(value: object, where: str = "") -> list[str]:
    """Return the paths of all nulls in a JSON value."""
    if isinstance(value, list):
        value = dict(enumerate(cast("list[object]", value)))
    if isinstance(value, dict):
        items = cast("dict[object, object]", value).items()
        return [path for key, item in items for path in nulls(item, f"{where}/{key}")]
    return [where] if value is None else []


@given(functions())
def test_what_is_registered(function: Function[object]) -> None:
    served = Served(Inngest(app_id="app", is_production=False), [function])
    _, (request,) = drive(register(served, put(), UNSIGNED))
    answer, _ = drive(register(served, put_in_band(), UNSIGNED))
    out_of_band, in_band = json.loads(request.body), json.loads(json.dumps(answer.body))
    assert nulls(function.get_config(URL)) == []
    assert nulls(out_of_band) == []
    assert nulls(in_band) == []
    assert out_of_band["functions"] == in_band["functions"]
    for config in out_of_band["functions"]:
        assert parse_function(config, app_id=str(uuid.UUID(int=0))).slug == config["id"]
