"""A system check of the project's endpoints, which `manage.py check` and `runserver` run."""

from __future__ import annotations

from collections import Counter

from django.core.checks import CheckMessage, Tags, Warning, register  # noqa: A004 - Django's name for it

from .hosted import project_routes


@register(Tags.urls)
def check_endpoints(**_: object) -> list[CheckMessage]:
    """Warn of two `serve` patterns at one path: Django would only ever find the first one."""
    paths = Counter(route.path for route in project_routes() if getattr(route.callback, "serves_inngest", False))
    return [
        Warning(
            f"{count} inngest.django.serve() patterns are at {path}; requests only reach the first one",
            hint="List all functions of a client in one serve(), and give each further client a serve_path of its own.",
            id="inngest.W001",
        )
        for path, count in paths.items()
        if count > 1
    ]
