"""What is seen of runs inside the app: the steps that were met, with what they were given and what they raised.

It watches through the probe of the SDK, which also lets it replace what a stubbed step runs. One recorder belongs to
one engine; calls on any thread write to it, each for a run of its own.
"""

from __future__ import annotations

import contextvars
import functools
import logging
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, cast

from inngest_core.errors import CONTROL, Interrupt
from inngest_core.events.event import parse_event
from inngest_core.execution.probe import current_probe
from inngest_core.execution.replay import Found, read_memo
from inngest_core.execution.results import Results
from inngest_core.execution.tools import Tool
from inngest_core.function import Function
from inngest_core.protocol.wire import CallContext, Opcode, parse_json
from inngest_core.runtime.awaitable import is_awaitable
from inngest_core.runtime.effects import Flow
from inngest_core.runtime.outcome import Outcome, Raised, Returned

from .errors import StubError, TestingError, TestOutcomeError
from .records import CallRecord, RunRecord, StepRecord
from .stubs import Stub, Stubs, check_is_plain, check_value_of_step
from .tracebacks import as_raised_by_user

current_run: contextvars.ContextVar[str] = contextvars.ContextVar("inngest_testing_run", default="")
"""The run that is called at the moment, in everything that its call does."""

current_engine: contextvars.ContextVar[object] = contextvars.ContextVar("inngest_testing_engine", default=None)
"""The engine that makes that call."""


rehearsing: contextvars.ContextVar[bool] = contextvars.ContextVar("inngest_testing_rehearsing", default=False)
"""Whether that call only looks what a function would do: nothing that it sends arrives."""


class Recorder:
    """The probe of an engine. problems: what fails the test, whatever comes of the runs."""

    sees_recalled = False

    def __init__(self, stubs: Stubs) -> None:
        self.stubs = stubs
        self.problems: list[TestingError] = []
        self.functions: dict[str, Function[Any]] = {}
        """Those that were called, by every id that an engine may call."""
        self._runs: dict[str, RunRecord] = {}
        self._loggers: dict[str, logging.Logger] = {}

    def of(self, run_id: str) -> RunRecord:
        """Return the record of a run."""
        record = self._runs.get(run_id)
        if record is None:
            record = self._runs[run_id] = RunRecord()
        return record

    def note(self, problem: TestingError, run_id: str, step_id: str = "") -> None:
        """Have the test fail with a problem of a run, whatever comes of that. step_id: of the step to be marked."""
        problem.run_id, problem.step = run_id, step_id
        self.problems.append(problem)

    def call(self, run_id: str, request_id: str) -> CallRecord | None:
        """Return the record of a call, once; None when nothing was seen of it."""
        return self.of(run_id).calls.pop(request_id, None)

    def name_of(self, step: str) -> str:
        """Return the id of a step as the function wrote it, given the hashed one."""
        found = (run.steps[step].step_id for run in self._runs.values() if step in run.steps)
        return next(found, step)

    def function_of(self, run_id: str) -> str:
        """Return the id of the function of a run."""
        return self.of(run_id).function

    def met(self) -> list[str]:
        """Return the ids of all steps that were met, as functions wrote them."""
        return [step.step_id for run in self._runs.values() for step in run.steps.values()]

    def sent(self, run_id: str, body: bytes) -> None:
        """Note the events that a run has sent. body: of the request."""
        listed: object = parse_json(body)
        events = cast("list[dict[str, Any]]", listed if isinstance(listed, list) else [listed])
        self.of(run_id).events.extend(parse_event(event) for event in events)

    def listen_to(self, logger: logging.Logger) -> None:
        """Collect what is logged to a client's logger during calls, at every level."""
        if logger.name in self._loggers:
            return
        self._loggers[logger.name] = logger
        _listening.begin(logger)

    def close(self) -> None:
        """Leave the loggers as they were."""
        for logger in self._loggers.values():
            _listening.end(logger)
        self._loggers.clear()

    def app_failed(self, run_id: str, error: BaseException) -> None:
        """Note what an app raised instead of an answer to a call."""
        if not rehearsing.get():
            self.of(run_id).errors.append(as_raised_by_user(error))

    # The probe

    def call_begun(self, ctx: CallContext, function: Function[Any], logger: logging.Logger) -> None:
        run = self.of(ctx.run_id)
        run.function = function.id
        run.calls[ctx.request_id] = CallRecord(list(ctx.stack))
        if function.id not in self.functions:
            self.functions.update(dict.fromkeys(function.handlers, function))
        self.listen_to(logger)

    def call_made(self, ctx: CallContext, met: Mapping[str, Found[Tool, Any] | str], memos: Mapping[str, Any]) -> None:
        run = self.of(ctx.run_id)
        run.calls[ctx.request_id].met = met
        if not rehearsing.get():
            run.memos = memos

    def step_met(self, ctx: CallContext, found: Found[Tool, Any], results: Results) -> None:
        if rehearsing.get():
            return
        run = self.of(ctx.run_id)
        record = run.steps.get(found.id)
        if record is None:
            record = run.steps[found.id] = _record_of(found, results)
        if found.memo is None and found.op is Opcode.STEP_RUN:
            tool = found.tool
            stub = self.stubs.find(found.step_id)
            if stub is None:
                found.tool = self._watched(tool, record)
            else:
                found.tool = self._stubbed(tool, record, stub, is_async=self.functions[run.function].is_handler_async)

    def function_returned(self, ctx: CallContext, data: bytes | None) -> None:
        if not rehearsing.get():
            self.of(ctx.run_id).returned = data

    def function_failed(self, ctx: CallContext, error: BaseException) -> None:
        if _is_of_test(error):
            self.note(TestOutcomeError(error), ctx.run_id)
        if not rehearsing.get():
            self.of(ctx.run_id).errors.append(error)

    def _watched(self, tool: Tool, record: StepRecord) -> Tool:
        """Return the tool with what notes how it went around what it runs."""
        if tool.work is not None:
            return tool._replace(work=_watch_work(tool.work, record))
        if tool.callback is None:
            return tool
        return tool._replace(callback=_watch(tool.callback, record))

    def _stubbed(self, tool: Tool, record: StepRecord, stub: Stub, *, is_async: bool) -> Tool:
        """Return the tool with a stub in the place of what it runs."""

        def instead(*arguments: object) -> object:
            return self._outcome_of(stub, record, arguments, is_async=is_async).unwrap()

        args = tool.args if tool.work is None else ()
        return tool._replace(callback=_watch(instead, record), args=args, work=None)

    def _outcome_of(self, stub: Stub, record: StepRecord, arguments: Sequence[object], *, is_async: bool) -> Outcome:
        """Return what a stub comes to; when it cannot be used, the test fails."""
        try:
            outcome = stub.next(record.id, record.step_id, arguments)
            if isinstance(outcome, Returned):
                check_value_of_step(outcome.value, record.step_id)
                if not is_async:
                    check_is_plain(outcome.value, record.step_id, "the function is a plain def")
        except StubError as error:
            self.note(error, current_run.get(), record.step_id)
            return Raised(error)
        return outcome


def _is_of_test(error: BaseException) -> bool:
    """Tell whether pytest is to get this: what pytest.fail and pytest.skip raise, and a time-out of a test."""
    return any(kind.__module__ == "_pytest.outcomes" for kind in type(error).__mro__)


class _Collecting(logging.Handler):
    """Gives each record to the run that is called at that moment."""

    def emit(self, record: logging.LogRecord) -> None:
        run_id, recorder = current_run.get(), current_probe.get()
        if run_id and isinstance(recorder, Recorder) and not rehearsing.get():
            recorder.of(run_id).logs.append(record)


class _Listening:
    """Which loggers are listened to: one handler for all engines, as each new one would cost as much as a call."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._handler = _Collecting()
        self._loggers: dict[logging.Logger, tuple[int, int]] = {}
        """How many engines listen to each, and the level that it had before."""

    def begin(self, logger: logging.Logger) -> None:
        """Collect what is logged there, at every level."""
        with self._lock:
            count, level = self._loggers.get(logger, (0, logger.level))
            self._loggers[logger] = count + 1, level
            if not count:
                logger.addHandler(self._handler)
                logger.setLevel(logging.DEBUG)

    def end(self, logger: logging.Logger) -> None:
        """Leave a logger as it was, once nobody listens to it any more."""
        with self._lock:
            count, level = self._loggers.pop(logger)
            if count > 1:
                self._loggers[logger] = count - 1, level
                return
            logger.removeHandler(self._handler)
            logger.setLevel(level)


_listening = _Listening()


def _record_of(found: Found[Tool, Any], results: Results) -> StepRecord:
    tool = found.tool
    given: Sequence[object] = tool.args
    if found.op is Opcode.INVOKE_FUNCTION:
        payload = cast("dict[str, object]", tool.opts["payload"])
        given = (payload.get("data"),)
    elif found.op is Opcode.AI_GATEWAY:
        given = (tool.opts.get("body"),)
    read = functools.partial(_read, tool, results, found.op)
    return StepRecord(found.id, found.step_id, found.index, found.op, given, dict(tool.opts), read)


def _read(tool: Tool, results: Results, op: Opcode, raw: object) -> object:
    memo, _ = read_memo(op, raw)
    if memo is None:
        raise AssertionError("a step that has ended has a memo")
    return results.read(tool, memo)


def _watch(callback: Callable[..., object], record: StepRecord) -> Callable[..., object]:
    def watched(*arguments: object) -> object:
        record.calls += 1
        with _Noting(record):
            result = callback(*arguments)
        return _watch_awaitable(result, record) if is_awaitable(result) else result

    wrapper: Any = watched
    wrapper.__wrapped__ = callback  # whose return type counts; functools.wraps would take five times as long
    return watched


async def _watch_awaitable(result: Awaitable[object], record: StepRecord) -> object:
    with _Noting(record):
        return await result


def _watch_work(work: Callable[[Any], Flow[object]], record: StepRecord) -> Callable[[Any], Flow[object]]:
    def watched(scope: Any) -> Flow[object]:
        record.calls += 1
        with _Noting(record):
            return (yield from work(scope))

    return watched


class _Noting:
    """Notes what is raised inside; as a generator, it would cost ten times as much."""

    __slots__ = ("_record",)

    def __init__(self, record: StepRecord) -> None:
        self._record = record

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if error is not None and not isinstance(error, (*CONTROL, Interrupt, GeneratorExit)):
            self._record.errors.append(as_raised_by_user(error))
            if _is_of_test(error):
                engine: Any = current_engine.get()
                engine.report(TestOutcomeError(error))
