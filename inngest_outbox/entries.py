"""Events as an outbox keeps them: checked and written as JSON when they are added. Knows no database."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass

from inngest_core.client import Inngest
from inngest_core.events.event import Event, event_as_json
from inngest_core.events.outgoing import read_events
from inngest_core.protocol.ulid import ENTROPY_SIZE, make_ulid


@dataclass(frozen=True, slots=True)
class NewEntry:
    """An event that is about to be written.

    event_id: what the engine recognizes it by when it is sent twice. body: the event as JSON.
    written_at: Unix seconds.
    """

    event_id: str
    name: str
    body: str
    written_at: float


@dataclass(frozen=True, slots=True)
class Entry:
    """An event that waits in the database.

    key: its primary key. attempts: how often it was claimed before. written_at: Unix seconds.
    """

    key: int
    body: str
    attempts: int
    written_at: float

    def event(self) -> Event:
        """Return the event, as it is sent."""
        return Event.model_validate_json(self.body)


def new_entries(client: Inngest, events: Event | Sequence[Event]) -> list[NewEntry]:
    """Return what to write for events. An event without an id or a time gets them now.

    client: whose serializer writes the data.
    Raises ConfigError: something else than events. OutputUnserializableError: data that cannot be written as JSON.
    """
    seconds = time.time()
    entries: list[NewEntry] = []
    for number, event in enumerate(read_events(events, "events")):
        wire = event_as_json(event, f'event "{event.name}": events[{number}]', client.serializer)
        wire.setdefault("id", make_ulid(seconds, os.urandom(ENTROPY_SIZE)))
        wire.setdefault("ts", int(seconds * 1000))
        body = json.dumps(wire, ensure_ascii=False, separators=(",", ":"))
        entries.append(NewEntry(wire["id"], event.name, body, seconds))
    return entries
