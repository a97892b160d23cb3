"""What the kit says when it is used wrongly: arguments of another kind, engines that are closed, runs of others."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Callable
from typing import Any

import pytest

import inngest
import inngest.ai
from inngest import testing

client = inngest.Inngest(app_id="wrong", is_production=False)
DAY = datetime.timedelta(days=1)


@client.create_function(fn_id="f", trigger=inngest.TriggerEvent(event="wrong/asked"))
def function(ctx: inngest.ContextSync) -> int:
    return ctx.step.run("one", lambda: 1)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"replay": "in order"}, ValueError, "replay is 'in order'; give True, False or \"in-order\""),
        ({"now": "2020"}, TypeError, "now is '2020'; give a datetime"),
        ({"within": 5}, TypeError, "within is 5; give a datetime.timedelta"),
        ({"within": -DAY}, ValueError, "give a duration that is not negative"),
    ],
)
def test_arguments_of_another_kind(given: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        testing.run(function, **given)
    with pytest.raises(error, match=message):
        asyncio.run(testing.run_async(function, **given))


@pytest.mark.parametrize("given", [5, -DAY])
def test_time_only_passes(given: Any) -> None:
    with testing.Engine(function) as engine:
        before = engine.now
        with pytest.raises((TypeError, ValueError), match="duration is "):
            engine.advance(given)
        assert engine.now == before


def _send(engine: testing.Engine) -> object:
    return engine.send(inngest.Event(name="wrong/asked"))


USES: list[Callable[[testing.Engine], object]] = [
    _send,
    lambda engine: engine.runs(),
    lambda engine: engine.runs_of("01J8X5Z3V0QK7M2N4P6R8T0W2Y"),
    lambda engine: engine.settle(),
    lambda engine: engine.advance(DAY),
    lambda engine: engine.add(function),
    lambda engine: engine.__enter__(),
]


@pytest.mark.parametrize("use", USES)
def test_an_engine_that_is_closed_is_not_opened_again(use: Callable[[testing.Engine], object]) -> None:
    with testing.Engine(function) as engine:
        _send(engine)
        (run,) = engine.runs()
        engine.settle()
    engine.close()
    with pytest.raises(RuntimeError, match="this engine is closed; use it within its with block"):
        use(engine)
    assert run.output == 1


def test_a_run_of_another_engine() -> None:
    run = testing.run(function)
    with testing.Engine(function) as engine:
        for use in (engine.wait, engine.cancel):
            with pytest.raises(
                ValueError, match="this is a run of another engine, which knows nothing of it"
            ) as raised:
                use(run)
            assert run.id in str(raised.value)


@client.create_function(fn_id="g", trigger=inngest.TriggerEvent(event="wrong/more"), retries=0)
async def more(ctx: inngest.Context) -> None:
    await ctx.step.run("run", lambda: 1)
    await ctx.step.invoke("invoke", function=function)
    await ctx.step.fetch("fetch", "https://example.com/")
    adapter = inngest.ai.openai.Adapter(auth_key="k", model="m")
    await ctx.step.ai.infer("infer", adapter=adapter, body={"messages": []})
    await ctx.step.wait_for_signal("signal", signal="s", timeout=DAY)


STUBS: dict[str, object] = {"run": 1, "invoke": 1, "fetch": {}, "infer": {}, "signal": 1}


@pytest.mark.parametrize("name", ["invoke", "fetch", "infer", "signal"])
def test_a_stub_that_is_not_json(name: str) -> None:
    assert testing.run(more, steps=STUBS).status is testing.Status.COMPLETED
    with pytest.raises(testing.StubError, match=f'^the stub of step "{name}" is a object; give JSON values'):
        testing.run(more, steps={**STUBS, name: object()})


@pytest.mark.parametrize("name", ["run", "invoke", "fetch", "infer"])
@pytest.mark.parametrize("stub", [testing.TIMEOUT, testing.sent_by(function, inngest.Event(name="wrong/asked"))])
def test_a_stub_of_a_wait_for_another_step(name: str, stub: Any) -> None:
    with pytest.raises(testing.StubError, match=f'^step "{name}" waits for no event and no signal, but its stub is'):
        testing.run(more, steps={**STUBS, name: stub})


def test_no_loop_of_asyncio() -> None:
    run = testing.run_async(function)
    with pytest.raises(RuntimeError, match="no loop of asyncio runs here"):
        run.send(None)
    engine = testing.AsyncEngine(function)
    with pytest.raises(RuntimeError, match="such as trio, use testing"):
        engine.settle().send(None)
    engine.abandon()


@pytest.mark.parametrize(
    ("stub", "named"),
    [
        (testing.TIMEOUT, "testing.TIMEOUT"),
        (testing.sent_by(function, inngest.Event(name="wrong/asked")), r"testing.sent_by\(…\)"),
        (testing.sequence(OSError(), testing.TIMEOUT), "testing.TIMEOUT"),
    ],
)
def test_a_stub_of_a_wait_for_a_step_that_runs(stub: Any, named: str) -> None:
    message = f'step "one" waits for no event and no signal, but its stub is {named}; give it a value'
    with pytest.raises(testing.StubError, match=message):
        testing.run(function, steps={"one": stub})
