"""Results of steps and functions, sync and async: which type counts, what is said once, what is strict."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable
from typing import Any, cast

import pytest

import inngest
from inngest_core.serving.app import App
from inngest_core.values.serializer import dump
from tests.cases.case import hashed
from tests.core.rich_values import AT, Data, Model
from tests.stage.asks import Ask, ask_async, ask_sync
from tests.stage.in_process_engine import InProcessEngine
from tests.stage.logs import LogList
from tests.stage.one_function import serving

ASKS = pytest.mark.parametrize("ask", [ask_sync, ask_async])


def run(
    ask: Ask,
    callback: Callable[..., Any],
    *,
    runs: int = 1,
    serializer: inngest.Serializer | None = None,
    **options: Any,
) -> tuple[list[Any], list[str]]:
    """Run a function of one step; return what the function got of it, in each run, and what was logged."""
    got: list[Any] = []

    def handler(ctx: inngest.ContextSync) -> None:
        got.append(ctx.step.run("load", callback, **options))

    async def handler_async(ctx: inngest.Context) -> None:
        got.append(await ctx.step.run("load", callback, **options))

    records = LogList()
    logger = logging.Logger("records")
    logger.addHandler(records)
    with serving(handler if ask is ask_sync else handler_async, logger=logger, serializer=serializer) as app:
        for _ in range(runs):
            engine = InProcessEngine(app, ask, lambda _: 0)
            assert engine.run() is None
            engine.call()
    assert got[0] == got[1], "live and replay differ"
    return got, records.texts


def load_data() -> Data:
    return Data(AT.date(), [Model(at=AT)])


@ASKS
def test_the_annotation_counts(ask: Ask) -> None:
    got, logged = run(ask, load_data)
    assert got == [load_data()] * 2
    assert logged == []


def wrong() -> list[Model]:
    return [{"name": "no model"}]  # type: ignore[list-item]  # pyright: ignore


def loose() -> dict[str, Any]:
    return {"at": AT}


@ASKS
def test_an_annotation_that_does_not_fit_is_said_once(ask: Ask) -> None:
    got, logged = run(ask, wrong, runs=2)
    assert got == [[{"name": "no model"}]] * 4
    assert len(logged) == 1
    assert logged[0].startswith(
        'step "load" of app-fn: the result comes back as plain JSON: it does not fit its annotation list['
    )


@ASKS
@pytest.mark.parametrize(
    ("callback", "problem"),
    [
        (lambda: AT, "is a datetime and comes back as plain JSON: its callback has no return annotation"),
        (loose, "is a dict and comes back as plain JSON: its annotation is of plain JSON"),
    ],
)
def test_a_missing_annotation_is_said_once(ask: Ask, callback: Callable[[], Any], problem: str) -> None:
    got, logged = run(ask, callback, runs=2)
    assert got[0] in ("2027-01-02T03:04:05.000678Z", {"at": "2027-01-02T03:04:05.000678Z"})
    assert logged == [f'step "load" of app-fn: the result {problem}; annotate what it returns, or give output_type=']


@ASKS
def test_plain_values_need_no_annotation(ask: Ask) -> None:
    got, logged = run(ask, lambda: {"a": [1, 2.5, None, "x"]})
    assert got[0] == {"a": [1, 2.5, None, "x"]}
    assert logged == []


@ASKS
def test_an_output_type_is_strict(ask: Ask) -> None:
    def handler(ctx: inngest.ContextSync) -> str:
        try:
            ctx.step.run("load", lambda: {"price": 1}, output_type=Model)
        except inngest.StepError as error:
            return error.message
        return ""

    async def handler_async(ctx: inngest.Context) -> str:
        try:
            await ctx.step.run("load", lambda: {"price": 1}, output_type=Model)
        except inngest.StepError as error:
            return error.message
        return ""

    with serving(handler if ask is ask_sync else handler_async) as app:
        message = InProcessEngine(app, ask, lambda _: 0).run()
    assert message == (
        'step "load": output does not fit output_type=Model: at: Field required; correct the type or the value'
    )


def missing() -> Data:
    return None  # type: ignore[return-value]  # pyright: ignore[reportReturnType]


@ASKS
def test_none_does_not_fit_either(ask: Ask) -> None:
    got, logged = run(ask, missing, runs=2)
    assert got == [None] * 4
    assert len(logged) == 1
    assert logged[0].startswith(
        'step "load" of app-fn: the result comes back as plain JSON: it does not fit its annotation Data: '
    )


# Serializers of users, which may raise anything


class Broken(inngest.PydanticSerializer):
    """Fails to write, or to read."""

    def __init__(self, error: Exception, *, writes: bool = False) -> None:
        self.error = error
        self.writes = writes

    def serialize(self, obj: object, typ: object) -> object:
        if not self.writes:
            raise self.error
        return {"packed": super().serialize(obj, typ)}

    def deserialize(self, obj: object, typ: object) -> object:
        raise self.error


ERRORS: list[tuple[Exception, str]] = [
    (KeyError("packed"), "KeyError: 'packed'"),
    (ValueError("no such day"), "no such day"),
    (OSError(), "OSError"),
]
BREAKING = pytest.mark.parametrize(("error", "said"), ERRORS, ids=[said for _, said in ERRORS])


@BREAKING
@pytest.mark.parametrize("writes", [False, True])
@ASKS
def test_a_serializer_that_fails_gives_plain_json_and_is_said_once(
    ask: Ask, writes: bool, error: Exception, said: str
) -> None:
    got, logged = run(ask, load_data, runs=2, serializer=Broken(error, writes=writes))
    assert got == [{"day": "2027-01-02", "models": [{"at": "2027-01-02T03:04:05.000678Z", "price": "1.10"}]}] * 4
    assert logged == [
        'step "load" of app-fn: the result comes back as plain JSON: it does not fit its annotation Data: ' + said
    ]


@BREAKING
@pytest.mark.parametrize("writes", [False, True])
@ASKS
def test_a_serializer_that_fails_is_explained(ask: Ask, writes: bool, error: Exception, said: str) -> None:
    def handler(ctx: inngest.ContextSync) -> None:
        ctx.step.run("load", load_data, output_type=Data)

    async def handler_async(ctx: inngest.Context) -> None:
        await ctx.step.run("load", load_data, output_type=Data)

    serializer = Broken(error, writes=writes)
    with serving(handler if ask is ask_sync else handler_async, serializer=serializer) as app:
        status, body = InProcessEngine(app, ask, lambda _: 0).call(max_attempts=4)
    assert (status, body[0]["op"]) == (206, "StepFailed")
    assert body[0]["error"]["name"] == "OutputUnserializableError"
    how = "does not fit output_type=Data" if writes else "could not be written by Broken as Data"
    assert body[0]["error"]["message"] == f'step "load": output {how}: {said}; correct the type or the value'


@BREAKING
@pytest.mark.parametrize("writes", [False, True])
def test_a_serializer_that_fails_for_a_function_is_explained(writes: bool, error: Exception, said: str) -> None:
    with inngest.Inngest(app_id="app", is_production=False, serializer=Broken(error, writes=writes)) as client:

        @client.create_function(fn_id="fn", output_type=Data)
        def function(ctx: inngest.ContextSync) -> Data:
            return load_data()

        app = App(client, [function], framework="bare")
        status, body = InProcessEngine(app, ask_sync, lambda _: 0).call()
    assert (status, body["code"]) == (500, "output_unserializable")
    how = "does not fit output_type=Data" if writes else "could not be written by Broken as Data"
    assert body["message"] == f"function app-fn: output {how}: {said}; correct the type or the value"


class Money:
    """Known to a serializer only."""

    def __init__(self, amount: int) -> None:
        self.amount = amount


class MoneySerializer(inngest.PydanticSerializer):
    def serialize(self, obj: object, typ: object) -> object:
        return f"{obj.amount} EUR" if isinstance(obj, Money) else super().serialize(obj, typ)


def test_a_serializer_is_asked_for_objects_of_unknown_classes() -> None:
    def handler(ctx: inngest.ContextSync) -> object:
        return {"plain": ctx.step.run("load", lambda: {"price": Money(2)}), "price": Money(3)}

    with serving(handler, serializer=MoneySerializer()) as app:
        got = InProcessEngine(app, ask_sync, lambda _: 0).run()
    assert got == {"plain": {"price": "2 EUR"}, "price": "3 EUR"}


# Values that raise when they are looked at


class Shy(list[object]):
    def __iter__(self) -> Any:
        raise RuntimeError("do not look")


def test_a_value_that_raises_is_told_as_the_users_error() -> None:
    def handler(ctx: inngest.ContextSync) -> object:
        return Shy([1])

    log = LogList()
    logger = logging.Logger("log")
    logger.addHandler(log)
    with serving(handler, logger=logger) as app:
        status, body = InProcessEngine(app, ask_sync, lambda _: 0).call()
    assert status == 500
    assert (body["name"], body["message"]) == ("RuntimeError", "do not look")
    assert log.texts == ["function app-fn failed: do not look"]


# What is given to invoked functions, and what comes back


def unresolvable(ctx: inngest.ContextSync) -> Nowhere:  # type: ignore[name-defined]  # noqa: F821  # pyright: ignore
    return {}


@ASKS
def test_an_invoked_function_with_an_annotation_that_cannot_be_used_is_said_once(ask: Ask) -> None:
    log = LogList()
    logger = logging.Logger("log")
    logger.addHandler(log)
    with inngest.Inngest(app_id="app", is_production=False) as client:
        other: inngest.Function[Any] = client.create_function(fn_id="other")(cast("Any", unresolvable))

        def handler(ctx: inngest.ContextSync) -> object:
            return ctx.step.invoke("call", function=other)

        async def handler_async(ctx: inngest.Context) -> object:
            return await ctx.step.invoke("call", function=other)

        with serving(handler if ask is ask_sync else handler_async, logger=logger) as app:
            engine = InProcessEngine(app, ask, lambda _: 0, memos={hashed("call"): {"data": {"a": 1}}})
            assert [engine.run(), engine.run()] == [{"a": 1}, {"a": 1}]
    assert log.texts == [
        'step "call" of app-fn: the result comes back as plain JSON: '
        "its return annotation Nowhere cannot be used: name 'Nowhere' is not defined"
    ]


def test_rich_data_is_given_to_an_invoked_function() -> None:
    def handler(ctx: inngest.ContextSync) -> None:
        ctx.step.invoke_by_id("call", function_id="other", data=Model(at=AT))

    with serving(handler) as app:
        status, body = InProcessEngine(app, ask_sync, lambda _: 0).call()
    assert status == 206
    assert body[0]["opts"]["payload"] == {"data": {"at": "2027-01-02T03:04:05.000678Z", "price": "1.10"}}


@ASKS
@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"rate": math.nan}, 'step "call": data.rate: float nan is not JSON; give a finite number or None'),
        ([1], 'step "call": data is a JSON array; an event\'s data is an object: give a dict or a model'),
    ],
)
def test_data_of_an_invoked_function_is_refused_where_it_is_given(ask: Ask, data: Any, message: str) -> None:
    def handler(ctx: inngest.ContextSync) -> str:
        try:
            ctx.step.invoke_by_id("call", function_id="other", data=data)
        except inngest.InngestError as error:
            return error.message
        return ""

    async def handler_async(ctx: inngest.Context) -> str:
        try:
            await ctx.step.invoke_by_id("call", function_id="other", data=data)
        except inngest.InngestError as error:
            return error.message
        return ""

    with serving(handler if ask is ask_sync else handler_async) as app:
        assert InProcessEngine(app, ask, lambda _: 0).run() == message


def test_invoke_gives_back_what_the_function_returns() -> None:
    with inngest.Inngest(app_id="app", is_production=False) as client:

        @client.create_function(fn_id="other")
        async def other(ctx: inngest.Context) -> Data:
            return load_data()

        def handler(ctx: inngest.ContextSync) -> list[bool]:
            first = ctx.step.invoke("call", function=other)
            second = ctx.step.invoke_by_id("by id", function_id="other", output_type=Data)
            return [first == load_data(), second == load_data()]

        with serving(handler) as app:
            engine = InProcessEngine(app, ask_sync, lambda _: 0)
            for step_id in ("call", "by id"):
                engine.memos[hashed(step_id)] = {"data": json.loads(dump(load_data(), "it").body)}
            assert engine.run() == [True, True]
