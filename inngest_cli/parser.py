"""The commands and the arguments of those that run an engine or an app. Runs nothing."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from inngest_core.protocol.wire import VERSION

from .client_parser import add_client_commands
from .completion import SHELLS
from .defaults import DEFAULT_FILE, DEFAULT_PORT
from .values import count, path, port, seconds


def make_parser(
    target: str | None = None, kind: type[argparse.ArgumentParser] = argparse.ArgumentParser
) -> tuple[argparse.ArgumentParser, Any]:
    """Return the parser of the command line, and of its commands.

    target: what the commands that run an app take when none is named. kind: the class of the parsers.
    """
    parser = kind(prog="inngest", description="Run durable functions, and the engine for them.")
    parser.add_argument("--version", action="version", version=f"inngest-suite {VERSION}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_dev(commands.add_parser("dev", help="run an engine, and the app whose functions it calls"), target)
    start = commands.add_parser("start", help="run a self-hosted engine, which asks for keys", allow_abbrev=False)
    _add_start(start, target)
    _add_worker(commands.add_parser("worker", help="run functions in a worker, which connects to an engine"), target)
    add_client_commands(commands)
    _add_completion(commands.add_parser("completion", help="let a shell complete commands and options"))
    return parser, commands


def _add_dev(parser: argparse.ArgumentParser, target: str | None) -> None:
    parser.description = (
        "Run an engine on this machine. INNGEST_SIGNING_KEY and INNGEST_EVENT_KEY are its keys, if set. "
        "It is for development and tests; `inngest start` runs one that asks for keys."
    )
    _add_apps(parser, target)
    _add_address(parser)
    parser.add_argument(
        "--persist",
        nargs="?",
        type=Path,
        const=DEFAULT_FILE,
        metavar="FILE",
        help=f"keep runs in a file ({DEFAULT_FILE}); put it last, or before another option",
    )
    parser.add_argument(
        "--reload", action="store_true", help="start the apps anew when a Python file in this directory changes"
    )
    _add_engine(parser)


def _add_start(parser: argparse.ArgumentParser, target: str | None) -> None:
    parser.description = (
        "Run a self-hosted engine: it signs what it sends, asks for keys on every route, and keeps everything in a "
        "file. It is one process for one machine. For more than that, point the same apps at a self-hosted Inngest "
        "server or at Inngest Cloud."
    )
    parser.add_argument(
        "--signing-key", metavar="KEY", help="hexadecimal, as `openssl rand -hex 32` makes it; or INNGEST_SIGNING_KEY"
    )
    parser.add_argument(
        "--signing-key-fallback",
        metavar="KEY",
        help="the other key, while the signing key is changed; or INNGEST_SIGNING_KEY_FALLBACK",
    )
    parser.add_argument(
        "--event-key",
        action="append",
        metavar="KEY",
        help="with which events may be sent; may be repeated; or INNGEST_EVENT_KEY, with commas between several",
    )
    _add_apps(parser, target)
    _add_address(parser)
    parser.add_argument(
        "--persist", type=Path, default=DEFAULT_FILE, metavar="FILE", help="the file of the engine (%(default)s)"
    )
    _add_engine(parser)


def _add_apps(parser: argparse.ArgumentParser, target: str | None) -> None:
    parser.add_argument(
        "targets",
        nargs="*",
        default=[target] if target else [],
        metavar="module:app",
        help="ASGI or WSGI apps, or factories of them, to run too",
    )
    parser.add_argument("-u", "--url", action="append", default=[], help="an app that runs elsewhere; may be repeated")
    parser.add_argument("--path", type=path, help="where the app serves; found out when not given")
    parser.add_argument("--app-port", type=port, default=0, help="of the app; 0 takes any (%(default)s)")
    parser.add_argument("--no-poll", action="store_true", help="do not ask -u apps again for their functions")


def _add_address(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=port, default=DEFAULT_PORT, help="of the engine; 0 takes any (%(default)s)")
    parser.add_argument("--host", default="127.0.0.1", help="address of the engine (%(default)s)")
    parser.add_argument(
        "--allowed-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a name by which others reach the engine; may be repeated",
    )


def _add_engine(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--keep", type=count, metavar="RUNS", help="ended runs that are kept (10000)")
    parser.add_argument("--keep-days", type=count, metavar="DAYS", help="how long ended runs are kept (30)")
    parser.add_argument(
        "--retry-interval", type=seconds, metavar="SECONDS", help="before the first retry; then doubled"
    )
    parser.add_argument(
        "--mask",
        action="append",
        default=[],
        metavar="NAMES",
        help="more fields whose values are not shown, with commas between; patterns such as *_id; may be repeated",
    )
    parser.add_argument("--no-mask", action="store_true", help="show the values of fields that look like secrets, too")
    parser.add_argument("--mcp", action="store_true", help="give coding assistants tools at /mcp")
    parser.add_argument("--allow-writes", action="store_true", help="with --mcp: tools that change something, too")
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
    parser.add_argument("--max-concurrency", type=count, metavar="N", help="calls at a time; no limit by default")
    parser.add_argument(
        "--shutdown-timeout",
        type=seconds,
        metavar="SECONDS",
        help="how long to wait at the end for what is running; 30 by default",
    )
    parser.add_argument(
        "--health-file", type=Path, metavar="FILE", help="a file that is there while the worker is connected"
    )
    parser.add_argument("--reload", action="store_true", help="restart when a Python file in this directory changes")


def _add_completion(parser: argparse.ArgumentParser) -> None:
    parser.description = "Print what a shell needs to complete commands and options, for its start-up file."
    parser.add_argument("shell", choices=SHELLS, metavar="SHELL", help=f"one of {', '.join(SHELLS)}")
