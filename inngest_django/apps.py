"""The Django app, for INSTALLED_APPS: it adds the command `inngest_dev` and a system check."""

from __future__ import annotations

import importlib

from django.apps import AppConfig


class InngestConfig(AppConfig):
    """Django finds this by itself when "inngest_django" is in INSTALLED_APPS."""

    name = "inngest_django"

    def ready(self) -> None:
        importlib.import_module("inngest_django.checks")  # which registers them; it needs the apps to be loaded
