"""Every run is replayed: what a function must do again, in every order, and side effects outside of steps."""

from __future__ import annotations

import asyncio
import datetime
import itertools
from collections.abc import Callable
from typing import Any

import pytest

import inngest
from inngest import testing

client = inngest.Inngest(app_id="shop")
on_a = inngest.TriggerEvent(event="a")


def define(body: Callable[..., Any], **options: Any) -> inngest.Function[Any]:
    return client.create_function(fn_id=body.__name__, trigger=on_a, **options)(body)


def one() -> int:
    return 1


def test_an_id_that_changes_from_call_to_call() -> None:
    numbers = itertools.count()

    def draws(ctx: inngest.ContextSync) -> None:
        ctx.step.run("first", one)
        ctx.step.run(f"draw-{next(numbers)}", one)

    with pytest.raises(testing.ReplayError) as raised:
        testing.run(define(draws))
    assert str(raised.value).splitlines()[:3] == [
        "function shop-draws did not do the same again when it was called from its memos (call 3 of the run):",
        '  step "draw-0" has a result from an earlier call, but was not met again',
        '  instead, the new step "draw-1" was met',
    ]
    assert "Give replay=False" in str(raised.value)
    assert "shop-draws  failed" in raised.value.__notes__[0], "the run is shown"


def test_a_step_that_is_left_out() -> None:
    calls = itertools.count()

    async def forgets(ctx: inngest.Context) -> int:
        if next(calls) < 2:
            await ctx.step.run("first", one)
        return await ctx.step.run("second", one)

    with pytest.raises(
        testing.ReplayError, match='step "first" has a result from an earlier call, but was not met again'
    ):
        testing.run(define(forgets))


def test_a_step_that_becomes_another_kind() -> None:
    calls = itertools.count()

    def changes(ctx: inngest.ContextSync) -> None:
        if next(calls):
            ctx.step.sleep("pause", datetime.timedelta(seconds=1))
        else:
            ctx.step.run("pause", one)

    with pytest.raises(testing.ReplayError, match='step "pause" was met as a Sleep, but as a StepRun before'):
        testing.run(define(changes))


def test_replay_can_be_turned_off() -> None:
    numbers = itertools.count()

    def draws(ctx: inngest.ContextSync) -> int:
        return ctx.step.run(f"draw-{next(numbers)}", one)

    assert testing.run(define(draws), replay=False).output == 1


def test_parallel_steps_in_another_order() -> None:
    async def counts(ctx: inngest.Context) -> list[int]:
        order: list[str] = []

        async def branch(name: str) -> int:
            await ctx.step.run(name, one)
            order.append(name)
            return await ctx.step.run(f"after-{len(order)}-{name}", one)

        return list(await asyncio.gather(branch("a"), branch("b")))

    with pytest.raises(testing.ReplayError) as raised:
        testing.run(define(counts))
    lines = str(raised.value).splitlines()
    assert 'steps "after-1-a", "after-2-b" have results from earlier calls, but were not met again' in lines[1]
    assert 'instead, the new steps "after-' in lines[2]
    assert "with the results of parallel steps in another order" in lines[3]
    assert testing.run(define(counts), replay="in-order").output == [1, 1]


@pytest.mark.parametrize("steps", [2, 5])
def test_parallel_steps_that_do_not_depend_on_their_order(steps: int) -> None:
    async def gathers(ctx: inngest.Context) -> int:
        async def branch(number: int) -> int:
            first = await ctx.step.run(f"first-{number}", one)
            return first + await ctx.step.run(f"second-{number}", one)

        return sum(await asyncio.gather(*(branch(number) for number in range(steps))))

    def groups(ctx: inngest.ContextSync) -> int:
        def branch(number: int) -> Callable[[], int]:
            return lambda: ctx.step.run(f"first-{number}", one) + ctx.step.run(f"second-{number}", one)

        return sum(ctx.group.parallel([branch(number) for number in range(steps)]))

    assert testing.run(define(gathers)).output == 2 * steps
    assert testing.run(define(groups)).output == 2 * steps


def test_a_race_may_end_in_either_way() -> None:
    async def races(ctx: inngest.Context) -> str:
        def branch(name: str) -> Callable[[], Any]:
            return lambda: ctx.step.run(name, lambda: name)

        await ctx.group.parallel((branch("a"), branch("b")), parallel_mode=inngest.ParallelMode.RACE)
        return await ctx.step.run("after", lambda: "done")

    assert testing.run(define(races)).output == "done"


def test_what_is_sent_in_a_rehearsal_does_not_arrive() -> None:
    async def sends(ctx: inngest.Context) -> None:
        await asyncio.gather(ctx.step.run("a", one), ctx.step.run("b", one))
        await client.send(inngest.Event(name="outside"))
        await ctx.step.run("last", one)

    result = testing.run(define(sends))
    assert [event.name for event in result.events_sent] == ["outside", "outside"], "before the last step, and after it"


def test_a_side_effect_outside_of_a_step() -> None:
    def mail_to(name: str) -> None:
        pass

    mail = testing.side_effect(mail_to, name="mail")

    def careless(ctx: inngest.ContextSync) -> None:
        ctx.step.run("inside", mail, "ada")
        mail("bob")

    with pytest.raises(testing.EffectError) as raised:
        testing.run(define(careless))
    assert str(raised.value) == (
        "mail was called outside of a step; a function is called again and again, and so is what it calls: "
        'put it in a step, as in step.run("mail", …)'
    )


def test_a_side_effect_that_happens_once() -> None:
    async def charge(order: int) -> str:
        return f"receipt-{order}"

    charged = testing.side_effect(charge)

    async def careful(ctx: inngest.Context) -> str:
        receipt = await ctx.step.run("charge", charged, 5)
        await ctx.step.sleep("pause", datetime.timedelta(days=1))
        return receipt

    assert testing.run(define(careful)).output == "receipt-5"
    charged.assert_once()
    assert charged.calls == [((5,), {})]
    asyncio.run(charge_again(charged))
    with pytest.raises(testing.EffectError) as raised:
        charged.assert_once()
    assert str(raised.value) == "charge was to be called once, and was called 2 times\n  (5)\n  (6)"


async def charge_again(charged: testing.SideEffect[[int], Any]) -> None:
    await charged(6)


@pytest.mark.parametrize("fault", ["crash_after", "duplicate"])
def test_what_a_step_does_is_done_twice_by_a_fault(fault: str) -> None:
    charged = testing.side_effect(one, name="charge")

    def shop(ctx: inngest.ContextSync) -> int:
        ctx.step.run("before", one)
        paid = ctx.step.run("charge", charged)
        return paid + ctx.step.run("after", one)

    options: dict[str, Any] = {fault: "charge"}
    result = testing.run(define(shop), **options)
    assert (result.output, result.steps["charge"].calls) == (2, 2)
    with pytest.raises(testing.EffectError, match="charge was to be called once, and was called 2 times"):
        charged.assert_once()
    with pytest.raises(testing.StubError) as raised:
        wrong: dict[str, Any] = {fault: "chrage"}
        testing.run(define(shop), **wrong)
    assert str(raised.value) == (
        f'{fault}="chrage" did not happen: the app reported no result of such a step; did you mean "charge"?\n'
        'the steps that were met: "before", "charge", "after"'
    )


def test_a_refused_save_loses_nothing() -> None:
    charged = testing.side_effect(one, name="charge")

    def shop(ctx: inngest.ContextSync) -> int:
        ctx.step.run("before", one)
        return ctx.step.run("charge", charged) + ctx.step.run("after", one)

    result = testing.run(define(shop), save_fails="charge", replay=False)
    assert result.output == 2
    charged.assert_once()
    assert any("could not be saved" in message for message in result.logs.messages)
    with pytest.raises(ValueError, match="save_fails needs replay=False"):
        testing.run(define(shop), save_fails="charge")
