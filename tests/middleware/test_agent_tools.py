"""Tools that are no steps, waits for models that take long, and handlers of what agents stream."""

from __future__ import annotations

from collections.abc import AsyncIterable
from typing import Any

import pytest
from pydantic_ai import Agent, AgentStreamEvent, RunContext
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.models.test import TestModel

import inngest
from inngest import testing
from inngest.middleware.pydantic_ai import InngestDurability
from tests.stage.asks import ask_async
from tests.stage.engine_api import EngineDouble
from tests.stage.in_process_engine import InProcessEngine
from tests.stage.logs import silent_logger
from tests.stage.one_function import serving

# anyio says so of tasks that had not begun when the call ended, which is no harm.
pytestmark = pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")

CHECKPOINTING = pytest.mark.parametrize("checkpointing", [True, False])


def run(handler: Any, *, checkpointing: bool = True) -> testing.Result[Any]:
    client = inngest.Inngest(app_id="agents", is_production=False, logger=silent_logger(), checkpointing=checkpointing)
    return testing.run(client.create_function(fn_id="go", retries=0)(handler))


@CHECKPOINTING
def test_a_tool_that_is_no_step_may_have_steps_and_may_ask_another_agent(checkpointing: bool) -> None:
    looked: list[str] = []
    expert: Agent[None, str] = Agent(TestModel(), name="expert", capabilities=[InngestDurability()])

    @expert.tool_plain
    def look() -> str:
        looked.append("x")
        return "found"

    guide: Agent[inngest.Context, str] = Agent(
        TestModel(), name="guide", deps_type=inngest.Context, capabilities=[InngestDurability()]
    )

    @guide.tool(metadata={"inngest": False})
    async def wait(ctx: RunContext[inngest.Context]) -> str:
        await ctx.deps.step.sleep("nap", 60_000)
        return await ctx.deps.step.run("page", lambda: "slept")

    @guide.tool(metadata={"inngest": False})
    async def ask(ctx: RunContext[inngest.Context]) -> str:
        return (await expert.run("hello", usage=ctx.usage)).output

    async def handler(ctx: inngest.Context) -> list[Any]:
        result = await guide.run("hello", deps=ctx)
        return [result.output, result.usage.requests]

    done = run(handler, checkpointing=checkpointing)
    output, requests = done.output
    assert ("slept" in output, "found" in output, requests) == (True, True, 4)
    assert set(done.steps) == {
        *("guide__model.request", "nap", "page", "expert__model.request"),
        "expert__function_toolset__<agent>.call_tool:look:pyd_ai_tool_call_id__look",
    }
    assert looked == ["x"]


@pytest.mark.parametrize("said", [True, {}, {"retries": 3}])
def test_only_false_can_be_said_of_a_tool(said: object) -> None:
    agent: Agent[None, str] = Agent(TestModel(), name="bot", capabilities=[InngestDurability()])

    @agent.tool_plain(metadata={"inngest": said})
    def look() -> str:
        return "x"

    async def handler(ctx: inngest.Context) -> str:
        return (await agent.run("hello")).output

    message = str(run(handler).error)
    assert f"the tool 'look' has the metadata {{'inngest': {said!r}}}" in message
    assert "only False can be said there" in message


class Slow(FunctionModel):
    """A model that is to be asked about its answer again after an hour."""

    def continuation_delay(self, response: ModelResponse) -> float | None:
        return 3600


@CHECKPOINTING
def test_the_run_sleeps_until_a_model_is_asked_again(checkpointing: bool) -> None:
    asked: list[int] = []

    def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        asked.append(len(asked))
        if len(asked) < 3:
            return ModelResponse(parts=[], state="suspended", provider_response_id="job")
        return ModelResponse(parts=[TextPart("done")])

    agent: Agent[None, str] = Agent(Slow(answer), name="bot", capabilities=[InngestDurability()])

    async def handler(ctx: inngest.Context) -> str:
        return (await agent.run("hello")).output

    done = run(handler, checkpointing=checkpointing)
    assert (done.output, len(asked)) == ("done", 3)
    assert set(done.steps) == {"bot__model.request", "bot__sleep"}


# What is streamed


class Heard:
    """A handler of events; takes so many of each stream, or all."""

    def __init__(self, most: int | None = None) -> None:
        self._most = most
        self.kinds: list[str] = []

    async def __call__(self, ctx: RunContext[None], events: AsyncIterable[AgentStreamEvent]) -> None:
        taken = 0
        async for event in events:
            self.kinds.append(event.event_kind)
            taken += 1
            if taken == self._most:
                break


def answering(**options: Any) -> Any:
    agent: Agent[None, str] = Agent(TestModel(), name="bot", capabilities=[InngestDurability(**options)])

    @agent.tool_plain
    def look() -> str:
        return "x"

    async def handler(ctx: inngest.Context) -> str:
        return (await agent.run("hello")).output

    return handler


WHOLE = ["part_start", "part_end", "function_tool_call", "function_tool_result", "part_start", "final_result"]


@CHECKPOINTING
def test_a_handler_gets_each_event_once(checkpointing: bool) -> None:
    heard = Heard()
    run(answering(event_stream_handler=heard), checkpointing=checkpointing)
    assert [kind for kind in heard.kinds if kind != "part_delta"] == [*WHOLE, "part_end"]


@pytest.mark.parametrize("most", [None, 1])
def test_a_handler_and_a_channel_get_the_same_events(most: int | None, engine: EngineDouble) -> None:
    engine.reset({"POST /v1/realtime/publish": [(200, None)]})
    heard = Heard(most)
    with inngest.Inngest(app_id="chat", is_production=False, api_base_url=engine.origin) as chat:
        handler = answering(client=chat, channel="chat:1", event_stream_handler=heard)
        with serving(handler, checkpointing=False) as app:
            InProcessEngine(app, ask_async, lambda count: 0).run()
    published = [request.json()["event_kind"] for request in engine.requests]
    assert published.count("function_tool_result") == 1
    assert published[-1] == "part_end"
    assert len(heard.kinds) == (len(published) if most is None else 4)  # two requests, a call and its result
