"""Events: the value users build and read, and the flow that sends them. See docs/protocol.md#sending-events."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Annotated, Any, cast

import pydantic

from inngest_core.engine_api import MAX_TRIES, EngineAPI, with_retries
from inngest_core.errors import BodyInvalidError, SendEventsError
from inngest_core.protocol.limits import MAX_EVENT_BYTES, MAX_EVENTS
from inngest_core.protocol.wire import parse_json
from inngest_core.runtime.effects import Flow, Random, now
from inngest_core.values.json_text import parse_value
from inngest_core.values.serializer import Serializer, dump
from inngest_core.web.messages import HTTPResponse, TransportError

from .event_data import FIX, as_object, type_of_data

SEED_SIZE = 10
"""Random bytes in a seed."""


class Event(pydantic.BaseModel):
    """An event, sent or received. Keys other than these are kept.

    A subclass types its data: `MyEvent.model_validate(ctx.event.model_dump())`.
    """

    model_config = pydantic.ConfigDict(extra="allow", defer_build=True)

    name: str
    """What happened, such as "user/signed.up"; 512 characters at most."""
    data: Annotated[dict[str, Any], pydantic.BeforeValidator(as_object)] = {}
    """A JSON object; a model or a dataclass becomes the object that it is written as."""
    id: str = ""
    """Sent twice, an event with an id counts once; empty means not given."""
    ts: int = 0
    """When it happened, in milliseconds since 1970; zero means not given."""
    user: dict[str, Any] | None = None
    """Data about the user; part of the older release of the official SDK."""
    v: str | None = None
    """The version of the event's schema."""

    def to_wire(self) -> dict[str, object]:
        """Return what is given, by key; values may still be models, datetimes and the like."""
        wire: dict[str, object] = {"name": self.name, "data": self.data}
        if self.id:
            wire["id"] = self.id
        if self.ts:
            wire["ts"] = self.ts
        if self.user is not None:
            wire["user"] = self.user
        if self.v is not None:
            wire["v"] = self.v
        return {**wire, **_extra(self)}


def _dump_data(event: Event) -> dict[str, object]:
    """Return what is given, by key; data of a declared type as JSON values, so that its keys need not be texts."""
    wire = event.to_wire()
    typ = type_of_data(type(event))
    if typ is not None:
        what = f'event "{event.name}": data'
        wire["data"] = parse_value(dump(event.data, what, typ, rule="shared", fix=FIX).body)
    return wire


def event_as_json(event: Event, what: str, serializer: Serializer | None = None) -> dict[str, Any]:
    """Return an event as the JSON object that is sent; raises OutputUnserializableError. what: names it in messages."""
    written = dump(_dump_data(event), what, serializer=serializer, fix=FIX, limit=MAX_EVENT_BYTES)
    return cast("dict[str, Any]", parse_value(written.body))


def _extra(event: Event) -> dict[str, object]:
    """Return what a subclass or an unknown key adds."""
    extra = dict(event.model_extra or {})
    known = Event.model_fields
    extra.update((name, getattr(event, name)) for name in type(event).model_fields if name not in known)
    return extra


def parse_event(wire: Mapping[str, Any]) -> Event:
    """Return the event in the JSON object of a call request; nulls count as not given. Raises BodyInvalidError."""
    try:
        if None in wire.values():
            wire = {key: value for key, value in wire.items() if value is not None}
        event: Event = Event.__pydantic_validator__.validate_python(wire)  # model_validate's own share is a third
        return event
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BodyInvalidError(f"event.{where} cannot be used: {first['msg']}") from None


def send_events(
    events: Sequence[Event],
    *,
    engine_api: EngineAPI,
    seed: str | None = None,
    headers: Mapping[str, str] | None = None,
    serializer: Serializer | None = None,
) -> Flow[list[str]]:
    """Send *events* and return their ids, in order; more than 5,000, or than 3 MiB, go in several requests.

    seed: "<milliseconds>,<base64 of 10 bytes>"; the same seed gives the same ids, so that a repeated step sends nothing
    twice. None makes one for each request, which its retries share. headers: added to those of every request.
    serializer: is asked for values that pydantic does not know.
    Raises EventKeyMissingError; OutputUnserializableError when an event is not JSON or is over 3 MiB; SendEventsError
    when events were refused or the event API gave no answer in 5 tries; its `ids` are those of the events that went
    through. See docs/protocol.md#sending-events.
    """
    engine_api.event_key()  # a missing key is reported before a bad event
    written = [
        dump(
            _dump_data(event),
            f'event "{event.name}": events[{number}]',
            serializer=serializer,
            fix=FIX,
            limit=MAX_EVENT_BYTES,
        ).body
        for number, event in enumerate(events)
    ]
    ids: list[str] = []
    for number, batch in enumerate(_batches(written)):
        own_seed = (yield from _new_seed()) if seed is None else _seed_of_batch(seed, number)
        body = b"[" + b",".join(batch) + b"]"
        try:
            response = yield from with_retries(partial(engine_api.post_events, body, seed=own_seed, headers=headers))
            ids.extend(_read_ids(response, len(batch)))
        except TransportError as error:
            raise SendEventsError(f"{error} (tried {MAX_TRIES} times); {engine_api.hint_of_no_answer()}", ids) from None
        except SendEventsError as error:
            raise SendEventsError(error.message, [*ids, *error.ids], error.engine_status) from None
    return ids


def _batches(events: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Yield the events of each request, which are JSON; no request is much larger than the largest event."""
    batch: list[bytes] = []
    size = 0
    for event in events:
        if len(batch) == MAX_EVENTS or (batch and size + len(event) > MAX_EVENT_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(event)
        size += len(event)
    if batch:
        yield batch


def _new_seed() -> Flow[str]:
    seconds = yield from now()
    entropy: bytes = yield Random(SEED_SIZE)
    return f"{int(seconds * 1000)},{base64.b64encode(entropy).decode()}"


def _seed_of_batch(seed: str, number: int) -> str:
    """Return the seed for the batch of that number: ids would be given out twice if batches shared one."""
    if number == 0:
        return seed
    millis = seed.partition(",")[0]
    entropy = hashlib.sha256(f"{seed},{number}".encode()).digest()[:SEED_SIZE]
    return f"{millis},{base64.b64encode(entropy).decode()}"


def _read_ids(response: HTTPResponse, count: int) -> list[str]:
    """Return the ids in an answer of the event API; raises SendEventsError unless all *count* events went through."""
    try:
        answer: object = parse_json(response.body)
    except BodyInvalidError:
        answer = None
    fields = cast("dict[str, object]", answer) if isinstance(answer, dict) else {}
    listed = fields.get("ids")
    ids = [item for item in cast("list[object]", listed) if isinstance(item, str) and item] if _is_list(listed) else []
    error = fields.get("error")
    if response.status == 200 and not error and len(ids) >= count:
        return ids
    if not error and _is_list(listed):
        error = f"{len(ids)} ids for {count} events; the other events may be lost"
    if not error:
        error = response.body[:200].decode(errors="replace") or "no reason given"
    raise SendEventsError(f"the event API answered {response.status}: {error}", ids, response.status)


def _is_list(value: object) -> bool:
    return isinstance(value, list)
