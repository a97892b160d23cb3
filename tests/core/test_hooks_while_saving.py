"""The hooks of middleware in a call that saves its steps and goes on: which run, how often, and in which order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import inngest
from tests.cases.case import Call
from tests.stage.asks import ASKS, Ask
from tests.stage.engine_api import EngineDouble, Recorded
from tests.stage.one_function import request_of, serving, shown

said: list[str] = []


class Says(inngest.MiddlewareSync):
    def transform_input(self, ctx: Any, function: Any, steps: inngest.StepMemos) -> None:
        said.append(f"transform_input, {steps.size} memos")

    def after_memoization(self) -> None:
        said.append("after_memoization")

    def before_execution(self) -> None:
        said.append("before_execution")

    def on_step_start(self, step: inngest.StepInfo) -> None:
        said.append(f"{step.id} starts")

    def wrap_step(self, step: inngest.StepInfo) -> Iterator[None]:
        said.append(f"around {step.id}")
        yield
        said.append(f"{step.id} was around")

    def on_step_complete(self, step: inngest.StepInfo, output: Any) -> None:
        said.append(f"{step.id} gave {output}")

    def after_execution(self) -> None:
        said.append("after_execution")

    def transform_output(self, result: inngest.TransformOutputResult) -> None:
        said.append(f"output of {result.step.id if result.step else 'the function'}")

    def on_function_complete(self, output: Any) -> None:
        said.append(f"the function gave {output}")

    def before_response(self) -> None:
        said.append("before_response")


def take(request: Recorded) -> tuple[int, bytes]:
    said.extend(f"{step['displayName']} is saved" for step in request.json()["steps"])
    return 200, b""


def chain(ctx: inngest.ContextSync) -> int:
    return ctx.step.run("a", lambda: 1) + ctx.step.run("b", lambda: 2)


async def chain_async(ctx: inngest.Context) -> int:
    return await ctx.step.run("a", lambda: 1) + await ctx.step.run("b", lambda: 2)


@pytest.mark.parametrize("handler", [chain, chain_async])
@pytest.mark.parametrize("ask", ASKS)
def test_hooks(ask: Ask, handler: Any, engine: EngineDouble) -> None:
    engine.reset({"*": [take]})
    said.clear()
    with serving(handler, api_base_url=engine.origin, middleware=[Says]) as app:
        assert shown(ask(app, request_of(Call(saves=True)))) == (200, 3)
    steps = [
        [f"{name} starts", f"around {name}", f"{name} was around", f"output of {name}", f"{name} gave {number}"]
        for name, number in (("a", 1), ("b", 2))
    ]
    assert said == [
        *("transform_input, 0 memos", "after_memoization", "before_execution"),
        *(*steps[0], "a is saved", *steps[1], "b is saved"),
        *("after_execution", "output of the function", "the function gave 3", "before_response"),
    ]
