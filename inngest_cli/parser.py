"""The arguments of every command: what there is, and how each value is read. Runs nothing."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from inngest_core.protocol.wire import VERSION

from .defaults import DEFAULT_FILE, DEFAULT_PORT, DEFAULT_URL


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
    _add_send(commands.add_parser("send", help="send an event to an engine"))
    _add_runs(commands.add_parser("runs", help="show runs, their steps and results"))
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
    parser.add_argument("--path", type=_path, help="where the app serves; found out when not given")
    parser.add_argument("--app-port", type=_port, default=0, help="of the app; 0 takes any (%(default)s)")
    parser.add_argument("--no-poll", action="store_true", help="do not ask -u apps again for their functions")


def _add_address(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=_port, default=DEFAULT_PORT, help="of the engine; 0 takes any (%(default)s)")
    parser.add_argument("--host", default="127.0.0.1", help="address of the engine (%(default)s)")
    parser.add_argument(
        "--allowed-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a name by which others reach the engine; may be repeated",
    )


def _add_engine(parser: argparse.ArgumentParser) -> None:
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
    parser.add_argument("--export", type=Path, metavar="FILE", help="write the run to a file, for tests that replay it")
    parser.add_argument(
        "--redact", action="append", default=[], metavar="KEY", help="a key whose values are not exported; or a pattern"
    )
    parser.add_argument("--no-payloads", action="store_true", help="export no texts and no numbers")
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


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 <= seconds < 86_400:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds; give 0 or more")
    return seconds
