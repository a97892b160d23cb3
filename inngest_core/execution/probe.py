"""What a testing kit sees of the calls of functions. Without one, asking for it is all that happens.

A probe is a context variable, so it sees the calls that are made on behalf of whoever has set it, through any adapter.
"""

from __future__ import annotations

import contextvars
import logging
from collections.abc import Mapping
from typing import Any, Protocol

from inngest_core.function import Function
from inngest_core.protocol.wire import CallContext

from .replay import Found
from .results import Results
from .tools import Tool


class Probe(Protocol):
    """Looks on, inline, in the driver of the function; it must not raise."""

    @property
    def sees_recalled(self) -> bool:
        """Tell whether every step is shown to `step_met`.

        If not, those that are recalled from their memos are left out there: that is most that a replay meets.
        """
        ...

    def call_begun(self, ctx: CallContext, function: Function[Any], logger: logging.Logger) -> None:
        """Look at a call before its function runs. logger: of the client."""
        ...

    def call_made(
        self, ctx: CallContext, met: Mapping[str, Found[Tool, Any] | str], memos: Mapping[str, object]
    ) -> None:
        """Look at a call that is about to run.

        met: what it meets, as in `Replay.found`; it fills as it runs. memos: those that the engine has sent; hooks of
        middleware change them before the function runs, as when they decrypt them.
        """
        ...

    def step_met(self, ctx: CallContext, found: Found[Tool, Any], results: Results) -> None:
        """Look at a step that user code has just met. What runs may be replaced: assign to `found.tool`.

        ctx: of the call. results: reads the step's memo as the function gets it.
        """
        ...

    def function_returned(self, ctx: CallContext, data: bytes | None) -> None:
        """Look at what a function returned, as JSON, before a hook changed it which would also change it back.

        None when no hook has changed it, or when it has failed.
        """
        ...

    def function_failed(self, ctx: CallContext, error: BaseException) -> None:
        """Look at an error that a call ends with."""
        ...


current_probe: contextvars.ContextVar[Probe | None] = contextvars.ContextVar("inngest_probe", default=None)


def tell_of_call(ctx: CallContext, function: Function[Any], logger: logging.Logger) -> Probe | None:
    """Show a call to the probe, and return that, if there is one."""
    probe = current_probe.get()
    if probe is not None:
        probe.call_begun(ctx, function, logger)
    return probe


def tell_of_failure(ctx: CallContext, error: BaseException) -> None:
    """Show an error of a call to the probe, if there is one."""
    probe = current_probe.get()
    if probe is not None:
        probe.function_failed(ctx, error)
