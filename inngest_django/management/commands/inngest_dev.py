"""`manage.py inngest_dev`: an engine with the project beside it, as `inngest dev` starts them for any app."""

from __future__ import annotations

import os
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser


class Command(BaseCommand):
    help = "Run an engine on this machine, and this project, whose functions it calls."
    requires_system_checks = ()
    """None here: they import the project, which is not served by this process. The one that serves it checks."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", help="of the engine; 0 takes any")
        parser.add_argument("--host", help="address of the engine")
        parser.add_argument("--app-port", help="of the project; 0 takes any")
        parser.add_argument("--path", help="where the project serves; found out when not given")
        parser.add_argument("--persist", nargs="?", const="", metavar="FILE", help="keep runs in a file")
        parser.add_argument("--retry-interval", metavar="SECONDS", help="before the first retry; then doubled")
        parser.add_argument("--quiet", action="store_true", help="no lines for runs and steps")
        parser.add_argument("--asgi", action="store_true", help="run the project under ASGI instead of WSGI")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until Ctrl-C. Raises CommandError when there is no settings module, SystemExit when it failed."""
        from inngest_cli.main import main  # late: it is not needed to serve

        if not os.environ.get("DJANGO_SETTINGS_MODULE"):
            raise CommandError("the project is run in another process, for which DJANGO_SETTINGS_MODULE must be set")
        # That process starts elsewhere than in the directory of manage.py, which is on this one's path.
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
        target = f"inngest_django.hosted:create_{'asgi' if options['asgi'] else 'wsgi'}()"
        code = main(["dev", target, *_flags(options)])
        if code:
            raise SystemExit(code)


def _flags(options: dict[str, Any]) -> list[str]:
    """Return the options of `inngest dev` that were given."""
    flags = [
        f"--{name.replace('_', '-')}={options[name]}"
        for name in ("port", "host", "app_port", "path", "retry_interval")
        if options[name] is not None
    ]
    if options["quiet"]:
        flags.append("--quiet")
    if options["persist"] is not None:
        flags.append(f"--persist={options['persist']}" if options["persist"] else "--persist")
    return flags
