"""Realtime: channels and topics, and what `client.realtime` gives. Holds no logic."""

from inngest_core.messaging import Realtime, Subscription, SubscriptionSync
from inngest_core.realtime.messages import Message
from inngest_core.realtime.publishing import SubscriptionToken
from inngest_core.realtime.refusals import PublishError, SubscriptionError
from inngest_core.realtime.topics import Channel, Topic

__all__ = [
    "Channel",
    "Message",
    "PublishError",
    "Realtime",
    "Subscription",
    "SubscriptionError",
    "SubscriptionSync",
    "SubscriptionToken",
    "Topic",
]
