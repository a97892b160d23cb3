"""`inngest worker`: serves a user's functions over a connection to an engine, and restarts when their code changes.

The worker runs in this process, so that signals of a platform reach it; only with --reload, in one below it.
"""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from inngest_connect.worker import SHUTDOWN_SECONDS, Worker, connect
from inngest_core.errors import InngestError
from inngest_core.protocol.wire import VERSION
from inngest_devserver.hosting.import_strings import LoadError
from inngest_devserver.hosting.log_output import show_logs

from .errors import CommandError, UsageError
from .worker_targets import Pair, load_served

_LAST_SECONDS = 6.0
"""How much longer than it may wait for functions a worker can take to end."""


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """The options of the command; those that are None were not given."""

    target: str
    instance_id: str | None = None
    max_concurrency: int | None = None
    shutdown_seconds: float | None = None
    health_file: Path | None = None
    reload: bool = False


def worker(options: WorkerOptions) -> int:
    """Serve until a shutdown signal comes; return 0. Raises CommandError and UsageError."""
    if options.reload:
        return _restart_on_changes(options)
    try:
        _make(options).run()
    except (LoadError, InngestError) as error:
        raise CommandError(str(error)) from None
    return 0


def _make(options: WorkerOptions) -> Worker:
    served = load_served(options.target, Path.cwd())
    if isinstance(served, Worker):
        _refuse_what_the_worker_says(options)
        show_logs(client.logger for client in served.clients)
        _show(options, served, [])
        return served
    show_logs(client.logger for client, _ in served)
    timeout = SHUTDOWN_SECONDS if options.shutdown_seconds is None else options.shutdown_seconds
    made = connect(
        served,
        instance_id=options.instance_id,
        max_worker_concurrency=options.max_concurrency,
        shutdown_timeout=round(timeout * 1000),
        health_file=options.health_file,
    )
    _show(options, made, served)
    return made


def _refuse_what_the_worker_says(options: WorkerOptions) -> None:
    for name, value in _given(options).items():
        raise UsageError(
            f"{options.target} is a worker of its own options; leave {name} {value} out and give it to connect()"
        )


def _given(options: WorkerOptions) -> dict[str, str]:
    """Return the options that were given and that `connect` takes, as they are written."""
    values = {
        "--instance-id": options.instance_id,
        "--max-concurrency": options.max_concurrency,
        "--shutdown-timeout": options.shutdown_seconds,
        "--health-file": options.health_file,
    }
    return {name: str(value) for name, value in values.items() if value is not None}


def _show(options: WorkerOptions, made: Worker, served: list[Pair]) -> None:
    print(f"inngest {VERSION}: worker {made.instance_id} of {options.target}", flush=True)
    for client, functions in served:
        print(f"  {client.app_id}: {', '.join(one.local_id for one in functions)}", flush=True)


def _restart_on_changes(options: WorkerOptions) -> int:
    from watchfiles import PythonFilter, run_process

    seconds = SHUTDOWN_SECONDS if options.shutdown_seconds is None else options.shutdown_seconds
    arguments = [f"{name}={value}" for name, value in _given(options).items()]
    run_process(
        Path.cwd(),
        target=shlex.join([sys.executable, "-m", "inngest_cli", "worker", options.target, *arguments]),
        target_type="command",
        watch_filter=PythonFilter(),
        callback=lambda _changes: print("inngest: the code changed; starting anew", flush=True),
        sigint_timeout=round(seconds + _LAST_SECONDS),
    )
    return 0
