"""Steps that an app saves while one of its calls goes on: which are taken, from which call, and that they are kept.

They are saved one by one, in order: a step that is refused leaves those before it saved. All of them are in the store
before the app hears of it. The rules: docs/protocol.md, "Checkpointing".
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from inngest_core.protocol.limits import MAX_STATE_BYTES
from inngest_core.protocol.wire import Opcode, json_kind
from inngest_devserver.calls.ops import TOO_LARGE, Complete, OpsInvalidError, Planned, StepDone, parse_op
from inngest_devserver.storage.store import Store

from .executor import Executor
from .journal import Happening
from .run import Run, state_overflowed
from .services import Services

_CONFLICT = 409
_TOO_LARGE = 413


class SaveRefusedError(Exception):
    """Steps were not saved, or not all of them. status: of the answer."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """store: is asked about runs that have ended, and written to before `save` returns."""

    services: Services
    store: Store
    executor: Executor

    def save(self, run_id: str, given: Mapping[str, Any]) -> None:
        """Save the steps in the body of a request; raises SaveRefusedError."""
        run = self.services.active.get(run_id)
        if run is None:
            if self.store.run(run_id) is None:
                raise SaveRefusedError("run not found in state store")
            raise SaveRefusedError("the run has ended", _CONFLICT)
        self._refuse_other_calls(run, given)
        steps: object = given.get("steps") or []
        if not isinstance(steps, list):
            raise SaveRefusedError(f"steps is a JSON {json_kind(steps)}; expected an array")
        try:
            self._save_each(run, cast("list[object]", steps), is_left_behind=_is_left_behind(run, given))
        finally:
            self.store.commit()

    def _refuse_other_calls(self, run: Run, given: Mapping[str, Any]) -> None:
        """Refuse what a call saves that the engine has given up: its function must not go on beside another call."""
        job_id = _job_id(given.get("qi_id"))
        if not job_id:
            return  # the app does not say which call it is in
        if all(job.id != job_id for job in self.services.queue.jobs_of(run.id)):
            raise SaveRefusedError("the call that saves these steps is over", _CONFLICT)
        request_id = given.get("request_id")
        if not isinstance(request_id, str) or not request_id:
            return
        under_way = run.requests.get(job_id)
        if under_way is not None and request_id != under_way:
            raise SaveRefusedError("another call of this run is under way", _CONFLICT)
        # After a crash, functions of several earlier calls may go on. They have results of their own for the same
        # steps, so only one of them may save: the others would go on with a result that is not the one that is kept.
        if run.savers.setdefault(job_id, request_id) != request_id:
            raise SaveRefusedError("another call of this run has saved steps", _CONFLICT)

    def _save_each(self, run: Run, steps: Sequence[object], *, is_left_behind: bool) -> None:
        for step in steps:
            if run not in self.services.active:
                raise SaveRefusedError("the run has ended", _CONFLICT)
            try:
                op = parse_op(step, self.services.clock.now())
            except OpsInvalidError as error:
                status = _TOO_LARGE if error.name in TOO_LARGE.values() else 400
                raise SaveRefusedError(str(error), status) from None
            match op:
                case StepDone(failed=False):
                    if is_left_behind and run.memos.get(op.id, op.memo) != op.memo:  # a call went on with the other one
                        raise SaveRefusedError("another call of this run has saved this step", _CONFLICT)
                    self._save(run, op)
                case Planned():
                    self._announce(run, op)
                case None:
                    pass
                case StepDone():
                    raise SaveRefusedError(f"cannot checkpoint opcode: {Opcode.STEP_FAILED.value}")
                case Complete():
                    raise SaveRefusedError(f"cannot checkpoint opcode: {Opcode.RUN_COMPLETE.value}")
                case _:
                    raise SaveRefusedError("cannot checkpoint async steps")

    def _save(self, run: Run, op: StepDone) -> None:
        size = run.state_bytes + len(op.memo)
        if op.id not in run.memos and size > MAX_STATE_BYTES:
            raise SaveRefusedError(state_overflowed(op.name, size), _TOO_LARGE)
        self.executor.save(run, op)

    def _announce(self, run: Run, op: Planned) -> None:
        """Show that a step is running."""
        if op.id not in run.memos and op.id not in run.pauses:
            self.services.journal.step(run, Happening.STEP_STARTED, op.id, op.name, "runs")


def _is_left_behind(run: Run, given: Mapping[str, Any]) -> bool:
    """Tell whether the call that saves is not the one under way: an engine before this one may have sent it."""
    request_id = given.get("request_id")
    return bool(request_id) and run.requests.get(_job_id(given.get("qi_id"))) != request_id


def _job_id(qi_id: object) -> str:
    """Return the id of the job that a call was sent for, from the `qi_id` that the call had; empty for another text."""
    if not isinstance(qi_id, str):
        return ""
    try:
        text = base64.b64decode(qi_id, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return text.partition("::")[0]
