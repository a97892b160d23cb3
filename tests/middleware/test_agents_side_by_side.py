"""One agent that runs several times in a call: each run has steps and questions of its own, and none gets another's."""

from __future__ import annotations

import asyncio
import datetime
import gc
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic_ai import Agent, FunctionToolset, RunContext
from pydantic_ai.capabilities import RequestInput
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.tools import DeferredToolRequests

import inngest
from inngest import testing
from inngest.middleware.pydantic_ai import InngestDurability
from tests.cases.case import hashed
from tests.stage.asks import ask_async
from tests.stage.in_process_engine import InProcessEngine
from tests.stage.logs import LogList
from tests.stage.one_function import serving

# anyio says so of tasks that had not begun when the call ended, which is no harm.
pytestmark = pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")

ROUNDS = 2
REQUEST, TOOL = "bot__model.request", "bot__function_toolset__tools.call_tool:echo"


@pytest.fixture(autouse=True)
def _all_warnings() -> Iterator[None]:
    """Warn of what was left behind in the test that left it."""
    yield
    gc.collect()


def echoing(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    """Call the tool a few times, each time with the same id, as some models do; then tell all that it returned."""
    (prompt,) = messages[0].parts
    place = str(getattr(prompt, "content", ""))
    returned = [part for message in messages for part in message.parts if isinstance(part, ToolReturnPart)]
    if len(returned) < ROUNDS:
        return ModelResponse(parts=[ToolCallPart("echo", {"place": place}, tool_call_id=f"call-{len(returned)}")])
    return ModelResponse(parts=[TextPart(" ".join(str(part.content) for part in returned))])


async def echo(place: str) -> str:
    return place


def bot() -> Agent[object, str]:
    tools: FunctionToolset[object] = FunctionToolset([echo], id="tools")
    return Agent(FunctionModel(echoing), name="bot", toolsets=[tools], capabilities=[InngestDurability()])


def asking(agent: Agent[object, str], run_id: str | None = None) -> Any:
    """Return a function that asks three times at once. run_id: begins the ids that the user gives to the runs."""

    async def handler(ctx: inngest.Context) -> list[str]:
        ids = {place: None if run_id is None else f"{run_id}-{place}" for place in "xyz"}
        results = await asyncio.gather(*[agent.run(place, run_id=given) for place, given in ids.items()])
        return [result.output for result in results]

    return handler


@pytest.mark.parametrize("run_id", [None, "mine"])
def test_each_run_gets_its_own_results_and_nothing_is_warned_of(run_id: str | None) -> None:
    logged, logger = LogList(), logging.Logger("test")
    logger.addHandler(logged)
    client = inngest.Inngest(app_id="agents", is_production=False, logger=logger)
    function = client.create_function(fn_id="go")(asking(bot(), run_id))
    assert testing.run(function).output == ["x x", "y y", "z z"]
    assert logged.texts == []


def test_the_steps_of_later_runs_say_which_run_they_are_of() -> None:
    with serving(asking(bot()), checkpointing=False) as app:
        engine = InProcessEngine(app, ask_async, lambda count: 0)
        engine.run()
    own = [REQUEST, f"{REQUEST}:1", f"{REQUEST}:2", f"{TOOL}:call-0", f"{TOOL}:call-1"]
    of_later = [
        *(f"{REQUEST}~{number}{index}" for number in (2, 3) for index in ("", ":1", ":2")),
        *(f"{TOOL}:call-{call}~{number}" for number in (2, 3) for call in range(ROUNDS)),
    ]
    assert set(engine.memos) == {hashed(step_id) for step_id in [*own, *of_later]}


def test_a_run_after_another_says_so_too_and_other_agents_do_not() -> None:
    first = bot()
    second: Agent[object, str] = Agent(FunctionModel(echoing), name="other", capabilities=[InngestDurability()])
    second.tool_plain(echo)

    async def handler(ctx: inngest.Context) -> list[str]:
        return [(await agent.run("x")).output for agent in (first, second, first)]

    with serving(handler, checkpointing=False) as app:
        engine = InProcessEngine(app, ask_async, lambda count: 0)
        assert engine.run() == ["x x", "x x", "x x"]
    assert {hashed(REQUEST), hashed(f"{REQUEST}~2"), hashed("other__model.request")} <= set(engine.memos)
    assert not {hashed(f"{REQUEST}~3"), hashed("other__model.request~2")} & set(engine.memos)


def refunding(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    (prompt,) = messages[0].parts
    order = str(getattr(prompt, "content", ""))
    returned = [str(part.content) for part in messages[-1].parts if isinstance(part, ToolReturnPart)]
    if returned:
        return ModelResponse(parts=[TextPart(returned[0])])
    return ModelResponse(parts=[ToolCallPart("refund", {"order": order}, tool_call_id="call")])


def test_each_run_waits_for_an_answer_of_its_own() -> None:
    """Or who approves one order would approve the other; and so would who answers the first question twice."""
    told: list[str] = []
    tools: FunctionToolset[object] = FunctionToolset(id="tools")

    @tools.tool_plain(requires_approval=True)
    def refund(order: str) -> str:
        return f"{order} refunded"

    def tell(ctx: RunContext[object], requests: DeferredToolRequests, token: str) -> None:
        told.append(token)

    made: Any = Agent  # pyright cannot infer the type of an agent that may defer tool calls
    agent: Agent[object, str] = made(
        FunctionModel(refunding),
        name="bot",
        toolsets=[tools],
        capabilities=[RequestInput[object](tell), InngestDurability[object]()],
    )
    client = inngest.Inngest(app_id="agents", is_production=False)

    @client.create_function(fn_id="go", trigger=inngest.TriggerEvent(event="go"))
    async def go(ctx: inngest.Context) -> list[str]:
        both = await asyncio.gather(agent.run("A1"), agent.run("A2"))
        return [result.output for result in [*both, await agent.run("A3")]]

    async def main() -> object:
        async with testing.AsyncEngine([go]) as engine:
            (run,) = engine.runs_of(await engine.send(inngest.Event(name="go")))
            await engine.advance(datetime.timedelta(hours=1))
            assert len(set(told)) == 2
            second, first = sorted(told, key=lambda token: "~2" not in token)
            await client.send_signal(first, data={"approvals": {"call": True}})
            await client.send_signal(second, data={"approvals": {"call": False}})
            await engine.advance(datetime.timedelta(hours=1))
            assert len(set(told)) == 3
            assert run.status is testing.Status.RUNNING
            await client.send_signal(told[2], data={"approvals": {"call": True}})
            return (await engine.wait(run)).output

    denied = "The tool call was denied."
    assert asyncio.run(main()) == ["A1 refunded", denied, "A3 refunded"]
