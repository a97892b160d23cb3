"""The requests of clients in this process, while an engine of the kit is open: those that are its own reach it."""

from __future__ import annotations

import asyncio
import functools

from inngest_core.web.messages import HTTPRequest, HTTPResponse
from inngest_devserver.engine import Engine

from .api import ClientAPI, is_sending, nothing_arrives
from .faults import Faults
from .portal import call_on_loop
from .recording import Recorder, current_engine, current_run, rehearsing


class Incoming:
    """owner: the engine as tests have it. loop: on which its *machine* lives."""

    def __init__(
        self, owner: object, machine: Engine, loop: asyncio.AbstractEventLoop, recorder: Recorder, faults: Faults
    ) -> None:
        self._owner = owner
        self._machine = machine
        self._loop = loop
        self._recorder = recorder
        self._faults = faults

    def intercept(self, request: HTTPRequest) -> HTTPResponse | None:
        """Answer a request of a client, unless that is called by another engine at this moment."""
        if current_engine.get() not in (None, self._owner) or self._loop.is_closed():
            return None
        if rehearsing.get():
            return nothing_arrives(request)
        refused = self._faults.refuse_save(request)
        if refused is not None:
            return refused
        run_id = current_run.get()
        return call_on_loop(self._loop, lambda: self._answer(request, run_id))

    @functools.cached_property
    def _api(self) -> ClientAPI:
        return ClientAPI(self._machine)

    def _answer(self, request: HTTPRequest, run_id: str) -> HTTPResponse:
        if run_id and is_sending(request):
            self._recorder.sent(run_id, request.body)
        return self._api.answer(request)
