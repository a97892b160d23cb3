"""`inngest send`, `invoke`, `cancel` and `rerun`: what makes an engine do something, and what is printed of it."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any, cast
from urllib.parse import quote

from inngest_core.errors import BodyInvalidError
from inngest_core.protocol.wire import hash_id, json_kind, parse_json
from inngest_devserver.json_parts import mapping, mappings
from inngest_devserver.run_text import in_text

from .errors import CommandError, NotThereError, RefusedError, UsageError
from .functions import find
from .printing import complain, show_json
from .remote import Remote
from .runs import run_of, wait_for_end, with_trace

_DATA_EXAMPLE = """write it as in '{"id": 1}'"""
_INPUT_EXAMPLE = """write the arguments of the step as in '[{"id": 1}]'"""


def send(remote: Remote, name: str, data: str, *, as_json: bool) -> int:
    """Send one event and print its id. Raises CommandError, UsageError."""
    event = {"name": name, "data": _parse_data(data)}
    ids = mapping(remote.post(f"/e/{quote(remote.event_key, safe='')}", event)).get("ids")
    if not ids:
        raise CommandError(f"{remote.origin} is not an engine: it accepted no event")
    if as_json:
        show_json({"eventId": ids[0]})
        return 0
    print(f"sent {name} {ids[0]}")
    print(f"see its runs with: inngest runs --event {ids[0]}{remote.url_option}")
    return 0


def invoke(remote: Remote, function: str, data: str, *, waits: bool, as_json: bool) -> int:
    """Run a function and print the id of the run. Raises CommandError, UsageError."""
    given = _parse_data(data)
    name = find(remote, function)
    path = f"/api/v2/apps/{quote(name.app, safe='')}/functions/{quote(name.function, safe='')}/invoke"
    run_id = _started(remote, remote.post(path, {"data": given}))
    return _show_started(remote, run_id, f"invoked {name}", waits=waits, as_json=as_json)


def rerun(
    remote: Remote, run_id: str, from_step: str | None, arguments: str | None, *, waits: bool, as_json: bool
) -> int:
    """Do a run again and print the id of the new run. Raises CommandError, UsageError."""
    if arguments is not None and from_step is None:
        raise UsageError("--input gives a step other arguments; say which step with --from-step")
    body: dict[str, Any] = {}
    if from_step is not None:
        given = None if arguments is None else _parse_input(arguments)
        step = {"stepId": _step_id(remote, run_id, from_step)}
        body = {"fromStep": step if given is None else {**step, "input": given}}
    try:
        answer = remote.post(f"/api/v2/runs/{quote(run_id, safe='')}/rerun", body)
    except NotThereError:
        raise CommandError(f"there is no run {run_id} at {remote.origin}") from None
    return _show_started(remote, _started(remote, answer), f"again {run_id}", waits=waits, as_json=as_json)


def cancel(remote: Remote, run_ids: Sequence[str], *, as_json: bool) -> int:
    """Cancel runs; return 1 when one could not be cancelled. Raises CommandError when the engine cannot be asked."""
    found = [_cancel(remote, run_id) for run_id in run_ids]
    if as_json:
        show_json(found)
    else:
        for one in found:
            if one["cancelled"]:
                print(f"cancelled {one['runId']}")
            else:
                complain(f"{one['runId']} was not cancelled: {one['error']}")
    return 0 if all(one["cancelled"] for one in found) else 1


def _cancel(remote: Remote, run_id: str) -> Mapping[str, Any]:
    try:
        remote.post(f"/api/v2/runs/{quote(run_id, safe='')}/cancel", {})
    except RefusedError as error:
        return {"runId": run_id, "cancelled": False, "error": error.said}
    return {"runId": run_id, "cancelled": True}


def _started(remote: Remote, answer: object) -> str:
    run_id = mapping(mapping(answer).get("data")).get("runId")
    if not run_id:
        raise CommandError(f"{remote.origin} is not an engine: it started no run")
    return str(run_id)


def _show_started(remote: Remote, run_id: str, done: str, *, waits: bool, as_json: bool) -> int:
    if not waits:
        if as_json:
            show_json({"runId": run_id})
        else:
            print(f"{done}: run {run_id}")
            print(f"see it with: inngest runs {run_id}{remote.url_option}")
        return 0
    run = wait_for_end(remote, run_id)
    if as_json:
        show_json({"runId": run_id, "status": run["status"], "output": run.get("output")})
    else:
        print(in_text(with_trace(remote, run)))
    return 0 if run["status"] == "COMPLETED" else 1


def _step_id(remote: Remote, run_id: str, step: str) -> str:
    """Return the hashed id of the step that *step* names, by its id, its name or the hashed id itself."""
    spans = mappings(mapping(with_trace(remote, run_of(remote, run_id))["trace"]).get("children"))
    steps = {str(span["stepId"]): str(span.get("name")) for span in spans if span.get("stepId")}
    for key in (step, hash_id(step)):
        if key in steps:
            return key
    named = [key for key, name in steps.items() if name == step]
    if len(named) == 1:
        return named[0]
    known = ", ".join(dict.fromkeys(steps.values())) or "there are none"
    raise CommandError(f"run {run_id} has no step {step!r}; its steps: {known}")


def _parse_data(text: str) -> dict[str, Any]:
    value = _parse(text, "DATA_JSON", _DATA_EXAMPLE)
    if not isinstance(value, dict):
        raise UsageError(f"DATA_JSON {text!r} is a JSON {json_kind(value)}, expected an object; {_DATA_EXAMPLE}")
    return cast("dict[str, Any]", value)


def _parse_input(text: str) -> list[object]:
    value = _parse(text, "--input", _INPUT_EXAMPLE)
    if isinstance(value, list):
        return cast("list[object]", value)
    raise UsageError(f"--input {text!r} is a JSON {json_kind(value)}, expected an array; {_INPUT_EXAMPLE}")


def _parse(text: str, what: str, example: str) -> object:
    given = sys.stdin.read() if text == "-" else text
    try:
        return parse_json(given.encode("utf-8", "surrogateescape"))
    except BodyInvalidError as error:
        raise UsageError(f"{what} {given!r}: {error.message}; {example}") from None
