"""What came of a run, for a test to look at. Reads the engine's store and what was recorded; changes nothing."""

from __future__ import annotations

import collections
import datetime
import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Generic, TypeVar, cast

from inngest_core.errors import StepError
from inngest_core.events.event import Event
from inngest_core.execution.step_errors import read_step_error
from inngest_core.protocol.wire import Opcode, parse_json

from .errors import RunCancelledError, RunNotEndedError, StepNotMetError
from .records import RunRecord, StepRecord
from .snapshots import Snapshot, Status
from .tracebacks import as_raised_by_user
from .wording import listed, meant

__tracebackhide__ = True

T = TypeVar("T")


class Logs(list[logging.LogRecord]):
    """The log records of a run, in order."""

    @property
    def messages(self) -> list[str]:
        """The messages alone."""
        return [record.getMessage() for record in self]


class StepResult:
    """One step of a run."""

    def __init__(self, record: StepRecord, run: RunRecord, look: Callable[[], Snapshot]) -> None:
        self._record = record
        self._run = run
        self._look = look

    def __repr__(self) -> str:
        return f"<step {self.id!r} {self.status}>"

    @property
    def id(self) -> str:
        """As the function wrote it."""
        return self._record.step_id

    @property
    def op(self) -> Opcode:
        """Its kind."""
        return self._record.op

    @property
    def status(self) -> Status:
        """Whether it is done."""
        run = self._look()
        if self._record.id not in run.memos:
            return Status.RUNNING if run.status is Status.RUNNING else Status.CANCELLED
        return Status.FAILED if self.error is not None else Status.COMPLETED

    @property
    def input(self) -> Any:
        """What it was given: the arguments of what ran as a tuple, the data of an invocation, the body of a request."""
        given = self._record.given
        if self._record.op in (Opcode.INVOKE_FUNCTION, Opcode.AI_GATEWAY):
            return given[0]
        return tuple(given)

    @property
    def output(self) -> Any:
        """What the function got. Raises the step's error; RunNotEndedError: it has not ended."""
        run = self._look()
        if self._record.id not in run.memos:
            raise RunNotEndedError(f'step "{self.id}" has not ended, so it has no output')
        error = self.error
        if error is not None:
            raise error
        memos = self._run.memos if self._record.id in self._run.memos else run.memos
        return self._record.read(memos[self._record.id])

    @property
    def error(self) -> BaseException | None:
        """What it raised at last, if it has failed for good."""
        memo = self._look().memos.get(self._record.id)
        if not isinstance(memo, dict) or "error" not in memo or self._record.op is Opcode.WAIT_FOR_EVENT:
            return None
        if self._record.errors:
            return as_raised_by_user(self._record.errors[-1])
        told = cast("dict[str, Any]", memo)["error"]
        return read_step_error(cast("Mapping[str, Any]", told) if isinstance(told, dict) else {}, self.id)

    @property
    def errors(self) -> Sequence[BaseException]:
        """What it raised, one exception for each try that failed."""
        return tuple(self._record.errors)

    @property
    def attempts(self) -> int:
        """How often it was tried, as the engine counts; 0 for a step that has neither ended nor failed."""
        run = self._look()
        tries = run.tries.get(self._record.id, 0)
        return max(tries + (self._record.id in run.memos), self._record.calls if tries else 0)

    @property
    def metadata(self) -> Mapping[str, Mapping[str, Any]]:
        """What is known of it besides its output: values by their kind, such as "inngest.ai" for models and tokens."""
        return self._look().metadata.get(self._record.id, {})

    @property
    def calls(self) -> int:
        """How often its code ran; more than `attempts` when a result was lost."""
        return self._record.calls


class Steps(Mapping[str, StepResult]):
    """The steps of a run by their ids, in the order in which they were met."""

    def __init__(self, record: RunRecord, look: Callable[[], Snapshot]) -> None:
        self._record = record
        self._look = look

    def __getitem__(self, step_id: str) -> StepResult:
        if not isinstance(cast("object", step_id), str):
            raise TypeError(f"steps[{step_id!r}]: give the id of a step; steps.all() lists them in order")
        found = self.all(step_id)
        if not found:
            raise StepNotMetError(
                f'step "{step_id}" was not met in this run{meant(step_id, self)}\n'
                f"the steps that were met: {listed(self)}"
            )
        return found[0]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(step.step_id for step in self._record.steps.values()))

    def __len__(self) -> int:
        return len(dict.fromkeys(self))

    def __contains__(self, step_id: object) -> bool:
        return any(step.step_id == step_id for step in self._record.steps.values())

    def all(self, step_id: str | None = None) -> list[StepResult]:
        """Return all steps of the run, in the order in which they were met.

        step_id: only those with this id, of which there are several when a step is in a loop.
        """
        record = self._record
        return [
            StepResult(step, record, self._look)
            for step in record.steps.values()
            if step_id is None or step.step_id == step_id
        ]


recent: collections.deque[Result[Any]] = collections.deque(maxlen=20)
"""The runs that were looked at last: the pytest plugin shows them when a test fails."""


def output_of(run: Snapshot, record: RunRecord) -> object:
    """Return what the function returned, as JSON; what the engine has may be encrypted, or be stored elsewhere."""
    return run.output if record.returned is None else parse_json(record.returned)


class Result(Generic[T]):
    """A run: what it came to, and what its steps did. One that goes on shows how far it is.

    It is printed as `inngest runs` prints a run.
    """

    def __init__(
        self,
        run_id: str,
        record: RunRecord,
        look: Callable[[], Snapshot],
        read: Callable[[object], T],
        report: Callable[[Snapshot, RunRecord], str],
    ) -> None:
        """record: what was seen in the app. look: as the engine has it. read: its output, of JSON, as a value."""
        self.id = run_id
        """The id of the run."""
        self._record = record
        recent.append(self)
        self._look = look
        self._read = read
        self._report = report

    def __repr__(self) -> str:
        return self._report(self._look(), self._record)

    @property
    def function_id(self) -> str:
        """The function's id: `<app_id>-<fn_id>`."""
        return self._look().function

    @property
    def status(self) -> Status:
        """Whether it goes on, or how it ended."""
        return self._look().status

    @property
    def event(self) -> Event:
        """The event that started it; the first one of a batch."""
        return self._look().event

    @property
    def steps(self) -> Steps:
        """Its steps by their ids."""
        return Steps(self._record, self._look)

    @property
    def output(self) -> T:
        """What the function returned.

        Raises what the function or its failing step raised, when the run has failed; RunCancelledError;
        RunNotEndedError.
        """
        run = self._look()
        match run.status:
            case Status.COMPLETED:
                return self._read(output_of(run, self._record))
            case Status.FAILED:
                raise _noted(self.error or StepError("the run failed"), repr(self))
            case Status.CANCELLED:
                raise RunCancelledError(f"the run was cancelled, so it has no output\n{self!r}")
            case Status.RUNNING:
                raise RunNotEndedError(
                    "the run has not ended, so it has no output yet; engine.wait(run) lets time pass until it has\n"
                    f"{self!r}"
                )

    @property
    def error(self) -> BaseException | None:
        """What it failed with: the very exception that was raised, in a step or in the function itself."""
        run = self._look()
        if run.status is not Status.FAILED:
            return None
        if not self._record.errors:
            told = run.output
            return read_step_error(cast("Mapping[str, Any]", told) if isinstance(told, dict) else {}, "")
        error = self._record.errors[-1]
        return as_raised_by_user(self._original(error) if isinstance(error, StepError) else error)

    def _original(self, error: StepError) -> BaseException:
        for step in reversed(self._record.steps.values()):
            if step.step_id == error.step_id and step.errors and str(step.errors[-1]) == error.message:
                return step.errors[-1]
        return error

    @property
    def events_sent(self) -> list[Event]:
        """The events that were sent while it was called, by steps or otherwise, in order."""
        return list(self._record.events)

    @property
    def logs(self) -> Logs:
        """What was logged to the client's logger, as by `ctx.logger`, while it was called."""
        return Logs(self._record.logs)

    @property
    def attempts(self) -> int:
        """How often the function itself was tried, apart from its steps: 1 when it never raised."""
        return self._look().attempts

    @property
    def duration(self) -> datetime.timedelta:
        """How long it took, in the engine's time: sleeps and pauses between attempts count in full."""
        run = self._look()
        return datetime.timedelta(seconds=(run.now if run.ended_at is None else run.ended_at) - run.started_at)


class _Note(str):
    """The note of a run; those of earlier runs are known by it, as tests may raise one exception in several."""

    __slots__ = ()


def _noted(error: BaseException, run: str) -> BaseException:
    """Return the error of a run with a note of it."""
    notes = [note for note in getattr(error, "__notes__", ()) if not isinstance(note, _Note)]
    error.__notes__ = [*notes, _Note(run)]
    return error


def one_line(value: object, limit: int = 200) -> str:
    """Return a value as JSON in one line, cut where it is long."""
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"
