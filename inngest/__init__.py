"""Durable, event-driven functions for Python: the names that users import. Holds no logic.

The web frameworks are in submodules (`inngest.flask`, `inngest.fast_api`, …), which are loaded when they are used, and
so are `inngest.ai` and `inngest.experimental`.
"""

from __future__ import annotations

import importlib
from types import ModuleType

from inngest_core.by_hand import CalledStep, CallInput, CallResult
from inngest_core.client import Inngest
from inngest_core.config import Mode, Streaming
from inngest_core.errors import (
    EventInvalidError,
    InngestError,
    NoCurrentCallError,
    NonRetriableError,
    RetryAfterError,
    SendEventsError,
    SendSignalError,
    StepError,
)
from inngest_core.events.event import Event
from inngest_core.events.event_types import EventType, TypedEvent, event_type
from inngest_core.execution.context import Context, ContextSync
from inngest_core.execution.current import current
from inngest_core.execution.group import Group, GroupSync, ParallelMode
from inngest_core.execution.step import Step
from inngest_core.execution.step_sync import StepSync
from inngest_core.function import Function
from inngest_core.installation import warn_of_other_distribution as _warn_of_other_distribution
from inngest_core.interception import intercept_requests
from inngest_core.middleware.base import CallNext, Middleware, MiddlewarePair, MiddlewareSync
from inngest_core.middleware.values import (
    CallInfo,
    Invocation,
    Registration,
    SendEventsResult,
    StepInfo,
    StepMemos,
    TransformOutputResult,
)
from inngest_core.options.checkpointing import Checkpointing
from inngest_core.options.options import (
    Batch,
    Cancel,
    Concurrency,
    ConcurrencyLimits,
    Debounce,
    Priority,
    RateLimit,
    Singleton,
    Throttle,
    Timeouts,
    TriggerCron,
    TriggerEvent,
)
from inngest_core.protocol.wire import VERSION
from inngest_core.serving.app import App
from inngest_core.signals import Signal
from inngest_core.values.msgspec import MsgspecSerializer
from inngest_core.values.serializer import JSON, PydanticSerializer, Serializer
from inngest_core.web.messages import HTTPRequest, HTTPResponse

__all__ = [
    "JSON",
    "App",
    "Batch",
    "CallInfo",
    "CallInput",
    "CallNext",
    "CallResult",
    "CalledStep",
    "Cancel",
    "Checkpointing",
    "Concurrency",
    "ConcurrencyLimits",
    "Context",
    "ContextSync",
    "Debounce",
    "Event",
    "EventInvalidError",
    "EventType",
    "Function",
    "Group",
    "GroupSync",
    "HTTPRequest",
    "HTTPResponse",
    "Inngest",
    "InngestError",
    "Invocation",
    "Middleware",
    "MiddlewarePair",
    "MiddlewareSync",
    "Mode",
    "MsgspecSerializer",
    "NoCurrentCallError",
    "NonRetriableError",
    "ParallelMode",
    "Priority",
    "PydanticSerializer",
    "RateLimit",
    "Registration",
    "RetryAfterError",
    "SendEventsError",
    "SendEventsResult",
    "SendSignalError",
    "Serializer",
    "Signal",
    "Singleton",
    "Step",
    "StepError",
    "StepInfo",
    "StepMemos",
    "StepSync",
    "Streaming",
    "Throttle",
    "Timeouts",
    "TransformOutputResult",
    "TriggerCron",
    "TriggerEvent",
    "TypedEvent",
    "__version__",
    "current",
    "event_type",
    "intercept_requests",
]

__version__ = VERSION

_warn_of_other_distribution(__file__)

_SUBMODULES = frozenset(
    {
        *("ai", "connect", "experimental", "outbox", "realtime", "middleware", "testing"),
        *("asgi", "digital_ocean", "django", "fast_api", "fastapi", "flask", "starlette", "tornado", "wsgi"),
    }
)


def __getattr__(name: str) -> ModuleType:
    """Load a submodule when it is first used."""
    if name in _SUBMODULES:
        return importlib.import_module(f"inngest.{name}")
    raise AttributeError(f"module 'inngest' has no attribute {name!r}")
