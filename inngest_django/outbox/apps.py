"""The app for INSTALLED_APPS."""

from __future__ import annotations

from django.apps import AppConfig


class OutboxConfig(AppConfig):
    name = "inngest_django.outbox"
    label = "inngest_outbox"
    verbose_name = "Inngest outbox"
    default_auto_field = "django.db.models.BigAutoField"
