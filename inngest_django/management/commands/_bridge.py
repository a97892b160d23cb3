"""From a command of `inngest` to one of `manage.py`: its options are added to Django's, its errors are Django's own.

What a command does is in `inngest_cli`; a command that is added there is a command of `manage.py inngest` as well.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Mapping
from typing import Any, Protocol

from django.core.management.base import BaseCommand, CommandError, CommandParser, OutputWrapper

from inngest_cli.errors import CommandError as CLIError
from inngest_cli.errors import UsageError
from inngest_cli.main import command_parsers, run
from inngest_cli.settings import environ_of, runs_an_app
from inngest_django.project import get_client, is_configured

WSGI = "inngest_django.hosted:create_wsgi()"
ASGI = "inngest_django.hosted:create_asgi()"


class _Output(Protocol):
    @property
    def stdout(self) -> OutputWrapper: ...


class BridgedCommand(BaseCommand):
    """A command of `manage.py` that is the command *name* of `inngest`."""

    name = ""
    requires_system_checks = ()
    """None here: they import the project, which `inngest_dev` serves in another process. That one checks."""

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Return a parser of Django's options and the command's."""
        source = parsers()[self.name]
        self.help = self.help or source.description or ""
        return super().create_parser(prog_name, subcommand, parents=[source], conflict_handler="resolve", **kwargs)

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the command. Raises CommandError when the user can fix it, SystemExit when it failed."""
        run_command(self, self.name, options)


def parsers() -> dict[str, argparse.ArgumentParser]:
    """Return the parsers of the commands, which take this project where an app has to be named."""
    found = command_parsers(target=WSGI)
    for parser in found.values():
        if parser.get_default("target") == WSGI or parser.get_default("targets") == [WSGI]:
            parser.add_argument("--asgi", action="store_true", help="run the project under ASGI instead of WSGI")
    return found


def run_command(command: _Output, name: str, options: Mapping[str, Any]) -> None:
    """Run the command *name* of `inngest`. Raises CommandError, SystemExit."""
    given = argparse.Namespace(**{**options, "command": name})
    runs_the_project = runs_an_app(given)
    if runs_the_project:
        _prepare_process(given)
    try:
        with _printing_to(command.stdout):
            code = run(given, os.environ if runs_the_project else _with_settings(os.environ))
    except UsageError as error:
        raise CommandError(str(error), returncode=2) from None
    except CLIError as error:
        raise CommandError(str(error)) from None
    except KeyboardInterrupt:
        return
    if code:
        raise SystemExit(code)


def _prepare_process(given: argparse.Namespace) -> None:
    """Make the project importable for a process that runs it. Raises CommandError."""
    if not os.environ.get("DJANGO_SETTINGS_MODULE"):
        raise CommandError("the project is run in another process, for which DJANGO_SETTINGS_MODULE must be set")
    # That process starts elsewhere than in the directory of manage.py, which is on this one's path.
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    if given.asgi and vars(given).get("target") == WSGI:
        given.target = ASGI
    if given.asgi and vars(given).get("targets") == [WSGI]:
        given.targets = [ASGI]


def _with_settings(environ: Mapping[str, str]) -> Mapping[str, str]:
    """Return the environment as the setting INNGEST completes it."""
    return environ_of(get_client(), environ) if is_configured() else environ


@contextlib.contextmanager
def _printing_to(stdout: OutputWrapper) -> Any:
    """Send what is printed to Django's output, which `call_command` may have replaced."""
    ending, stdout.ending = stdout.ending, ""  # print() writes line ends itself
    try:
        with contextlib.redirect_stdout(stdout):  # type: ignore[type-var]
            yield
    finally:
        stdout.ending = ending
