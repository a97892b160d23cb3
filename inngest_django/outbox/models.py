"""The table of the outbox."""

from __future__ import annotations

import datetime

from django.db import models

Moment = datetime.datetime


class OutboxEvent(models.Model):
    """An event that waits to be sent, or that was set aside; one that was sent is deleted.

    event_id, name, body: of the event; the body is its JSON. written_at: when it was added. due_at: when it is tried
    next; never, for an event that was set aside. attempts: how often it was tried. error: why it was not sent then.
    """

    id: models.BigAutoField[int, int] = models.BigAutoField(primary_key=True)
    event_id: models.CharField[str, str] = models.CharField(max_length=512)
    name: models.CharField[str, str] = models.CharField(max_length=512)
    body: models.TextField[str, str] = models.TextField()
    written_at: models.DateTimeField[Moment, Moment] = models.DateTimeField()
    due_at: models.DateTimeField[Moment | None, Moment | None] = models.DateTimeField(null=True, db_index=True)
    attempts: models.PositiveIntegerField[int, int] = models.PositiveIntegerField(default=0)
    claim: models.CharField[str | None, str | None] = models.CharField(
        max_length=32, null=True, db_index=True, editable=False
    )
    error: models.TextField[str | None, str | None] = models.TextField(null=True)

    class Meta:
        db_table = "inngest_outbox"
        ordering = ("id",)
        verbose_name = "event"

    def __str__(self) -> str:
        return f"{self.name} {self.event_id}"
