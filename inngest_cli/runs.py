"""`inngest runs`: asks an engine for runs, and prints them. How one is written is in `run_text.py`."""

from __future__ import annotations

import datetime
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from inngest_core.protocol.duration import dump_time
from inngest_devserver.json_parts import mapping, mappings
from inngest_devserver.run_text import has_ended, headline, in_text, why_it_waits

from .errors import CommandError, NotThereError, UsageError
from .functions import matching
from .printing import show_json
from .remote import Remote

USUAL_LIMIT = 20
_LARGEST_PAGE = 100
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0
"""Seconds between two questions whether a run has ended."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which of the latest runs are meant; what is None or empty was not asked for."""

    function: str | None = None
    statuses: Sequence[str] = ()
    since: datetime.datetime | None = None
    limit: int | None = None

    def given(self) -> list[str]:
        """Return the options that were given."""
        values = {
            "--function": self.function,
            "--status": self.statuses,
            "--since": self.since,
            "--limit": self.limit,
        }
        return [name for name, value in values.items() if value]


def runs(remote: Remote, run_id: str | None, event: str | None, wanted: Wanted, *, as_json: bool) -> int:
    """Print one run, the runs of an event, or a line for each of the latest runs. Raises CommandError, UsageError."""
    if run_id is None and event is None:
        return _list(remote, wanted, as_json=as_json)
    if given := wanted.given():
        raise UsageError(f"{' and '.join(given)} choose among the latest runs; leave RUN_ID and --event out with them")
    if run_id is not None:
        found = [with_trace(remote, run_of(remote, run_id))]
    else:
        found = [with_trace(remote, run_of(remote, str(run["id"]))) for run in runs_of_event(remote, str(event))]
    if as_json:
        show_json(found if run_id is None else found[0])
        return 0
    if not found:
        print(f"event {event} has started no run: no function that is registered is triggered by it")
        return 0
    print("\n\n".join(in_text(run) for run in found))
    return 0


def run_of(remote: Remote, run_id: str) -> dict[str, Any]:
    """Return a run with its output; raises CommandError when there is none."""
    try:
        found = remote.data(f"/api/v2/runs/{quote(run_id, safe='')}", [("includeOutput", "true")])
    except NotThereError:
        raise CommandError(f"there is no run {run_id} at {remote.origin}") from None
    return dict(mapping(found))


def runs_of_event(remote: Remote, event: str) -> list[Mapping[str, Any]]:
    """Return the runs that an event started; raises CommandError when there is no such event."""
    try:
        return mappings(remote.data(f"/api/v2/events/{quote(event, safe='')}/runs"))
    except NotThereError:
        raise CommandError(f"there is no event {event} at {remote.origin}") from None


def with_trace(remote: Remote, run: Mapping[str, Any]) -> dict[str, Any]:
    """Return a run with what happened in it, and with why it waits, also where an engine does not say that itself."""
    found = mapping(remote.data(f"/api/v2/runs/{run['id']}/trace", [("includeOutput", "true")]))
    trace = mapping(found.get("rootSpan"))
    reasons = run.get("waitsFor") or why_it_waits(run, trace)
    return {**run, **({"waitsFor": reasons} if reasons else {}), "trace": trace}


def latest(remote: Remote, wanted: Wanted) -> list[Mapping[str, Any]]:
    """Return the runs that are wanted, newest first. Raises CommandError."""
    query = [("status", status.upper()) for status in wanted.statuses]
    if wanted.since is not None:
        query.append(("from", dump_time(wanted.since)))
    if wanted.function is not None:
        names = matching(remote, wanted.function)
        query += [("appId", app) for app in dict.fromkeys(name.app for name in names)]
        # One that is not registered any more may have runs.
        query += [("functionId", one) for one in dict.fromkeys([name.function for name in names] or [wanted.function])]
    found: list[Mapping[str, Any]] = []
    limit, cursor = wanted.limit or USUAL_LIMIT, ""
    while len(found) < limit:
        page = [("limit", str(min(limit - len(found), _LARGEST_PAGE)))]
        answer = mapping(remote.get("/api/v2/runs", [*query, *page, *([("cursor", cursor)] if cursor else [])]))
        found += mappings(answer.get("data"))
        cursor = str(mapping(answer.get("page")).get("cursor") or "")
        if not cursor:
            break
    return found


def _list(remote: Remote, wanted: Wanted, *, as_json: bool) -> int:
    found = latest(remote, wanted)
    if as_json:
        show_json(found)
    elif found:
        print("\n".join(headline(run) for run in found))
    elif wanted.given():
        print(f"no runs with {' and '.join(wanted.given())} as given")
    else:
        print(f"no runs yet; send an event with: inngest send NAME{remote.url_option}")
    return 0


def wait_for_end(remote: Remote, run_id: str) -> dict[str, Any]:
    """Return a run when it has ended, however long that takes. Raises CommandError."""
    pause = _FIRST_PAUSE
    while True:
        run = run_of(remote, run_id)
        if has_ended(run):
            return run
        time.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)
