"""What has just changed, for whoever shows it live: small messages that name what to read again. Keeps no data.

Changes have numbers. The latest are kept while somebody listens, so that a listener who was away for a moment goes on
where it was; one who was away for longer, or reads too slowly, is told to read everything again.
"""

from __future__ import annotations

import asyncio
import collections
import itertools
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .scheduling.clock import Clock, iso

MOST_KEPT = 5_000
MOST_IN_BATCH = 1_000
"""Changes in one message; for more than these it is cheaper to read everything again."""
MOST_LISTENERS = 100
KINDS = ("event", "run", "step", "app", "log", "call")
RESET: Mapping[str, Any] = {"kind": "reset"}


class TooManyListenersError(Exception):
    """No more can be served."""


@dataclass(frozen=True, slots=True)
class _Change:
    """A change. A later one about the same thing, by kind, id and run, says all that this one says."""

    kind: str
    id: str
    run: str
    at: float
    fields: Mapping[str, Any]

    def message(self) -> Mapping[str, Any]:
        of = {"run": self.run} if self.run and self.kind != "run" else {}
        return {"kind": self.kind, "id": self.id, **of, **self.fields, "at": iso(self.at)}


@dataclass(eq=False, slots=True)
class Listener:
    """Somebody who is told. kinds, run: which changes are wanted; of all kinds, of all runs when empty.

    position: the number of the last change that was taken. news: set when there is something to take, or it is over.
    """

    kinds: frozenset[str] = frozenset()
    run: str = ""
    position: int = 0
    missed: bool = False
    over: bool = False
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def wants(self, change: _Change) -> bool:
        return (not self.kinds or change.kind in self.kinds) and (not self.run or change.run == self.run)


class Changes:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._life = secrets.token_hex(4)
        """Numbers of another life of the engine mean nothing here."""
        self._number = 0
        self._kept: collections.deque[_Change] = collections.deque(maxlen=MOST_KEPT)
        self._listeners: dict[Listener, None] = {}
        self._closed = False

    def tell(self, kind: str, about: str, run: str = "", **fields: Any) -> None:
        """Note a change of the thing of this kind whose id is *about*, in a run or not. fields: more of the message.

        It costs next to nothing while nobody listens.
        """
        self._number += 1
        if not self._listeners:
            return
        self._kept.append(_Change(kind, about, run, self._clock.now(), fields))
        for listener in self._listeners:
            listener.news.set()

    @property
    def last_id(self) -> str:
        """The id of the latest change."""
        return self.id_of(self._number)

    def id_of(self, number: int) -> str:
        return f"{self._life}-{number}"

    def listen(self, last_id: str = "", *, kinds: frozenset[str] = frozenset(), run: str = "") -> Listener:
        """Return a new listener, to be given back to `leave`.

        last_id: of the last change that it knows; it is told of those after it, or that it has missed some.
        Raises TooManyListenersError.
        """
        if len(self._listeners) >= MOST_LISTENERS:
            raise TooManyListenersError(f"{MOST_LISTENERS} clients listen to changes already")
        position = self._number if not last_id else self._position(last_id)
        listener = Listener(kinds, run, self._number if position is None else position, missed=position is None)
        if self._closed:
            listener.over = True
        else:
            self._listeners[listener] = None
        if listener.missed or listener.over or listener.position < self._number:
            listener.news.set()
        return listener

    def _position(self, last_id: str) -> int | None:
        """Return the number that an id stands for; None when changes after it are not kept."""
        life, _, number = last_id.partition("-")
        if life != self._life or not number.isascii() or not number.isdigit():
            return None
        position = int(number[:18])
        return position if self._number - len(self._kept) <= position <= self._number else None

    def leave(self, listener: Listener) -> None:
        self._listeners.pop(listener, None)
        if not self._listeners:
            self._kept.clear()

    def take(self, listener: Listener) -> list[Mapping[str, Any]]:
        """Return the messages for a listener since it took the last ones, one for each thing that has changed."""
        listener.news.clear()
        if listener.over:
            return []
        missing = self._number - listener.position
        was_missed, listener.missed, listener.position = listener.missed, False, self._number
        if was_missed or missing > len(self._kept):
            return [RESET]
        latest: dict[tuple[str, str, str], _Change] = {}
        for change in itertools.islice(self._kept, len(self._kept) - missing, None):
            if listener.wants(change):
                key = (change.kind, change.id, change.run)
                latest.pop(key, None)
                latest[key] = change
        if len(latest) > MOST_IN_BATCH:
            return [RESET]
        return [change.message() for change in latest.values()]

    def close(self) -> None:
        """End all listeners: the engine stops."""
        self._closed = True
        for listener in list(self._listeners):
            self.leave(listener)
            listener.over = True
            listener.news.set()
