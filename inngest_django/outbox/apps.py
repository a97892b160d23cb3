"""The app for INSTALLED_APPS."""

from __future__ import annotations

import importlib

from django.apps import AppConfig

from inngest_django.starting import at_start


class OutboxConfig(AppConfig):
    name = "inngest_django.outbox"
    label = "inngest_outbox"
    verbose_name = "Inngest outbox"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Have it looked whether the table is there, where the project is served."""
        table = importlib.import_module("inngest_django.outbox.table")  # it needs the apps to be loaded
        at_start(table.tell_of_missing_table)
