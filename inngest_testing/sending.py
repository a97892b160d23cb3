"""Makes the engine's requests to apps in this process, without HTTP. Decides nothing about answers.

Each request runs with the recorder as the SDK's probe, and with the run that it is for, in its context variables.
"""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Mapping
from typing import Protocol

from inngest_core.execution.branches import current_branch
from inngest_core.execution.current import current_call
from inngest_core.execution.execution import current_step
from inngest_core.execution.probe import current_probe
from inngest_core.execution.tools import parallel_mode
from inngest_core.protocol.signing import SigningKey, sign
from inngest_core.protocol.wire import Header
from inngest_core.web.messages import Request, Response
from inngest_devserver.calls.caller import CALL_SECONDS, UnreachableError
from inngest_devserver.calls.reply import Answer
from inngest_devserver.calls.retry import parse_retry_after

from .recording import Recorder, current_engine, current_run
from .targets import Target, Threads, at_once

_HOST, _CONTENT_TYPE, _CONTENT_LENGTH = Header.HOST.value, Header.CONTENT_TYPE.value, Header.CONTENT_LENGTH.value
_SERVER_KIND, _RUN_ID, _RETRY_AFTER = Header.SERVER_KIND.value, Header.RUN_ID.value, Header.RETRY_AFTER.value


class Exchange(Protocol):
    """Looks at the requests of calls and at their answers, and may change what happens."""

    def answer_to(self, request: Request, /) -> Response | None:
        """Return the answer to a request where it is known already, without asking the app."""
        ...

    async def __call__(self, request: Request, ask: Ask, /) -> Response: ...


class Ask(Protocol):
    async def __call__(self, request: Request, /) -> Response: ...


class InProcessSender:
    """engine: whose requests these are. threads: calls what must not run on the loop. recorder: looks on.

    exchange: is around each request, in the thread in which the app is asked.
    """

    def __init__(self, engine: object, threads: Threads, recorder: Recorder, exchange: Exchange) -> None:
        self._engine = engine
        self._threads = threads
        self._recorder = recorder
        self._exchange = exchange
        self._origins = 0
        self._targets: dict[str, tuple[Target, SigningKey | None, Mapping[str, str]]] = {}

    def new_origin(self) -> str:
        """Return where the next app is: a host that frameworks take in tests, and a port that tells apps apart."""
        self._origins += 1
        return "http://testserver" if self._origins == 1 else f"http://testserver:{8000 + self._origins}"

    def add(self, origin: str, target: Target, key: SigningKey | None = None) -> None:
        """Have the requests to *origin*, such as "http://testserver", made to a target, and signed with the key."""
        kind = "dev" if key is None else "cloud"
        headers = {_HOST: origin.partition("://")[2], _CONTENT_TYPE: "application/json", _SERVER_KIND: kind}
        self._targets[origin] = (target, key, headers)

    async def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, *, seconds: float = CALL_SECONDS
    ) -> Answer:
        """Exchange one request; raises UnreachableError when there is no such app."""
        origin = url[: url.index("/", len("https://"))]
        found = self._targets.get(origin)
        if found is None:
            raise UnreachableError(f"{url}: no app of this test engine is there")
        target, key, own = found
        request = Request(method, url, {**own, _CONTENT_LENGTH: str(len(body)), **headers}, body)
        known = self._exchange.answer_to(request)
        if known is not None:  # here: to change to the thread of a plain function takes longer than a call
            return _answer(known)
        run_id = headers.get(_RUN_ID, "")

        async def exchange() -> Response:
            self._begin(run_id)
            return await self._exchange(request, functools.partial(self._ask, target, key, run_id))

        if target.is_plain(request):  # all of it in the thread
            return _answer(await self._threads(lambda: at_once(exchange())))
        return _answer(await exchange())

    async def _ask(self, target: Target, key: SigningKey | None, run_id: str, request: Request) -> Response:
        if key is not None:  # by the app's clock, not the engine's
            signature = {Header.SIGNATURE.value: sign(request.body, key, now=time.time())}
            request = dataclasses.replace(request, headers={**request.headers, **signature})
        try:
            return await target.ask(request)
        except Exception as error:  # a web server answers for an app that raises; what it raised is kept
            if not run_id:
                raise
            self._recorder.app_failed(run_id, error)
            return Response(500, {}, b"Internal Server Error")

    def _begin(self, run_id: str) -> None:
        """Set what the code of an app finds in its context variables: the recorder, the engine, the run."""
        current_probe.set(self._recorder)
        current_engine.set(self._engine)
        current_run.set(run_id)
        if current_call.get() is not None or current_step.get() is not None:  # a function of a test runs another one
            for of_outer_call in (current_call, current_step, current_branch, parallel_mode):
                of_outer_call.set(None)

    async def close(self) -> None:
        """Nothing is held open."""


def _answer(response: Response) -> Answer:
    headers = response.headers
    if _RETRY_AFTER in headers:
        after = parse_retry_after(headers[_RETRY_AFTER], time.time())
        if after is not None:  # a moment of the app's clock, which the engine's may be far ahead of: say how long
            headers = {**headers, _RETRY_AFTER: str(max(round(after), 1))}
    return Answer(response.status, headers, response.content)
