"""Agents of pydantic-ai on every target: what they do are steps, also side by side, as targets and while saving."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from pydantic_ai import Agent, FunctionToolset, RunContext
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

import inngest
from inngest.middleware.pydantic_ai import InngestDurability

from .case import Call, Case, Expected, HandlerKind, Saying, both, error, op, planned, raised, ran, returned
from .checkpointing import TAKEN, and_saved, saved

ASYNC = [HandlerKind.ASYNC]
REQUEST = "bot__model.request"
TOOL = "bot__function_toolset__tools.call_tool:weather"


class Parts:
    """Equals what a model has answered with parts of these kinds; the rest is pydantic-ai's own."""

    def __init__(self, *kinds: str) -> None:
        self._kinds = list(kinds)

    def __eq__(self, other: object) -> bool:
        return [part["part_kind"] for part in cast("dict[str, Any]", other)["parts"]] == self._kinds

    def __hash__(self) -> int:
        return len(self._kinds)

    def __repr__(self) -> str:
        return f"<an answer of {self._kinds}>"


def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    """Ask for the weather at as many places as the prompt names; then repeat what was returned."""
    returned = [str(part.content) for part in messages[-1].parts if isinstance(part, ToolReturnPart)]
    if returned:
        return ModelResponse(parts=[TextPart(" ".join(returned))])
    (prompt,) = messages[0].parts
    places = str(getattr(prompt, "content", "")).split()
    return ModelResponse(parts=[ToolCallPart("weather", {"place": place}, tool_call_id=place) for place in places])


async def weather(place: str) -> str:
    return f"sunny in {place}"


agent = Agent(
    FunctionModel(answer),
    name="bot",
    toolsets=[FunctionToolset([weather], id="tools")],
    capabilities=[InngestDurability()],
)


def refused(ctx: inngest.ContextSync) -> str:
    return asyncio.run(agent.run("rome")).output


async def one_place(ctx: inngest.Context) -> str:
    return (await agent.run("rome")).output


async def two_places(ctx: inngest.Context) -> str:
    return (await agent.run("rome oslo")).output


async def two_runs(ctx: inngest.Context) -> list[str]:
    return [run.output for run in await asyncio.gather(agent.run("rome"), agent.run("oslo"))]


def asked(*places: str) -> dict[str, object]:
    """Return the memo of the model's first answer."""
    calls = [
        {"part_kind": "tool-call", "tool_name": "weather", "args": {"place": place}, "tool_call_id": place}
        for place in places
    ]
    return {"data": {"kind": "response", "parts": calls}}


def told(place: str) -> dict[str, object]:
    """Return what a step that calls the tool gives."""
    return {"result": f"sunny in {place}", "kind": "tool_return"}


one = both(refused, one_place)
two = both(refused, two_places)

request_to_a_model = Case(build=one, expect=ran(REQUEST, Parts("tool-call")), kinds=ASYNC)
call_of_a_tool = Case(
    build=one, call=Call(steps={REQUEST: asked("rome")}), expect=ran(f"{TOOL}:rome", told("rome")), kinds=ASYNC
)
request_with_what_a_tool_returned = Case(
    build=one,
    call=Call(steps={REQUEST: asked("rome"), f"{TOOL}:rome": {"data": told("rome")}}),
    expect=Expected(body=[op("StepRun", REQUEST, index=1, data=Parts("text"))]),
    kinds=ASYNC,
)
tools_side_by_side = Case(
    build=two,
    call=Call(steps={REQUEST: asked("rome", "oslo")}),
    expect=planned(f"{TOOL}:rome", f"{TOOL}:oslo", any_order=True),
    kinds=ASYNC,
)
one_tool_of_two = Case(
    build=two,
    call=Call(steps={REQUEST: asked("rome", "oslo")}, target=f"{TOOL}:oslo", plan_only=True),
    expect=ran(f"{TOOL}:oslo", told("oslo")),
    kinds=ASYNC,
)
whole_run_in_one_call = Case(
    build=one,
    call=Call(saves=True),
    engine=TAKEN,
    expect=and_saved(
        returned("sunny in rome"),
        saved(op("StepRun", REQUEST, data=Parts("tool-call"))),
        saved(op("StepRun", f"{TOOL}:rome", data=told("rome"))),
        saved(op("StepRun", REQUEST, index=1, data=Parts("text"))),
    ),
    kinds=ASYNC,
)
runs_side_by_side = Case(
    build=both(refused, two_runs), expect=planned(REQUEST, f"{REQUEST}~2", any_order=True), kinds=ASYNC
)
one_run_of_two = Case(
    build=both(refused, two_runs),
    call=Call(steps={f"{REQUEST}~2": asked("oslo")}, target=f"{TOOL}:oslo~2", plan_only=True),
    expect=ran(f"{TOOL}:oslo~2", told("oslo")),
    kinds=ASYNC,
)
plain_function = Case(
    build=one,
    expect=raised(error("UserError", Saying("is a plain def", "make it async def"))),
    kinds=[HandlerKind.SYNC],
)

# A tool that is no step

inline = Agent(FunctionModel(answer), name="bot", deps_type=inngest.Context, capabilities=[InngestDurability()])


@inline.tool(name="weather", metadata={"inngest": False})
async def weather_by_step(ctx: RunContext[inngest.Context], place: str) -> str:
    return await ctx.deps.step.run(place, lambda: f"sunny in {place}")


async def inline_places(ctx: inngest.Context) -> str:
    return (await inline.run("rome oslo", deps=ctx)).output


inline_two = both(refused, inline_places)
steps_of_tools_side_by_side = Case(
    build=inline_two,
    call=Call(steps={REQUEST: asked("rome", "oslo")}),
    expect=planned("rome", "oslo", any_order=True),
    kinds=ASYNC,
)
step_of_one_tool_of_two = Case(
    build=inline_two,
    call=Call(steps={REQUEST: asked("rome", "oslo")}, target="oslo", plan_only=True),
    expect=ran("oslo", "sunny in oslo"),
    kinds=ASYNC,
)
