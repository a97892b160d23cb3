"""What the kit says when it is used wrongly: arguments of another kind, engines that are closed, runs of others."""

from __future__ import annotations

import asyncio
import datetime
import threading
from collections.abc import Callable
from typing import Any

import pytest

import inngest
import inngest.ai
from inngest import testing
from inngest_core.errors import FunctionConfigError

client = inngest.Inngest(app_id="wrong", is_production=False)
DAY = datetime.timedelta(days=1)


def more_than_one() -> None:
    """No function of Inngest."""


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
        ({"crash_after": ["one"]}, TypeError, r"crash_after is \['one'\]; give the id of a step"),
        ({"replay": False, "save_fails": 1}, TypeError, "save_fails is 1; give the id of a step"),
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


EVENT = inngest.Event(name="wrong/asked")
WRONG: list[tuple[Callable[[Any], object], str]] = [
    (lambda engine: engine.send("wrong/asked"), "event is 'wrong/asked'; give an inngest.Event"),
    (lambda engine: engine.send([EVENT]), r"event is \[.*\]; give an inngest.Event; send each of several by itself"),
    (lambda engine: engine.wait(EVENT), r"run is Event\(.*\); give a run, such as engine.runs_of\(event\)\[0\]"),
    (lambda engine: engine.cancel("01J8"), "run is '01J8'; give a run"),
    (lambda engine: engine.runs_of([EVENT]), r"event is \[.*\]; give an event that was sent, or its id"),
    (lambda engine: engine.start(function, EVENT), r"events is Event\(.*\); give a list of events"),
    (lambda engine: engine.start(function, []), r"events is \[\]; give a list of events"),
]


@pytest.mark.parametrize(("use", "message"), WRONG)
def test_things_of_another_kind(use: Callable[[Any], object], message: str) -> None:
    with testing.Engine(function) as engine, pytest.raises(TypeError, match=f"^{message}"):
        use(engine)


@pytest.mark.parametrize("given", ["f", more_than_one, function.id])
def test_runs_of_what_is_no_function(given: Any) -> None:
    message = "is not an Inngest function; give what @client"
    with testing.Engine(function) as engine, pytest.raises(testing.AppError, match=message):
        engine.runs(given)


class NoApp:
    """A class is callable, as apps are."""


def fails_as_wsgi(environ: dict[str, Any], start: object) -> object:
    return environ["nothing"]


@pytest.mark.parametrize("given", [NoApp, str.upper, fails_as_wsgi])
def test_what_is_called_as_an_app_and_raises(given: Any) -> None:
    message = r"did not register: it raised (Type|Key)Error: .* as an app; give functions that @client"
    with pytest.raises(testing.AppError, match=message), testing.Engine(given):
        pass


def test_replay_of_what_is_no_function() -> None:
    given: Any = more_than_one
    with pytest.raises(testing.AppError, match="is not an Inngest function; give what @client"):
        testing.replay(given, {})


def test_two_functions_with_one_id() -> None:
    @client.create_function(fn_id="f", trigger=inngest.TriggerEvent(event="wrong/asked"))
    def again(ctx: inngest.ContextSync) -> int:
        return 2

    message = 'function "wrong-f" is defined twice, at '
    with pytest.raises(FunctionConfigError, match=message), testing.Engine([function, again]):
        pass


def test_a_stub_that_does_not_take_what_its_step_is_given() -> None:
    message = r'the stub of step "one" cannot be called with what the step is given, \(no arguments\): '
    with pytest.raises(testing.StubError, match=message):
        testing.run(function, steps={"one": str.upper})

    def raises() -> None:
        raise TypeError("of its own")

    run = testing.run(function, steps={"one": raises})
    assert str(run.error) == "of its own"


def test_one_engine_in_two_threads() -> None:
    """What one thread lets the engine do is not mixed up with what another one asks for."""
    refused: list[str] = []

    def use() -> None:
        try:
            engine.settle()
        except RuntimeError as error:
            refused.append(str(error))

    def asks_elsewhere() -> int:
        thread = threading.Thread(target=use)
        thread.start()
        thread.join()
        return 1

    with testing.Engine(function, steps={"one": asks_elsewhere}) as engine:
        run = engine.runs_of(engine.send(EVENT))[0]
        assert engine.wait(run).output == 1
        use()
    assert len(refused) == 1
    assert refused[0].startswith("the test engine is in use by the thread 'MainThread', and does one thing at a time;")


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
