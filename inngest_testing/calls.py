"""What happens around the calls of a test engine's apps. Without checkpointing, each step ends its call."""

from __future__ import annotations

import dataclasses
import re

from inngest_core.web.messages import Request, Response

from .sending import Ask

_QUEUE_ITEM = re.compile(rb'"qi_id":"[^"]*"')


class Calls:
    """Around each request to an app. replay: whether functions are called again from their memos after each step."""

    def __init__(self, *, replay: bool) -> None:
        self._replay = replay

    async def __call__(self, request: Request, ask: Ask) -> Response:
        if self._replay:
            # An app cannot save results while a call goes on without this id, so every step leads to a call of its own.
            body = _QUEUE_ITEM.sub(b'"qi_id":""', request.body, count=1)
            request = dataclasses.replace(request, body=body)
        return await ask(request)
