"""What happens around the calls of a test engine's apps: faults, and looking at each call. Decides nothing itself."""

from __future__ import annotations

from inngest_core.protocol.wire import Header
from inngest_core.web.messages import Request, Response

from .ahead import Ahead
from .faults import Faults
from .replaying import ReplayCheck
from .sending import Ask

_RUN_ID = Header.RUN_ID.value
_QUEUE_ITEM = b'"qi_id":"'


class Calls:
    """Around each request to an app. check: holds functions to doing the same again, if they are."""

    def __init__(self, check: ReplayCheck | None, faults: Faults, ahead: Ahead) -> None:
        self._check = check
        self._faults = faults
        self._ahead = ahead

    def answer_to(self, request: Request) -> Response | None:
        return self._ahead.answer_to(request) if self._may_ask_ahead(request) else None

    async def __call__(self, request: Request, ask: Ask) -> Response:
        if not request.headers.get(_RUN_ID):
            return await ask(request)  # a registration
        if not self._may_ask_ahead(request):
            return await self._ask(request, ask)
        return await self._ahead.ask(request, lambda request: self._ask(request, ask))

    def _may_ask_ahead(self, request: Request) -> bool:
        return self._check is not None and not self._faults and bool(request.headers.get(_RUN_ID))

    async def _ask(self, request: Request, ask: Ask) -> Response:
        if self._check is not None or self._faults.crash_after or self._faults.duplicate:
            # An app cannot save results while a call goes on without this id, so every step leads to a call of its own.
            before, key, after = request.body.partition(_QUEUE_ITEM)
            body = before + key + after[after.find(b'"') :]
            request = Request(request.method, request.url, request.headers, body)
        response = await (self._faults.ask(request, ask) if self._faults else ask(request))
        if self._check is not None:
            return await self._check.look_at(request, response, ask)
        return response
