"""The outbox in the admin: what waits, what was set aside and why, and sending that again."""

from __future__ import annotations

import time

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from .models import OutboxEvent
from .store import as_datetime


@admin.action(description="Send again")
def send_again(_: object, __: HttpRequest, chosen: QuerySet[OutboxEvent]) -> None:
    """Make events due now, as if they had just been added."""
    now = as_datetime(time.time())
    chosen.update(due_at=now, written_at=now, claim=None)


@admin.register(OutboxEvent)
class OutboxEventAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in its stubs only
    list_display = ("id", "name", "written_at", "due_at", "attempts", "error")
    list_filter = (("due_at", admin.EmptyFieldListFilter), "name")
    search_fields = ("event_id", "name")
    readonly_fields = ("event_id", "name", "body", "written_at", "attempts", "error")
    actions = (send_again,)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False
