"""`replay`: a run that was exported from an engine, replayed against the function as it is today. Nothing is run.

The function is called once for each step of the run, with the results of the steps before it, as the engine called it
then; it has to meet the same step next. New steps never run, and nothing that is sent arrives.
"""

from __future__ import annotations

import contextvars
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import pydantic
import typing_extensions

from inngest_core.by_hand import CallInput, CallResult
from inngest_core.error_text import headline
from inngest_core.errors import BodyInvalidError
from inngest_core.events.event import parse_event
from inngest_core.execution.probe import current_probe
from inngest_core.execution.replay import Found
from inngest_core.execution.results import Results
from inngest_core.execution.tools import Tool
from inngest_core.function import Function
from inngest_core.protocol.wire import CallContext, Opcode, parse_json
from inngest_core.runtime.interceptors import intercepting

from .api import nothing_arrives
from .errors import ReplayError
from .portal import Portal
from .targets import client_of

__tracebackhide__ = True

FORMAT = 1

_KINDS: Mapping[str, frozenset[Opcode]] = {
    "planned": frozenset({Opcode.STEP_RUN}),
    "sleep": frozenset({Opcode.SLEEP}),
    "wait": frozenset({Opcode.WAIT_FOR_EVENT}),
    "signal": frozenset({Opcode.WAIT_FOR_SIGNAL}),
    "invoke": frozenset({Opcode.INVOKE_FUNCTION}),
    "fetch": frozenset({Opcode.GATEWAY, Opcode.AI_GATEWAY}),
}
"""The ops that a step may be today, by the kind that it was."""


@dataclass(frozen=True, slots=True)
class ReplayedStep:
    """One step of the exported run, and whether today's code meets it in its turn."""

    id: str
    """As the function wrote it."""
    problem: str = ""
    """What is otherwise today; empty when nothing is."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of replaying a run."""

    run_id: str
    """The run."""
    function_id: str
    """Its function, as the export names it."""
    steps: Sequence[ReplayedStep]
    """Its steps in their order, up to the first one that is met no more."""
    problem: str = ""
    """What is otherwise at its end."""

    @property
    def ok(self) -> bool:
        """Whether today's code replays the run."""
        return not self.problem and not any(step.problem for step in self.steps)

    def __repr__(self) -> str:
        lines = [f"{self.run_id}  {self.function_id}  {'replays' if self.ok else 'does not replay'}"]
        lines += [f"> {step.id}: {step.problem}" if step.problem else f"  {step.id}" for step in self.steps]
        if self.problem:
            lines.append(f"> at the end: {self.problem}")
        return "\n".join(lines)


_replaying: contextvars.ContextVar[bool] = contextvars.ContextVar("inngest_testing_replaying", default=False)


def _no_request(request: Any) -> Any:
    return nothing_arrives(request) if _replaying.get() else None


@dataclass(slots=True)
class _Probe:
    """Notes which steps are met, and lets no new one run."""

    met: dict[str, Found[Tool, Any]] = field(default_factory=dict[str, Found[Tool, Any]])
    sees_recalled: bool = True

    def call_begun(self, ctx: CallContext, function: Function[Any], logger: object) -> None:
        """Nothing is noted of calls."""

    def call_made(self, ctx: CallContext, met: object, memos: object) -> None:
        """Every step is seen when it is met."""

    def step_met(self, ctx: CallContext, found: Found[Tool, Any], results: Results) -> None:
        self.met[found.id] = found
        if found.op is Opcode.STEP_RUN and found.memo is None:
            found.tool = found.tool._replace(callback=_nothing, args=(), work=None, output_type=None, returns=None)

    def function_returned(self, ctx: CallContext, data: bytes | None) -> None:
        """Outputs do not matter."""

    def function_failed(self, ctx: CallContext, error: BaseException) -> None:
        """Nothing is noted of failures."""


def _nothing() -> None:
    """Take the place of a step's code."""


def replay(function: Function[Any], run: str | Path | Mapping[str, Any], *, check: bool = True) -> Replayed:
    """Replay a run that `inngest runs RUN --export FILE` has exported, against the function as it is today.

    It tells whether runs that are under way survive a deployment. No step runs, nothing is sent, and the outputs of the
    function do not matter.

    function: what `create_function` returned.
    run: the path of the file, or what is in it.
    check: whether a run that does not replay raises; without that, look at `ok` of what is returned.
    Returns what came of each step. Raises ReplayError: a step is met no more, or another one instead; the message lists
    the steps. ValueError: this is not an exported run.
    """
    client_of(function)
    document = _read(run)
    replayed = Portal().run(lambda: _replay(function, document))
    if check and not replayed.ok:
        raise ReplayError(
            f"today's {function.id} does not replay run {replayed.run_id}:\n{replayed!r}\n"
            + _advice(function, replayed)
        )
    return replayed


def _advice(function: Function[Any], replayed: Replayed) -> str:
    if replayed.function_id != function.id:
        return f"The run is one of {replayed.function_id}, and the function is {function.id}: are the two the same?"
    return (
        "Runs that are under way would do steps again, or fail. Keep the ids and the kinds of the steps that they may "
        "have passed; or give the new code to a function with another id, and let the old one end its runs."
    )


class _Step(typing_extensions.TypedDict):
    """One step of an exported run. id: hashed. name: as the function wrote it. kind: see `_KINDS`."""

    id: str
    name: str
    kind: str
    memo: object


class _Document(typing_extensions.TypedDict):
    """An exported run, as far as it is replayed."""

    format: Literal[1]
    run_id: str
    function: str
    status: str
    events: Annotated[list[dict[str, Any]], pydantic.Field(min_length=1)]
    steps: list[_Step]


_DOCUMENT = pydantic.TypeAdapter(_Document)


def _read(run: str | Path | Mapping[str, Any]) -> _Document:
    try:
        return _DOCUMENT.validate_python(run if isinstance(run, Mapping) else parse_json(Path(run).read_bytes()))
    except BodyInvalidError:
        problem = "it is not JSON"
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        problem = f"{where}: {first['msg']}" if where else first["msg"]
    raise ValueError(
        f"{'this' if isinstance(run, Mapping) else run} is not an exported run of format {FORMAT} ({problem}); "
        "write one with: inngest runs RUN_ID --export FILE"
    )


async def _replay(function: Function[Any], document: _Document) -> Replayed:
    steps = document["steps"]
    probe = _Probe()
    replayed: list[ReplayedStep] = []
    with intercepting(_no_request):
        token = current_probe.set(probe)
        try:
            for count, step in enumerate(steps):
                result = await _call(function, document, steps[:count], probe)
                problem = _problem(step, steps[:count], probe, result)
                replayed.append(ReplayedStep(step["name"], problem))
                if problem:
                    return Replayed(document["run_id"], document["function"], replayed)
            result = await _call(function, document, steps, probe)
        finally:
            current_probe.reset(token)
    return Replayed(document["run_id"], document["function"], replayed, _problem_at_end(document, steps, probe, result))


async def _call(function: Function[Any], document: _Document, steps: Sequence[_Step], probe: _Probe) -> CallResult:
    probe.met.clear()
    events = [parse_event(event) for event in document["events"]]
    given = CallInput(
        event=events[0],
        events=events,
        run_id=document["run_id"],
        steps={step["id"]: step["memo"] for step in steps},
        stack=[step["id"] for step in steps],
    )
    token = _replaying.set(True)
    try:
        return await function.call(client_of(function), given)
    finally:
        _replaying.reset(token)


def _problem(step: _Step, before: Sequence[_Step], probe: _Probe, result: CallResult) -> str:
    """Return what is otherwise today where this step was met; empty when it is met again."""
    lost = next((each for each in before if each["id"] not in probe.met), None)
    found = probe.met.get(step["id"])
    if found is not None and lost is None:
        kinds = _KINDS.get(step["kind"])
        if kinds is None or found.op in kinds:
            return ""
        return f"it was a {step['kind']} step, and is a {found.op.value} today"
    if lost is not None:
        return f'with the results of the steps before it, step "{lost["name"]}" is not met again'
    new = [each.step_id for key, each in probe.met.items() if key not in {one["id"] for one in before}]
    if new:
        return f"not met; the function meets {_names(new)} there instead"
    if result.error is not None:
        return f"not met; the function raises {headline(result.error)} before it"
    return "not met; the function returns before it"


def _problem_at_end(document: _Document, steps: Sequence[_Step], probe: _Probe, result: CallResult) -> str:
    lost = [step["name"] for step in steps if step["id"] not in probe.met]
    if lost:
        return f"with all results, {_names(lost)} is not met again"
    if document["status"] != "Completed":
        return ""
    new = [each.step_id for key, each in probe.met.items() if key not in {step["id"] for step in steps}]
    if new:
        return f"the run was completed here, and the function meets {_names(new)} today"
    if result.error is not None:
        return f"the run was completed here, and the function raises {headline(result.error)} today"
    return ""


def _names(steps: Sequence[str]) -> str:
    return ", ".join(f'step "{name}"' for name in steps)
