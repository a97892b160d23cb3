"""An `App` that serves one handler, and the request that calls it."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import inngest
from inngest_core.serving.app import App
from inngest_core.web.messages import Request, Response
from tests.cases.case import APP_ID, FN_ID, Call

from .logs import silent_logger

URL = "http://app.example/api/inngest"


@contextmanager
def serving(handler: Callable[..., object], **options: Any) -> Generator[App]:
    """Serve *handler* as app-fn; options are the client's, which is closed at the end."""
    given: dict[str, Any] = {"is_production": False, "logger": silent_logger(), **options}
    with inngest.Inngest(app_id=APP_ID, **given) as client:
        typed: Any = handler
        yield App(client, [client.create_function(fn_id=FN_ID)(typed)], framework="bare")


def request_of(call: Call | None = None) -> Request:
    call = call or Call()
    return Request("POST", f"{URL}?{call.query()}", {}, call.body())


def shown(response: Response) -> tuple[int, Any]:
    """Return status and JSON of a response."""
    assert isinstance(response.body, bytes)
    return response.status, json.loads(response.body)


def ops(response: Response) -> list[tuple[str, str]]:
    """Return opcode and step id of each op of a 206."""
    status, body = shown(response)
    assert status == 206, body
    return [(op["op"], op["userland"]["id"]) for op in body]
