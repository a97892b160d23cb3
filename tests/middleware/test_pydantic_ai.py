"""Agents of pydantic-ai in functions: which steps they are, how often models and tools run, streams and approvals."""

from __future__ import annotations

import asyncio
import datetime
import json
from collections.abc import AsyncIterator
from typing import Any

import pydantic
import pytest
from pydantic_ai import Agent, FunctionToolset, RunContext
from pydantic_ai.capabilities import RequestInput
from pydantic_ai.exceptions import UserError
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import AgentInfo, DeltaToolCall, DeltaToolCalls, FunctionModel
from pydantic_ai.models.test import TestModel
from pydantic_ai.tools import DeferredToolRequests

import inngest
from inngest import testing
from inngest.middleware.pydantic_ai import InngestDurability
from inngest_core.errors import ConfigError
from inngest_core.serving.app import App
from tests.cases.case import RUN_ID, Call, hashed
from tests.stage.asks import ask_async
from tests.stage.engine_api import EngineDouble
from tests.stage.in_process_engine import InProcessEngine, RunFailedError
from tests.stage.one_function import request_of, serving, shown

REQUEST = "bot__model.request"
TOOL = "bot__function_toolset__tools.call_tool"


class Weather(pydantic.BaseModel):
    place: str
    degrees: int


class World:
    """A model that asks for the weather at two places, and the tool; both count how often they run."""

    def __init__(self) -> None:
        self.requests = 0
        self.asked: list[str] = []

    def model(self, messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        self.requests += 1
        returned = [part for part in messages[-1].parts if isinstance(part, ToolReturnPart)]
        if not returned:
            calls = [ToolCallPart("weather", {"place": place}, tool_call_id=place) for place in ("rome", "oslo")]
            return ModelResponse(parts=calls)
        return ModelResponse(parts=[TextPart(" ".join(str(part.content) for part in returned))])

    async def weather(self, place: str) -> Weather:
        self.asked.append(place)
        return Weather(place=place, degrees=len(place))

    def agent(self, **options: Any) -> Agent[None, str]:
        tools = FunctionToolset([self.weather], id="tools")
        return Agent(
            FunctionModel(self.model, stream_function=self.stream),
            name="bot",
            toolsets=[tools],
            capabilities=[InngestDurability(**options)],
        )

    async def stream(self, messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[str | DeltaToolCalls]:
        response = self.model(messages, info)
        for number, part in enumerate(response.parts):
            if isinstance(part, ToolCallPart):
                yield {number: DeltaToolCall(part.tool_name, json.dumps(part.args), tool_call_id=part.tool_call_id)}
            elif isinstance(part, TextPart):
                for word in part.content.split():
                    yield word


def asking(agent: Agent[None, str]) -> Any:
    async def handler(ctx: inngest.Context) -> str:
        return (await agent.run("the weather?")).output

    return handler


def ask(app: App, call: Call) -> tuple[int, Any]:
    return shown(ask_async(app, request_of(call)))


ANSWER = "place='rome' degrees=4 place='oslo' degrees=4"


def test_requests_and_tool_calls_are_steps_that_run_once() -> None:
    world = World()
    with serving(asking(world.agent()), checkpointing=False) as app:
        engine = InProcessEngine(app, ask_async, lambda count: 0)
        output = engine.run()
    assert isinstance(output, str)
    assert ("rome" in output, "oslo" in output) == (True, True)
    assert (world.requests, sorted(world.asked)) == (2, ["oslo", "rome"])
    assert set(engine.memos) == {
        hashed(REQUEST),
        hashed(f"{REQUEST}:1"),
        hashed(f"{TOOL}:weather:rome"),
        hashed(f"{TOOL}:weather:oslo"),
    }


def test_parallel_tools_are_parallel_steps() -> None:
    world = World()
    with serving(asking(world.agent()), checkpointing=False) as app:
        _, (op,) = ask(app, Call())
        steps = {REQUEST: {"data": op["data"]}}
        status, planned = ask(app, Call(steps=steps))
        assert status == 206
        assert [(each["op"], each["userland"]["id"]) for each in planned] == [
            ("StepPlanned", f"{TOOL}:weather:rome"),
            ("StepPlanned", f"{TOOL}:weather:oslo"),
        ]
        _, (ran,) = ask(app, Call(steps=steps, target=f"{TOOL}:weather:oslo", plan_only=True))
        assert (ran["op"], world.asked) == ("StepRun", ["oslo"])


def test_a_tool_that_fails_is_tried_again_alone() -> None:
    world = World()

    async def weather(place: str) -> str:
        world.asked.append(place)
        raise ConnectionError("no route")

    tools = FunctionToolset([weather], id="tools")
    agent = Agent(FunctionModel(world.model), name="bot", toolsets=[tools], capabilities=[InngestDurability()])
    with serving(asking(agent), checkpointing=False) as app:
        _, (op,) = ask(app, Call())
        call = Call(steps={REQUEST: {"data": op["data"]}}, target=f"{TOOL}:weather:rome", plan_only=True)
        _, (failed,) = ask(app, call)
    assert (failed["op"], failed["error"]["message"]) == ("StepError", "no route")
    assert world.requests == 1


def test_an_error_in_the_program_is_not_tried_again() -> None:
    def broken(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        raise UserError("no such setting")

    agent = Agent(FunctionModel(broken), name="bot", capabilities=[InngestDurability()])
    with serving(asking(agent), checkpointing=False) as app:
        _, (failed,) = ask(app, Call(max_attempts=4))
    assert (failed["op"], failed["error"]["message"]) == ("StepFailed", "no such setting")


def test_agents_outside_of_a_function_run_as_ever() -> None:
    assert asyncio.run(World().agent().run("the weather?")).output == ANSWER


def test_agents_within_a_step_run_as_ever() -> None:
    world = World()
    agent = world.agent()

    async def work() -> str:
        return (await agent.run("the weather?")).output

    async def handler(ctx: inngest.Context) -> str:
        return await ctx.step.run("ask", work)

    with serving(handler, checkpointing=False) as app:
        engine = InProcessEngine(app, ask_async, lambda count: 0)
        assert engine.run() == ANSWER
    assert set(engine.memos) == {hashed("ask")}


def test_a_plain_function_is_told_to_be_async() -> None:
    agent = Agent(TestModel(), name="bot", capabilities=[InngestDurability()])

    def handler(ctx: inngest.ContextSync) -> str:
        return asyncio.run(agent.run("hello")).output

    with serving(handler, checkpointing=False) as app, pytest.raises(RunFailedError, match="make it async def"):
        InProcessEngine(app, ask_async, lambda count: 0).run()


def test_runs_of_agents_have_ids_that_stay() -> None:
    seen: list[str | None] = []
    agent = Agent(TestModel(), name="bot", capabilities=[InngestDurability()])

    async def handler(ctx: inngest.Context) -> None:
        first, second = await agent.run("hello"), await agent.run("hello")
        seen.extend([first.run_id, second.run_id])

    with serving(handler, checkpointing=False) as app:
        InProcessEngine(app, ask_async, lambda count: 0).run()
    assert set(seen) == {f"{RUN_ID}:1", f"{RUN_ID}:2"}


# Streams


def channel_of(ctx: RunContext[None]) -> str:
    return f"chat:{ctx.run_id}"


def test_what_is_streamed_is_published(engine: EngineDouble) -> None:
    engine.reset({"POST /v1/realtime/publish": [(200, None)]})
    with inngest.Inngest(app_id="chat", is_production=False, api_base_url=engine.origin) as chat:
        agent = World().agent(client=chat, channel=channel_of)
        with serving(asking(agent), checkpointing=False) as app:
            run = InProcessEngine(app, ask_async, lambda count: 0)
            run.run()
    kinds = [request.json()["event_kind"] for request in engine.requests]
    assert {request.path.partition("?")[0] for request in engine.requests} == {"/v1/realtime/publish"}
    assert all(f"channel=chat%3A{RUN_ID}%3A1&topic=agent" in request.path for request in engine.requests)
    assert kinds.count("function_tool_result") == 2
    assert {"part_start", "part_delta", "final_result"} <= set(kinds)


@pytest.mark.parametrize("given", [{"client": object()}, {"channel": "c"}])
def test_client_and_channel_belong_together(given: Any) -> None:
    with pytest.raises(ConfigError, match="client and channel belong together"):
        InngestDurability(**given)


# Approvals


def test_an_approval_waits_for_a_signal() -> None:
    told: list[str] = []
    done: list[str] = []

    def model(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        returned = [part for part in messages[-1].parts if isinstance(part, ToolReturnPart)]
        if not returned:
            return ModelResponse(parts=[ToolCallPart("refund", {"order": "A1"}, tool_call_id="call-1")])
        return ModelResponse(parts=[TextPart(str(returned[0].content))])

    def tell(ctx: RunContext[None], requests: DeferredToolRequests, token: str) -> None:
        told.append(token)

    tools: FunctionToolset[None] = FunctionToolset(id="tools")

    @tools.tool_plain(requires_approval=True)
    def refund(order: str) -> str:
        done.append(order)
        return f"{order} refunded"

    made: Any = Agent  # pyright cannot infer the type of an agent that may defer tool calls
    agent: Agent[None, str] = made(
        FunctionModel(model),
        name="bot",
        toolsets=[tools],
        capabilities=[RequestInput[None](tell), InngestDurability[None]()],
    )
    wait = "bot__external_event.deferred_tool_calls"
    with serving(asking(agent), checkpointing=False) as app:
        _, (op,) = ask(app, Call())
        steps: dict[str, object] = {REQUEST: {"data": op["data"]}}
        _, ops = ask(app, Call(steps=steps))
        assert {(each["op"], each["userland"]["id"]) for each in ops} == {
            ("WaitForSignal", wait),
            ("StepPlanned", f"{wait}.ask"),
        }
        (waiting,) = [each for each in ops if each["op"] == "WaitForSignal"]
        ask(app, Call(steps=steps, target=f"{wait}.ask", plan_only=True))
        assert told == [waiting["opts"]["signal"]] == [f"{RUN_ID}/{wait}/1"]
        steps[f"{wait}.ask"] = {"data": None}
        steps[wait] = {"data": {"signal": told[0], "data": {"approvals": {"call-1": True}}}}
        _, (ran,) = ask(app, Call(steps=steps))
        assert (ran["userland"]["id"], done) == (f"{TOOL}:refund:call-1", ["A1"])
        steps[f"{TOOL}:refund:call-1"] = {"data": ran["data"]}
        _, (last,) = ask(app, Call(steps=steps))
        steps[f"{REQUEST}:1"] = {"data": last["data"]}
        assert ask(app, Call(steps=steps)) == (200, "A1 refunded")
    assert len(told) == len(done) == 1


def test_tools_side_by_side_a_stream_and_an_approval_in_one_run() -> None:
    world = World()
    told: list[str] = []

    def tell(ctx: RunContext[None], requests: DeferredToolRequests, token: str) -> None:
        told.append(token)

    tools: FunctionToolset[None] = FunctionToolset(id="tools")

    @tools.tool_plain
    async def weather(place: str) -> Weather:
        if world.asked.count(place) == 0 and place == "oslo":
            world.asked.append(place)
            raise ConnectionError("no route")
        return await world.weather(place)

    @tools.tool_plain(requires_approval=True)
    def refund(order: str) -> str:
        world.asked.append(order)
        return f"{order} refunded"

    async def stream(messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[str | DeltaToolCalls]:
        async for each in world.stream(messages, info):
            yield each
        if world.requests == 1:
            yield {2: DeltaToolCall("refund", json.dumps({"order": "A1"}), tool_call_id="call-1")}

    client = inngest.Inngest(app_id="agents", is_production=False)
    made: Any = Agent
    agent: Agent[None, str] = made(
        FunctionModel(world.model, stream_function=stream),
        name="bot",
        toolsets=[tools],
        capabilities=[RequestInput[None](tell), InngestDurability[None](client=client, channel="chat")],
    )
    function = client.create_function(fn_id="go", trigger=inngest.TriggerEvent(event="go"))(asking(agent))

    async def main() -> object:
        async with testing.AsyncEngine([function]) as engine:
            (run,) = engine.runs_of(await engine.send(inngest.Event(name="go")))
            await engine.advance(datetime.timedelta(hours=1))
            assert run.status is testing.Status.RUNNING
            await client.send_signal(told[0], data={"approvals": {"call-1": True}})
            return (await engine.wait(run)).output

    output = asyncio.run(main())
    assert isinstance(output, str)
    assert "A1refunded" in output  # the words of the stream
    assert (world.requests, len(told)) == (2, 1)
    assert sorted(world.asked) == ["A1", "oslo", "oslo", "rome"]
