"""What is around one call of a function: the ids on its context, and the step that it did not meet."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import replace

import pytest

import inngest
from tests.cases.case import Call, hashed
from tests.stage.asks import ask_sync
from tests.stage.logs import records_of
from tests.stage.one_function import ops, request_of, serving, shown

# Ids


def ids(ctx: inngest.ContextSync) -> list[str | None]:
    return [ctx.job_id, ctx.request_id]


@pytest.mark.parametrize(
    ("in_body", "headers", "expected"),
    [
        ({}, {}, [None, None]),
        ({"job_id": "", "request_id": ""}, {"x-inngest-job-id": "", "x-request-id": ""}, [None, None]),
        ({}, {"x-inngest-job-id": "J", "x-request-id": "R"}, ["J", "R"]),
        ({"job_id": "j", "request_id": "r"}, {}, ["j", "r"]),
        ({"job_id": "j", "request_id": "r"}, {"x-inngest-job-id": "J", "x-request-id": "by a proxy"}, ["j", "r"]),
    ],
)
def test_the_ids_of_job_and_request(
    in_body: dict[str, str], headers: dict[str, str], expected: list[str | None]
) -> None:
    """A proxy may set `x-request-id` for its own purposes, and headers are not signed: the body's ids come first."""
    body = Call().as_json()
    body["ctx"] = {**{k: v for k, v in body["ctx"].items() if k not in ("job_id", "request_id")}, **in_body}
    request = replace(request_of(), headers=headers, body=json.dumps(body).encode())
    with serving(ids) as app:
        assert shown(app.handle_sync(request)) == (200, expected)


# The step that was not met


def test_a_step_that_was_planned_and_is_not_met_is_named() -> None:
    """The engine tells only its id on the wire."""
    chosen = ["charge", "ship"]

    def handler(ctx: inngest.ContextSync) -> object:
        def branch(name: str) -> Callable[[], int]:
            return lambda: ctx.step.run(name, int)

        return ctx.group.parallel([branch(name) for name in chosen])

    with serving(handler) as app:
        assert ops(ask_sync(app, request_of())) == [("StepPlanned", "charge"), ("StepPlanned", "ship")]
        chosen[0] = "bill"
        status, body = shown(ask_sync(app, request_of(Call(target="charge"))))
    assert (status, body["requestedStep"]) == (500, hashed("charge"))
    assert f'the engine asked for step "charge" ({hashed("charge")})' in body["message"]
    assert '(it met: "bill", "ship")' in body["message"]


def test_a_use_of_an_id_that_is_not_met_is_named() -> None:
    """Also by an app that did not plan it."""

    def handler(ctx: inngest.ContextSync) -> None:
        ctx.step.run("page", int)

    with serving(handler) as app:
        _, body = shown(ask_sync(app, request_of(Call(target="page:2", steps={"page": {"data": 1}}))))
    assert 'asked for step "page" (use number 3 of this id)' in body["message"]


def test_a_step_of_which_nothing_is_known_is_given_by_its_id() -> None:
    def handler(ctx: inngest.ContextSync) -> None:
        pass

    with serving(handler) as app:
        _, body = shown(ask_sync(app, request_of(Call(target="gone"))))
    assert f"asked for step {hashed('gone')}, which the function did not meet (it met: none)" in body["message"]


# The logger


def test_the_logger_of_the_context_is_a_real_one(caplog: pytest.LogCaptureFixture) -> None:
    """It may be given to code that takes loggers; it has the level, the handlers and the records of the client's."""
    seen: list[object] = []

    def handler(ctx: inngest.ContextSync) -> None:
        logger: object = ctx.logger
        assert isinstance(logger, logging.Logger)
        seen.append([logger.name, logger.getEffectiveLevel(), logger.hasHandlers()])
        logging.LoggerAdapter(logger, {}).warning("before %s", "a")
        ctx.step.run("a", int)
        logger.warning("after a")

    client_logger = logging.getLogger("shop")
    client_logger.setLevel(logging.WARNING)
    with serving(handler, logger=client_logger) as app:
        ask_sync(app, request_of(Call(steps={"a": {"data": 1}})))
    assert seen == [["shop", logging.WARNING, True]]
    [record] = records_of("shop", caplog)
    assert (record.getMessage(), record.name, record.funcName) == ("after a", "shop", "handler")
