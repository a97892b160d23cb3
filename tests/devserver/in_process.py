"""Asks an ASGI application in this process, without a socket."""

from __future__ import annotations

import urllib.parse
from collections.abc import Coroutine
from typing import Any

from inngest_core.web.asgi import Message
from inngest_core.web.messages import Request, Response
from inngest_devserver.http.api import API


async def ask(api: API, request: Request) -> Response:
    """Return what the API answers."""
    url = urllib.parse.urlsplit(request.url)
    sent: list[Message] = []
    scope = {
        "type": "http",
        "method": request.method,
        "scheme": url.scheme,
        "path": urllib.parse.unquote(url.path),
        "raw_path": url.path.encode(),
        "query_string": url.query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in request.headers.items()],
    }

    async def receive() -> Message:
        return {"type": "http.request", "body": request.body, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    await api(scope, receive, send)
    start, *bodies = sent
    headers = {name.decode(): value.decode() for name, value in start["headers"]}
    return Response(start["status"], headers, b"".join(message["body"] for message in bodies))


def at_once(work: Coroutine[Any, Any, Response]) -> Response:
    """Return what *work* does without ever waiting: the engine's handlers do not."""
    try:
        work.send(None)
    except StopIteration as end:
        answer: Response = end.value
        return answer
    work.close()
    raise AssertionError("a handler of the engine waited for something")
