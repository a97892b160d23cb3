"""A ticket. What it goes through is told by events, which are written to the outbox with it."""

from __future__ import annotations

from typing import Any

from django.db import models, transaction

import inngest
from inngest.outbox import django as outbox


class Ticket(models.Model):
    email: models.EmailField[str, str] = models.EmailField()
    question: models.TextField[str, str] = models.TextField()
    answer: models.TextField[str, str] = models.TextField(blank=True)
    is_urgent: models.BooleanField[bool, bool] = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"#{self.pk} {self.question[:40]}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the ticket, and write the event that tells of it, in one transaction."""
        name = "ticket/opened" if self.pk is None else "ticket/answered" if self.answer else "ticket/changed"
        with transaction.atomic():
            super().save(*args, **kwargs)
            outbox.add(inngest.Event(name=name, data={"ticket": self.pk}))
