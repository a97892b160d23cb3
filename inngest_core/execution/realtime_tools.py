"""The step tool that publishes a realtime message: `step.realtime`. As in `tools.py`, pure values and flows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

from inngest_core.protocol.wire import Opcode
from inngest_core.realtime.publishing import publish
from inngest_core.realtime.topics import AnyChannel, AnyTopic, Topic, name_of_channel, topic_in
from inngest_core.runtime.effects import Flow

from .tools import StepScope, Tool, check_step_id, step_opts

T = TypeVar("T")


def publish_tool(step_id: str, channel: AnyChannel, topic: AnyTopic, data: object) -> Tool:
    """Publish a message once; there is no result."""
    step_id = check_step_id(step_id)
    name_of_channel(channel)
    topic_in(channel, topic)  # what cannot be used is refused where it is met, in every call

    def work(scope: StepScope) -> Flow[None]:
        return publish(
            channel,
            topic,
            data,
            engine_api=scope.engine_api,
            run_id=scope.run_id,
            serializer=scope.serializer,
            headers=scope.headers,
        )

    return Tool(Opcode.STEP_RUN, step_id, step_id, _nothing, step_opts(type="step.realtime.publish"), work=work)


def _nothing(_: object) -> None:
    return None


class StepRealtime:
    """Realtime as steps of an `async def` function."""

    def __init__(self, meet: Callable[[Tool], Awaitable[Any]]) -> None:
        self._meet = meet

    @overload
    async def publish(self, step_id: str, channel: AnyChannel, topic: Topic[T], data: T) -> None: ...
    @overload
    async def publish(self, step_id: str, channel: AnyChannel, topic: str, data: object) -> None: ...
    async def publish(self, step_id: str, channel: AnyChannel, topic: AnyTopic, data: object) -> None:
        """Publish a message once, however often the function is called.

        step_id: names the step, unique in the function.
        channel: its name, or a Channel.
        topic: its name in the channel, or a Topic.
        data: of the type of the topic where it has one; else whatever can be written as JSON. 512 KiB at most.
        Raises StepError: it could not be published. Raises ConfigError: a channel or a topic that cannot be used.
        """
        await self._meet(publish_tool(step_id, channel, topic, data))


class StepRealtimeSync:
    """Realtime as steps of a plain `def` function."""

    def __init__(self, meet: Callable[[Tool], Any]) -> None:
        self._meet = meet

    @overload
    def publish(self, step_id: str, channel: AnyChannel, topic: Topic[T], data: T) -> None: ...
    @overload
    def publish(self, step_id: str, channel: AnyChannel, topic: str, data: object) -> None: ...
    def publish(self, step_id: str, channel: AnyChannel, topic: AnyTopic, data: object) -> None:
        """Publish a message once, however often the function is called.

        step_id: names the step, unique in the function.
        channel: its name, or a Channel.
        topic: its name in the channel, or a Topic.
        data: of the type of the topic where it has one; else whatever can be written as JSON. 512 KiB at most.
        Raises StepError: it could not be published. Raises ConfigError: a channel or a topic that cannot be used.
        """
        self._meet(publish_tool(step_id, channel, topic, data))
