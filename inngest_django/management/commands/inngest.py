"""`manage.py inngest COMMAND`: every command of `inngest` for this project, whichever there are."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from ._bridge import parsers, run_command


class Command(BaseCommand):
    help = "Run a command of `inngest` for this project."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the commands; they are found, not listed."""
        commands = parser.add_subparsers(dest="inngest_command", required=True, metavar="COMMAND")
        for name, source in parsers().items():
            says = source.description
            given: Any = [source]  # Django's stubs take it for a list of Django's own parsers
            commands.add_parser(name, parents=given, conflict_handler="resolve", help=says, description=says)

    def handle(self, *args: Any, inngest_command: str = "", **options: Any) -> None:
        """Run the command. Raises CommandError when the user can fix it, SystemExit when it failed."""
        run_command(self, inngest_command, options)
