"""`inngest cancel` and `inngest rerun` for many runs: those that options choose, once the user has agreed."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from inngest_devserver.json_parts import mapping, mappings
from inngest_devserver.run_text import headline

from .errors import CommandError, RefusedError, UsageError
from .printing import complain, show_json
from .remote import Remote
from .runs import Wanted, latest

MOST_AT_ONCE = 1_000
_SHOWN = 5
"""Runs that are shown before the user is asked."""
_ENDED = ("completed", "failed", "cancelled")


def cancel_many(remote: Remote, wanted: Wanted, *, agreed: bool, as_json: bool) -> int:
    """Cancel the runs that are wanted and have not ended. Raises CommandError, UsageError.

    agreed: the user is not asked.
    """
    return _do(remote, "cancel", _with_statuses(wanted, ("running",)), agreed=agreed, as_json=as_json)


def rerun_many(remote: Remote, wanted: Wanted, *, agreed: bool, as_json: bool) -> int:
    """Do the runs again that are wanted and have ended. agreed: as above. Raises CommandError, UsageError."""
    return _do(remote, "rerun", _with_statuses(wanted, _ENDED), agreed=agreed, as_json=as_json)


def check_one_way(named: bool, wanted: Wanted, *, agreed: bool) -> None:
    """Refuse ids of runs together with options that choose runs, and neither. Raises UsageError."""
    given = wanted.given()
    if named and given:
        raise UsageError(f"{' and '.join(given)} choose runs; leave RUN_ID out with them")
    if named and agreed:
        raise UsageError("--yes is about many runs that options choose; leave it out with RUN_ID")
    if not named and not [name for name in given if name != "--limit"]:
        raise UsageError("which runs? Give RUN_ID, or choose with --function, --status or --since")


def _with_statuses(wanted: Wanted, usual: Sequence[str]) -> Wanted:
    return dataclasses.replace(wanted, statuses=wanted.statuses or usual, limit=wanted.limit or MOST_AT_ONCE)


def _do(remote: Remote, what: str, wanted: Wanted, *, agreed: bool, as_json: bool) -> int:
    if wanted.limit is not None and wanted.limit > MOST_AT_ONCE:
        raise UsageError(f"--limit {wanted.limit} is too much; at most {MOST_AT_ONCE} runs are done at once")
    runs = latest(remote, wanted)
    if runs and not agreed:
        _ask(what, runs, as_json=as_json)
    found = _done(remote, what, [str(run["id"]) for run in reversed(runs)])
    if as_json:
        show_json(found)
        return 1 if any("error" in one for one in found) else 0
    for one in found:
        if "error" in one:
            complain(f"{one['runId']}: {one['error']}")
        elif "newRunId" in one:
            print(f"again {one['runId']}: run {one['newRunId']}")
        else:
            print(f"cancelled {one['runId']}")
    done = sum("error" not in one for one in found)
    print(f"{done} run{'' if done == 1 else 's'} {'cancelled' if what == 'cancel' else 'done again'}")
    return 0 if done == len(found) else 1


def _ask(what: str, runs: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """Show what would be done, and raise CommandError unless the user agrees."""
    if as_json or not sys.stdin.isatty():
        raise UsageError("this would concern many runs, and nobody can be asked here; add --yes")
    for run in runs[:_SHOWN]:
        print(headline(run))
    if len(runs) > _SHOWN:
        print(f"... and {len(runs) - _SHOWN} more")
    does = "cancel" if what == "cancel" else "do again"
    answer = input(f"{does} {len(runs)} run{'' if len(runs) == 1 else 's'}? [y/N] ")
    if answer.strip().lower() not in ("y", "yes"):
        raise CommandError("nothing was done")


def _done(remote: Remote, what: str, run_ids: Sequence[str]) -> list[Mapping[str, Any]]:
    """Do it with all runs at once, or with one after another where an engine cannot do that."""
    if not run_ids:
        return []
    try:
        answer = mapping(remote.post(f"/api/v2/bulk/{what}", {"runIds": list(run_ids)}).get("data"))
    except RefusedError:
        return [_one(remote, what, run_id) for run_id in run_ids]
    done = [{**one, **({"cancelled": True} if what == "cancel" else {})} for one in mappings(answer.get("runs"))]
    refused = [{"runId": one["runId"], "error": one["message"]} for one in mappings(answer.get("refused"))]
    return [*done, *({**one, **({"cancelled": False} if what == "cancel" else {})} for one in refused)]


def _one(remote: Remote, what: str, run_id: str) -> Mapping[str, Any]:
    cancels = what == "cancel"
    try:
        answer = mapping(remote.post(f"/api/v2/runs/{quote(run_id, safe='')}/{what}", {}))
    except RefusedError as error:
        return {"runId": run_id, **({"cancelled": False} if cancels else {}), "error": error.said}
    if cancels:
        return {"runId": run_id, "cancelled": True}
    return {"runId": run_id, "newRunId": str(mapping(answer.get("data")).get("runId"))}
