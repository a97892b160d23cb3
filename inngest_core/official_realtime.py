"""Realtime as functions of a client, as the official SDK spells it: each is one line over `client.realtime`."""

from __future__ import annotations

from collections.abc import Sequence

from .client import Inngest
from .error_text import kind_of
from .errors import ConfigError
from .messaging import Realtime
from .realtime.publishing import SubscriptionToken
from .realtime.topics import AnyTopic


async def publish(client: Inngest, channel: str, topic: str, data: object) -> None:
    """Publish a message; as `client.realtime.publish`.

    client: whose engine it goes to.
    channel: the name of the channel.
    topic: the name of the topic.
    data: whatever can be written as JSON.
    Raises what that does; ConfigError: client is not an Inngest client.
    """
    await _of(client).publish(channel, topic, data)


def publish_sync(client: Inngest, channel: str, topic: str, data: object) -> None:
    """Publish a message; as `client.realtime.publish_sync`.

    client: whose engine it goes to.
    channel: the name of the channel.
    topic: the name of the topic.
    data: whatever can be written as JSON.
    Raises what that does; ConfigError: client is not an Inngest client.
    """
    _of(client).publish_sync(channel, topic, data)


async def get_subscription_token(client: Inngest, channel: str, topics: Sequence[AnyTopic]) -> SubscriptionToken:
    """Return a token for a subscriber; as `client.realtime.get_subscription_token`.

    client: whose engine makes it.
    channel: the name of the channel.
    topics: the topics that it opens.
    Raises what that does; ConfigError: client is not an Inngest client.
    """
    return await _of(client).get_subscription_token(channel, topics)


def get_subscription_token_sync(client: Inngest, channel: str, topics: Sequence[AnyTopic]) -> SubscriptionToken:
    """Return a token for a subscriber; as `client.realtime.get_subscription_token_sync`.

    client: whose engine makes it.
    channel: the name of the channel.
    topics: the topics that it opens.
    Raises what that does; ConfigError: client is not an Inngest client.
    """
    return _of(client).get_subscription_token_sync(channel, topics)


def _of(client: object) -> Realtime:
    """Return what the client publishes with; raises ConfigError when the first argument is not an Inngest client."""
    if isinstance(client, Inngest):
        return client.realtime
    raise ConfigError(f"client is {kind_of(client)}; give the inngest.Inngest(...) client first, then the channel")
