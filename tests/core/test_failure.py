"""What is told of an exception: to the engine, and to the function that meets it."""

from __future__ import annotations

import inngest
from tests.core.in_test_engine import InTestEngine, ask_sync
from tests.core.one_function import serving


def test_a_step_error_has_causes() -> None:
    def work() -> None:
        try:
            raise KeyError("inner")
        except KeyError as error:
            raise inngest.NonRetriableError("outer") from error

    def handler(ctx: inngest.ContextSync) -> list[object]:
        try:
            ctx.step.run("work", work)
        except inngest.StepError as error:
            cause = error.cause
            assert cause is not None
            assert error.__cause__ is cause
            assert "in work" in (cause.stack or "")
            return [error.name, error.step_id, cause.name, cause.message, cause.step_id, cause.cause]
        return []

    with serving(handler) as app:
        got = InTestEngine(app, ask_sync, lambda _: 0).run()
    assert got == ["NonRetriableError", "work", "KeyError", "'inner'", "work", None]


def test_endless_messages_are_cut() -> None:
    def handler(ctx: inngest.ContextSync) -> str:
        try:
            ctx.step.run("work", fail)
        except inngest.StepError as error:
            return error.message
        return ""

    def fail() -> None:
        raise inngest.NonRetriableError("x" * 9_000_000)

    with serving(handler) as app:
        got = InTestEngine(app, ask_sync, lambda _: 0).run()
    note = "… (9,000,000 characters in all)"
    assert got == "x" * (32_000 - len(note)) + note


def test_a_cut_message_is_told_again_as_it_is() -> None:
    def handler(ctx: inngest.ContextSync) -> None:
        ctx.step.run("work", fail)

    def fail() -> None:
        raise inngest.NonRetriableError("x" * 9_000_000)

    with serving(handler) as app:
        engine = InTestEngine(app, ask_sync, lambda _: 0)
        _, ops = engine.call()
        engine.keep(ops[0])
        status, body = engine.call()
    assert status == 500
    assert body["message"] == ops[0]["error"]["message"]
