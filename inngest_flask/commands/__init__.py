"""`flask inngest COMMAND`: every command of `inngest` for the app of `flask`, whichever commands there are.

Found by Flask through the entry point `flask.commands`. What a command does is in `inngest_cli`.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from typing import NoReturn

import click
from flask.cli import NoAppException, ScriptInfo

from inngest_cli.errors import CommandError, UsageError
from inngest_cli.main import command_parsers, run
from inngest_cli.settings import environ_of, runs_an_app
from inngest_core.errors import InngestError
from inngest_flask.extension import served_by

from .hosted import APP

TARGET = "inngest_flask.commands.hosted:load()"


class _Parser(argparse.ArgumentParser):
    """Tells wrong usage as click does."""

    def error(self, message: str) -> NoReturn:
        raise click.UsageError(message)


class _Group(click.Group):
    """The commands; they are found, not listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_parsers())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        parser = _parsers().get(cmd_name)
        return None if parser is None else _command(cmd_name, parser)


@click.group(cls=_Group)
def inngest() -> None:
    """Run durable functions of this app, and the engine for them."""


def _parsers() -> dict[str, argparse.ArgumentParser]:
    return command_parsers(target=TARGET, kind=_Parser)


def _command(name: str, parser: argparse.ArgumentParser) -> click.Command:
    parser.prog = f"flask inngest {name}"

    @click.pass_context
    def call(ctx: click.Context, arguments: tuple[str, ...]) -> None:
        options = parser.parse_args(arguments)
        options.command = name
        ctx.exit(_run(options, ctx.ensure_object(ScriptInfo)))

    return click.Command(
        name,
        callback=call,
        params=[click.Argument(["arguments"], nargs=-1, type=click.UNPROCESSED)],
        context_settings={"ignore_unknown_options": True, "help_option_names": []},  # the parser has its own
        help=parser.description,
    )


def _run(options: argparse.Namespace, info: ScriptInfo) -> int:
    """Run a command. Raises click.UsageError and click.ClickException: the user can fix it."""
    environ: Mapping[str, str] = os.environ
    if runs_an_app(options):
        # The app may run in another process, which imports it from this directory, too.
        os.environ[APP] = info.app_import_path or os.environ.get(APP, "")
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [os.getcwd(), *sys.path]))  # noqa: PTH109 - a text
    else:
        environ = _with_settings(os.environ, info)
    try:
        return run(options, environ)
    except UsageError as error:
        raise click.UsageError(str(error)) from None
    except CommandError as error:
        raise click.ClickException(str(error)) from None
    except KeyboardInterrupt:
        return 0


def _with_settings(environ: Mapping[str, str], info: ScriptInfo) -> Mapping[str, str]:
    """Return the environment as the settings of the app complete it; as it is when there is no app.

    Raises click.UsageError: a setting of the app does not fit.
    """
    try:
        served = served_by(info.load_app())
    except NoAppException:
        return environ
    except InngestError as error:
        raise click.UsageError(str(error)) from None
    return environ if served is None else environ_of(served.client, environ)
