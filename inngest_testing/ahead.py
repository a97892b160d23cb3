"""Asks an app ahead: after a step has run, the next question of the engine is known, so it is asked at once.

A run with ten steps takes eleven calls, as its function is called again from its memos after each step. Only what the
app answers decides how it goes on, unless something else happens to the run, so the engine hears of steps in a row
together, and what the app answered then is kept for the question that the engine asks next. Each question is worded by
the engine's own code, and what it means for the run is decided by the engine, as always.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from inngest_core.protocol.limits import MAX_STEP_BYTES, MAX_STEPS
from inngest_core.protocol.wire import Header, Opcode, parse_json
from inngest_core.web.messages import Request, Response
from inngest_devserver import fragments
from inngest_devserver.calls.reply import version_of
from inngest_devserver.calls.requests import call_headers
from inngest_devserver.runs import memos
from inngest_devserver.runs.active import ActiveRuns
from inngest_devserver.runs.run import DISCOVERY, Run
from inngest_devserver.scheduling.queue import JobKind
from inngest_devserver.storage.tables import JobRow

_RUN_ID, _STEP_ID, _REQUEST_ID = Header.RUN_ID.value, Header.STEP_ID.value, Header.REQUEST_ID.value
_JOB_ID, _CONTENT_LENGTH = Header.JOB_ID.value, Header.CONTENT_LENGTH.value
_ONE_STEP = b'"op":"StepRun"'
_LARGEST_BODY = 256 * 1024
"""Bytes. Engines word requests in another way when a run holds much; that is left to the engine."""

Look = Callable[[Request], Awaitable[Response]]
"""Asks an app, and looks at what it answers."""


@dataclass(frozen=True, slots=True)
class _Answered:
    """What an app has answered already. stack: the steps that had results when it was asked."""

    stack: list[str]
    response: Response


class Ahead:
    """active: returns the runs that go on. fails: tells whether the test fails already."""

    def __init__(self, active: Callable[[], ActiveRuns], fails: Callable[[], bool]) -> None:
        self._active = active
        self._fails = fails
        self._answered: dict[str, _Answered] = {}

    def answer_to(self, request: Request) -> Response | None:
        """Return what an app has answered already to a question of the engine, once; None when it is to be asked."""
        run_id = request.headers[_RUN_ID]
        answered = self._answered.pop(run_id, None)
        run = self._active().awake_run(run_id)
        if answered is None or run is None or not self._is_asked(answered, run, request):
            return None
        return answered.response

    async def ask(self, request: Request, look: Look) -> Response:
        """Return what an app answers to a question of the engine, maybe with the answers to further ones."""
        run = self._active().awake_run(request.headers[_RUN_ID])  # which reads nothing: this may be another thread
        response = await look(request)
        if run is None or not self._may_go_on(run, request):
            return response
        return await self._go_on(run, request, response, look)

    def _is_asked(self, answered: _Answered, run: Run, request: Request) -> bool:
        is_first_try = b'"ctx":{"attempt":0,' in request.body[:64]
        return is_first_try and run.stack == answered.stack and request.headers[_STEP_ID] == DISCOVERY

    def _may_go_on(self, run: Run, request: Request) -> bool:
        """Tell whether nothing but this call takes place in a run."""
        return (
            request.headers[_STEP_ID] == DISCOVERY
            and run in self._active()
            and not run.pauses
            and not run.plan_only
            and not self._fails()
            and len(request.body) < _LARGEST_BODY
        )

    async def _go_on(self, run: Run, request: Request, response: Response, look: Look) -> Response:
        """Ask again as long as one step after another runs; return the answers as one."""
        shadow: Run | None = None
        told: list[bytes] = []
        last = response
        while len(told) < MAX_STEPS and (done := _one_step(last)) is not None and self._may_go_on(run, request):
            step_id, memo = done
            shadow = shadow or _shadow_of(run, version_of(last.headers))
            shadow.remember(step_id, memo)
            told.append(last.content[1:-1])
            if shadow.overflow(step_id) is not None:
                return _together(told, last)
            request = _next_request(shadow, request)
            response, last = last, await look(request)
        if shadow is None:
            return last
        self._answered[run.id] = _Answered(shadow.stack, last)
        return _together(told, response)


def _one_step(response: Response) -> tuple[str, bytes] | None:
    """Return the id and the memo of the step that ran, when an answer holds just that, and nothing to be refused."""
    content = response.content
    if response.status != 206 or content.count(_ONE_STEP) != 1 or len(content) > MAX_STEP_BYTES:
        return None
    match parse_json(content):
        case [{"op": Opcode.STEP_RUN.value, "id": str(step_id), "data": data}]:
            return step_id, memos.data(fragments.dump(data))
        case _:
            return None


def _shadow_of(run: Run, version: int) -> Run:
    """Return a run that knows what *run* does, to be told more."""
    shadow = Run(run.row, run.function, run.events, run.placement, version=version)
    for step_id in run.stack:
        shadow.remember(step_id, run.memos[step_id])
    return shadow


def _next_request(run: Run, request: Request) -> Request:
    """Return the question that the engine would ask next."""
    request_id = request.headers[_REQUEST_ID]
    job = JobRow(request.headers[_JOB_ID], run.id, JobKind.CALL, DISCOVERY, 0.0, 0, len(run.stack))
    body = run.call_body(job, request_id)
    headers = {**request.headers, **call_headers(run, job, request_id), _CONTENT_LENGTH: str(len(body))}
    return Request(request.method, request.url, headers, body)


def _together(told: list[bytes], response: Response) -> Response:
    return Response(206, response.headers, b"[" + b",".join(told) + b"]")
