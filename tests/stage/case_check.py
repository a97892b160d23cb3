"""Asks a target for what a case says, and checks what came back against it."""

from __future__ import annotations

import contextvars
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

import inngest
from tests.cases.case import APP_ID, Case, HandlerKind, read_answer
from tests.targets.target import Answer, Functions, Send, Target

from .engine_api import EngineDouble, Recorded
from .logs import LogList

Connect = Callable[[inngest.Inngest, Functions], Send]


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of asking."""

    answer: Answer
    logged: list[str]
    engine: list[Recorded]


def ask(case: Case, kind: HandlerKind, connect: Connect, engine: EngineDouble, **options: Any) -> Asked:
    """Serve the case's functions on a target and send it the case's request. options: more of the client's."""
    engine.reset({key: [(each.status, each.body) for each in answers] for key, answers in case.engine.items()})
    log = LogList()
    logger = logging.Logger("test")
    logger.addHandler(log)
    with inngest.Inngest(
        app_id=APP_ID,
        is_production=False,
        api_base_url=engine.origin,
        event_api_base_url=engine.origin,
        logger=logger,
        **options,
    ) as client:
        send = connect(client, case.build(client, kind))
        # A request of its own has context variables of its own.
        answer = contextvars.Context().run(
            send, "POST", case.call.query(), {"x-inngest-server-kind": "dev"}, case.call.body()
        )
    return Asked(answer, log.texts, list(engine.requests))


def opened(asked: Asked) -> Asked:
    """Return what is in the envelope of a streamed answer, as if that had been the answer."""
    answer = asked.answer
    assert answer.status == 201
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-accel-buffering"] == "no"
    assert "content-length" not in answer.headers
    assert not {"x-inngest-no-retry", "retry-after", "x-inngest-signature"} & answer.headers.keys()
    envelope = json.loads(answer.body)
    assert envelope.keys() == {"status", "headers", "body"}
    return replace(asked, answer=Answer(envelope["status"], envelope["headers"], envelope["body"].encode()))


def check(case: Case, target: Target, asked: Asked) -> None:
    """Assert that the answer is what the case expects, and that it is one of this SDK."""
    check_outcome(case, asked)
    assert asked.answer.headers.get("x-inngest-no-retry") == case.expect.no_retry
    check_common_headers(asked.answer, target)


def check_outcome(case: Case, asked: Asked) -> None:
    """Assert that the answer is what the case expects, but for headers that not every transport has."""
    expect, answer = case.expect, asked.answer
    body = read_answer(answer.body)
    if expect.any_order:
        assert sorted(body, key=_by_id) == sorted(cast("list[Any]", expect.body), key=_by_id)
    else:
        assert body == expect.body
    assert answer.status == expect.status
    assert answer.headers.get("retry-after") == expect.retry_after
    if expect.logged is not None:
        assert asked.logged == expect.logged
    assert [(each.method, each.path, each.json()) for each in asked.engine] == [
        (each.method, each.path, each.body) for each in expect.engine
    ]


def _by_id(op: dict[str, Any]) -> str:
    return str(op["id"])


def check_common_headers(answer: Answer, target: Target, *, mode: str = "dev") -> None:
    """Assert the headers that every answer of this SDK has, but for those to strangers."""
    headers = answer.headers
    assert headers["content-type"] == "application/json"
    assert headers["x-inngest-sdk-handled"] == "true"
    assert headers["x-inngest-sdk"] == f"inngest-py:v{inngest.__version__}"
    assert headers["x-inngest-req-version"] == "2"
    assert headers["x-inngest-framework"] == target.framework
    assert headers["x-inngest-expected-server-kind"] == mode
    if answer.status == 200:
        assert "x-inngest-no-retry" not in headers
        assert "retry-after" not in headers


def check_headers_to_a_stranger(answer: Answer) -> None:
    """Assert that the headers say no more than that an SDK answers: not which one, nor its version."""
    headers = answer.headers
    assert headers["content-type"] == "application/json"
    assert {name: headers[name] for name in headers if name.startswith("x-inngest")} == {
        "x-inngest-sdk-handled": "true"
    }
    assert not [value for value in headers.values() if inngest.__version__ in value]
