"""Function.call and call_sync: one call without an engine, told as values."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

import inngest
from inngest_core.errors import FunctionNotFoundError, StepUnexpectedError
from tests.cases.case import RUN_ID, hashed
from tests.stage.logs import silent_logger

EVENT = inngest.Event(name="shop/order", data={"item": "pen"})
GO = inngest.TriggerEvent(event="shop/order")

Call = Callable[..., inngest.CallResult]


@pytest.fixture
def client() -> inngest.Inngest:
    return inngest.Inngest(app_id="shop", is_production=False, logger=silent_logger())


def by_call(function: inngest.Function[Any], *args: Any) -> inngest.CallResult:
    return asyncio.run(function.call(*args))


def by_call_sync(function: inngest.Function[Any], *args: Any) -> inngest.CallResult:
    return function.call_sync(*args)


BOTH_WAYS = pytest.mark.parametrize("call", [by_call, by_call_sync])
BOTH_KINDS = pytest.mark.parametrize("is_async", [False, True])


def order_function(client: inngest.Inngest, is_async: bool, **options: Any) -> inngest.Function[Any]:
    def order(ctx: inngest.ContextSync) -> list[object]:
        price = ctx.step.run("price", lambda: {"cents": 120})
        ctx.step.sleep("nap", 1000)
        return [ctx.event.data["item"], price, ctx.attempt]

    async def order_async(ctx: inngest.Context) -> list[object]:
        price = await ctx.step.run("price", lambda: {"cents": 120})
        await ctx.step.sleep("nap", 1000)
        return [ctx.event.data["item"], price, ctx.attempt]

    made: Any = order_async if is_async else order
    function: inngest.Function[Any] = client.create_function(fn_id="order", trigger=GO, **options)(made)
    return function


@BOTH_WAYS
@BOTH_KINDS
def test_a_run_is_called_to_its_end(client: inngest.Inngest, call: Call, is_async: bool) -> None:
    function = order_function(client, is_async)
    given = inngest.CallInput(event=EVENT, run_id=RUN_ID, attempt=1)
    first = call(function, client, given)
    assert first.step is not None
    assert (first.step.display_name, first.step.op, first.step.id) == ("price", "StepRun", hashed("price"))
    assert (first.output, first.error, first.multi) == ({"cents": 120}, None, None)

    given = replace(given, steps={first.step.id: {"data": first.output}})
    second = call(function, client, given)
    assert second.step is not None
    assert (second.step.display_name, second.step.op, second.step.name, second.output) == ("nap", "Sleep", "1s", None)

    last = call(function, client, replace(given, steps={**given.steps, second.step.id: None}))
    assert last == inngest.CallResult(output=["pen", {"cents": 120}, 1])


@BOTH_WAYS
@BOTH_KINDS
def test_what_it_raises_is_the_error_itself(client: inngest.Inngest, call: Call, is_async: bool) -> None:
    raised = ValueError("no pens")

    def fails(ctx: inngest.ContextSync) -> None:
        raise raised

    async def fails_async(ctx: inngest.Context) -> None:
        raise raised

    made: Any = fails_async if is_async else fails
    function = client.create_function(fn_id="fails", trigger=GO)(made)
    assert call(function, client, inngest.CallInput(event=EVENT)).error is raised


@BOTH_WAYS
def test_a_failed_step_is_a_step_error(client: inngest.Inngest, call: Call) -> None:
    def explode() -> None:
        raise KeyError("pen") from ValueError("because")

    @client.create_function(fn_id="fails", trigger=GO)
    def function(ctx: inngest.ContextSync) -> None:
        ctx.step.run("explode", explode)

    result = call(function, client, inngest.CallInput(event=EVENT, max_attempts=1))
    assert isinstance(result.error, inngest.StepError)
    assert (result.error.name, result.error.step_id) == ("KeyError", "explode")
    assert result.error.cause is not None
    assert result.step is not None
    assert result.step.op == "StepFailed"


@BOTH_WAYS
def test_several_steps_and_one_target(client: inngest.Inngest, call: Call) -> None:
    @client.create_function(fn_id="pair", trigger=GO)
    async def function(ctx: inngest.Context) -> object:
        return await asyncio.gather(ctx.step.run("a", lambda: 1), ctx.step.run("b", lambda: 2))

    found = call(function, client, inngest.CallInput(event=EVENT)).multi
    assert found is not None
    assert [(each.step.display_name, each.step.op) for each in found if each.step] == [
        ("a", "StepPlanned"),
        ("b", "StepPlanned"),
    ]
    target = call(function, client, inngest.CallInput(event=EVENT, target=hashed("b")))
    assert target.output == 2
    missed = call(function, client, inngest.CallInput(event=EVENT, target=hashed("c")))
    assert isinstance(missed.error, StepUnexpectedError)
    assert "did not meet" in str(missed.error)


def test_a_text_that_looks_like_an_object_stays_a_text(client: inngest.Inngest) -> None:
    @client.create_function(fn_id="text", trigger=GO)
    def function(ctx: inngest.ContextSync) -> str:
        return '{"a": 1}'

    assert function.call_sync(client, inngest.CallInput(event=EVENT)).output == '{"a": 1}'


def test_a_batch_and_a_new_run_id_for_each_call(client: inngest.Inngest) -> None:
    @client.create_function(fn_id="batch", trigger=GO)
    def function(ctx: inngest.ContextSync) -> list[object]:
        return [len(ctx.events), ctx.run_id]

    given = inngest.CallInput(event=EVENT, events=[EVENT, EVENT])
    (count, one), (_, other) = (function.call_sync(client, given).output for _ in range(2))
    assert count == 2
    assert len(one) == 26
    assert one != other


def test_the_context_of_another_call_will_do(client: inngest.Inngest) -> None:
    @client.create_function(fn_id="inner", trigger=GO)
    def inner(ctx: inngest.ContextSync) -> list[object]:
        return [ctx.event.data["item"], ctx.run_id]

    @client.create_function(fn_id="outer", trigger=GO)
    def outer(ctx: inngest.ContextSync) -> object:
        return inner.call_sync(client, ctx).output

    assert outer.call_sync(client, inngest.CallInput(event=EVENT, run_id=RUN_ID)).output == ["pen", RUN_ID]


def test_the_failure_handler_by_its_id(client: inngest.Inngest) -> None:
    def on_failure(ctx: inngest.ContextSync) -> str:
        return ctx.fn_id

    function = order_function(client, False, on_failure=on_failure)
    given = inngest.CallInput(event=EVENT)
    assert function.call_sync(client, given, "shop-order-failure").output == "shop-order-failure"
    assert function.call_sync(client, given, "order-failure").output == "shop-order-failure"
    with pytest.raises(FunctionNotFoundError, match="has: shop-order, shop-order-failure"):
        function.call_sync(client, given, "shop-other")


class Loud(inngest.MiddlewareSync):
    def transform_output(self, result: inngest.TransformOutputResult) -> None:
        result.output = "loud"


def test_middleware_of_the_call_replaces_the_others(client: inngest.Inngest) -> None:
    client.add_middleware(Loud)

    @client.create_function(fn_id="quiet", trigger=GO)
    def function(ctx: inngest.ContextSync) -> str:
        return "quiet"

    given = inngest.CallInput(event=EVENT)
    assert function.call_sync(client, given).output == "loud"
    assert function.call_sync(client, given, None, []).output == "quiet"
