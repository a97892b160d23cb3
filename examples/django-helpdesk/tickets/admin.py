"""Tickets in the admin, where they are answered."""

from __future__ import annotations

from django.contrib import admin

from .models import Ticket


@admin.register(Ticket)
class TicketAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in its stubs only
    list_display = ("id", "email", "question", "is_urgent", "answer")
    list_filter = ("is_urgent",)
    readonly_fields = ("email", "question")
