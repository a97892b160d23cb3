"""The step tools for signals. As in `tools.py`, pure values and flows."""

from __future__ import annotations

import datetime
import functools
from typing import cast

from inngest_core import signals
from inngest_core.protocol.wire import Opcode
from inngest_core.runtime.effects import Flow
from inngest_core.signals import OnConflict, Signal, check_on_conflict, check_signal

from .tools import StepScope, Tool, check_step_id, dump_wait, fields_of, misfit, step_opts


def wait_for_signal(step_id: str, signal: str, timeout: int | datetime.timedelta, on_conflict: OnConflict) -> Tool:
    """Let the run wait for a signal; the result is the signal, or None when the time is over."""
    step_id = check_step_id(step_id)
    signal = check_signal(signal, f'step "{step_id}": signal')
    opts = step_opts(
        signal=signal,
        timeout=dump_wait(step_id, "timeout", timeout),
        conflict=check_on_conflict(on_conflict, f'step "{step_id}": on_conflict'),
    )
    return Tool(Opcode.WAIT_FOR_SIGNAL, step_id, signal, functools.partial(_read_signal, step_id), opts)


def send_signal(step_id: str, signal: str, data: object) -> Tool:
    """Send a signal once; the result is the id of the run that waited for it, or None."""
    step_id = check_step_id(step_id)
    signal = check_signal(signal, f'step "{step_id}": signal')

    def work(scope: StepScope) -> Flow[str | None]:
        return signals.send_signal(
            signal, data, engine_api=scope.engine_api, serializer=scope.serializer, headers=scope.headers
        )

    opts = step_opts(type="step.sendSignal", signal=signal)
    return Tool(Opcode.STEP_RUN, step_id, "sendSignal", _read_run_id, opts, work=work)


def _read_signal(step_id: str, data: object) -> Signal | None:
    if data is None:
        return None
    fields = fields_of(data)
    if "signal" not in fields:
        raise misfit(step_id, data, 'an object with "signal", or null when none came in time')
    return Signal(fields["signal"], fields.get("data"))


def _read_run_id(data: object) -> str | None:
    """Return the id of a run; a memo of another SDK holds it in an object."""
    return cast("str | None", cast("dict[str, object]", data).get("runId") if isinstance(data, dict) else data)
