"""Hooks that are plain functions run in the flow of their call; what they raise, return and hold means what it did."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Generator
from typing import Any

import pytest

import inngest
from inngest_core.runtime.held_loop import HELD_LOOP_SECONDS
from inngest_core.serving.app import App
from tests.cases.case import APP_ID, HandlerKind, both
from tests.stage.logs import LogList
from tests.stage.one_function import request_of, shown

KINDS = pytest.mark.parametrize("kind", HandlerKind)
HOOKS = pytest.mark.parametrize(
    "hook", ["before_execution", "on_step_start", "wrap_step", "wrap_handler", "wrap_request"]
)
AFTER = pytest.mark.parametrize("after", [False, True], ids=["before", "after"])


def made(hook: str, act: Callable[[], None], *, after: bool) -> type[inngest.MiddlewareSync]:
    """Return middleware that acts in a hook; after: what a wrapping one wraps."""

    def plain(*_: object) -> None:
        act()

    def wrapping(*_: object) -> Generator[None, Any, None]:
        if not after:
            act()
        try:
            yield
        finally:
            if after:
                act()

    return type("Acting", (inngest.MiddlewareSync,), {hook: wrapping if hook.startswith("wrap") else plain})


def ask(kind: HandlerKind, middleware: Any, log: LogList | None = None) -> tuple[int, Any]:
    def sync(ctx: inngest.ContextSync) -> object:
        return ctx.step.run("s", lambda: 1)

    async def asynchronous(ctx: inngest.Context) -> object:
        return await ctx.step.run("s", lambda: 1)

    logger = logging.Logger("test")
    logger.addHandler(log or logging.NullHandler())
    with inngest.Inngest(app_id=APP_ID, is_production=False, logger=logger, middleware=[middleware]) as client:
        app = App(client, both(sync, asynchronous)(client, kind), framework="bare")
        if kind is HandlerKind.SYNC:
            return shown(app.handle_sync(request_of()))
        return shown(asyncio.run(app.handle_async(request_of())))


def raising(error: type[BaseException]) -> Callable[[], None]:
    def act() -> None:
        raise error

    return act


@KINDS
@HOOKS
@AFTER
def test_a_hook_that_raises_a_cancellation_of_its_own_fails_the_attempt(
    kind: HandlerKind, hook: str, after: bool
) -> None:
    status, body = ask(kind, made(hook, raising(asyncio.CancelledError), after=after))
    assert (status, body["message"]) == (500, f"Acting.{hook} was cancelled by its own code")


@HOOKS
@AFTER
def test_a_keyboard_interrupt_that_is_not_ctrl_c_fails_the_attempt(hook: str, after: bool) -> None:
    answers: list[tuple[int, Any]] = []
    middleware = made(hook, raising(KeyboardInterrupt), after=after)
    thread = threading.Thread(target=lambda: answers.append(ask(HandlerKind.SYNC, middleware)))
    thread.start()
    thread.join()
    ((status, body),) = answers
    message = f"Acting.{hook} raised KeyboardInterrupt, which is not Ctrl-C in this thread"
    assert (status, body["message"]) == (500, message)


@KINDS
@HOOKS
def test_a_keyboard_interrupt_in_the_main_thread_ends_the_program(kind: HandlerKind, hook: str) -> None:
    with pytest.raises(KeyboardInterrupt):
        ask(kind, made(hook, raising(KeyboardInterrupt), after=False))


@pytest.mark.parametrize("hook", ["before_execution", "wrap_step"])
def test_only_a_hook_that_holds_the_event_loop_is_named(hook: str, caplog: pytest.LogCaptureFixture) -> None:
    hold = made(hook, lambda: time.sleep(HELD_LOOP_SECONDS + 0.05), after=False)

    def said() -> set[str]:
        return {text.split(" for ")[0] for text in caplog.messages if text.startswith("Acting.")}

    assert ask(HandlerKind.SYNC, hold)[0] == 206
    assert said() == set()
    assert ask(HandlerKind.ASYNC, hold)[0] == 206
    assert said() == {f"Acting.{hook} held the event loop"}


@KINDS
def test_what_a_plain_hook_returns_is_awaited_where_that_is_possible(kind: HandlerKind) -> None:
    seen: list[str] = []

    async def work() -> None:
        await asyncio.sleep(0)
        seen.append("awaited")

    class Returning(inngest.MiddlewareSync):
        def before_execution(self) -> Any:
            return work()

        def after_execution(self) -> Any:
            seen.append("after")
            return 5  # nothing to await, and nothing that anyone asked for

    status, body = ask(kind, Returning)
    if kind is HandlerKind.ASYNC:
        assert (status, seen) == (206, ["awaited", "after"])
    else:
        assert status == 500
        assert body["message"].startswith("Returning.before_execution is asynchronous, but the function is a plain def")


def test_a_hook_that_raises_when_it_is_closed_is_named() -> None:
    class Twice(inngest.MiddlewareSync):
        def wrap_request(self, call: inngest.CallInfo) -> Generator[None, Any, None]:
            yield
            try:
                yield  # the call has ended, and cannot run again
            finally:
                raise ValueError("no luck")

    status, body = ask(HandlerKind.ASYNC, Twice)
    assert (status, body["message"]) == (500, "Twice.wrap_request raised ValueError: no luck")
