"""Functions: ids, sync and async handlers of every form, configuration on the wire."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from inngest_core.errors import FunctionConfigError
from inngest_core.function import Function, index_functions, inspect_handler, step_url
from inngest_core.options.function_opts import FunctionOpts
from inngest_core.options.options import (
    Batch,
    Cancel,
    Concurrency,
    Priority,
    RateLimit,
    Throttle,
    Timeouts,
    Trigger,
    TriggerCron,
    TriggerEvent,
)

URL = "http://127.0.0.1:8000/api/inngest"


def handler(ctx: object) -> int:
    return 1


async def async_handler(ctx: object, step: object) -> int:
    return 1


def make(
    fn_id: str = "f",
    *,
    triggers: tuple[Trigger, ...] = (TriggerEvent(event="a/b"),),
    body: Callable[..., object] = handler,
    on_failure: Callable[..., object] | None = None,
    **opts: Any,
) -> Function[object]:
    return Function(
        app_id="app", opts=FunctionOpts(fn_id=fn_id, **opts), triggers=triggers, handler=body, on_failure=on_failure
    )


class Methods:
    def plain(self, ctx: object) -> None: ...
    async def with_step(self, ctx: object, step: object) -> None: ...
    @staticmethod
    def static(ctx: object, step: object) -> None: ...
    @classmethod
    async def of_class(cls, ctx: object) -> None: ...


class Callable1:
    def __call__(self, ctx: object) -> None: ...


class AsyncCallable2:
    async def __call__(self, ctx: object, step: object) -> None: ...


def with_db(db: str, ctx: object, *, region: str = "eu") -> None: ...


def optional_step(ctx: object, step: object = None) -> None: ...


async def with_more(ctx: object, step: object, extra: int = 1) -> None: ...


def passes_on(inner: Callable[..., object]) -> Callable[..., object]:
    @functools.wraps(inner)
    def wrapper(*args: object, **kwargs: object) -> object:
        return inner(*args, **kwargs)

    return wrapper


def injects(inner: Callable[..., object]) -> Callable[..., object]:
    @functools.wraps(inner)
    def wrapper(ctx: object) -> object:
        return inner("db", ctx)

    return wrapper


@pytest.mark.parametrize(
    ("body", "is_async", "takes_step"),
    [
        (handler, False, False),
        (async_handler, True, True),
        (with_more, True, True),
        (optional_step, False, False),
        (functools.partial(with_db, "db"), False, False),
        (functools.partial(with_db, "db", region="us"), False, False),
        (functools.partial(functools.partial(async_handler)), True, True),
        (Methods().plain, False, False),
        (Methods().with_step, True, True),
        (functools.partial(Methods().with_step), True, True),
        (Methods.static, False, True),
        (Methods.of_class, True, False),
        (Callable1(), False, False),
        (AsyncCallable2(), True, True),
        (functools.partial(AsyncCallable2()), True, True),
        (passes_on(Methods.static), False, True),
        (injects(with_db), False, False),
    ],
)
def test_form_and_kind(body: Callable[..., object], is_async: bool, takes_step: bool) -> None:
    found = inspect_handler(body, "it")
    assert (found.is_async, found.takes_step) == (is_async, takes_step)


def no_parameters() -> None: ...
def three(ctx: object, step: object, more: object) -> None: ...
def anything(*args: object) -> None: ...
def keyword(ctx: object, *, db: str) -> None: ...
def generator(ctx: object) -> Iterator[int]:
    yield 1


async def async_generator(ctx: object) -> AsyncIterator[int]:
    yield 1


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (no_parameters, r"requires 0 positional parameters \(\); expected \(ctx\) or \(ctx, step\)"),
        (three, r"requires 3 positional parameters \(ctx, step, more\)"),
        (anything, r"requires 0 positional parameters \(\); .*; if a decorator made it, use functools.wraps"),
        (keyword, "requires the keyword arguments db"),
        (generator, "is a generator"),
        (async_generator, "is a generator"),
        (
            Methods.with_step,
            "takes self, so it is a method, and nothing passes self to it; decorate a function outside",
        ),
        (Methods.plain, "takes self, so it is a method"),
        (functools.partial(Methods.plain), "takes self, so it is a method"),
        (Callable1, "is the class Callable1; give a function, a bound method such as"),
        (make(), 'is the function "app-f"; give a handler that is not decorated yet'),
        ("text", "is a str; give a function"),
    ],
)
def test_other_forms_are_refused(body: Any, says: str) -> None:
    with pytest.raises(FunctionConfigError, match=f'^function "app-f": the handler {says}'):
        make(body=body)
    with pytest.raises(FunctionConfigError, match=f'^function "app-f": on_failure {says}'):
        make(on_failure=body)


def test_ids_and_names() -> None:
    plain = make()
    assert (plain.id, plain.get_id(), plain.local_id, plain.name) == ("app-f", "app-f", "f", "f")
    assert (plain.on_failure_fn_id, plain.is_on_failure_handler_async, plain.is_handler_async) == (None, None, False)
    failing = make(name="My function", body=async_handler, on_failure=async_handler)
    assert (failing.name, failing.on_failure_fn_id) == ("My function", "app-f-failure")
    assert (failing.is_handler_async, failing.is_on_failure_handler_async) == (True, True)


@pytest.mark.parametrize(("body", "on_failure"), [(handler, async_handler), (async_handler, handler)])
def test_a_failure_handler_is_sync_or_async_as_its_function(body: Any, on_failure: Any) -> None:
    with pytest.raises(FunctionConfigError, match=r"on_failure is (async def|a plain def), but the handler is"):
        make(body=body, on_failure=on_failure)


def test_a_refused_option_names_function_field_value_and_rule() -> None:
    with pytest.raises(FunctionConfigError) as caught:
        make(batch_events=Batch(max_size=1, timeout=1000))
    assert caught.value.message == 'function "app-f": batch_events.max_size is 1; expected at least 2'


def test_plain_configuration() -> None:
    assert make().get_config(URL) == [
        {
            "id": "app-f",
            "name": "f",
            "triggers": [{"event": "a/b"}],
            "steps": {
                "step": {
                    "id": "step",
                    "name": "step",
                    "runtime": {"type": "http", "url": f"{URL}?fnId=app-f&stepId=step"},
                }
            },
        }
    ]


def test_configuration_with_many_options() -> None:
    function = make(
        "everything",
        name="Every option",
        triggers=(TriggerEvent(event="a/b", expression="event.data.x > 1"), TriggerCron(cron="*/5 * * * *")),
        retries=3,
        priority=Priority(run="event.data.p"),
        concurrency=[Concurrency(limit=2, key="event.data.k", scope="env")],
        cancel=[Cancel(event="a/c")],
        rate_limit=RateLimit(limit=10, period=60_000, key="event.data.k"),
        throttle=Throttle(limit=1, period=1000),
        timeouts=Timeouts(start=3_600_000, finish=7_200_000),
    )
    assert function.get_config(URL) == [
        {
            "id": "app-everything",
            "name": "Every option",
            "triggers": [{"event": "a/b", "expression": "event.data.x > 1"}, {"cron": "*/5 * * * *"}],
            "steps": {
                "step": {
                    "id": "step",
                    "name": "step",
                    "retries": {"attempts": 3},
                    "runtime": {"type": "http", "url": f"{URL}?fnId=app-everything&stepId=step"},
                }
            },
            "priority": {"run": "event.data.p"},
            "concurrency": [{"limit": 2, "key": "event.data.k", "scope": "env"}],
            "cancel": [{"event": "a/c"}],
            "rateLimit": {"limit": 10, "period": "1m", "key": "event.data.k"},
            "throttle": {"limit": 1, "period": "1s", "burst": 1},
            "timeouts": {"start": "1h", "finish": "2h"},
        }
    ]


def test_the_failure_handler_is_a_function_of_its_own() -> None:
    main, failure = make(on_failure=handler, retries=0, idempotency="x").get_config(URL)
    assert main["id"] == "app-f"
    assert failure == {
        "id": "app-f-failure",
        "name": "f (failure)",
        "triggers": [{"event": "inngest/function.failed", "expression": "event.data.function_id == 'app-f'"}],
        "steps": {
            "step": {
                "id": "step",
                "name": "step",
                "retries": {"attempts": 0},
                "runtime": {"type": "http", "url": f"{URL}?fnId=app-f-failure&stepId=step"},
            }
        },
    }


@pytest.mark.parametrize(
    ("url", "fn_id", "expected"),
    [
        (URL, "a b&c/ü", f"{URL}?fnId=a%20b%26c%2F%C3%BC&stepId=step"),
        (URL + "?token=x%26y&fnId=old#f", "a", f"{URL}?token=x%26y&fnId=a&stepId=step"),
        ("wss://connect", "a", "wss://connect?fnId=a&stepId=step"),
    ],
)
def test_step_urls(url: str, fn_id: str, expected: str) -> None:
    assert step_url(url, fn_id) == expected


def test_index() -> None:
    first, second = make("a", on_failure=handler), make("b")
    index = index_functions([first, second])
    assert {fn_id: function for fn_id, (function, _) in index.items()} == {
        "app-a": first,
        "app-a-failure": first,
        "app-b": second,
    }
    assert index["app-a-failure"][1] is first.on_failure
    with pytest.raises(
        FunctionConfigError, match=r'^function "app-a" is defined twice, at .*test_function.py:\d+ and at'
    ):
        index_functions([first, make("a")])
    with pytest.raises(FunctionConfigError, match='"app-a-failure" is defined twice'):
        index_functions([first, make("a-failure")])
