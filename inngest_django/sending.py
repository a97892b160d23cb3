"""Sending events when the transaction that they tell of is committed. It keeps nothing: a process that dies in between
has sent nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from inngest_core.client import Inngest
from inngest_core.events.event import Event
from inngest_core.events.outgoing import read_events

from .project import get_client


def send_on_commit(
    events: Event | Sequence[Event],
    *,
    client: Inngest | None = None,
    using: str | None = None,
    robust: bool = False,
) -> None:
    """Send events after the current transaction is committed; at once when there is none, never when it is rolled back.

    events: one event or a list of them.
    client: what sends them; that of the setting INNGEST by default.
    using: the alias of the database whose transaction it is; the default database by default.
    robust: whether an error while sending is only logged, so that what is to run after it on commit still runs; by
        default it is raised to whoever left the transaction.
    Raises ConfigError: something else than events. ImproperlyConfigured: no client, and no setting INNGEST.
    """
    sender = client or get_client()
    listed = read_events(events, "events")
    transaction.on_commit(lambda: _send(sender, listed), using=using, robust=robust)


def _send(sender: Inngest, events: list[Event]) -> None:
    sender.send_sync(events)
