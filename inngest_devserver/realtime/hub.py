"""Who subscribes to which topics, and the messages on their way to them. Knows no HTTP, keeps no history.

A subscriber that does not read is cut off before its messages fill the memory; it may subscribe again.
"""

from __future__ import annotations

import asyncio
import collections
from collections.abc import Iterable

from .messages import Topic

MOST_WAITING = 2_000
"""Messages of one subscriber."""
MOST_WAITING_BYTES = 4 * 1024 * 1024

MOST_SUBSCRIBERS = 1_000


class TooManySubscribersError(Exception):
    """No more can be served."""


class Subscriber:
    """news: set whenever there is something to take, or when it is over."""

    def __init__(self) -> None:
        self.news = asyncio.Event()
        self.topics: set[Topic] = set()
        self.over = False
        """Nothing more will come: it was too slow, or the engine stops."""
        self._waiting: collections.deque[bytes] = collections.deque()
        self._bytes = 0

    def give(self, message: bytes) -> bool:
        """Keep a message until it is taken; False when there are too many."""
        self._waiting.append(message)
        self._bytes += len(message)
        self.news.set()
        return len(self._waiting) <= MOST_WAITING and self._bytes <= MOST_WAITING_BYTES

    def take(self) -> list[bytes]:
        """Return the messages that wait, oldest first."""
        messages = list(self._waiting)
        self._waiting.clear()
        self._bytes = 0
        self.news.clear()
        return messages

    def end(self) -> None:
        self.take()
        self.over = True
        self.news.set()


class Hub:
    def __init__(self) -> None:
        self._by_topic: dict[Topic, dict[Subscriber, None]] = {}
        self._subscribers: dict[Subscriber, None] = {}
        self._closed = False

    def __len__(self) -> int:
        return len(self._subscribers)

    def topics(self) -> set[Topic]:
        """Return what is subscribed to."""
        return set(self._by_topic)

    def subscribers(self) -> set[Subscriber]:
        """Return who subscribes."""
        return set(self._subscribers)

    def subscribe(self, topics: Iterable[Topic] = ()) -> Subscriber:
        """Return a new subscriber, to be given back to `leave`; raises TooManySubscribersError."""
        subscriber = Subscriber()
        if self._closed:
            subscriber.end()
            return subscriber
        if len(self._subscribers) >= MOST_SUBSCRIBERS:
            raise TooManySubscribersError(f"there are {MOST_SUBSCRIBERS} subscribers already")
        self._subscribers[subscriber] = None
        self.add(subscriber, topics)
        return subscriber

    def add(self, subscriber: Subscriber, topics: Iterable[Topic]) -> None:
        for topic in topics:
            subscriber.topics.add(topic)
            self._by_topic.setdefault(topic, {})[subscriber] = None

    def remove(self, subscriber: Subscriber, topics: Iterable[Topic]) -> None:
        for topic in topics:
            subscriber.topics.discard(topic)
            subscribers = self._by_topic.get(topic, {})
            subscribers.pop(subscriber, None)
            if not subscribers:
                self._by_topic.pop(topic, None)

    def leave(self, subscriber: Subscriber) -> None:
        self.remove(subscriber, list(subscriber.topics))
        self._subscribers.pop(subscriber, None)

    def publish(self, topic: Topic, messages: Iterable[bytes]) -> list[Subscriber]:
        """Pass messages on to all who subscribe to a topic; return those who were too slow and are cut off."""
        slow: list[Subscriber] = []
        subscribers = list(self._by_topic.get(topic, ()))
        for message in messages if subscribers else ():
            for subscriber in subscribers:
                if not subscriber.over and not subscriber.give(message):
                    subscriber.end()
                    slow.append(subscriber)
        for subscriber in slow:
            self.leave(subscriber)
        return slow

    def close(self) -> None:
        """End all subscribers: the engine stops."""
        self._closed = True
        for subscriber in list(self._subscribers):
            self.leave(subscriber)
            subscriber.end()
