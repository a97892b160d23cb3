"""The arguments of the commands that ask an engine something, or make it do something. Runs nothing."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from .defaults import DEFAULT_URL
from .values import count, moment

STATUSES = ("queued", "running", "waiting", "completed", "failed", "cancelled")


def add_client_commands(commands: Any) -> None:
    """Add the parsers of these commands to those of the command line."""
    _add_send(commands)
    _add_runs(commands)
    _add_invoke(commands)
    _add_cancel(commands)
    _add_rerun(commands)
    _add_apps(commands)
    _add_logs(commands)
    _add_backup(commands)
    _add_mcp(commands)
    _add_doctor(commands)


def _add(commands: Any, name: str, says: str, description: str, *, prints_json: bool = True) -> argparse.ArgumentParser:
    # An abbreviation of an option that is a key would not be recognized when keys are moved out of sight.
    parser: argparse.ArgumentParser = commands.add_parser(name, help=says, description=description, allow_abbrev=False)
    if prints_json:
        parser.add_argument("--json", action="store_true", help="print JSON for programs")
    parser.add_argument(
        "--url", help=f"of the engine; else INNGEST_BASE_URL or a URL in INNGEST_DEV, else {DEFAULT_URL}"
    )
    parser.add_argument("--signing-key", metavar="KEY", help="that the engine asks for; else INNGEST_SIGNING_KEY")
    parser.add_argument("--event-key", metavar="KEY", help="with which events are sent; else INNGEST_EVENT_KEY")
    return parser


def _add_send(commands: Any) -> None:
    parser = _add(
        commands,
        "send",
        "send an event to an engine",
        "Send one event, and print its id.",
    )
    parser.add_argument("name", metavar="NAME", help="such as shop/order.placed")
    _add_data(parser)


def _add_runs(commands: Any) -> None:
    parser = _add(
        commands,
        "runs",
        "show runs, their steps and results",
        "Show a run with its steps, what went into them and came out, and why it waits; or a line for each of the "
        "latest runs.",
    )
    one = parser.add_mutually_exclusive_group()
    one.add_argument("run_id", nargs="?", metavar="RUN_ID")
    one.add_argument("--event", metavar="ID", help="the runs of an event, by the id that `inngest send` printed")
    _add_choice(parser, "at most so many runs (20)")
    parser.add_argument("--export", type=Path, metavar="FILE", help="write the run to a file, for tests that replay it")
    parser.add_argument(
        "--redact", action="append", default=[], metavar="KEY", help="a key whose values are not exported; or a pattern"
    )
    parser.add_argument("--no-payloads", action="store_true", help="export no texts and no numbers")


def _add_invoke(commands: Any) -> None:
    parser = _add(
        commands,
        "invoke",
        "run a function with data of your own",
        "Run one function, whatever its triggers are, and print the id of the run.",
    )
    parser.add_argument("function", metavar="FUNCTION", help="as in shop-order, or order when only one app has it")
    _add_data(parser)
    _add_wait(parser)


def _add_cancel(commands: Any) -> None:
    parser = _add(
        commands,
        "cancel",
        "cancel runs",
        "Cancel runs that have not ended: those that are named, or those that the options choose.",
    )
    parser.add_argument("run_ids", nargs="*", metavar="RUN_ID")
    _add_choice(parser, "at most so many runs (1000)")
    _add_yes(parser)


def _add_rerun(commands: Any) -> None:
    parser = _add(
        commands,
        "rerun",
        "do a run again, also from one of its steps",
        "Start a new run with the same events, and print its id. With --from-step, it keeps the results of the "
        "steps before that one. Without RUN_ID, do all runs again that the options choose.",
    )
    parser.add_argument("run_id", nargs="?", metavar="RUN_ID")
    _add_choice(parser, "at most so many runs (1000)")
    _add_yes(parser)
    parser.add_argument("--from-step", metavar="STEP", help="go on from this step, and keep what was done before it")
    parser.add_argument(
        "--input", metavar="JSON", help="other arguments for that step, as a JSON array; - reads them from stdin"
    )
    _add_wait(parser)


def _add_apps(commands: Any) -> None:
    _add(
        commands,
        "apps",
        "show the apps of an engine and their functions",
        "Show the apps that have registered, their functions, and the options of these in words.",
    )


def _add_logs(commands: Any) -> None:
    parser = _add(
        commands,
        "logs",
        "show events and runs, also as they happen",
        "Show the latest events, and the latest runs with how they ended, in the order in which it happened.",
    )
    parser.add_argument("-f", "--follow", action="store_true", help="go on with what happens next, until Ctrl-C")
    parser.add_argument("--function", metavar="FUNCTION", help="only runs of this function, and no events")
    parser.add_argument("--limit", type=count, default=20, metavar="N", help="lines about the past (%(default)s)")


def _add_backup(commands: Any) -> None:
    parser = _add(
        commands,
        "backup",
        "copy all that an engine keeps to a file",
        "Copy all that an engine keeps to a file, while it goes on, for `inngest start --persist FILE`.",
    )
    parser.add_argument(
        "file", type=Path, metavar="FILE", help="an older backup in it is replaced once the new one is whole"
    )


def _add_mcp(commands: Any) -> None:
    parser = _add(
        commands,
        "mcp",
        "give a coding assistant tools for an engine",
        "Serve the Model Context Protocol on standard streams: a coding assistant starts this command.",
        prints_json=False,
    )
    parser.add_argument(
        "--allow-writes", action="store_true", help="also send events, invoke, do runs again and cancel them"
    )


def _add_doctor(commands: Any) -> None:
    parser = _add(
        commands,
        "doctor",
        "find out why an app is not called",
        "Look at this machine, the engine and its apps, and say what is wrong and how to mend it.",
    )
    parser.add_argument(
        "app_url", nargs="?", metavar="URL", help="of one app, or of an engine; by default the engine's apps"
    )


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "data", nargs="?", default="{}", metavar="DATA_JSON", help="a JSON object; - reads it from stdin"
    )


def _add_choice(parser: argparse.ArgumentParser, limit: str) -> None:
    parser.add_argument("--function", metavar="FUNCTION", help="of this function only, as in shop-order or order")
    parser.add_argument(
        "--status",
        action="append",
        type=str.lower,
        choices=STATUSES,
        metavar="STATUS",
        help=f"in this state only: {', '.join(STATUSES)}; may be repeated",
    )
    parser.add_argument("--since", type=moment, metavar="TIME", help="how long ago, as in 2h, or an RFC 3339 time")
    parser.add_argument("--limit", type=count, metavar="N", help=limit)


def _add_yes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="do it with many runs without asking")


def _add_wait(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--wait", action="store_true", help="until the run has ended; fail if it failed")
