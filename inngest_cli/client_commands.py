"""From the options of a command that asks an engine to what does it. Contains no logic of any command."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from .actions import cancel, invoke, rerun, send
from .apps import apps
from .backup import backup
from .bulk import cancel_many, check_one_way, rerun_many
from .doctor import doctor
from .errors import UsageError
from .export import check_no_export, check_only_export, export
from .logs import logs
from .remote import Remote
from .runs import Wanted, runs


def ask(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Run the command; return its exit code. Raises CommandError, UsageError."""
    remote = Remote.of(options.url, environ, options.signing_key, options.event_key)
    as_json: bool = getattr(options, "json", False)
    match options.command:
        case "send":
            return send(remote, options.name, options.data, as_json=as_json)
        case "invoke":
            return invoke(remote, options.function, options.data, waits=options.wait, as_json=as_json)
        case "cancel":
            return _cancel(remote, options, as_json=as_json)
        case "rerun":
            return _rerun(remote, options, as_json=as_json)
        case "apps":
            return apps(remote, as_json=as_json)
        case "logs":
            return logs(remote, options.function, options.limit, follows=options.follow, as_json=as_json)
        case "backup":
            return backup(remote, options.file, as_json=as_json)
        case "mcp":
            from .mcp import mcp  # needs an extra

            return mcp(remote, allow_writes=options.allow_writes)
        case "doctor":
            return doctor(remote, options.app_url, environ, as_json=as_json)
        case _:
            return _runs(remote, options, as_json=as_json)


def _cancel(remote: Remote, options: argparse.Namespace, *, as_json: bool) -> int:
    wanted = wanted_of(options)
    check_one_way(bool(options.run_ids), wanted, agreed=options.yes)
    if not options.run_ids:
        return cancel_many(remote, wanted, agreed=options.yes, as_json=as_json)
    return cancel(remote, options.run_ids, as_json=as_json)


def _rerun(remote: Remote, options: argparse.Namespace, *, as_json: bool) -> int:
    wanted = wanted_of(options)
    check_one_way(options.run_id is not None, wanted, agreed=options.yes)
    if options.run_id is None:
        _check_no_details(options)
        return rerun_many(remote, wanted, agreed=options.yes, as_json=as_json)
    return rerun(remote, options.run_id, options.from_step, options.input, waits=options.wait, as_json=as_json)


def _runs(remote: Remote, options: argparse.Namespace, *, as_json: bool) -> int:
    wanted = wanted_of(options)
    if options.export is not None:
        check_only_export(wanted, as_json=as_json)
        return export(remote, options.run_id, options.export, options.redact, payloads=not options.no_payloads)
    check_no_export(options.redact, no_payloads=options.no_payloads)
    return runs(remote, options.run_id, options.event, wanted, as_json=as_json)


def wanted_of(options: argparse.Namespace) -> Wanted:
    """Return which runs the options choose."""
    return Wanted(options.function, options.status or (), options.since, options.limit)


def _check_no_details(options: argparse.Namespace) -> None:
    details = {"--from-step": options.from_step, "--input": options.input, "--wait": options.wait}
    if given := [name for name, value in details.items() if value]:
        raise UsageError(f"{' and '.join(given)} are about one run; give its RUN_ID")
