"""MsgspecSerializer: structs are given and come back, live and on replay alike; without it they are refused."""

from __future__ import annotations

import datetime
import json
import logging
import math
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

import inngest
from inngest_core.errors import OutputUnserializableError
from inngest_core.values.serializer import dump, load
from tests.cases.case import hashed
from tests.core.rich_values import AT, Color, Model
from tests.stage.asks import Ask, ask_async, ask_sync
from tests.stage.in_process_engine import InProcessEngine
from tests.stage.logs import LogList
from tests.stage.one_function import serving

SERIALIZER = inngest.MsgspecSerializer()
ASKS = pytest.mark.parametrize("ask", [ask_sync, ask_async])
WHAT = 'step "quote": output'
NEEDED = "give Inngest(serializer=inngest.MsgspecSerializer())"


class Line(msgspec.Struct):
    price: float
    extra: object = None


class Order(msgspec.Struct, rename="camel", tag=True, frozen=True):
    order_id: int
    at: datetime.datetime
    lines: list[Line] = []


class Foo:
    pass


ORDER = Order(1, AT, [Line(1.5)])
AS_JSON = {
    "type": "Order",
    "orderId": 1,
    "at": "2027-01-02T03:04:05.000678Z",
    "lines": [{"price": 1.5, "extra": None}],
}


def load_order() -> Order:
    return ORDER


def logging_to(records: LogList) -> logging.Logger:
    logger = logging.Logger("records")
    logger.addHandler(records)
    return logger


def results_of(ask: Ask, callback: Callable[[], Any], **options: Any) -> tuple[list[Any], list[str]]:
    """Return what a function got of its one step in two calls, and what was logged."""
    got: list[Any] = []

    def handler(ctx: inngest.ContextSync) -> None:
        got.append(ctx.step.run("load", callback, **options))

    async def handler_async(ctx: inngest.Context) -> None:
        got.append(await ctx.step.run("load", callback, **options))

    records = LogList()
    given = handler if ask is ask_sync else handler_async
    with serving(given, logger=logging_to(records), serializer=SERIALIZER) as app:
        engine = InProcessEngine(app, ask, lambda _: 0)
        assert engine.run() is None
        engine.call()
    return got, records.texts


@ASKS
@pytest.mark.parametrize("options", [{}, {"output_type": Order}])
def test_a_struct_comes_back(ask: Ask, options: dict[str, Any]) -> None:
    assert results_of(ask, load_order, **options) == ([ORDER, ORDER], [])


@ASKS
def test_without_an_annotation_it_is_plain_json_and_said_once(ask: Ask) -> None:
    got, logged = results_of(ask, lambda: {"order": ORDER})
    assert got == [{"order": AS_JSON}] * 2
    assert logged == [
        'step "load" of app-fn: the result is a dict and comes back as plain JSON: '
        "its callback has no return annotation; annotate what it returns, or give output_type="
    ]


def wrong() -> list[Order]:
    return [Line(2.5)]  # type: ignore[list-item]  # pyright: ignore[reportReturnType]


@ASKS
def test_with_a_wrong_annotation_it_is_plain_json_and_said_once(ask: Ask) -> None:
    got, logged = results_of(ask, wrong)
    assert got == [[{"price": 2.5, "extra": None}]] * 2
    assert logged == [
        'step "load" of app-fn: the result comes back as plain JSON: it does not fit its annotation '
        f"{list[Order]}: Object missing required field `orderId` - at `$[0]`"
    ]


class Priced(msgspec.Struct):
    price: float
    note: str = "cheap"


def narrowed() -> Line:
    return Priced(2.5)  # type: ignore[return-value]  # pyright: ignore[reportReturnType]


@ASKS
def test_what_another_struct_would_lose_is_said_once(ask: Ask) -> None:
    got, logged = results_of(ask, narrowed)
    assert got == [Line(2.5)] * 2
    assert logged == [
        'step "load" of app-fn: the result is a Priced and comes back as another value, a Line, by its annotation '
        "Line; correct the annotation, or give output_type="
    ]


@ASKS
def test_an_output_type_is_strict(ask: Ask) -> None:
    def handler(ctx: inngest.ContextSync) -> str:
        try:
            ctx.step.run("load", lambda: [{"price": "much"}], output_type=list[Line])
        except inngest.StepError as error:
            return error.message
        return ""

    async def handler_async(ctx: inngest.Context) -> str:
        try:
            await ctx.step.run("load", lambda: [{"price": "much"}], output_type=list[Line])
        except inngest.StepError as error:
            return error.message
        return ""

    with serving(handler if ask is ask_sync else handler_async, serializer=SERIALIZER) as app:
        assert InProcessEngine(app, ask, lambda _: 0).run() == (
            f'step "load": output does not fit output_type={list[Line]}: Expected `float`, got `str` - '
            "at `$[0].price`; correct the type or the value"
        )


def test_functions_give_and_take_structs() -> None:
    with inngest.Inngest(app_id="app", is_production=False, serializer=SERIALIZER) as client:

        @client.create_function(fn_id="other")
        def other(ctx: inngest.ContextSync) -> Order:
            return ORDER

        def handler(ctx: inngest.ContextSync) -> list[Order]:
            return [
                ctx.step.invoke("call", function=other, data={"order": ORDER}),
                ctx.step.invoke_by_id("by id", function_id="other", data=ORDER, output_type=Order),
            ]

        with serving(handler, serializer=SERIALIZER) as app:
            engine = InProcessEngine(app, ask_sync, lambda _: 0)
            _, body = engine.call()
            assert body[0]["opts"]["payload"] == {"data": {"order": AS_JSON}}
            engine.memos[hashed("call")] = {"data": AS_JSON}
            _, body = engine.call()
            assert body[0]["opts"]["payload"] == {"data": AS_JSON}
            engine.memos[hashed("by id")] = {"data": AS_JSON}
            assert engine.run() == [AS_JSON, AS_JSON]


def test_structs_and_models_may_hold_each_other() -> None:
    held = Line(1, {"models": [Model(at=AT)], "lone": "\ud800"})
    assert json.loads(dump([held], WHAT, serializer=SERIALIZER).body) == [
        {
            "price": 1,
            "extra": {"models": [{"at": "2027-01-02T03:04:05.000678Z", "price": "1.10"}], "lone": "\ud800"},
        }
    ]


def refusal(value: object, **options: Any) -> str:
    with pytest.raises(OutputUnserializableError) as caught:
        dump(value, WHAT, **options)
    return caught.value.message


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (ORDER, f" is a Order, a msgspec.Struct; {NEEDED}"),
        ({"orders": [1, ORDER]}, f".orders[1] is a Order, a msgspec.Struct; {NEEDED}"),
        ([Line(math.nan)], f"[0] is a Line, a msgspec.Struct; {NEEDED}"),
    ],
)
def test_without_the_serializer_a_struct_is_refused(value: object, message: str) -> None:
    assert refusal(value) == WHAT + message
    assert refusal(value, typ=type(value)) == WHAT + message


LINES = list[Line]
CYCLE = Line(1)
CYCLE.extra = [CYCLE]


@pytest.mark.parametrize(
    ("value", "typed", "plain"),
    [
        (
            [Line(1, Foo())],
            f"[0].extra, a Foo, could not be written by MsgspecSerializer within {LINES}: "
            f"Unable to generate pydantic-core schema for {Foo}; correct the type or the value",
            "[0].extra is a Foo that MsgspecSerializer cannot write: "
            f"Unable to generate pydantic-core schema for {Foo}; return JSON values or give output_type=",
        ),
        (
            [Line(1), Line(math.nan)],
            "[1].price: float nan is not JSON; give a finite number or None",
            "[1].price: float nan is not JSON; give a finite number or None",
        ),
        (
            [Line(1, {(1, 2): 3})],
            f"[0], a Line, could not be written by MsgspecSerializer within {LINES}: "
            "Only dicts with str-like or number-like keys are supported; correct the type or the value",
            "[0] is a Line that MsgspecSerializer cannot write: "
            "Only dicts with str-like or number-like keys are supported; return JSON values or give output_type=",
        ),
        (
            [CYCLE],
            f"[0].extra[0], a Line, could not be written by MsgspecSerializer within {LINES}: "
            "it holds itself; correct the type or the value",
            "[0].extra[0] is a Line that holds itself; return JSON values or give output_type=",
        ),
    ],
)
def test_what_msgspec_refuses_is_named_with_its_path(value: object, typed: str, plain: str) -> None:
    assert refusal(value, typ=LINES, rule="strict", serializer=SERIALIZER) == WHAT + typed
    assert refusal(value, serializer=SERIALIZER) == WHAT + plain


def test_a_key_that_is_no_text() -> None:
    value = [Line(1, {1: 2})]
    assert dump(value, WHAT, typ=LINES, serializer=SERIALIZER).body == b'[{"price":1,"extra":{"1":2}}]'
    assert dump(value, WHAT, serializer=SERIALIZER).body == b'[{"price":1,"extra":{"1":2}}]'
    assert dump([{1: Line(1)}], WHAT, serializer=SERIALIZER).body == b'[{"1":{"price":1,"extra":null}}]'
    assert refusal([{(1, 2): Line(1)}], serializer=SERIALIZER) == (
        f"{WHAT}[0]: key (1, 2) is a tuple, not a str; give str keys"
    )


def test_a_type_that_neither_knows() -> None:
    with pytest.raises(OutputUnserializableError, match="Enums must contain either all str or all int values"):
        load([1], list[Line | Color], serializer=SERIALIZER)


def test_msgspec_is_not_imported_with_inngest() -> None:
    program = "import sys, inngest; print('msgspec' in sys.modules); inngest.MsgspecSerializer()"
    done = subprocess.run([sys.executable, "-c", program], check=True, timeout=150, capture_output=True, text=True)
    assert done.stdout == "False\n"
