"""Saving the results of steps at the engine while a call goes on, so that one call does for a chain of steps.

Flows only; which step runs is decided elsewhere. What is kept here are the results that the engine does not have yet.
They are saved when there are enough of them, when they are old enough, and before the call says anything else to the
engine. What comes of saving them:

    the engine        the call
    ----------------  ---------------------------------------------------------------------------------------------
    takes them        goes on
    answers 409       ends with CallSupersededError: the run has ended, or another call of it is under way
    anything else     ends with these results as its answer, as without checkpointing, so that none is lost

Saving is tried again after lost connections, 429 and 5xx: an engine keeps the first result of a step, so saving one
twice is harmless. See docs/protocol.md#checkpointing.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from inngest_core.engine_api import EngineAPI, refusal, with_retries
from inngest_core.errors import BodyInvalidError, CallSupersededError, InngestError
from inngest_core.function import Function
from inngest_core.options.checkpointing import Checkpointing, CheckpointingOption, choose_checkpointing
from inngest_core.protocol.limits import MAX_STEP_BYTES
from inngest_core.protocol.wire import CallContext, Op, dump_json, dump_op, parse_json
from inngest_core.runtime.effects import Flow, now
from inngest_core.web.messages import HTTPResponse, TransportError

RETRY_SECONDS = 15.0
"""How long saving is tried again: the engine waits for this call."""
ANNOUNCE_SECONDS = 1.0
"""A step that runs for longer is announced, in an async function."""
PAUSE_SECONDS = 60.0
"""How long an engine that refuses to save anything is not asked again."""

_SUPERSEDED = 409
_REFUSES_ALL = frozenset({401, 403, 404, 405, 501})
"""What an engine answers that does not know the way to save, or the key."""


@dataclass(slots=True)
class SavingPause:
    """Until when, in Unix seconds, the engine of a client is not asked to save; all calls of the client share it."""

    until: float = 0.0


class Checkpoint:
    """The results of one call that are not saved yet.

    save: sends a body to the engine, once. pause: shared by the calls of a client. started: when the call was asked
    for, in Unix seconds.
    """

    def __init__(
        self,
        settings: Checkpointing,
        ctx: CallContext,
        save: Callable[[bytes], Flow[HTTPResponse]],
        pause: SavingPause,
        logger: logging.Logger,
        function_id: str,
        started: float,
    ) -> None:
        self._settings = settings
        self._ctx = ctx
        self._save = save
        self._pause = pause
        self._logger = logger
        self._function_id = function_id
        self._started = self._saved_at = started
        self._ops: list[Op] = []
        self._written: list[bytes] = []
        self._size = 0

    def is_over(self, seconds: float) -> bool:
        """Tell whether the call has gone on for long enough, at that Unix time."""
        most = self._settings.max_runtime_seconds
        return most is not None and seconds - self._started >= most

    def keep(self, op: Op) -> Flow[Sequence[Op]]:
        """Keep a result, and save when it is time to; return what could not be saved, which ends the call.

        Raises CallSupersededError.
        """
        written = dump_op(op)
        if self._ops and self._size + len(written) > MAX_STEP_BYTES:  # what cannot be saved has to fit into an answer
            unsaved = yield from self.flush()
            if unsaved:
                return [*unsaved, op]
        self._ops.append(op)
        self._written.append(written)
        self._size += len(written)
        if len(self._ops) < self._settings.buffered_steps and not (yield from self._is_due()):
            return ()
        return (yield from self.flush())

    def _is_due(self) -> Flow[bool]:
        most = self._settings.max_interval_seconds
        return most is not None and (yield from now()) - self._saved_at >= most

    def flush(self) -> Flow[Sequence[Op]]:
        """Save what there is; return what could not be saved, which ends the call. Raises CallSupersededError."""
        if not self._ops:
            return ()
        ops, written = self._ops, self._written
        self._ops, self._written, self._size = [], [], 0
        try:
            response = yield from with_retries(lambda: self._send(written), seconds=RETRY_SECONDS)
        except TransportError as error:
            problem = str(error)
        else:
            self._saved_at = yield from now()
            if _is_saved(response):
                return ()
            problem = refusal(response)
            if response.status == _SUPERSEDED:
                raise CallSupersededError(
                    f"{problem}; the run has ended, or another call of it is under way, so this call stops here"
                )
            if response.status in _REFUSES_ALL:
                self._pause.until = self._saved_at + PAUSE_SECONDS
        self._warn(problem, ops)
        return ops

    def announce(self, op: Op) -> Flow[None]:
        """Tell the engine that a step is running, for whoever looks at the run; it may fail."""
        with contextlib.suppress(TransportError, InngestError):
            yield from self._send([dump_op(op)])

    def _send(self, written: Sequence[bytes]) -> Flow[HTTPResponse]:
        ctx, seconds = self._ctx, (yield from now())
        envelope: dict[str, object] = {
            "run_id": ctx.run_id,
            "fn_id": ctx.fn_id,
            "qi_id": ctx.qi_id,
            "generation_id": ctx.generation_id,
            "request_started_at": int(self._started * 1000),
            "ts": int(seconds * 1000),
        }
        if ctx.request_id:
            envelope["request_id"] = ctx.request_id
        body = dump_json(envelope)[:-1] + b',"steps":[' + b",".join(written) + b"]}"
        return (yield from self._save(body))

    def _warn(self, problem: str, ops: Sequence[Op]) -> None:
        self._logger.warning(
            "function %s: the results of its steps could not be saved while it went on, so they are in the answer of "
            'the call, and the engine calls again (step "%s"): %s',
            self._function_id,
            ops[-1].step_id,
            problem,
        )


class SavingClient(Protocol):
    """What saving needs of the client that a function was defined with."""

    @property
    def checkpointing(self) -> CheckpointingOption: ...
    @property
    def engine_api(self) -> EngineAPI: ...
    @property
    def logger(self) -> logging.Logger: ...
    @property
    def saving_pause(self) -> SavingPause: ...


def make_checkpoint(
    function: Function[Any],
    client: SavingClient,
    fn_id: str,
    ctx: CallContext,
    headers: Mapping[str, str],
    started: float,
) -> Checkpoint | None:
    """Return what saves the results of a call that may; None when each of its steps ends it all the same.

    fn_id: of the function, or of its failure handler. headers: of the requests to the engine. started: when the call
    was asked for, in Unix seconds.
    """
    settings = choose_checkpointing(function.opts.checkpointing, client.checkpointing)
    if settings is None or started < client.saving_pause.until:
        return None
    save = partial(client.engine_api.save_steps, ctx.run_id, headers=headers)
    return Checkpoint(settings, ctx, save, client.saving_pause, client.logger, fn_id, started)


def can_checkpoint(ctx: CallContext, target: str | None) -> bool:
    """Tell whether results may be saved while a call goes on.

    Not in the call of one step, nor where steps are to be planned only, nor without the ids that the engine asks for.
    Not in a later attempt either: only an answer with a result makes the engine count attempts anew.
    """
    may_run_on = target is None and not ctx.disable_immediate_execution and ctx.attempt == 0
    return may_run_on and bool(ctx.run_id and ctx.fn_id and ctx.qi_id)


def _is_saved(response: HTTPResponse) -> bool:
    """Tell whether an engine says that it has saved: by 2xx with nothing or with JSON, which a proxy's page is not."""
    if not 200 <= response.status < 300:
        return False
    if not response.body.strip():
        return True
    try:
        answer: object = parse_json(response.body)
    except BodyInvalidError:
        return False
    return not (isinstance(answer, dict) and "error" in answer)
