"""The commands and their options; a failure that the user can fix ends here, as one line and an exit code.

Exit codes: 0 done, or stopped by Ctrl-C or SIGTERM; 1 failed; 2 wrong usage. The only place that reads the
environment for the command line. It contains no logic of any command.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from inngest_core.protocol.wire import VERSION

from .defaults import DEFAULT_FILE, DEFAULT_PORT, DEFAULT_URL
from .errors import CommandError, UsageError

_EXTRAS = {
    **dict.fromkeys(("uvicorn", "starlette", "waitress", "cel_expr_python"), ("the engine", "dev-server")),
    **dict.fromkeys(("websockets", "google"), ("a worker", "connect")),
    "watchfiles": ("--reload", "dev-server"),
}
"""What needs a module that may be missing, and the extra that has it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    options = _parser(None)[0].parse_args(arguments)
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


def command_parsers(target: str | None = None) -> dict[str, argparse.ArgumentParser]:
    """Return the parser of every command by its name, for a framework that offers the commands as its own.

    target: what the commands that run an app take when none is named; by default it has to be named.
    """
    return dict(_parser(target)[1].choices)


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
        raise CommandError(
            f"{who} needs {error.name}, which is not installed: pip install 'inngest-suite[{extra}]'"
        ) from None


def _run(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    match options.command:
        case "dev":
            from .dev import DevOptions, dev  # needs the extra, which sending events does not

            return dev(
                DevOptions(
                    target=options.target,
                    urls=tuple(options.url),
                    host=options.host,
                    port=options.port,
                    persist=options.persist,
                    path=options.path,
                    app_port=options.app_port,
                    retry_interval=options.retry_interval,
                    poll=not options.no_poll,
                    keep=_keep(options.keep, options.keep_days),
                    quiet=options.quiet,
                    signing_key=environ.get("INNGEST_SIGNING_KEY") or None,
                    event_key=environ.get("INNGEST_EVENT_KEY") or None,
                )
            )
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
        case "send":
            from .remote import Remote, send

            return send(Remote.of(options.url, environ), options.name, options.data)
        case _:
            from .remote import Remote
            from .show import runs

            return runs(Remote.of(options.url, environ), options.run_id, options.event)


def _parser(target: str | None) -> tuple[argparse.ArgumentParser, Any]:
    """Return the parser of the command line, and of its commands; target: as for `command_parsers`."""
    parser = argparse.ArgumentParser(prog="inngest", description="Run durable functions, and the engine for them.")
    parser.add_argument("--version", action="version", version=f"inngest-suite {VERSION}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_dev(commands.add_parser("dev", help="run an engine, and the app whose functions it calls"), target)
    _add_worker(commands.add_parser("worker", help="run functions in a worker, which connects to an engine"), target)
    _add_send(commands.add_parser("send", help="send an event to an engine"))
    _add_runs(commands.add_parser("runs", help="show runs, their steps and results"))
    return parser, commands


def _add_dev(parser: argparse.ArgumentParser, target: str | None) -> None:
    parser.description = (
        "Run an engine on this machine. INNGEST_SIGNING_KEY and INNGEST_EVENT_KEY are its keys, if set."
    )
    parser.add_argument(
        "target", nargs="?", default=target, metavar="module:app", help="an ASGI or WSGI app, or a factory, to run too"
    )
    parser.add_argument("-u", "--url", action="append", default=[], help="an app that runs elsewhere; may be repeated")
    parser.add_argument("--port", type=_port, default=DEFAULT_PORT, help="of the engine; 0 takes any (%(default)s)")
    parser.add_argument("--host", default="127.0.0.1", help="address of the engine (%(default)s)")
    parser.add_argument(
        "--persist",
        nargs="?",
        type=Path,
        const=DEFAULT_FILE,
        metavar="FILE",
        help=f"keep runs in a file ({DEFAULT_FILE}); put it last, or before another option",
    )
    parser.add_argument("--path", type=_path, help="where the app serves; found out when not given")
    parser.add_argument("--app-port", type=_port, default=0, help="of the app; 0 takes any (%(default)s)")
    parser.add_argument("--no-poll", action="store_true", help="do not ask -u apps again for their functions")
    parser.add_argument("--keep", type=_count, metavar="RUNS", help="ended runs that are kept (10000)")
    parser.add_argument("--keep-days", type=_count, metavar="DAYS", help="how long ended runs are kept (30)")
    parser.add_argument(
        "--retry-interval", type=_seconds, metavar="SECONDS", help="before the first retry; then doubled"
    )
    parser.add_argument("--quiet", action="store_true", help="no lines for runs and steps")


def _add_worker(parser: argparse.ArgumentParser, target: str | None) -> None:
    parser.description = (
        "Serve functions over a connection to an engine: INNGEST_DEV or INNGEST_BASE_URL says which, "
        "INNGEST_SIGNING_KEY lets it in."
    )
    parser.add_argument(
        "target",
        nargs="?" if target else None,
        default=target,
        metavar="module:name",
        help="an app, functions, a client, a worker, or a factory of one of these",
    )
    parser.add_argument("--instance-id", metavar="ID", help="names this worker; the host's name by default")
    parser.add_argument("--max-concurrency", type=_count, metavar="N", help="calls at a time; no limit by default")
    parser.add_argument(
        "--shutdown-timeout",
        type=_seconds,
        metavar="SECONDS",
        help="how long to wait at the end for what is running; 30 by default",
    )
    parser.add_argument(
        "--health-file", type=Path, metavar="FILE", help="a file that is there while the worker is connected"
    )
    parser.add_argument("--reload", action="store_true", help="restart when a Python file in this directory changes")


def _add_send(parser: argparse.ArgumentParser) -> None:
    parser.description = "Send one event, and print its id."
    parser.add_argument("name", metavar="NAME", help="such as shop/order.placed")
    parser.add_argument(
        "data", nargs="?", default="{}", metavar="DATA_JSON", help="a JSON object; - reads it from stdin"
    )
    _add_engine_url(parser)


def _add_runs(parser: argparse.ArgumentParser) -> None:
    parser.description = "Show one run, the runs of one event, or the latest runs."
    one = parser.add_mutually_exclusive_group()
    one.add_argument("run_id", nargs="?", metavar="RUN_ID")
    one.add_argument("--event", metavar="ID", help="the id that `inngest send` printed")
    _add_engine_url(parser)


def _add_engine_url(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--url", help=f"of the engine; else INNGEST_DEV when it is a URL, else {DEFAULT_URL}")


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; give 0 to 65535")
    return int(text)


def _path(text: str) -> str:
    if not text.startswith("/"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a path; start it with /, as in /api/inngest")
    return text


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:10]) <= 1_000_000_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of at least 1")
    return int(text)


def _keep(runs: int | None, days: int | None) -> Any:
    """Return what is kept of the past."""
    from inngest_devserver.storage.retention import Keep

    usual = Keep()
    return Keep(runs or usual.runs, days * 86_400.0 if days else usual.seconds)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 <= seconds < 86_400:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds; give 0 or more")
    return seconds
