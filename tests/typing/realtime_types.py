"""What publishing and subscribing take and give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, assert_type

import inngest
from inngest.realtime import Channel, Message, Subscription, SubscriptionSync, Topic


@dataclass
class Progress:
    done: int


progress = Topic("progress", Progress)
numbers = Topic("numbers", list[int])
anything = Topic("anything")
users = Channel("user:{user_id}", progress, numbers)


async def declared(client: inngest.Inngest, step: inngest.Step) -> None:
    await client.realtime.publish("c", progress, Progress(1))
    await client.realtime.publish(users(user_id=1), numbers, [1])
    await client.realtime.publish("c", "t", {"a": object()})
    await step.realtime.publish("tell", users(user_id=1), progress, Progress(1))
    await client.realtime.publish("c", progress, 1)  # type: ignore[misc]  # pyright: ignore[reportCallIssue, reportArgumentType]
    assert_type(client.realtime.subscribe("c", progress), Subscription[Progress])
    assert_type(client.realtime.subscribe("c", [numbers]), Subscription[list[int]])
    assert_type(client.realtime.subscribe(users(user_id=1)), Subscription[Any])
    assert_type(client.realtime.subscribe("c", ["a", progress]), Subscription[Any])
    assert_type(client.realtime.subscribe("c", progress, streams=True), Subscription[Any])
    async with client.realtime.subscribe("c", progress) as messages:
        async for message in messages:
            assert_type(message, Message[Progress])
            assert_type(message.data, Progress)


def declared_sync(client: inngest.Inngest, step: inngest.StepSync) -> None:
    client.realtime.publish_sync("c", progress, Progress(1))
    step.realtime.publish("tell", "c", progress, Progress(1))
    step.realtime.publish("tell", "c", anything, 1)
    step.realtime.publish("tell", "c", progress, "x")  # type: ignore[misc]  # pyright: ignore[reportCallIssue, reportArgumentType]
    assert_type(client.realtime.subscribe_sync("c", progress), SubscriptionSync[Progress])
    for message in client.realtime.subscribe_sync("c", [numbers]):
        assert_type(message.data, list[int])
