"""Prints runs for people to read: what happened when, and the result."""

from __future__ import annotations

import datetime
import json
from typing import Any, cast
from urllib.parse import quote

from .errors import CommandError
from .remote import Remote

_OUTPUT_SHOWN = 4_000
"""Characters of an output; more is cut."""


def runs(remote: Remote, run_id: str | None, event: str | None) -> int:
    """Print one run, the runs of an event, or a line for each of the latest runs."""
    names = function_names(remote)
    if run_id is not None:
        found = [_data(remote, f"/v1/runs/{quote(run_id, safe='')}", f"no run {run_id}")]
    elif event is not None:
        found = runs_of_event(remote, event)
        if not found:
            print(f"event {event} has started no run: no function that is registered is triggered by it")
    else:
        return _list(remote, names)
    print("\n\n".join(describe(remote, run, names) for run in found))
    return 0


def function_names(remote: Remote) -> dict[str, str]:
    """Return the names of functions, `<app>-<function>`, by the engine's own ids."""
    info = cast("dict[str, Any]", remote.get("/dev") or {})
    functions = cast("list[dict[str, Any]]", info.get("functions") or [])
    return {str(one["id"]): str(one["slug"]) for one in functions}


def runs_of_event(remote: Remote, event: str) -> list[dict[str, Any]]:
    """Return the runs that an event started; raises CommandError when there is no such event."""
    return cast("list[dict[str, Any]]", _data(remote, f"/v1/events/{quote(event, safe='')}/runs", f"no event {event}"))


def describe(remote: Remote, run: dict[str, Any], names: dict[str, str]) -> str:
    """Return what happened in a run, a line for each thing."""
    run_id = str(run["run_id"])
    started = _time(run["run_started_at"])
    history = _data(remote, f"/v1/runs/{run_id}/history", f"no run {run_id}")
    lines = [_headline(run, names)]
    for item in history:
        seconds = (_time(item["at"]) - started).total_seconds()
        what = f"{item['name']}: {item['detail']}" if item["name"] else str(item["detail"])
        lines.append(f"  {max(seconds, 0):8.2f} s  {_one_line(what)}")
    if run["status"] == "Running":
        now = cast("dict[str, Any]", _data(remote, f"/v1/runs/{run_id}", f"no run {run_id}"))
        lines += [f"  waits   {_one_line(str(reason))}" for reason in now.get("waits_for") or ()]
    if run["status"] == "Completed":
        lines.append(f"  output  {_output(run.get('output'))}")
    return "\n".join(lines)


def _list(remote: Remote, names: dict[str, str]) -> int:
    found = _data(remote, "/v1/runs", "no list of runs")
    nothing = f"no runs yet; send an event with: inngest send NAME{remote.url_option}"
    print("\n".join(_headline(run, names) for run in found) or nothing)
    return 0


def _headline(run: dict[str, Any], names: dict[str, str]) -> str:
    function = names.get(str(run["function_id"]), str(run["function_id"]))
    ended = run.get("ended_at")
    took = f" in {(_time(ended) - _time(run['run_started_at'])).total_seconds():.2f} s" if ended else ""
    return f"{run['run_id']}  {_one_line(function)}  {str(run['status']).lower()}{took}"


def _output(output: object) -> str:
    text = json.dumps(output, ensure_ascii=False)
    return (
        _one_line(text)
        if len(text) <= _OUTPUT_SHOWN
        else f"{_one_line(text[:_OUTPUT_SHOWN])}... ({len(text)} characters)"
    )


def _data(remote: Remote, path: str, missing: str) -> Any:
    answer = remote.get(path)
    if answer is None:
        raise CommandError(f"there is {missing} at {remote.origin}")
    if not isinstance(answer, dict) or "data" not in answer:
        raise CommandError(f"{remote.origin} is not an engine: its {path} has no data")
    return cast("dict[str, Any]", answer)["data"]


def _time(text: object) -> datetime.datetime:
    return datetime.datetime.fromisoformat(str(text))


def _one_line(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)
