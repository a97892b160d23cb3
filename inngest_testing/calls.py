"""What happens around the calls of a test engine's apps: faults, and looking at each call. Decides nothing itself."""

from __future__ import annotations

import re

from inngest_core.protocol.wire import Header
from inngest_core.web.messages import Request, Response

from .faults import Faults
from .recording import Recorder
from .replaying import ReplayCheck, Replaying
from .sending import Ask

_QUEUE_ITEM = re.compile(rb'"qi_id":"[^"]*"')


class Calls:
    """Around each request to an app. replay: whether functions are called again from their memos after each step."""

    def __init__(self, recorder: Recorder, replay: Replaying, faults: Faults) -> None:
        self._check = ReplayCheck(recorder, replay) if replay else None
        self._faults = faults

    async def __call__(self, request: Request, ask: Ask) -> Response:
        if not request.headers.get(Header.RUN_ID.value):
            return await ask(request)  # a registration
        if self._check is not None or self._faults.crash_after or self._faults.duplicate:
            # An app cannot save results while a call goes on without this id, so every step leads to a call of its own.
            body = _QUEUE_ITEM.sub(b'"qi_id":""', request.body, count=1)
            request = Request(request.method, request.url, request.headers, body)
        response = await (self._faults.ask(request, ask) if self._faults else ask(request))
        if self._check is not None:
            return await self._check.look_at(request, response, ask)
        return response
