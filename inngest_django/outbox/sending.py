"""Adding events to the outbox, and the relays of this process."""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Callable, Generator, Sequence
from functools import partial

from asgiref.sync import sync_to_async
from django.db import connections, router, transaction

from inngest_core.client import Inngest
from inngest_core.events.event import Event
from inngest_django.project import get_client, starts_outbox_relay
from inngest_outbox.delivery import Policy
from inngest_outbox.entries import new_entries
from inngest_outbox.relay import Relay
from inngest_outbox.wakeups import NOTIFY, Flag, Listener

from .models import OutboxEvent
from .store import ModelStore, as_datetime, listening_connection

_relays: weakref.WeakSet[Relay] = weakref.WeakSet()
_started: dict[str, Relay] = {}
_lock = threading.Lock()


def add(events: Event | Sequence[Event], *, client: Inngest | None = None, using: str | None = None) -> list[str]:
    """Write events with whatever else the current transaction writes; they are sent if it commits.

    events: one event or a list of them. One without an `id` gets one, by which engines recognize it.
    client: whose serializer writes the data; that of the setting INNGEST by default.
    using: the alias of the database; by default the one to which the project's routers write.
    Returns the ids of the events, in order.
    Raises ConfigError: something else than events. OutputUnserializableError: data that cannot be written as JSON.
    ImproperlyConfigured: no client, and no setting INNGEST.
    """
    alias = using or router.db_for_write(OutboxEvent)
    entries = new_entries(client or get_client(), events)
    OutboxEvent.objects.using(alias).bulk_create(
        OutboxEvent(
            event_id=entry.event_id,
            name=entry.name,
            body=entry.body,
            written_at=as_datetime(entry.written_at),
            due_at=as_datetime(entry.written_at),
        )
        for entry in entries
    )
    connection = connections[alias]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(NOTIFY)
    transaction.on_commit(partial(_committed, alias), using=alias)
    return [entry.event_id for entry in entries]


async def aadd(
    events: Event | Sequence[Event], *, client: Inngest | None = None, using: str | None = None
) -> list[str]:
    """Write events, from async code; otherwise as `add`. A transaction of Django cannot be open there.

    events, client, using: as for `add`. Returns the ids of the events, in order. Raises what `add` does.
    """
    return await sync_to_async(add)(events, client=client, using=using)


def relay(*, client: Inngest | None = None, using: str | None = None, policy: Policy | None = None) -> Relay:
    """Return a relay, which sends what is in the outbox while it runs.

    client: what sends the events; that of the setting INNGEST by default.
    using: the alias of the database; by default the one to which the project's routers write.
    policy: how it sends; the defaults of `Policy` if it is left out.
    Raises ImproperlyConfigured: no client, and no setting INNGEST.
    """
    alias = using or router.db_for_write(OutboxEvent)
    listens = connections[alias].vendor == "postgresql"
    wakeups = partial(Listener, partial(listening_connection, alias)) if listens else Flag
    sender = client or get_client()
    made = Relay(sender, ModelStore(alias), policy or Policy(), wakeups=partial(_closing_connections, wakeups))
    _relays.add(made)
    return made


@contextlib.contextmanager
def _closing_connections(wakeups: Callable[[], Flag]) -> Generator[Flag]:
    """Close what Django has opened for the thread of a relay."""
    with wakeups() as entered:
        try:
            yield entered
        finally:
            connections.close_all()


def stop_relays() -> None:
    """Stop the relays that this process has started by itself, after the batches that they are sending."""
    with _lock:
        started = list(_started.values())
        _started.clear()
    for each in started:
        each.stop()


def _committed(alias: str) -> None:
    """Let the relays of this process look; start one, if the project wants that."""
    if starts_outbox_relay():
        with _lock:
            started = _started.get(alias) or _started.setdefault(alias, relay(using=alias))
        started.start()
    for each in list(_relays):
        each.wake()
