"""What is told of an exception: bounded, with the user's frames, and whatever user code raises."""

from __future__ import annotations

import asyncio
import datetime
import io
import logging
import traceback
from collections.abc import Callable, Coroutine
from typing import Any, cast

import pytest

import inngest
from inngest_core.errors import CallSupersededError, ConfigError
from inngest_core.execution.failure import describe, exc_info, log_failure, retry_headers
from inngest_core.protocol.wire import dump_json
from inngest_core.runtime.drivers import Resources, run_sync
from inngest_core.runtime.effects import Now
from inngest_core.web.messages import Request
from tests.cases.case import Call, Later, hashed
from tests.stage.asks import Ask, ask_async, ask_sync
from tests.stage.in_process_engine import InProcessEngine
from tests.stage.logs import records_of
from tests.stage.one_function import request_of, serving, shown

from .test_message import NamelessError

ASKS = pytest.mark.parametrize("ask", [ask_sync, ask_async])
KINDS = pytest.mark.parametrize("asynchronous", [False, True], ids=["def", "async"])
MIB = 1024 * 1024


class OwnError(BaseException):
    """An error of the user that does not derive from Exception."""


class UntouchableError(Exception):
    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f"no {name}")


class UnreadableError(Exception):
    def __str__(self) -> str:
        raise OSError

    def __repr__(self) -> str:
        raise OSError


class LoudQuietError(Exception):
    @property
    def quiet(self) -> bool:
        raise RuntimeError("quiet")


class FalsyError(Exception):
    def __bool__(self) -> bool:
        raise RuntimeError("bool")


class Records(logging.Handler):
    """Keeps what is logged, as a handler would write it."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.shown: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())
        self.shown.append(self.format(record))


def recording() -> tuple[logging.Logger, Records]:
    logger, records = logging.Logger("recording"), Records()
    logger.addHandler(records)
    return logger, records


def caught(raising: Callable[[], object]) -> BaseException:
    try:
        raising()
    except BaseException as error:
        return error
    raise AssertionError("it did not raise")


def raising(make: Callable[[], BaseException]) -> Callable[[], object]:
    def raise_it() -> object:
        raise make()

    return raise_it


def in_a_step(callback: Callable[[], object], *, asynchronous: bool) -> Callable[..., object]:
    """Return a function whose only step calls *callback*."""

    def handler(ctx: inngest.ContextSync) -> object:
        return ctx.step.run("load", callback)

    async def handler_async(ctx: inngest.Context) -> object:
        return await ctx.step.run("load", callback)

    return handler_async if asynchronous else handler


def in_the_function(callback: Callable[[], object], *, asynchronous: bool) -> Callable[..., object]:
    async def handler_async(_: inngest.Context) -> object:
        return callback()

    def handler(_: inngest.ContextSync) -> object:
        return callback()

    return handler_async if asynchronous else handler


def told(ask: Ask, handler: Callable[..., object], **options: Any) -> tuple[dict[str, Any], list[str]]:
    """Return the error in the answer to a first call, and what was logged."""
    logger, records = recording()
    with serving(handler, **{"logger": logger, **options}) as app:
        status, body = InProcessEngine(app, ask, lambda _: 0).call()
    if status == 500:
        return body, records.lines
    assert (status, body[0]["op"]) == (206, "StepFailed")
    return body[0]["error"], records.lines


# How long it may be


def longest() -> BaseException:
    """Return an exception that is as long as can be in every way, in characters that JSON escapes."""
    error: BaseException | None = None
    for _ in range(20):
        members = [ValueError("\U0001f600" * MIB) for _ in range(2)]
        longer = type("\U0001f600" * 1000, (ExceptionGroup,), {})("\U0001f600" * MIB, members)
        longer.add_note("\U0001f600" * MIB)
        longer.__cause__ = error
        error = longer
    assert error is not None
    return error


def test_an_error_is_below_what_an_engine_takes_of_one_step() -> None:
    assert len(dump_json(describe(longest()))) < 4 * MIB


GIVEN_UP = (
    "a POST was given up before it was answered: the server is shutting down, or cancelled the request, maybe because "
    "the client has disconnected; the engine will call again"
)


@ASKS
@KINDS
@pytest.mark.parametrize("where", [in_a_step, in_the_function])
def test_a_huge_message_is_cut(ask: Ask, asynchronous: bool, where: Any) -> None:
    def fail() -> None:
        raise ValueError("x" * 5 * MIB)

    error, lines = told(ask, where(fail, asynchronous=asynchronous))
    assert error["message"] == "x" * 8152 + "... (5,234,728 characters more)"
    assert len(error["stack"]) < 4000
    assert "in fail" in error["stack"]
    assert len(lines) == 1
    assert (
        " failed: " + "x" * 2008 + "... (5,240,872 characters more)\nTraceback (most recent call last):\n" in lines[0]
    )
    assert "in fail" in lines[0]


@ASKS
@KINDS
@pytest.mark.parametrize("where", [in_a_step, in_the_function])
def test_all_that_is_logged_of_a_huge_message_is_short(ask: Ask, asynchronous: bool, where: Any) -> None:
    """A traceback shows the message, too."""

    def fail() -> None:
        raise ValueError("x" * 5 * MIB)

    stream = io.StringIO()
    logger = logging.Logger("short")
    logger.addHandler(logging.StreamHandler(stream))
    told(ask, where(fail, asynchronous=asynchronous), logger=logger)
    assert "in fail" in stream.getvalue()
    assert len(stream.getvalue()) < 10_000


def test_a_long_stack_is_cut_in_the_middle() -> None:
    def outer(depth: int) -> object:
        return inner(depth)

    def inner(depth: int) -> object:
        if depth == 0:
            raise ValueError("deep down")
        return outer(depth - 1)

    stack = describe(caught(lambda: outer(300)))["stack"]
    assert len(stack) <= 24 * 1024
    assert stack.startswith("Traceback (most recent call last):\n")
    assert "characters more)" in stack
    assert stack.endswith("ValueError: deep down")


def test_causes_are_told_once_and_not_without_end() -> None:
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    told = describe(first)
    assert told["cause"]["message"] == "second"
    assert "cause" not in told["cause"]
    error = ValueError("0")
    for number in range(1, 100):
        longer = ValueError(str(number))
        longer.__cause__ = error
        error = longer
    told = describe(error)
    messages = [told["message"]]
    while "cause" in told:
        told = told["cause"]
        messages.append(told["message"])
    assert messages == [str(number) for number in range(99, 90, -1)]


def test_a_hook_cannot_make_an_answer_too_long() -> None:
    class Loud(inngest.MiddlewareSync):
        def before_execution(self) -> None:
            raise OwnError("x" * 9 * MIB)

    with serving(in_the_function(lambda: None, asynchronous=False), middleware=[Loud]) as app:
        status, body = shown(app.handle_sync(request_of()))
    assert (status, body["code"], len(body["message"])) == (500, "middleware_failed", 2078)
    assert body["message"].startswith("Loud.before_execution raised OwnError: xxx")
    assert body["message"].endswith("... (9,435,176 characters more)")


# Groups


def test_the_stack_of_a_group_shows_where_each_exception_was_raised() -> None:
    async def fetch(page: int) -> None:
        error = ValueError(f"page {page}")
        error.add_note(f"note {page}")
        raise error

    async def work() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(fetch(1))
            group.create_task(fetch(2))

    error = caught(lambda: asyncio.run(work()))
    error.add_note("both pages")
    told = describe(error)
    assert told["message"] == "unhandled errors in a TaskGroup: ValueError: page 1; ValueError: page 2"
    own, first, second = told["stack"].split("\n\n")
    assert "in work" in own
    assert own.endswith(
        "ExceptionGroup: unhandled errors in a TaskGroup: ValueError: page 1; ValueError: page 2\nboth pages"
    )
    for page, stack in ((1, first), (2, second)):
        assert stack.startswith(f'  Traceback (most recent call last):\n    File "{__file__}", line ')
        assert "in fetch\n" in stack
        assert stack.endswith(f"\n  ValueError: page {page}\n  note {page}")


@ASKS
def test_a_function_that_fails_with_a_group_names_each_step(ask: Ask) -> None:
    async def handler(ctx: inngest.Context) -> None:
        async def branch() -> None:
            await ctx.step.sleep("nap", 1000)
            raise OSError("outside of steps")

        charge = ctx.step.run("charge", raising(lambda: ValueError("boom")))
        results = await asyncio.gather(charge, branch(), return_exceptions=True)
        raise ExceptionGroup("the order failed", [each for each in results if isinstance(each, Exception)])

    with serving(handler) as app:
        engine = InProcessEngine(app, ask, lambda _: 0)
        engine.memos[hashed("nap")] = None
        engine.memos[hashed("charge")] = {"error": {"name": "ValueError", "message": "boom", "stack": "at charge.py"}}
        status, body = engine.call()
    assert status == 500
    assert body["message"] == 'the order failed: step "charge": ValueError: boom; OSError: outside of steps'
    assert '\n\n  step "charge": at charge.py' in body["stack"]
    assert "in branch\n" in body["stack"]


def test_a_wide_or_a_deep_group_is_told_in_short() -> None:
    wide = ExceptionGroup("wide", [ValueError("x" * 1000) for _ in range(2000)])
    assert len(dump_json(describe(wide))) < 64 * 1024
    deep: Exception = ValueError("leaf")
    for _ in range(3000):
        deep = cast("Exception", ExceptionGroup("deep", [deep]))
    error, lines = told(ask_sync, in_a_step(raising(lambda: deep), asynchronous=False))
    assert error["message"] == "deep: ValueError: leaf"
    assert lines == ['step "load" of app-fn failed: deep: ValueError: leaf']


def test_a_group_is_tried_again_when_one_of_its_exceptions_asks_for_it() -> None:
    later = inngest.RetryAfterError("later", datetime.timedelta(minutes=1))
    stop = inngest.NonRetriableError("stop")
    cases: list[tuple[ExceptionGroup[Exception], dict[str, object]]] = [
        (ExceptionGroup("g", [stop, ExceptionGroup("h", [later])]), {"retry-after": Later(60)}),
        (ExceptionGroup("g", [stop, ValueError()]), {}),
        (ExceptionGroup("g", [stop, ExceptionGroup("h", [stop])]), {"x-inngest-no-retry": "true"}),
    ]
    for error, expected in cases:
        assert run_sync(retry_headers(error), Resources()) == expected


def test_the_time_to_try_again_is_exact_to_the_millisecond() -> None:
    """Whole seconds would be counted from a clock without fractions: up to a second too early."""
    flow = retry_headers(inngest.RetryAfterError("later", 1500))
    assert next(flow) == Now()
    with pytest.raises(StopIteration) as end:
        flow.send(1_700_000_000.75)
    assert end.value.value == {"retry-after": "2023-11-14T22:13:22.250Z"}


def test_a_time_to_try_again_is_at_most_a_day_ahead() -> None:
    assert run_sync(retry_headers(inngest.RetryAfterError("later", 10**12)), Resources()) == {
        "retry-after": Later(24 * 3600)
    }


# Stacks and the log


def test_the_notes_of_an_exception_stand_below_its_message() -> None:
    error = ValueError("bad row")
    error.add_note("row 17")
    assert describe(error)["stack"] == "Traceback (most recent call last):\nValueError: bad row\nrow 17"
    error.__notes__ = "no list"  # type: ignore[assignment]  # as some code does
    assert describe(error)["stack"] == "Traceback (most recent call last):\nValueError: bad row"


@ASKS
@KINDS
def test_neither_the_stack_nor_the_log_shows_frames_of_the_sdk(ask: Ask, asynchronous: bool) -> None:
    def handler(ctx: inngest.ContextSync) -> None:
        ctx.step.sleep("nap", -1)

    async def handler_async(ctx: inngest.Context) -> None:
        await ctx.step.sleep("nap", -1)

    logger, records = recording()
    with serving(handler_async if asynchronous else handler, logger=logger) as app:
        status, body = InProcessEngine(app, ask, lambda _: 0).call()
    assert (status, body["name"]) == (500, "ConfigError")
    for text in (body["stack"], records.shown[0]):
        assert __file__ in text
        assert "inngest_core/" not in text


@ASKS
@KINDS
def test_an_output_that_is_refused_is_logged(ask: Ask, asynchronous: bool) -> None:
    error, lines = told(ask, in_the_function(lambda: {"a": [float("nan")]}, asynchronous=asynchronous))
    message = "function app-fn: output.a[0]: float nan is not JSON; give a finite number or None"
    assert (error["name"], error["message"], error["code"]) == (
        "OutputUnserializableError",
        message,
        "output_unserializable",
    )
    assert lines == [f"function app-fn failed: {message}"]


def test_a_log_line_of_an_error_without_a_message_names_its_class() -> None:
    error, lines = told(ask_sync, in_a_step(raising(ValueError), asynchronous=False))
    assert error["message"] == ""
    assert error["stack"].endswith("\nValueError")
    assert lines == ['step "load" of app-fn failed: ValueError']


# What is not an ordinary exception


@ASKS
@KINDS
@pytest.mark.parametrize("where", [in_a_step, in_the_function])
@pytest.mark.parametrize(
    ("make", "name", "message"),
    [
        (lambda: OwnError("own"), "OwnError", "own"),
        (lambda: SystemExit(3), "SystemExit", "3"),
        (lambda: BaseExceptionGroup("g", [OwnError("own")]), "BaseExceptionGroup", "g: OwnError: own"),
        (lambda: UntouchableError("u"), "UntouchableError", "u"),
        (UnreadableError, "UnreadableError", "(its message cannot be read: OSError)"),
        (lambda: LoudQuietError("q"), "LoudQuietError", "q"),
        (lambda: FalsyError("f"), "FalsyError", "f"),
        (lambda: NamelessError("n"), "Exception", "n"),
    ],
)
def test_whatever_is_raised_is_told(
    ask: Ask, asynchronous: bool, where: Any, make: Callable[[], BaseException], name: str, message: str
) -> None:
    error, lines = told(ask, where(raising(make), asynchronous=asynchronous))
    assert (error["name"], error["message"]) == (name, message)
    assert "in raise_it" in error["stack"]
    what = 'step "load" of app-fn' if where is in_a_step else "function app-fn"
    assert lines == [f"{what} failed: {message}"]


def test_a_cause_of_any_kind_is_told() -> None:
    error = ValueError("outer")
    error.__cause__ = FalsyError("inner")
    assert describe(error)["cause"]["message"] == "inner"


async def cancelled_by_itself() -> None:
    await asyncio.get_running_loop().create_task(waits_and_is_cancelled())


async def waits_and_is_cancelled() -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await asyncio.sleep(10)


def runs_a_loop_that_is_cancelled() -> None:
    runner: Coroutine[Any, Any, None] = cancelled_by_itself()
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(runner)
    finally:
        loop.close()


@ASKS
@pytest.mark.parametrize(
    ("handler", "what", "frame"),
    [
        (
            in_a_step(raising(asyncio.CancelledError), asynchronous=False),
            'step "load"',
            "in raise_it",
        ),
        (in_a_step(runs_a_loop_that_is_cancelled, asynchronous=False), 'step "load"', "in waits_and_is_cancelled"),
        (in_a_step(raising(asyncio.CancelledError), asynchronous=True), 'step "load"', "in raise_it"),
        (in_a_step(cancelled_by_itself, asynchronous=True), 'step "load"', "in waits_and_is_cancelled"),
        (in_the_function(raising(asyncio.CancelledError), asynchronous=False), "function app-fn", "in raise_it"),
        (in_the_function(raising(asyncio.CancelledError), asynchronous=True), "the function", "in raise_it"),
    ],
)
def test_code_that_cancels_itself_fails(ask: Ask, handler: Callable[..., object], what: str, frame: str) -> None:
    error, _ = told(ask, handler)
    assert error["message"] == f"{what} was cancelled by its own code"
    assert frame in error["cause"]["stack"]


def test_a_hook_that_cancels_itself_is_answered() -> None:
    class Cancels(inngest.Middleware):
        async def before_execution(self) -> None:
            raise asyncio.CancelledError

    async def handler(ctx: inngest.Context) -> None:
        raise AssertionError("it must not run")

    with serving(handler, middleware=[Cancels]) as app:
        status, body = shown(ask_async(app, request_of()))
    assert (status, body["message"]) == (500, "Cancels.before_execution was cancelled by its own code")


def test_a_request_that_is_cancelled_from_outside_is_no_failure_of_the_step() -> None:
    logger, records = recording()

    async def main() -> None:
        entered, left = asyncio.Event(), asyncio.Event()

        async def load() -> None:
            entered.set()
            try:
                await asyncio.sleep(60)
            finally:
                left.set()

        with serving(in_a_step(cast("Callable[[], object]", load), asynchronous=True), logger=logger) as app:
            request = asyncio.create_task(app.handle_async(request_of()))
            await entered.wait()
            request.cancel()
            with pytest.raises(asyncio.CancelledError):
                await request
            assert left.is_set()

    asyncio.run(main())
    assert records.lines == [GIVEN_UP]


def test_a_request_whose_loop_is_gone_ends_in_silence(caplog: pytest.LogCaptureFixture) -> None:
    entered = asyncio.Event()

    async def handler(_: inngest.Context) -> None:
        entered.set()
        await asyncio.sleep(60)

    with serving(handler) as app:
        loop = asyncio.new_event_loop()
        request = app.handle_async(request_of())
        task = loop.create_task(request)
        loop.run_until_complete(entered.wait())
        loop.close()
        request.close()
        assert not task.done()
    assert [record.getMessage() for record in caplog.records if record.name == "inngest"] == []


@pytest.mark.parametrize("where", [in_a_step, in_the_function])
@pytest.mark.parametrize("error", [KeyboardInterrupt, GeneratorExit])
def test_what_ends_the_process_passes(where: Any, error: type[BaseException]) -> None:
    logger, records = recording()
    with serving(where(raising(error), asynchronous=False), logger=logger) as app:
        with pytest.raises(error):
            app.handle_sync(request_of())
        assert shown(app.handle_sync(Request("GET", "http://app.example/api/inngest", {}, b"")))[0] == 200
    assert records.lines == [GIVEN_UP]


@ASKS
@KINDS
def test_a_branch_of_a_group_may_raise_anything(ask: Ask, asynchronous: bool) -> None:
    def handler(ctx: inngest.ContextSync) -> None:
        ctx.group.parallel((raising(lambda: SystemExit(3)), lambda: ctx.step.run("load", lambda: 1)))

    async def exits() -> None:
        raise SystemExit(3)

    async def handler_async(ctx: inngest.Context) -> None:
        await ctx.group.parallel((exits, lambda: ctx.step.run("load", lambda: 1)))

    with serving(handler_async if asynchronous else handler) as app:
        engine = InProcessEngine(app, ask, lambda _: 0)
        status, ops = engine.call()
        assert (status, ops[0]["op"]) == (206, "StepRun")
        engine.keep(ops[0])
        status, body = engine.call()
    assert (status, body["name"], body["message"]) == (500, "SystemExit", "3")


# StepError


@ASKS
@KINDS
def test_a_step_error_is_the_same_in_each_call(ask: Ask, asynchronous: bool) -> None:
    seen: list[tuple[object, ...]] = []

    def look(error: inngest.StepError) -> None:
        cause = error.cause
        assert cause is not None
        seen.append((error.name, error.message, error.stack, error.step_id, cause.name, cause.message, cause.stack))

    def load() -> None:
        try:
            raise KeyError("inner")
        except KeyError as error:
            raise ValueError from error

    def handler(ctx: inngest.ContextSync) -> str:
        try:
            ctx.step.run("load", load)
        except inngest.StepError as error:
            look(error)
        return ctx.step.run("next", lambda: "done")

    async def handler_async(ctx: inngest.Context) -> str:
        try:
            await ctx.step.run("load", load)
        except inngest.StepError as error:
            look(error)
        return await ctx.step.run("next", lambda: "done")

    with serving(handler_async if asynchronous else handler) as app:
        assert InProcessEngine(app, ask, lambda _: 0).run() == "done"
    assert len(seen) == 2
    assert seen[0] == seen[1]
    name, message, stack, step_id, cause_name, cause_message, cause_stack = seen[0]
    assert (name, message, step_id, cause_name, cause_message) == ("ValueError", "", "load", "KeyError", "'inner'")
    assert "in load" in str(stack)
    assert str(cause_stack).endswith("KeyError: 'inner'")


def test_a_step_error_without_a_stack_shows_where_the_step_was_met() -> None:
    with serving(in_a_step(lambda: 1, asynchronous=False)) as app:
        engine = InProcessEngine(app, ask_sync, lambda _: 0)
        engine.memos[hashed("load")] = {"error": {"name": "Error", "message": "timed out"}}
        _, body = engine.call()
    assert (body["name"], body["message"]) == ("Error", "timed out")
    assert 'ctx.step.run("load", callback)' in body["stack"]
    assert body["stack"].endswith('step "load": Error: timed out')


def test_a_step_error_of_another_sdk_is_cut_when_it_is_passed_on() -> None:
    with serving(in_a_step(lambda: 1, asynchronous=False)) as app:
        engine = InProcessEngine(app, ask_sync, lambda _: 0)
        memo = {"name": "n" * MIB, "message": "m" * MIB, "stack": "s" * MIB, "cause": "c" * MIB}
        engine.memos[hashed("load")] = {"error": memo}
        status, body = engine.call()
    assert status == 500
    assert [len(body[key]) <= 24 * 1024 for key in ("name", "message", "stack")] == [True] * 3
    assert len(body["cause"]["message"]) <= 8192


# What is raised to be tried again


@pytest.mark.parametrize("given", ["soon", None, 1.5, True])
def test_retry_after_of_another_type_is_refused(given: Any) -> None:
    with pytest.raises(ConfigError) as refused:
        inngest.RetryAfterError("later", given)
    assert refused.value.message == (
        f"RetryAfterError was given a {type(given).__name__} as retry_after; "
        "give milliseconds as an int, a timedelta or a datetime"
    )


def test_a_traceback_can_be_made_of_what_the_log_is_given() -> None:
    info = exc_info(caught(raising(lambda: ValueError("boom"))))
    assert info is not None
    assert "in raise_it" in "".join(traceback.format_exception(*info))


def test_attempts_are_left_for_what_is_no_exception() -> None:
    logger, records = recording()
    with serving(in_a_step(raising(lambda: OwnError("own")), asynchronous=False), logger=logger) as app:
        _, ops = shown(app.handle_sync(request_of(Call(attempt=0, max_attempts=4))))
    assert ops[0]["op"] == "StepError"
    assert records.lines == ['step "load" of app-fn will be tried again: own']


def test_a_call_that_stops_because_its_run_has_ended_is_no_error_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    log_failure(logging.getLogger("app"), CallSupersededError("the run has ended"), "function app-f", final=True)
    (record,) = records_of("app", caplog)
    assert (record.levelno, record.getMessage()) == (logging.INFO, "function app-f stopped: the run has ended")
    assert record.exc_info is None
