"""The Django app, for INSTALLED_APPS: it finds the functions of the project, and adds commands and system checks."""

from __future__ import annotations

import importlib

from django.apps import AppConfig


class InngestConfig(AppConfig):
    """Django finds this by itself when "inngest_django" is in INSTALLED_APPS."""

    name = "inngest_django"

    def ready(self) -> None:
        """Find the functions, where the project has the setting INNGEST. Raises ImproperlyConfigured."""
        starting = importlib.import_module("inngest_django.starting")
        starting.at_start(starting.tell_of_missing_key)
        importlib.import_module("inngest_django.checks")  # which registers them; it needs the apps to be loaded
        project = importlib.import_module("inngest_django.project")
        if project.is_configured():
            project.discover()
