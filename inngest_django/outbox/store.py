"""The table of the outbox as a relay uses it, and what wakes the relay. Decides nothing about sending."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.db import close_old_connections, connections, transaction
from django.db.models import F, QuerySet

from inngest_outbox.entries import Entry

from .models import OutboxEvent


class ModelStore:
    """The events in one database. using: its alias."""

    table = OutboxEvent._meta.db_table
    how_to_create = "run manage.py migrate"

    def __init__(self, using: str) -> None:
        self._using = using

    def claim(self, claim: str, limit: int, now: float, until: float) -> list[Entry]:
        close_old_connections()
        with transaction.atomic(using=self._using):
            mine = self._rows().filter(id__in=self._due(limit, now))
            mine.update(due_at=as_datetime(until), claim=claim, attempts=F("attempts") + 1)
            return [_entry(row) for row in self._rows().filter(claim=claim).order_by("id")]

    def remove(self, claim: str, keys: Sequence[int]) -> None:
        self._rows().filter(claim=claim, id__in=keys).delete()

    def postpone(self, claim: str, keys: Sequence[int], until: float, error: str) -> None:
        self._rows().filter(claim=claim, id__in=keys).update(due_at=as_datetime(until), claim=None, error=error)

    def set_aside(self, claim: str, keys: Sequence[int], error: str) -> None:
        self._rows().filter(claim=claim, id__in=keys).update(due_at=None, claim=None, error=error)

    def forget(self, before: float) -> None:
        self._rows().filter(due_at=None, written_at__lt=as_datetime(before)).delete()

    def _due(self, limit: int, now: float) -> Any:
        """Return the keys of what is due: locked rows, or a part of the statement where the whole table gets locked.

        SQLite cannot go on to write in a transaction that began with reading, if somebody else wrote meanwhile.
        """
        features = connections[self._using].features
        due = self._rows().filter(due_at__lte=as_datetime(now)).order_by("id").values_list("id", flat=True)
        if not features.has_select_for_update:
            return due[:limit]
        return list(due.select_for_update(skip_locked=features.has_select_for_update_skip_locked)[:limit])

    def _rows(self) -> QuerySet[OutboxEvent]:
        return OutboxEvent.objects.using(self._using)


def as_datetime(seconds: float) -> datetime.datetime:
    """Return a Unix time as the project's models hold it."""
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC if settings.USE_TZ else None)


def _entry(row: OutboxEvent) -> Entry:
    return Entry(row.id, row.body, row.attempts - 1, row.written_at.timestamp())


def listening_connection(using: str) -> Any:
    """Open a connection of the driver's own to PostgreSQL, in autocommit mode."""
    connection: Any = connections[using]
    raw = connection.Database.connect(**connection.get_connection_params())
    raw.autocommit = True
    return raw
