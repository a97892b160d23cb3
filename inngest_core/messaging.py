"""What a client publishes and subscribes to: `client.realtime`. The flows are in `realtime`; this drives them."""

from __future__ import annotations

import collections
import logging
import weakref
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Generic, Literal, Self, TypeVar, cast, overload

from .engine_api import EngineAPI
from .error_text import kind_of
from .errors import ConfigError
from .execution.current import current_call
from .realtime.messages import Message
from .realtime.publishing import SubscriptionToken, TokenDelayedError, publish, request_token
from .realtime.refusals import SubscriptionError
from .realtime.subscriber import Subscriber
from .realtime.topics import AnyChannel, AnyTopic, Topic, name_of_channel, topics_in
from .runtime.drivers import Resources, run_async, run_sync
from .runtime.effects import Flow
from .values.serializer import Serializer

T = TypeVar("T")


class Realtime:
    """Realtime of one client: publish messages, make tokens for subscribers, subscribe."""

    def __init__(
        self, engine_api: EngineAPI, resources: Resources, logger: logging.Logger, serializer: Serializer | None
    ) -> None:
        self._engine_api = engine_api
        self._resources = resources
        self._logger = logger
        self._serializer = serializer

    @overload
    async def publish(self, channel: AnyChannel, topic: Topic[T], data: T) -> None: ...
    @overload
    async def publish(self, channel: AnyChannel, topic: str, data: object) -> None: ...
    async def publish(self, channel: AnyChannel, topic: AnyTopic, data: object) -> None:
        """Publish a message, from any event loop: in a function, in one of its steps, or anywhere else.

        In a function, outside of steps, nothing is published while earlier steps are replayed, so that it is published
        once and not in each call; `step.realtime.publish` makes sure of that.

        channel: its name, or a Channel.
        topic: its name in the channel, or a Topic.
        data: of the type of the topic where it has one; else whatever can be written as JSON. 512 KiB at most.
        Raises ConfigError: a channel or a topic that cannot be used. OutputUnserializableError: data that cannot be
        written as JSON, or is not of that type. PublishError: the engine refused it or did not answer.
        """
        flow = self._publish(channel, topic, data)
        if flow is not None:
            await run_async(flow, self._resources)

    @overload
    def publish_sync(self, channel: AnyChannel, topic: Topic[T], data: T) -> None: ...
    @overload
    def publish_sync(self, channel: AnyChannel, topic: str, data: object) -> None: ...
    def publish_sync(self, channel: AnyChannel, topic: AnyTopic, data: object) -> None:
        """Publish a message; from any thread, otherwise as `publish`.

        channel: its name, or a Channel.
        topic: its name in the channel, or a Topic.
        data: of the type of the topic where it has one.
        Raises what `publish` does.
        """
        flow = self._publish(channel, topic, data)
        if flow is not None:
            run_sync(flow, self._resources)

    def _publish(self, channel: AnyChannel, topic: AnyTopic, data: object) -> Flow[None] | None:
        """Return the flow that publishes; None where an earlier call of the running function has done so."""
        call = current_call.get()
        call = None if call is None or call.ended else call
        if call is not None and not call.runs_new_code():
            return None
        run_id = "" if call is None else call.ctx.run_id
        return publish(channel, topic, data, engine_api=self._engine_api, run_id=run_id, serializer=self._serializer)

    async def get_subscription_token(
        self, channel: AnyChannel, topics: AnyTopic | Sequence[AnyTopic] | None = None
    ) -> SubscriptionToken:
        """Return a token for a subscriber that has no signing key, such as a web page.

        channel: its name, or a Channel.
        topics: what it opens; by default all topics that the Channel declares.
        Returns `{"channel", "topics", "key"}`; the key opens a subscription within one minute.
        Raises ConfigError: a channel or topics that cannot be used. SubscriptionError: the engine refused it or did not
        answer.
        """
        return await run_async(self._request_token(channel, topics), self._resources)

    def get_subscription_token_sync(
        self, channel: AnyChannel, topics: AnyTopic | Sequence[AnyTopic] | None = None
    ) -> SubscriptionToken:
        """Return a token for a subscriber; from any thread, otherwise as `get_subscription_token`.

        channel: its name, or a Channel.
        topics: what it opens; by default all topics that the Channel declares.
        Raises what `get_subscription_token` does.
        """
        return run_sync(self._request_token(channel, topics), self._resources)

    def _request_token(
        self, channel: AnyChannel, topics: AnyTopic | Sequence[AnyTopic] | None
    ) -> Flow[SubscriptionToken]:
        name, chosen = name_of_channel(channel), topics_in(channel, topics)
        try:
            key = yield from request_token(name, chosen, engine_api=self._engine_api)
        except TokenDelayedError as error:
            raise SubscriptionError(f'no token for channel "{name}": {error}') from None
        return {"channel": name, "topics": [topic.name for topic in chosen], "key": key}

    @overload
    def subscribe(
        self,
        channel: AnyChannel,
        topics: Topic[T] | Sequence[Topic[T]],
        *,
        token: str | SubscriptionToken | None = None,
        streams: Literal[False] = False,
    ) -> Subscription[T]: ...
    @overload
    def subscribe(
        self,
        channel: AnyChannel,
        topics: AnyTopic | Sequence[AnyTopic] | None = None,
        *,
        token: str | SubscriptionToken | None = None,
        streams: bool = False,
    ) -> Subscription[Any]: ...
    def subscribe(
        self,
        channel: AnyChannel,
        topics: AnyTopic | Sequence[AnyTopic] | None = None,
        *,
        token: str | SubscriptionToken | None = None,
        streams: bool = False,
    ) -> Subscription[Any]:
        """Return the messages of some topics from now on, for `async for`.

        A lost connection is made again for as long as it takes; the client's logger is told, and that messages may be
        missing. The first one is tried five times. `async with` connects at once, so that nothing is missed that is
        published afterwards.

        channel: its name, or a Channel.
        topics: one or several, by name or as a Topic; by default all topics that the Channel declares.
        token: from `get_subscription_token`, where this client has no signing key; it opens one connection only.
        streams: whether to get the pieces of streams, too, as texts.
        Raises ConfigError: a channel or topics that cannot be used. What it returns raises SubscriptionError: the
        engine refuses the subscription.
        """
        return Subscription(self._subscriber(channel, topics, token, streams), self._resources)

    @overload
    def subscribe_sync(
        self,
        channel: AnyChannel,
        topics: Topic[T] | Sequence[Topic[T]],
        *,
        token: str | SubscriptionToken | None = None,
        streams: Literal[False] = False,
    ) -> SubscriptionSync[T]: ...
    @overload
    def subscribe_sync(
        self,
        channel: AnyChannel,
        topics: AnyTopic | Sequence[AnyTopic] | None = None,
        *,
        token: str | SubscriptionToken | None = None,
        streams: bool = False,
    ) -> SubscriptionSync[Any]: ...
    def subscribe_sync(
        self,
        channel: AnyChannel,
        topics: AnyTopic | Sequence[AnyTopic] | None = None,
        *,
        token: str | SubscriptionToken | None = None,
        streams: bool = False,
    ) -> SubscriptionSync[Any]:
        """Return the messages of some topics from now on, for `for`, which blocks; otherwise as `subscribe`.

        channel: its name, or a Channel.
        topics: one or several, by name or as a Topic; by default all topics that the Channel declares.
        token: from `get_subscription_token`, where this client has no signing key.
        streams: whether to get the pieces of streams, too, as texts.
        Raises what `subscribe` does.
        """
        return SubscriptionSync(self._subscriber(channel, topics, token, streams), self._resources)

    def _subscriber(
        self,
        channel: AnyChannel,
        topics: AnyTopic | Sequence[AnyTopic] | None,
        token: str | SubscriptionToken | None,
        streams: bool,
    ) -> Subscriber:
        key = token if token is None or isinstance(token, str) else _key_of(token)
        if key == "":
            raise ConfigError("token is empty; give what get_subscription_token returned, or leave it out")
        if not isinstance(cast("object", streams), bool):
            raise ConfigError(f"streams is {streams!r}; give True or False")
        return Subscriber(
            name_of_channel(channel),
            topics_in(channel, topics),
            engine_api=self._engine_api,
            logger=self._logger,
            serializer=self._serializer,
            token=key,
            streams=streams,
        )


def _key_of(token: object) -> str:
    """Return what opens a subscription; raises ConfigError when it is nothing that `get_subscription_token` gives."""
    kind = kind_of(token)
    fields: dict[str, object] = cast("dict[str, object]", token) if isinstance(token, dict) else {}
    key = fields.get("key")
    if not isinstance(key, str):
        raise ConfigError(f"token is {kind}; give what get_subscription_token returned, or its key")
    return key


class _Subscribed(Generic[T]):
    """What both kinds of subscription have: messages that were read together, and a connection that must not stay."""

    def __init__(self, subscriber: Subscriber, resources: Resources) -> None:
        self._subscriber = subscriber
        self._resources = resources
        self._messages: collections.deque[Message[Any]] = collections.deque()
        weakref.finalize(self, _abandon, subscriber)  # of a loop that was left


def _abandon(subscriber: Subscriber) -> None:
    if subscriber.stream is not None:
        subscriber.stream.abandon()


class Subscription(_Subscribed[T]):
    """Messages for `async for`. `async with` connects at once and closes at the end; so does leaving the loop."""

    async def __aenter__(self) -> Self:
        await run_async(self._subscriber.connect(), self._resources)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Message[T]:
        if not self._messages:
            self._messages.extend(await run_async(self._subscriber.receive(), self._resources))
        if not self._messages:
            raise StopAsyncIteration
        return self._messages.popleft()

    async def close(self) -> None:
        """End the connection, also while another task waits for a message: its loop ends then."""
        await run_async(self._subscriber.close(), self._resources)


class SubscriptionSync(_Subscribed[T]):
    """Messages for `for`. `with` connects at once and closes at the end; so does leaving the loop."""

    def __enter__(self) -> Self:
        run_sync(self._subscriber.connect(), self._resources)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Message[T]:
        if not self._messages:
            self._messages.extend(run_sync(self._subscriber.receive(), self._resources))
        if not self._messages:
            raise StopIteration
        return self._messages.popleft()

    def close(self) -> None:
        """End the connection."""
        run_sync(self._subscriber.close(), self._resources)
