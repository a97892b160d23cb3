"""`manage.py inngest_sync`: tells the engine about the functions of the project, without a request to the project."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from inngest_core.serving.app import App
from inngest_django.hosted import NOTHING_SERVED, endpoints


class Command(BaseCommand):
    help = "Register the functions of this project with its engine, for example after a deployment."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "origin",
            nargs="?",
            metavar="ORIGIN",
            help="scheme and host under which the engine reaches this project, as in https://shop.example; "
            'INNGEST["SERVE_ORIGIN"] or INNGEST_SERVE_ORIGIN by default',
        )

    def handle(self, *args: Any, origin: str | None = None, **options: Any) -> None:
        """Register what is served at each path. Raises CommandError."""
        served = endpoints()
        if not served:
            raise CommandError(NOTHING_SERVED)
        for path, app in served:
            url = _origin(app, origin) + path
            answer = app.register_sync(url)
            said = json.loads(answer.content)
            if answer.status != 200:
                raise CommandError(f"{app.client.app_id} at {path}: {said.get('message', said)}")
            self.stdout.write(f"{app.client.app_id}: {_counted(len(app.functions))} at {path}: {said['message']}")


def _counted(functions: int) -> str:
    return "1 function" if functions == 1 else f"{functions} functions"


def _origin(app: App, given: str | None) -> str:
    """Return scheme and host of the project for the engine. Raises CommandError: nothing says them, or two do."""
    configured = app.options.get("serve_origin") or app.client.config.serve_origin
    if given and configured:
        raise CommandError(f"{configured} is configured as the origin of the project; leave {given} out")
    origin = (given or configured or "").rstrip("/")
    if not origin.startswith(("http://", "https://")):
        raise CommandError(
            f"the origin of the project is {repr(origin) if origin else 'not known'}; give scheme and host under which "
            'the engine reaches it, as in inngest_sync https://shop.example, or set INNGEST["SERVE_ORIGIN"]'
        )
    return origin
