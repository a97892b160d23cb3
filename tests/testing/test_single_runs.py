"""`testing.run` and `testing.run_async`: one function to its end, what the result shows, and stubs."""

from __future__ import annotations

import asyncio
import datetime
import threading
import traceback
from collections.abc import Callable
from typing import Any

import pydantic
import pytest

import inngest
from inngest import testing

client = inngest.Inngest(app_id="shop")
"""In cloud mode and without keys, as a client is in a test that sets nothing up."""


class Declined(Exception):  # noqa: N818  # as users name theirs
    pass


class Receipt(pydantic.BaseModel):
    number: int


def decline(amount: int) -> str:
    raise Declined(f"no {amount}")


@client.create_function(fn_id="checkout", trigger=inngest.TriggerEvent(event="shop/ordered"), retries=2)
async def checkout(ctx: inngest.Context) -> Receipt:
    ctx.logger.info("order %s", ctx.event.data.get("order"))
    await ctx.step.run("charge", decline, 7)
    await ctx.step.sleep("cool-off", datetime.timedelta(days=30))
    await ctx.step.send_event("tell", inngest.Event(name="shop/paid", data={"order": ctx.event.data.get("order")}))
    approval = await ctx.step.wait_for_event(
        "approval",
        event="shop/approved",
        if_exp="event.data.order == async.data.order",
        timeout=datetime.timedelta(days=7),
    )
    return Receipt(number=0 if approval is None else 1)


@client.create_function(fn_id="checkout-sync", trigger=inngest.TriggerEvent(event="shop/ordered"), retries=2)
def checkout_sync(ctx: inngest.ContextSync) -> Receipt:
    ctx.logger.info("order %s", ctx.event.data.get("order"))
    ctx.step.run("charge", decline, 7)
    ctx.step.sleep("cool-off", datetime.timedelta(days=30))
    ctx.step.send_event("tell", inngest.Event(name="shop/paid", data={"order": ctx.event.data.get("order")}))
    approval = ctx.step.wait_for_event(
        "approval",
        event="shop/approved",
        if_exp="event.data.order == async.data.order",
        timeout=datetime.timedelta(days=7),
    )
    return Receipt(number=0 if approval is None else 1)


def in_a_loop(function: inngest.Function[Any], *args: Any, **options: Any) -> testing.Result[Any]:
    return asyncio.run(testing.run_async(function, *args, **options))


def sync_within_a_loop(function: inngest.Function[Any], *args: Any, **options: Any) -> testing.Result[Any]:
    async def main() -> testing.Result[Any]:
        return testing.run(function, *args, **options)

    return asyncio.run(main())


Run = Callable[..., testing.Result[Any]]
every_way = pytest.mark.parametrize("run", [testing.run, in_a_loop, sync_within_a_loop])
both = pytest.mark.parametrize("function", [checkout, checkout_sync])


@every_way
@both
def test_a_run_shows_all_of_it(run: Run, function: inngest.Function[Receipt]) -> None:
    order = inngest.Event(name="shop/ordered", data={"order": 5})
    result = run(function, order, steps={"charge": testing.sequence(Declined("once"), "paid")})
    assert result.status is testing.Status.COMPLETED
    assert result.output == Receipt(number=0)
    assert list(result.steps) == ["charge", "cool-off", "tell", "approval"]
    charge = result.steps["charge"]
    assert (charge.output, charge.attempts, charge.input, charge.error) == ("paid", 2, (7,), None)
    assert [str(error) for error in charge.errors] == ["once"]
    assert result.steps["approval"].output is None
    assert [(event.name, event.data) for event in result.events_sent] == [("shop/paid", {"order": 5})]
    assert "order 5" in result.logs.messages
    assert result.attempts == 1
    assert datetime.timedelta(days=37) < result.duration < datetime.timedelta(days=37, minutes=1)


@every_way
@both
def test_a_failed_run_raises_what_was_raised(run: Run, function: inngest.Function[Receipt]) -> None:
    result = run(function)
    assert result.status is testing.Status.FAILED
    with pytest.raises(Declined, match="no 7") as raised:
        _ = result.output
    assert raised.value is result.error is result.steps["charge"].error
    assert result.steps["charge"].attempts == 3
    assert "decline" in [frame.name for frame in traceback.extract_tb(raised.value.__traceback__)]


@both
def test_an_event_that_matches_ends_a_wait(function: inngest.Function[Receipt]) -> None:
    approved = inngest.Event(name="shop/approved", data={"order": 5})
    result = testing.run(function, {"order": 5}, steps={"charge": "paid", "approval": approved})
    assert result.output == Receipt(number=1)
    assert result.steps["approval"].output.data == {"order": 5}


@both
def test_an_event_that_does_not_match_fails_the_test(function: inngest.Function[Receipt]) -> None:
    other = inngest.Event(name="shop/approved", data={"order": 6})
    with pytest.raises(testing.StubError) as raised:
        testing.run(function, {"order": 5}, steps={"charge": "paid", "approval": other})
    assert str(raised.value) == (
        'step "approval" waits for "shop/approved" if event.data.order == async.data.order\n'
        "which is not true for its stub:\n"
        '  event.data = {"order": 5}\n'
        '  async.data = {"order": 6}\n'
        "give the stub the data that the function waits for, or testing.TIMEOUT when it is to wait in vain"
    )
    with pytest.raises(testing.StubError, match='event "shop/approved", but its stub is the event "shop/x"; give it'):
        testing.run(function, steps={"charge": "paid", "approval": inngest.Event(name="shop/x")})


def test_a_stub_that_is_not_used_fails_the_test() -> None:
    with pytest.raises(testing.StubError) as raised:
        testing.run(checkout, steps={"charge": "paid", "chrage": 1})
    assert str(raised.value).splitlines()[:2] == [
        'a stub was given for "chrage", but no such step was met; did you mean "charge"?',
        'the steps that were met: "charge", "cool-off", "tell", "approval"',
    ]


def test_stubs_by_pattern_and_by_callable() -> None:
    @client.create_function(fn_id="fetcher", trigger=inngest.TriggerEvent(event="a"))
    def fetcher(ctx: inngest.ContextSync) -> list[int]:
        return [len(ctx.step.run(f"fetch-{number}", decline, number) or "") for number in range(3)]

    seen: list[int] = []

    def note(number: int) -> None:
        seen.append(number)

    result = testing.run(fetcher, steps={"fetch-*": note, "fetch-1": "nine"})
    assert (result.output, seen) == ([0, 4, 0], [0, 2])


def test_plain_functions_run_in_the_thread_of_a_test() -> None:
    @client.create_function(fn_id="where", trigger=inngest.TriggerEvent(event="a"))
    def where(ctx: inngest.ContextSync) -> bool:
        return ctx.step.run("thread", lambda: threading.current_thread() is here)

    here = threading.current_thread()
    assert testing.run(where).output is True


def test_other_functions_are_invoked_by_stub() -> None:
    @client.create_function(fn_id="parent", trigger=inngest.TriggerEvent(event="a"))
    async def parent(ctx: inngest.Context) -> Receipt:
        return await ctx.step.invoke("child", function=checkout, data={"order": 1})

    result = testing.run(parent, steps={"child": Receipt(number=4)})
    assert result.output == Receipt(number=4)
    assert result.steps["child"].input == {"order": 1}
    failed = testing.run(parent, steps={"child": Declined("by the child")})
    with pytest.raises(inngest.StepError, match="by the child"):
        _ = failed.output


def test_requests_of_steps_need_a_stub() -> None:
    @client.create_function(fn_id="asks", trigger=inngest.TriggerEvent(event="a"), retries=1)
    async def asks(ctx: inngest.Context) -> str:
        answer = await ctx.step.fetch("page", "https://example.com/a")
        return answer.text

    assert testing.run(asks, steps={"page": {"id": 1}}).output == '{"id":1}'
    again = testing.run(asks, steps={"page": testing.sequence(OSError("down"), "ok")})
    assert (again.output, again.steps["page"].attempts) == ('"ok"', 2)
    with pytest.raises(testing.StubError, match='step "page" makes a request to example'):
        testing.run(asks)


def test_signals_come_by_stub_or_not_at_all() -> None:
    @client.create_function(fn_id="signalled", trigger=inngest.TriggerEvent(event="a"))
    async def signalled(ctx: inngest.Context) -> object:
        signal = await ctx.step.wait_for_signal("go", signal="task/1", timeout=datetime.timedelta(days=1))
        return None if signal is None else signal.data

    assert testing.run(signalled, steps={"go": {"by": "ada"}}).output == {"by": "ada"}
    assert testing.run(signalled, steps={"go": testing.TIMEOUT}).duration == datetime.timedelta(days=1)


def test_a_wait_ends_by_what_another_run_sends() -> None:
    @client.create_function(fn_id="approver", trigger=inngest.TriggerEvent(event="review/asked"))
    def approver(ctx: inngest.ContextSync) -> None:
        ctx.step.sleep("think", datetime.timedelta(days=2))
        ctx.step.send_event("approve", inngest.Event(name="shop/approved", data=ctx.event.data))

    asked = inngest.Event(name="review/asked", data={"order": 5})
    stubs = {"charge": "paid", "approval": testing.sent_by(approver, asked)}
    result = testing.run(checkout, {"order": 5}, steps=stubs)
    assert result.output == Receipt(number=1)
    assert result.duration == datetime.timedelta(days=32)


def test_steps_that_were_not_met() -> None:
    result = testing.run(checkout, steps={"charge": Declined()})
    with pytest.raises(testing.StepNotMetError) as raised:
        _ = result.steps["tell"]
    assert str(raised.value) == 'step "tell" was not met in this run\nthe steps that were met: "charge"'


def test_a_run_is_printed_as_a_list_of_what_happened() -> None:
    result = testing.run(checkout, steps={"charge": testing.sequence(Declined("once"), "paid")})
    lines = repr(result).splitlines()
    assert "  shop-checkout  completed in 5w2d" in lines[0]
    assert lines[2] == ">      0.00 s  charge: attempt 1 failed: Declined: once"
    assert lines[-1] == '  output  {"number": 0}'


def test_the_batch_of_a_run_and_other_events() -> None:
    @client.create_function(fn_id="many", trigger=inngest.TriggerEvent(event="a"))
    async def many(ctx: inngest.Context) -> list[str]:
        return [event.name for event in ctx.events]

    assert testing.run(many).output == ["a"]
    assert testing.run(many, [inngest.Event(name="b"), inngest.Event(name="c")]).output == ["b", "c"]
    with pytest.raises(TypeError, match="event is 5; give an Event"):
        testing.run(many, 5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_a_cron_function_and_its_failure_handler_run_once() -> None:
    failures: list[str] = []

    def failed(ctx: inngest.ContextSync) -> None:
        failures.append(ctx.event.data["function_id"])

    @client.create_function(
        fn_id="nightly", trigger=inngest.TriggerCron(cron="0 3 * * *"), on_failure=failed, retries=0
    )
    def nightly(ctx: inngest.ContextSync) -> None:
        ctx.step.sleep("days", datetime.timedelta(days=9))
        ctx.step.run("charge", decline, 1)

    result = testing.run(nightly)
    assert result.status is testing.Status.FAILED
    assert failures == ["shop-nightly"]


def test_an_interrupted_test_leaves_nothing_behind() -> None:
    @client.create_function(fn_id="interrupted", trigger=inngest.TriggerEvent(event="a"))
    def interrupted(ctx: inngest.ContextSync) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        testing.run(interrupted)
    with pytest.raises(inngest.InngestError, match="no event key is known"):
        client.send_sync(inngest.Event(name="a"))


def test_a_function_that_never_ends_is_given_up() -> None:
    @client.create_function(fn_id="endless", trigger=inngest.TriggerEvent(event="a"))
    def endless(ctx: inngest.ContextSync) -> None:
        for day in range(1000):
            ctx.step.sleep(f"day-{day}", datetime.timedelta(days=1))

    with pytest.raises(testing.RunNotEndedError, match=r"^the run did not end within 5 days"):
        testing.run(endless, within=datetime.timedelta(days=5))
