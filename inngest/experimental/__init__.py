"""The names of the official SDK's `inngest.experimental`. Holds no logic."""

from inngest_core.execution.step_decorator import get_step_context, set_step_context, step

from . import ai

__all__ = ["ai", "get_step_context", "set_step_context", "step"]
