"""Makes agents of pydantic-ai durable: model requests and calls of tools are steps of the function that runs them.

Built on pydantic-ai's public classes for such integrations, which decide what a step is and how its result is written.
Outside of a function, and within a step, an agent runs as without this.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Generic, Literal, TypeVar

import pydantic
from pydantic import JsonValue
from pydantic_ai import Agent, AgentRunResult, AgentStreamEvent, RunContext, ToolsetTool
from pydantic_ai.agent import EventStreamHandler
from pydantic_ai.capabilities.abstract import WrapRunHandler
from pydantic_ai.durable_exec import (
    JSON_CODEC,
    BaseDurabilityCapability,
    BoundDurableOperation,
    DurabilityEngineSpec,
    DurableOperation,
    DurableOperationId,
    ExternalEventError,
    ExternalEventWaiter,
    JournalCallableOperationBackend,
    RoleBasedOperationConfig,
    conversation_id_from_run_id,
    external_event_scope,
    record_durable_unit,
    replay_scope,
)
from pydantic_ai.exceptions import UserError
from pydantic_ai.models import Model
from pydantic_ai.tools import AgentDepsT

from inngest_core.errors import ConfigError
from inngest_core.execution.context import Context, ContextSync
from inngest_core.execution.current import current_call
from inngest_core.execution.execution import current_step
from inngest_middleware.agent_errors import (
    model_errors_as_themselves,
    run_errors_are_final,
    told_to_the_engine,
    unserializable,
)
from inngest_middleware.agent_runs import runs_of

METADATA = "inngest"
"""The key, in the metadata of a tool, that says whether its calls are steps."""
LONGEST_WAIT = timedelta(days=365)
"""For an answer by a human, where nothing else is said."""

ParamsT = TypeVar("ParamsT")
WireT = TypeVar("WireT")
ResultT = TypeVar("ResultT")

_events: pydantic.TypeAdapter[AgentStreamEvent] = pydantic.TypeAdapter(AgentStreamEvent)
_agent_run: contextvars.ContextVar[RunContext[Any] | None] = contextvars.ContextVar("inngest_agent_run", default=None)
"""Of which run of an agent, and of which call of a tool in it, an operation is."""


class InngestDurability(BaseDurabilityCapability[AgentDepsT]):
    """Makes an agent durable in `async def` functions: `Agent(..., name="bot", capabilities=[InngestDurability()])`.

    models: those that runs may be given besides the agent's own, by names of their own.
    name: begins the ids of the steps; the agent's name by default. It must stay the same while runs are under way.
    client: publishes what agents stream; needs channel.
    channel: the realtime channel of the streamed events, or what makes its name of the run's context.
    topic: their topic.
    event_stream_handler: what else the streamed events are given to, within the steps that make them.
    Raises ConfigError: a client without a channel, or a channel without a client.
    """

    engine_spec = DurabilityEngineSpec(
        engine_name="Inngest",
        durable_unit_noun="step",
        durable_container_noun="function",
        codec=JSON_CODEC,
        serialization_failure=unserializable,
        tool_config_key=METADATA,
        toolset_lifecycles={
            "function": "enter-always",
            "mcp": "enter-in-durable-unit",
            "dynamic": "enter-never",
        },
    )

    def __init__(
        self,
        *,
        models: Mapping[str, Model] | None = None,
        name: str | None = None,
        client: Any = None,
        channel: str | Callable[[RunContext[AgentDepsT]], str] | None = None,
        topic: str = "agent",
        event_stream_handler: EventStreamHandler[AgentDepsT] | None = None,
    ) -> None:
        if (client is None) != (channel is None):
            raise ConfigError("client and channel belong together; give both to publish what the agent streams")
        handler = event_stream_handler
        if client is not None and channel is not None:
            handler = partial(_publish, client, channel, topic, event_stream_handler)
        super().__init__(models=models, event_stream_handler=handler, name=name)

    @property
    def in_durable_context(self) -> bool:
        """Whether a function runs here, outside of its steps."""
        return _running() is not None

    def get_durable_operation_backend(self) -> _Steps:
        """Return what runs operations as steps."""
        return _Steps(self.name, self.default_model_id)

    def get_default_run_id(self) -> str | None:
        """Return an id that is the same in every call."""
        ctx = _running()
        return None if ctx is None else runs_of(ctx).begin(self.name)

    def get_default_conversation_id(self, run_id: str) -> str | None:
        """Return an id that is the same in every call."""
        return None if _running() is None else conversation_id_from_run_id(run_id)

    async def get_run_start_time(self, run_id: str) -> datetime | None:
        """Return when the agent was first run, which a step keeps; asked for runs with a time-out."""
        ctx = _running()
        if ctx is None:
            return None
        step_id = f"{self.name}__run_start_time{runs_of(ctx).suffix(self.name, run_id)}"
        return datetime.fromisoformat(await ctx.step.run(step_id, _now))

    async def wrap_run(self, ctx: RunContext[AgentDepsT], *, handler: WrapRunHandler) -> AgentRunResult[Any]:
        """Run the agent; what it asks humans, it waits for by a signal."""
        running = _running()
        if running is None:
            return await super().wrap_run(ctx, handler=handler)
        suffix = runs_of(running).suffix(self.name, ctx.run_id)
        with (
            replay_scope(),
            run_errors_are_final(),
            external_event_scope(_Signals(running, self.name, suffix)),
            Agent.using_sleep(partial(_sleep, f"{self.name}__sleep{suffix}")),
        ):
            return await super().wrap_run(ctx, handler=handler)


class _Steps(JournalCallableOperationBackend[None]):
    """Runs each operation as a step. Ids are pydantic-ai's own, with the id of the call of a tool, and with the number
    of the run, unless it is the first one of this agent."""

    def __init__(self, agent_name: str, default_model_id: str | None) -> None:
        config: RoleBasedOperationConfig[None] = RoleBasedOperationConfig(
            model=None, event=None, capability=None, tool=None, resolve_tool=_config_of
        )
        super().__init__(agent_name=agent_name, default_model_id=default_model_id, config=config)
        self._agent_name = agent_name

    def bind(
        self, operation: DurableOperation[ParamsT, WireT, ResultT]
    ) -> BoundDurableOperation[ParamsT, WireT, ResultT]:
        return _Bound(super().bind(operation))

    async def execute(
        self,
        *,
        operation_id: DurableOperationId,
        name: str,
        body: Callable[[], Awaitable[object]],
        cache_key: tuple[object, ...],
        config: None,
    ) -> object:
        ctx = _running()
        if ctx is None:
            return await body()
        of_run = _agent_run.get()
        step_id = name
        if of_run is not None:
            call = "" if of_run.tool_call_id is None else f":{of_run.tool_call_id}"
            step_id = f"{name}{call}{runs_of(ctx).suffix(self._agent_name, of_run.run_id)}"
        operate = _Operate(body)
        with model_errors_as_themselves(), operate.seen_once():
            return await ctx.step.run(step_id, operate)


class _Operate:
    """Runs an operation, in its step, and tells pydantic-ai of it: its own spans and metrics would otherwise be made
    again in each call."""

    def __init__(self, body: Callable[[], Awaitable[object]]) -> None:
        self._body = body
        self._ran = False

    async def __call__(self) -> Any:
        self._ran = True
        with told_to_the_engine():
            return await self._body()

    @contextmanager
    def seen_once(self) -> Generator[None]:
        """Say whether the function gets the result for the first time: not if the call ends before it does."""
        is_new = False
        try:
            yield
            is_new = self._is_new()
        except Exception:
            is_new = self._is_new()
            raise
        finally:  # also where the call ends
            record_durable_unit(executed=is_new)

    def _is_new(self) -> bool:
        call = current_call.get()
        return self._ran or (call is not None and call.runs_new_code())


class _Bound(BoundDurableOperation[ParamsT, WireT, ResultT], Generic[ParamsT, WireT, ResultT]):
    """Notes which run, and which call of a tool, an operation is of: those side by side are told apart by it."""

    def __init__(self, bound: BoundDurableOperation[ParamsT, WireT, ResultT]) -> None:
        self._bound = bound

    @property
    def operation(self) -> DurableOperation[ParamsT, WireT, ResultT]:
        return self._bound.operation

    async def __call__(self, params: ParamsT, *, config: object | None = None) -> ResultT:
        of_run: RunContext[Any] | None = getattr(params, "run_context", None) or getattr(params, "ctx", None)
        token = _agent_run.set(of_run)
        try:
            return await self._bound(params, config=config)
        finally:
            _agent_run.reset(token)


class _Signals(ExternalEventWaiter):
    """Waits for the answers of humans: the token that they are given is the name of a signal."""

    def __init__(self, ctx: Context[Any], agent_name: str, suffix: str) -> None:
        self._ctx = ctx
        self._agent_name = agent_name
        self._suffix = suffix
        self._waits = 0

    async def wait(
        self, name: str, *, ask: Callable[[str], Awaitable[JsonValue]], timeout: timedelta | None
    ) -> JsonValue:
        self._waits += 1
        step_id, step = f"{self._agent_name}__external_event.{name}{self._suffix}", self._ctx.step
        token = f"{self._ctx.run_id}/{step_id}/{self._waits}"
        # Both at once, so that the engine knows the signal before anybody is told its name.
        signal = asyncio.ensure_future(
            step.wait_for_signal(step_id, signal=token, timeout=LONGEST_WAIT if timeout is None else timeout)
        )
        try:
            answer: JsonValue
            _, answer = await asyncio.gather(_met(), step.run(f"{step_id}.ask", ask, token))
            if answer is not None:
                return answer
            received = await signal
        finally:
            signal.cancel()
        if received is None:
            raise ExternalEventError(f"no answer came within {timeout}")
        payload: JsonValue = received.data
        return payload


async def _met() -> None:
    """Let the task of the signal meet its step."""
    await asyncio.sleep(0)


def _running() -> Context[Any] | None:
    """Return the context of the function that runs here, outside of its steps; raises UserError in a plain `def`."""
    call = current_call.get()
    if call is None or call.ended or current_step.get() is not None:
        return None
    if isinstance(call.ctx, ContextSync):
        raise UserError(
            f"the function {call.ctx.fn_id} is a plain def, in which an agent cannot be durable; make it async def, "
            "and await agent.run(...)"
        )
    return call.ctx


async def _sleep(step_id: str, seconds: float) -> None:
    """Wait until a model is asked again about an answer that takes long, without using any resources."""
    ctx = _running()
    if ctx is None:
        await asyncio.sleep(seconds)
    else:
        await ctx.step.sleep(step_id, timedelta(seconds=seconds))


def _config_of(operation_id: DurableOperationId, tool: object | None, tool_name: str) -> Literal[False] | None:
    """Return False for a tool whose metadata says that its calls are no steps; raises UserError if it says else."""
    metadata = tool.tool_def.metadata if isinstance(tool, ToolsetTool) else None
    said: object = (metadata or {}).get(METADATA)
    if said is None or said is False:
        return said
    raise UserError(
        f"the tool {tool_name!r} has the metadata {{{METADATA!r}: {said!r}}}, and only False can be said there: that "
        "its calls are no steps; how often steps are retried is an option of the function"
    )


async def _publish(
    client: Any,
    channel: str | Callable[[RunContext[Any]], str],
    topic: str,
    handler: EventStreamHandler[Any] | None,
    ctx: RunContext[Any],
    events: AsyncIterable[AgentStreamEvent],
) -> None:
    """Publish events as they come, and give them to the user's own handler; this runs within a step."""
    name = channel if isinstance(channel, str) else channel(ctx)

    async def published() -> AsyncIterator[AgentStreamEvent]:
        async for event in events:
            await client.realtime.publish(name, topic, _events.dump_python(event, mode="json"))
            yield event

    rest = published()
    if handler is not None:
        await handler(ctx, rest)
    async for _ in rest:  # what the handler has not asked for
        pass


def _now() -> str:
    return datetime.now(UTC).isoformat()
