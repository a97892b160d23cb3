"""Asks the engine's API from within: the very handlers of `/api/v2`, without a socket. Refusals come as APIError."""

from __future__ import annotations

import inspect
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

from inngest_core.web.messages import Request, Response
from inngest_devserver import fragments
from inngest_devserver.http.answers import Call

Handler = Callable[[Call], Response | Awaitable[Response]]


async def ask(
    handler: Handler,
    call: Call,
    *,
    body: object = None,
    path: Mapping[str, str] | None = None,
    query: Mapping[str, list[str]] | None = None,
) -> Any:
    """Return the whole answer of a handler. call: the request for which it is asked. Raises APIError."""
    sent = b"" if body is None else fragments.dump(body)
    request = Request("POST", call.request.url, {"content-type": "application/json"}, sent)
    answer = handler(Call(request, {**call.path, **(path or {})}, query or {}))
    response = await answer if inspect.isawaitable(answer) else answer
    return json.loads(cast("bytes", response.body))  # only streams of calls have other bodies
