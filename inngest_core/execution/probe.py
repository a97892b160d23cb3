"""What a testing kit sees of the calls of functions. Without one, asking for it is all that happens.

A probe is a context variable, so it sees the calls that are made on behalf of whoever has set it, through any adapter.
"""

from __future__ import annotations

import contextvars
import logging
from typing import Any, Protocol

from inngest_core.function import Function
from inngest_core.protocol.wire import CallContext

from .replay import Found
from .results import Results
from .tools import Tool


class Probe(Protocol):
    """Looks on, inline, in the driver of the function; it must not raise."""

    def call_begun(self, ctx: CallContext, function: Function[Any], logger: logging.Logger) -> None:
        """Look at a call before its function runs. logger: of the client."""
        ...

    def may_recall(self, ctx: CallContext, step_id: str, /) -> bool:
        """Tell whether a step that runs in the app may get its result at once, if it has one, without `step_met`.

        step_id: as user code gave it, so it may be anything.
        """
        ...

    def step_met(self, ctx: CallContext, found: Found[Tool, Any], results: Results) -> None:
        """Look at a step that user code has just met. What runs may be replaced: assign to `found.tool`.

        ctx: of the call. results: reads the step's memo as the function gets it.
        """
        ...

    def function_failed(self, ctx: CallContext, error: BaseException) -> None:
        """Look at an error that a call ends with."""
        ...


current_probe: contextvars.ContextVar[Probe | None] = contextvars.ContextVar("inngest_probe", default=None)


def tell_of_call(ctx: CallContext, function: Function[Any], logger: logging.Logger) -> None:
    """Show a call to the probe, if there is one."""
    probe = current_probe.get()
    if probe is not None:
        probe.call_begun(ctx, function, logger)


def tell_of_failure(ctx: CallContext, error: BaseException) -> None:
    """Show an error of a call to the probe, if there is one."""
    probe = current_probe.get()
    if probe is not None:
        probe.function_failed(ctx, error)
