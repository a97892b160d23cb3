"""Engines of the kit leave nothing for the garbage collector, which would take a twelfth of the time of a suite."""

from __future__ import annotations

import gc
from collections.abc import Callable, Generator
from typing import Any

import pytest

import inngest
from inngest import testing

client = inngest.Inngest(app_id="memory", is_production=False)
on_event = inngest.TriggerEvent(event="memory/asked")


@client.create_function(fn_id="plain", trigger=on_event)
def plain(ctx: inngest.ContextSync) -> str:
    ctx.step.sleep("pause", 60_000)
    return ctx.step.run("step", str, 1)


@client.create_function(fn_id="on-a-loop", trigger=on_event)
async def on_a_loop(ctx: inngest.Context) -> str:
    await ctx.step.sleep("pause", 60_000)
    return await ctx.step.run("step", str, 1)


def with_an_engine() -> None:
    with testing.Engine([plain, on_a_loop]) as engine:
        engine.send(inngest.Event(name="memory/asked"))
        for run in engine.runs():
            assert engine.wait(run).output == "1"


@pytest.fixture
def no_collector() -> Generator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize(
    "work",
    [lambda: testing.run(plain), lambda: testing.run(on_a_loop), with_an_engine],
    ids=["a plain function", "an async one", "an engine of both"],
)
def test_a_closed_engine_leaves_no_cycles(work: Callable[[], Any]) -> None:
    work()
    gc.collect()  # what is made once, and kept
    work()
    assert gc.collect() < 50, "without a let-go, one engine alone is over 300"


def test_a_result_is_read_long_after_its_engine_has_gone() -> None:
    run = testing.run(on_a_loop)
    gc.collect()
    assert run.output == "1"
    assert run.steps["step"].output == "1"
    assert list(run.steps) == ["pause", "step"]
    assert "completed" in repr(run)
