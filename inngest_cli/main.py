"""The commands and their options; a failure that the user can fix ends here, as one line and an exit code.

Exit codes: 0 done, or stopped by Ctrl-C or SIGTERM; 1 failed; 2 wrong usage. The only place that reads the
environment for the command line. It contains no logic of any command.
"""

from __future__ import annotations

import argparse
import dataclasses
import io
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from inngest_core.extras import install_command

from .completion import answer_shell, completion
from .errors import CommandError, UsageError
from .keys import hide_keys, split_keys
from .parser import make_parser

_OF_THE_ENGINE = ("cronsim", "graphql", "httptools", "jinja2", "starlette", "uvicorn", "waitress", "wsproto")
_EXTRAS = {
    **dict.fromkeys(_OF_THE_ENGINE, ("the engine", "dev-server")),
    **dict.fromkeys(("websockets", "google"), ("a worker", "connect")),
    "watchfiles": ("--reload", "dev-server"),
    "argcomplete": ("completion", "dev-server"),
    **dict.fromkeys(("mcp", "mcp_types"), ("the Model Context Protocol", "mcp")),
}
"""What needs a module that may be missing, and the extra that has it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    parser = make_parser()[0]
    answer_shell(parser)
    options = parser.parse_args(arguments)
    if arguments is None and "signing_key" in options:
        hide_keys(options)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal may lack letters that a step's name has
    try:
        return run(options, os.environ)
    except UsageError as error:
        return _fail(error, 2)
    except CommandError as error:
        return _fail(error, 1)
    except KeyboardInterrupt:
        return 0
    except BrokenPipeError:  # the reader of the output, such as head, has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _fail(message: object, code: int) -> int:
    print(f"inngest: {message}", file=sys.stderr)
    return code


def command_parsers(
    target: str | None = None, kind: type[argparse.ArgumentParser] = argparse.ArgumentParser
) -> dict[str, argparse.ArgumentParser]:
    """Return the parser of every command by its name, for a framework that offers the commands as its own.

    target: what the commands that run an app take when none is named; by default it has to be named.
    kind: the class of the parsers; its `error` decides how wrong usage is told.
    """
    return dict(make_parser(target, kind)[1].choices)


def run(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Run the command that *options* are of; return its exit code.

    options: as the command's parser made them, with its name as `command`. environ: where addresses and keys are from.
    Raises UsageError, CommandError: the user can fix it.
    """
    try:
        return _run(options, environ)
    except ModuleNotFoundError as error:
        who, extra = _EXTRAS.get((error.name or "").partition(".")[0], ("", ""))
        if not extra:
            raise
        raise CommandError(f"{who} needs {error.name}, which is not installed: {install_command(extra)}") from None


def _run(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    match options.command:
        case "dev" | "start":
            return _engine(options, environ)
        case "worker":
            from .worker import WorkerOptions, worker  # needs an extra, too

            return worker(
                WorkerOptions(
                    target=options.target,
                    instance_id=options.instance_id,
                    max_concurrency=options.max_concurrency,
                    shutdown_seconds=options.shutdown_timeout,
                    health_file=options.health_file,
                    reload=options.reload,
                )
            )
        case "completion":
            return completion(options.shell)
        case _:
            from .client_commands import ask  # imports httpx, which takes its time

            return ask(options, environ)


def _engine(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    from .dev import dev, start  # needs the extra, which sending events does not
    from .engine_options import DevOptions

    given = DevOptions(
        targets=tuple(options.targets),
        urls=tuple(options.url),
        host=options.host,
        port=options.port,
        allowed_hosts=tuple(options.allowed_host),
        persist=options.persist,
        path=options.path,
        app_port=options.app_port,
        retry_interval=options.retry_interval,
        poll=not options.no_poll,
        reload=options.command == "dev" and options.reload,
        keep=_keep(options.keep, options.keep_days),
        quiet=options.quiet,
        mask=_mask(options.mask, hides=not options.no_mask),
        mcp=options.mcp,
        may_write=options.allow_writes,
        signing_key=environ.get("INNGEST_SIGNING_KEY") or None,
        signing_key_fallback=environ.get("INNGEST_SIGNING_KEY_FALLBACK") or None,
        event_keys=split_keys(environ.get("INNGEST_EVENT_KEY")),
        token=environ.get("INNGEST_TOKEN") or None,
    )
    if options.command == "dev":
        return dev(given)
    return start(
        dataclasses.replace(
            given,
            signing_key=options.signing_key or given.signing_key,
            signing_key_fallback=options.signing_key_fallback or given.signing_key_fallback,
            event_keys=tuple(options.event_key or ()) or given.event_keys,
        )
    )


def _mask(names: Sequence[str], *, hides: bool) -> tuple[str, ...]:
    """Return the names of fields whose values are hidden."""
    from inngest_devserver.masking import SECRETS

    if names and not hides:
        raise UsageError("--mask names what is hidden, and --no-mask hides nothing; give one of them")
    given = (name.strip() for text in names for name in text.split(","))
    return (*SECRETS, *(name for name in given if name)) if hides else ()


def _keep(runs: int | None, days: int | None) -> Any:
    """Return what is kept of the past."""
    from inngest_devserver.storage.retention import Keep

    usual = Keep()
    return Keep(runs or usual.runs, days * 86_400.0 if days else usual.seconds)
