"""The kit in places where it was not expected: runs within runs, stubs that are async, events sent in vain."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

import inngest
from inngest import testing

client = inngest.Inngest(app_id="odd", is_production=False)
asked = inngest.TriggerEvent(event="odd/asked")


@client.create_function(fn_id="inner", trigger=asked, retries=0)
def inner(ctx: inngest.ContextSync) -> str:
    names = ctx.group.parallel((lambda: ctx.step.run("a", str, 1), lambda: ctx.step.run("b", str, 2)))
    return "".join(names) + ctx.step.run("c", str, 3)


@client.create_function(fn_id="inner-async", trigger=asked, retries=0)
async def inner_async(ctx: inngest.Context) -> str:
    return await ctx.step.run("a", str, 1) + await ctx.step.run("b", str, 2)


@client.create_function(fn_id="invokes", trigger=asked, retries=0)
def invokes(ctx: inngest.ContextSync) -> str:
    return ctx.step.invoke("ask", function=inner)


@client.create_function(fn_id="waits", trigger=asked, retries=0)
def waits(ctx: inngest.ContextSync) -> str:
    event = ctx.step.wait_for_event("post", event="odd/sent", timeout=60_000)
    return "none" if event is None else event.name


# Runs within runs


@client.create_function(fn_id="outer", trigger=asked, retries=0)
def outer(ctx: inngest.ContextSync) -> list[str]:
    in_a_step = ctx.step.run("run both", lambda: [testing.run(inner).output, testing.run(inner_async).output])
    in_branches = ctx.group.parallel(
        (lambda: ctx.step.run("x", lambda: testing.run(inner).output), lambda: ctx.step.run("y", str, 0))
    )
    return [*in_a_step, *in_branches, ctx.step.run("after", lambda: inngest.current().fn_id)]


@client.create_function(fn_id="outer-async", trigger=asked, retries=0)
async def outer_async(ctx: inngest.Context) -> list[str]:
    async def both() -> list[str]:
        return [(await testing.run_async(each)).output for each in (inner, inner_async)]

    return [*await ctx.step.run("run both", both), await ctx.step.run("after", lambda: inngest.current().fn_id)]


@pytest.mark.parametrize("replay", [True, False])
def test_a_run_within_a_step_of_another(replay: bool) -> None:
    run = testing.run(outer, replay=replay)
    assert run.output == ["123", "12", "123", "0", "odd-outer"]
    assert list(run.steps) == ["run both", "x", "y", "after"]


@pytest.mark.parametrize("replay", [True, False])
def test_an_async_run_within_a_step_of_another(replay: bool) -> None:
    expected = ["123", "12", "odd-outer-async"]
    assert testing.run(outer_async, replay=replay).output == expected
    assert asyncio.run(testing.run_async(outer_async, replay=replay)).output == expected


@client.create_function(fn_id="waits-for-itself", trigger=asked, retries=0)
async def waits_for_itself(ctx: inngest.Context) -> str:
    return await ctx.step.run("run", lambda: testing.run(inner).output)


def test_a_run_on_the_loop_that_would_wait_for_itself() -> None:
    run = testing.run(waits_for_itself)
    with pytest.raises(RuntimeError, match=r"would wait for itself; .* await testing\.run_async"):
        _ = run.output


# Stubs


async def later(*_: object) -> str:
    return "later"


def gives_a_sequence(*_: object) -> object:
    return testing.sequence("1", "2")


def gives_returns(*_: object) -> object:
    return testing.returns(1)


def gives_an_error(*_: object) -> object:
    return OSError("down")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("function", "step", "why"),
    [
        (inner, "a", "the function is a plain def"),
        (invokes, "ask", "the engine does this step itself, and awaits nothing"),
        (waits, "post", "the engine does this step itself, and awaits nothing"),
    ],
)
@pytest.mark.parametrize("stub", [later, testing.sequence(later)], ids=["callable", "sequence"])
def test_an_async_stub_where_nothing_awaits_it(function: Any, step: str, why: str, stub: Any) -> None:
    message = f'the stub of step "{step}" is asynchronous, but {why}; give a plain function, or the value'
    with pytest.raises(testing.StubError, match=message):
        testing.run(function, steps={step: stub})


def test_an_async_stub_of_an_async_function() -> None:
    assert testing.run(inner_async, steps={"a": later}).output == "later2"


@pytest.mark.parametrize(
    ("stub", "message"),
    [
        (gives_a_sequence, r"returned testing\.sequence\(…\); give that as the stub itself"),
        (gives_returns, r"returned testing\.returns\(…\); give that as the stub itself"),
        (gives_an_error, r"returned OSError\('down'\); have it raise that"),
    ],
)
@pytest.mark.parametrize(("function", "step"), [(inner, "a"), (inner_async, "a"), (invokes, "ask"), (waits, "post")])
def test_a_callable_that_returns_what_stands_for_an_outcome(
    function: Any, step: str, stub: Callable[..., object], message: str
) -> None:
    with pytest.raises(testing.StubError, match=message):
        testing.run(function, steps={step: stub})


# Events sent in vain

IN_VAIN = '"Odd/Asked" {"order": 5} started no run; did you mean "odd/asked"?'
MISSPELLED = inngest.Event(name="Odd/Asked", data={"order": 5})


def notes_of(work: Callable[[], object]) -> list[str]:
    with pytest.raises(IndexError) as raised:
        work()
    return getattr(raised.value, "__notes__", [])


def fails_with(*apps: object, event: inngest.Event = MISSPELLED) -> Callable[[], object]:
    def work() -> object:
        with testing.Engine(*apps) as engine:
            return engine.runs_of(engine.send(event))[0]

    return work


async def fails_async() -> object:
    async with testing.AsyncEngine(inner) as engine:
        return engine.runs_of(await engine.send(MISSPELLED))[0]


def test_a_plain_engine_names_what_it_was_sent_in_vain() -> None:
    assert notes_of(fails_with(inner)) == [IN_VAIN]
    assert notes_of(lambda: asyncio.run(fails_async())) == [IN_VAIN]


def test_an_engine_that_was_sent_nothing_in_vain_says_nothing() -> None:
    def work() -> None:
        with testing.Engine(inner) as engine:
            engine.send(inngest.Event(name="odd/asked"))
            raise IndexError

    assert notes_of(work) == []


def test_engines_within_each_other_say_the_same_once() -> None:
    def work() -> None:
        with testing.Engine(inner) as first, testing.Engine(inner) as second:
            first.send(MISSPELLED)
            second.send(MISSPELLED)
            raise IndexError

    assert notes_of(work) == [IN_VAIN]


@client.create_function(fn_id="sends", trigger=asked)
def sends(ctx: inngest.ContextSync) -> None:
    ctx.step.send_event("tell", MISSPELLED)


def test_what_a_function_sends_that_is_run_for_itself_is_not_in_vain() -> None:
    with pytest.raises(testing.StubError) as raised:
        testing.run(sends, steps={"other": 1})
    assert "started no run" not in "".join(getattr(raised.value, "__notes__", []))


# Loops that rest


def test_an_engine_is_looked_at_while_its_loop_rests() -> None:
    """As a plugin for async tests leaves it when a test has failed: asked there, the loop would never answer."""
    loop = asyncio.new_event_loop()
    engine = testing.AsyncEngine(inner)
    try:
        (run,) = engine.runs_of(loop.run_until_complete(engine.send(inngest.Event(name="odd/asked"))))
        assert 'started by "odd/asked"' in repr(run)
        loop.run_until_complete(engine.send(MISSPELLED))
        assert engine.describe() == IN_VAIN
        assert loop.run_until_complete(engine.wait(run)).output == "123"
    finally:
        loop.run_until_complete(engine.close())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


def test_an_engine_on_a_second_loop_does_not_wait_for_ever() -> None:
    """As a fixture of a session has it, whose tests have loops of their own."""
    engine = testing.AsyncEngine(inner)
    sent = asyncio.run(engine.send(inngest.Event(name="odd/asked")))
    (run,) = engine.runs_of(sent)
    for use in (engine.settle(), engine.wait(run), engine.send(MISSPELLED)):
        with pytest.raises(RuntimeError, match=r"lives on another event loop .* the same loop_scope"):
            asyncio.run(use)
    engine.abandon()


# Steps that are named wrongly


def test_a_step_is_found_by_its_id_only() -> None:
    steps: Any = testing.run(inner_async).steps
    with pytest.raises(TypeError, match=r"^steps\[0\]: give the id of a step; steps\.all\(\) lists them"):
        _ = steps[0]


@pytest.mark.parametrize("fault", ["crash_after", "duplicate"])
def test_a_fault_of_a_step_that_the_engine_does(fault: str) -> None:
    given: dict[str, Any] = {fault: "post"}
    message = f'{fault}="post" did not happen: .*; the engine does that step itself'
    with pytest.raises(testing.StubError, match=message):
        testing.run(waits, **given)
