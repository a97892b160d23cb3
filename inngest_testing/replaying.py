"""Whether a function does the same again when it is called from its memos.

Each call of a run but the first repeats what earlier calls have done, so each is held to it: every step that has a
result is met again, with the same id and of the same kind. When a run with parallel steps completes, its function is
called once more with their results in another order; nothing runs then, and nothing that it sends arrives.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import urllib.parse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from inngest_core.protocol.wire import SDK, STEP_ID_OF_DISCOVERY, Header, Query
from inngest_core.values.json_text import parse_value
from inngest_core.web.messages import Request, Response

from .errors import ReplayError, TestingError
from .recording import Recorder, rehearsing
from .records import CallRecord
from .sending import Ask

Replaying = bool | Literal["in-order"]
"""Whether functions are held to doing the same again; "in-order" leaves out other orders of parallel steps."""

_RUN_ID, _REQUEST_ID = Header.RUN_ID.value, Header.REQUEST_ID.value
_WHY = (
    "A step is known by its id, so its id must be the same in every call: make it of a name and the event's data, not "
    "of a random value, the time, or what changes while the run goes on. Give replay=False where this does not matter."
)
_WHY_OF_ANOTHER_KIND = (
    "A step is known by its id, so an id must stand for one kind of step: give the two ids of their own. Give "
    "replay=False where this does not matter."
)
_WHY_IN_ANOTHER_ORDER = (
    "Parallel steps end in any order: make the ids of later steps of names and data, not of the order. Give "
    'replay="in-order" to a function that is meant to go on in another way with whichever step ends first.'
)


@dataclass(slots=True)
class _Run:
    """What is known of a run. together: steps that were reported in one answer, and so run side by side."""

    calls: int = 0
    together: list[list[str]] = field(default_factory=list[list[str]])


class ReplayCheck:
    """Looks at each call of each run."""

    def __init__(self, recorder: Recorder, replay: Replaying) -> None:
        self._recorder = recorder
        self._other_orders = replay is True
        self._runs: dict[str, _Run] = {}

    async def look_at(self, request: Request, response: Response, ask: Ask) -> Response:
        """Look at a call and its answer; return the answer, or one that fails the run when the test fails anyway.

        What is wrong is noted as a problem of the recorder.
        """
        run_id = request.headers.get(_RUN_ID, "")
        run = self._runs.setdefault(run_id, _Run())
        run.calls += 1
        call = self._recorder.call(run_id, request.headers.get(_REQUEST_ID, ""))
        ops = _several_ops(response)
        if len(ops) > 1 and not any(_races(op) for op in ops):
            run.together.append([str(op["id"]) for op in ops])
        if call is None or response.status not in (200, 206) or _target(request.url):
            return response
        missing = self._missing(call, run, ended=response.status == 200)
        changed = self._changed(run_id, call)
        if missing or changed:
            why = _WHY if missing else _WHY_OF_ANOTHER_KIND
            self._note(
                run_id, run, [*self._told(missing, call, call.stack), *changed.values()], why, [*missing, *changed]
            )
        elif response.status == 200 and run.together and self._other_orders:
            await self._rehearse(run_id, run, request, call.stack, ask)
        return _failed(self._recorder.problems[0]) if self._recorder.problems else response

    def _missing(self, call: CallRecord, run: _Run, *, ended: bool) -> list[str]:
        """Return the steps that have a result and were not met again.

        A function with parallel steps may end before it comes to the last of them, as after a race.
        """
        missing = [step for step in call.stack if step not in call.met]
        if not missing or not (ended and run.together):
            return missing
        last = max((position for position, step in enumerate(call.stack) if step in call.met), default=-1)
        return [step for step in missing if call.stack.index(step) < last]

    def _changed(self, run_id: str, call: CallRecord) -> dict[str, str]:
        """Return what is otherwise about each step that was met as another kind, by hashed id."""
        steps = self._recorder.of(run_id).steps
        return {
            step: f'step "{steps[step].step_id}" was met as a {op.value}, but as a {steps[step].op.value} before'
            for step, op in call.changed(steps).items()
        }

    def _told(self, missing: Sequence[str], call: CallRecord, known: Sequence[str]) -> list[str]:
        if not missing:
            return []
        names = self._names(missing)
        lines = [
            f"step {names} has a result from an earlier call, but was not met again"
            if len(missing) == 1
            else f"steps {names} have results from earlier calls, but were not met again"
        ]
        new = call.new(known)
        if new:
            shown = ", ".join(f'"{name}"' for name in new)
            lines.append(f"instead, the new step{'s'[: len(new) > 1]} {shown} {'was' if len(new) == 1 else 'were'} met")
        return lines

    def _names(self, steps: Sequence[str]) -> str:
        return ", ".join(f'"{self._recorder.name_of(step)}"' for step in steps)

    async def _rehearse(self, run_id: str, run: _Run, request: Request, stack: Sequence[str], ask: Ask) -> None:
        """Call the function with the results of parallel steps in another order."""
        order = _reordered(stack, run.together)
        if order == stack:
            return
        request_id = f"rehearsal-{run.calls}"
        token = rehearsing.set(True)
        try:
            response = await ask(_in_order(request, order, request_id))
        finally:
            rehearsing.reset(token)
        call = self._recorder.call(run_id, request_id)
        names = self._names([step for step in order if any(step in group for group in run.together)])
        where = f"with the results of parallel steps in another order: {names}"
        if response.status == 500:
            told = cast("Mapping[str, Any]", json.loads(response.content))
            self._note(
                run_id, run, [f"it raised {told.get('name')}: {told.get('message')}", where], _WHY_IN_ANOTHER_ORDER
            )
            return
        missing = [step for step in stack if call is not None and step not in call.met]
        if call is not None and missing:
            self._note(run_id, run, [*self._told(missing, call, stack), where], _WHY_IN_ANOTHER_ORDER, missing)

    def _note(self, run_id: str, run: _Run, told: Sequence[str], why: str, steps: Sequence[str] = ()) -> None:
        """Note what is wrong. told: in words. steps: those that were not as expected, the first of which is marked."""
        lines = "\n".join(f"  {line}" for line in told)
        function = self._recorder.function_of(run_id)
        error = ReplayError(
            f"function {function} did not do the same again when it was called from its memos "
            f"(call {run.calls} of the run):\n{lines}\n{why}"
        )
        self._recorder.note(error, run_id, self._recorder.name_of(steps[0]) if steps else "")


def _failed(problem: TestingError) -> Response:
    """Return the answer that ends a run whose test fails in any case."""
    told = {"name": type(problem).__name__, "message": str(problem).partition("\n")[0].rstrip(":")}
    headers = {Header.SDK.value: SDK, Header.NO_RETRY.value: "true"}
    return Response(500, headers, json.dumps(told).encode())


def _reordered(stack: Sequence[str], together: Sequence[Sequence[str]]) -> list[str]:
    """Return the stack with the steps of each group in the opposite order, in the places that they have."""
    order = list(stack)
    for group in together:
        places = [position for position, step in enumerate(stack) if step in group]
        for place, step in zip(places, [stack[position] for position in reversed(places)], strict=True):
            order[place] = step
    return order


def _in_order(request: Request, order: Sequence[str], request_id: str) -> Request:
    """Return a request that asks the same with results in another order, and that no step is run."""
    sent = parse_value(request.body)
    ctx = {
        **sent["ctx"],
        "stack": {**sent["ctx"]["stack"], "stack": order},
        "disable_immediate_execution": True,
        "request_id": request_id,
    }
    body = json.dumps({**sent, "ctx": ctx}).encode()
    return dataclasses.replace(request, body=body, headers={**request.headers, _REQUEST_ID: request_id})


def _several_ops(response: Response) -> list[dict[str, Any]]:
    """Return the ops of an answer that has more than one."""
    if response.status != 206 or response.content.count(b'"op":') < 2:
        return []
    listed: object = parse_value(response.content)
    return cast("list[dict[str, Any]]", listed) if isinstance(listed, list) else []


def _races(op: Mapping[str, Any]) -> bool:
    opts = cast("dict[str, object]", op.get("opts") or {})
    return opts.get("parallelMode") == "race"


@functools.lru_cache(maxsize=256)
def _target(url: str) -> bool:
    """Tell whether a request asks for one step."""
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)
    return query.get(Query.STEP_ID.value, [STEP_ID_OF_DISCOVERY])[0] != STEP_ID_OF_DISCOVERY
