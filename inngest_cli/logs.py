"""`inngest logs`: events, runs and what apps write, in the order in which it happened, and as it happens.

It asks again and again for what is new, on routes that every engine with `/api/v2` has; and on those that only this
engine has, as long as it answers there. It changes nothing.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inngest_devserver.json_parts import error_in_words, in_short, mapping, mappings, moment_of, one_line
from inngest_devserver.masking import Masking
from inngest_devserver.run_text import function_of, has_ended

from .errors import CommandError, RefusedError
from .printing import complain, show_json_line
from .remote import Query, Remote
from .runs import Wanted, latest, run_of

_PAUSE_SECONDS = 0.5
_PAGE = 100
_MOST = 1_000
"""Runs and events that are asked for at once, when very many have come since the last time."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that happened. value: it, for programs."""

    at: datetime.datetime
    text: str
    value: Mapping[str, Any]


def logs(remote: Remote, function: str | None, limit: int, *, follows: bool, as_json: bool) -> int:
    """Print what happened last, and with *follows* what happens then, until Ctrl-C. Raises CommandError.

    function: only runs of this one, and no events. limit: how much of the past is shown.
    """
    tail = _Tail(remote, function)
    _show(tail.news(limit)[-limit:], as_json=as_json)
    complained = False
    while follows:
        time.sleep(_PAUSE_SECONDS)
        try:
            _show(tail.news(_MOST), as_json=as_json)
            complained = False
        except CommandError as error:  # an engine that is started again goes on where it was
            if not complained:
                complain(f"{error}; trying again")
            complained = True
    return 0


class _Tail:
    """What was seen already."""

    def __init__(self, remote: Remote, function: str | None) -> None:
        self._remote = remote
        self._function = function
        self._events: dict[str, None] = {}
        self._runs: dict[str, bool] = {}
        """Whether each has ended, by its id."""
        self._newest: datetime.datetime | None = None
        self._line: int | None = None
        """The number of the last line of an app."""
        self._lists_events = self._lists_lines = True
        """Whether the engine has routes of this one."""

    def news(self, limit: int) -> list[Entry]:
        """Return what was not returned before, in the order in which it happened. Raises CommandError.

        What came of something is asked for before it, so that nothing is shown before what it came of.
        """
        lines = self._unseen_lines(limit)
        runs = list(self._new_runs(limit))
        events = [] if self._function is not None else list(self._new_events(limit))
        return sorted([*events, *runs, *self._told(lines)], key=lambda entry: entry.at)

    def _new_events(self, limit: int) -> Iterator[Entry]:
        for event in self._unseen_events(limit):
            self._events[str(event["id"])] = None
            what = f"{event.get('name')} {event['id']} {in_short(event.get('data'))}"
            yield Entry(moment_of(event["receivedAt"]), f"event  {one_line(what)}", {"event": event})
        for old in list(self._events)[: -2 * _MOST]:
            del self._events[old]

    def _unseen_events(self, limit: int) -> list[Mapping[str, Any]]:
        """Return events that are new, as many pages of them as there are."""
        found: list[Mapping[str, Any]] = []
        query = [("limit", str(min(limit, _PAGE)))]
        while True:
            cursor = [("cursor", str(found[-1]["id"]))] if found else []
            page = self._events_of([*query, *cursor])
            unseen = [event for event in page if str(event.get("id")) not in self._events]
            found += unseen
            # The first time, what is older than one page is not wanted.
            if not self._events or not page or len(unseen) < len(page) or len(found) >= _MOST:
                return found

    def _events_of(self, query: Query) -> list[Mapping[str, Any]]:
        """Return a page of events, as this engine shows them, from any engine."""
        if self._lists_events:
            try:
                return mappings(self._remote.data("/api/v2/events", query))
            except RefusedError:  # NotThereError, too: other engines only take events there
                self._lists_events = False
        return [_event(each) for each in mappings(self._remote.data("/v1/events", query))]

    def _unseen_lines(self, limit: int) -> list[Mapping[str, Any]]:
        """Return what apps that the engine runs have written."""
        if not self._lists_lines:
            return []
        after = [] if self._line is None else [("after", str(self._line))]
        try:
            lines = mappings(self._remote.data("/api/v2/logs", [("limit", str(min(limit, _MOST))), *after]))
        except RefusedError:
            self._lists_lines = False
            return []
        self._line = int(lines[-1]["number"]) if lines else self._line
        return lines

    def _told(self, lines: Sequence[Mapping[str, Any]]) -> Iterator[Entry]:
        """Yield lines of apps; if a function is asked for, only those of its runs."""
        for line in lines:
            if self._function is None or line.get("runId") in self._runs:
                run = f"[{str(line['runId'])[-6:]}] " if line.get("runId") else ""
                text = one_line(str(line.get("text")))
                yield Entry(moment_of(line["at"]), f"app    {line.get('target')}  {run}{text}", {"log": line})

    def _new_runs(self, limit: int) -> Iterator[Entry]:
        found = list(latest(self._remote, Wanted(self._function, since=self._newest, limit=limit)))
        listed = {str(run["id"]) for run in found}
        going_on = [run_id for run_id, is_over in self._runs.items() if not is_over and run_id not in listed]
        for run in [*found, *(run_of(self._remote, run_id) for run_id in going_on)]:
            yield from self._about(run)
        self._newest = max((moment_of(run["queuedAt"]) for run in found), default=self._newest)

    def _about(self, run: Mapping[str, Any]) -> Iterator[Entry]:
        run_id, is_over = str(run["id"]), has_ended(run)
        known = self._runs.get(run_id)
        self._runs[run_id] = is_over
        name = f"{run_id}  {one_line(function_of(run))}"
        if known is None:
            yield Entry(moment_of(run["queuedAt"]), f"run    {name}  started", {"run": {**run, "status": "RUNNING"}})
        if is_over and not known:
            full = run_of(self._remote, run_id)
            yield Entry(
                moment_of(full.get("endedAt") or run["queuedAt"]), f"run    {name}  {_end(full)}", {"run": full}
            )


def _event(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an event of another engine as this one shows it: what looks like a secret is hidden."""
    view = {key: event[key] for key in ("name", "data", "user", "v", "ts") if event.get(key) is not None}
    hidden = Masking().mask(view)
    return {**hidden, "id": str(event["internal_id"]), "receivedAt": event["received_at"]}


def _end(run: Mapping[str, Any]) -> str:
    status = str(run["status"]).lower()
    if status == "failed":
        return f"failed: {error_in_words(mapping(run.get('output')))}"
    return f"{status}  {in_short(run['output'])}" if status == "completed" else status


def _show(entries: Sequence[Entry], *, as_json: bool) -> None:
    for entry in entries:
        if as_json:
            show_json_line(entry.value)
        else:
            print(f"{entry.at.astimezone():%H:%M:%S.%f}"[:12], "", entry.text, flush=True)
